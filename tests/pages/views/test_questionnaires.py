"""Two people at one patient's questionnaires: nothing is entered a second time, or replaced, without being seen."""

from datetime import date

from streamlit.testing.v1 import AppTest

from clinic import clock
from clinic.patients import caseload
from clinic.questionnaires import answers, scales, schedule, watching
from clinic.questionnaires.answers import Given
from clinic.questionnaires.incoming_csv import CsvRow
from clinic.questionnaires.published import HigherIs
from clinic.questionnaires.scales import OwnFields
from pages.views.questionnaire_import import preview_rows
from web.resources import resources


def room(patient_id):
    from clinic.patients import caseload
    from clinic.questionnaires import answers
    from pages import clicks
    from pages.session import actor
    from pages.views.questionnaires import show_questionnaires
    from web.resources import resources

    db, who = resources().db, actor()
    with clicks.run():
        show_questionnaires(caseload.get_patient(db, who, patient_id), answers.listed(db, who, patient_id))


def opened(enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Quentin Invented")
    page = AppTest.from_function(room, args=(patient_id,), default_timeout=60).run()
    assert not page.exception
    return page, who, db, patient_id


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception


def test_a_questionnaire_that_a_colleague_entered_meanwhile_is_seen_before_a_second_one_is_stored(settings, enter):
    page, who, db, patient_id = opened(enter)
    with db.read() as session:
        today = clock.today(session)
    for box in page.text_input[:9]:
        box.set_value("1")
    page.run()
    answers.record(db, who, patient_id, Given("phq9", today, (3,) + (0,) * 8, None, "items"))
    press(page, "Save questionnaire")
    assert [one.total for one in totals(db, who, patient_id)] == [3]
    assert any("is stored already: total 3, no. 1, entered by" in said.value for said in page.warning)
    assert [box.value for box in page.text_input[:9]] == ["1"] * 9, "what was typed is still there"
    press(page, "Save questionnaire")
    assert [one.total for one in totals(db, who, patient_id)] == [9, 3]
    assert page.dataframe[0].value["No."].tolist() == [2, 1], "as the choice of a mistake names them"


def test_who_answered_an_earlier_questionnaire_of_the_day_is_said(settings, enter):
    page, who, db, patient_id = opened(enter)
    with db.read() as session:
        today = clock.today(session)
    for total, how in ((3, "patient"), (4, "csv"), (5, "total")):
        answers.record(db, who, patient_id, Given("phq9", today, None, total, how))
    page.run()
    said = [one.value.split("is stored already: ")[1] for one in page.warning if "is stored already" in one.value]
    assert [one.split(". Saving")[0] for one in said] == [
        "total 5, no. 3, entered by Dr\\. Invented",
        "total 4, no. 2, imported by Dr\\. Invented",
        "total 3, no. 1, answered by the patient",
    ]


def test_the_list_stays_at_its_place_when_the_sentence_about_the_last_one_goes(settings, enter):
    """Where it moves, a browser folds it, and with it the button that deletes what was entered by mistake."""
    page, _, _, _ = opened(enter)

    def place():
        return [at for at, block in page.main.children.items() if getattr(block, "label", "").startswith("All ")]

    for box in page.text_input[:9]:
        box.set_value("1")
    press(page.run(), "Save questionnaire")
    assert [said.value for said in page.success] == ["PHQ-9 was saved. Total 9 of 27: mild."]
    before = place()
    page.run()
    assert not page.success
    assert len(before) == 1
    assert place() == before


def totals(db, who, patient_id):
    return [one.score for one in answers.listed(db, who, patient_id)]


def meanwhile(monkeypatch, module, name, colleague):
    """Let a colleague store something after the page was drawn for a click and before what was clicked is stored."""
    real = getattr(module, name)

    def later(*arguments):
        monkeypatch.setattr(module, name, real)
        colleague()
        return real(*arguments)

    monkeypatch.setattr(module, name, later)


def test_a_questionnaire_that_comes_in_during_the_click_is_reported_and_nothing_is_stored(settings, enter, monkeypatch):
    page, who, db, patient_id = opened(enter)
    with db.read() as session:
        today = clock.today(session)
    for box in page.text_input[:9]:
        box.set_value("1")
    page.run()
    theirs = Given("phq9", today, (3,) + (0,) * 8, None, "items")
    meanwhile(monkeypatch, answers, "record", lambda: answers.record(db, who, patient_id, theirs))
    press(page, "Save questionnaire")
    assert [one.total for one in totals(db, who, patient_id)] == [3]
    assert any("Another user changed the answers to PHQ-9 of this day" in said.value for said in page.error)
    assert any("stored now **total 3**, yours **total 9**" in said.value for said in page.markdown)
    assert any("is stored already: total 3" in said.value for said in page.warning)
    press(page, "Save questionnaire")
    assert [one.total for one in totals(db, who, patient_id)] == [9, 3]


def test_a_plan_that_comes_in_during_the_click_is_reported_and_not_replaced(settings, enter, monkeypatch):
    page, who, db, patient_id = opened(enter)
    meanwhile(monkeypatch, schedule, "plan", lambda: schedule.plan(db, who, patient_id, "phq9", 7))
    press(page, "Save")
    assert [due.every_days for due in schedule.dues(db, who, patient_id)] == [7]
    assert any("Another user changed when PHQ-9 is due" in said.value for said in page.error)
    press(page, "Save")
    assert [due.every_days for due in schedule.dues(db, who, patient_id)] == [14]


def test_what_a_colleague_planned_meanwhile_is_not_replaced_unseen(settings, enter):
    page, who, db, patient_id = opened(enter)
    schedule.plan(db, who, patient_id, "phq9", 7)
    press(page, "Save")
    assert [due.every_days for due in schedule.dues(db, who, patient_id)] == [7]
    assert any("every week" in said.value for said in page.caption)
    press(page, "Save")
    assert [due.every_days for due in schedule.dues(db, who, patient_id)] == [14]


def test_who_deletes_a_mistake_reads_so_and_is_not_asked_to_choose_another_one(settings, enter):
    page, who, db, patient_id = opened(enter)
    for month in (1, 2):
        answers.record(db, who, patient_id, Given("phq9", date(2026, month, 3), (1,) * 9, None, "items"))
    page.run()
    next(box for box in page.selectbox if box.label == "Entered by mistake").select_index(0).run()
    press(page, "Delete permanently")
    assert [one.answered_on for one in answers.listed(db, who, patient_id)] == [date(2026, 1, 3)]
    assert [said.value for said in page.success] == ["The questionnaire was permanently deleted."]
    assert not any("no longer there" in said.value for said in page.warning)


def test_an_unfinished_questionnaire_is_mentioned_until_a_newer_one_has_a_total(settings, enter):
    page, who, db, patient_id = opened(enter)
    with db.read() as session:
        today = clock.today(session)
    answers.record(db, who, patient_id, Given("phq9", today, (1, 2) + (None,) * 7, None, "patient"))
    page.run()
    said = [one.value for one in page.info if "was not finished" in one.value]
    assert [one.split(": ")[1] for one in said] == ["2 of 9 questions are answered, too few for a total."]
    answers.record(db, who, patient_id, Given("phq9", today, (1,) * 9, None, "items"))
    page.run()
    assert not any("was not finished" in one.value for one in page.info)


def test_a_questionnaire_without_a_total_is_not_said_to_be_none(settings, enter):
    """ "No questionnaire has been entered yet." stood beside the one that had just been saved."""
    page, who, db, patient_id = opened(enter)
    assert any(said.value == "No questionnaire has been entered yet." for said in page.info)
    with db.read() as session:
        today = clock.today(session)
    answers.record(db, who, patient_id, Given("phq9", today, (None,) * 7 + (1, 0), None, "items"))
    page.run()
    found = [said.value for said in page.info]
    assert "No questionnaire has a total yet." in found
    assert "No questionnaire has been entered yet." not in found
    assert any("was not finished" in said for said in found)


def test_a_questionnaire_of_the_clinic_s_own_says_that_it_was_added_and_its_form_is_empty_then(settings, enter):
    page, who, db, _ = opened(enter)
    page.text_input(key="own_name").set_value("OQ-45")
    page.text_area(key="own_bands").set_value("0 usual\n30 high")
    press(page, "Add questionnaire")
    assert ["OQ" in said.value and "was added" in said.value for said in page.success] == [True]
    assert (page.text_input(key="own_name").value, page.text_area(key="own_bands").value) == ("", "")
    assert "OQ-45" in [scale.name for scale in scales.offered(db, who)]


def test_a_questionnaire_that_was_retired_is_said_to_be(settings, enter):
    page, who, db, _ = opened(enter)
    scales.define(db, who, OwnFields("Sleep log", 0, 40, HigherIs.WORSE))
    page.run()
    next(box for box in page.selectbox if box.label == "Stop offering").select("Sleep log").run()
    press(page, "Retire")
    [button for button in page.button if button.label == "Retire"][-1].click().run()
    assert not page.exception
    assert "Sleep log" not in [scale.name for scale in scales.offered(db, who)]
    assert ["Sleep log was retired" in said.value for said in page.success] == [True]
    assert not page.warning, "what was chosen is gone as it was wanted"


def test_before_an_import_an_error_stands_beside_its_line_and_no_column_is_empty():
    """At 1280 px the column of errors lay outside the table, behind columns without a word."""
    good = CsvRow(2, "2026-01-10 · PHQ-9", Given("phq9", date(2026, 1, 10), None, 12, "csv"), "PHQ-9", 12, "mild", None)
    bad = CsvRow(3, "10/1/2026 · PHQ-9", None, "", None, None, "The date must be written like 2026-11-25.")
    rows = preview_rows([good, bad])
    columns = ["Line", "Error", "Row", "Total", "Band", "Answered on", "Questionnaire"]
    assert [list(row) for row in rows] == [columns, columns]
    assert [(row["Line"], row["Error"], row["Total"]) for row in rows] == [(2, "", "12"), (3, bad.error, "")]
    assert "Error" not in preview_rows([good])[0]


def notice(patient_id):
    from clinic.patients import caseload
    from clinic.questionnaires import answers
    from pages import clicks
    from pages.session import actor
    from pages.views.questionnaires import show_watched
    from web.resources import resources

    db, who = resources().db, actor()
    with clicks.run():
        show_watched(caseload.get_patient(db, who, patient_id), answers.listed(db, who, patient_id))
        clicks.show_notes()


def test_an_answer_above_0_is_acknowledged_by_who_has_seen_it(settings, enter):
    who, db = enter(), resources().db
    patient_id = caseload.add_patient(db, who, "Quentin Invented")
    above, none = (0,) * 8 + (1,), (0,) * 9
    answers.record(db, who, patient_id, Given("phq9", date(2026, 1, 5), above, None, "items"))
    answers.record(db, who, patient_id, Given("phq9", date(2026, 2, 5), none, None, "items"))
    page = AppTest.from_function(notice, args=(patient_id,), default_timeout=60).run()
    assert [said.value.partition("above 0 on ")[2][:11] for said in page.warning] == ["5 Jan 2026."]
    answers.record(db, who, patient_id, Given("phq9", date(2026, 1, 4), above, None, "items"))
    press(page, "Acknowledge")
    assert len(watching.waiting(db, who, patient_id)) == 2, "one came in that was not on the screen"
    assert "4 Jan 2026 and 5 Jan 2026" in page.warning[0].value
    press(page, "Acknowledge")
    assert watching.waiting(db, who, patient_id) == []
    assert not any(button.label == "Acknowledge" for button in page.button)
    assert not any("above 0" in said.value for said in page.warning), "the newest answer is 0"
