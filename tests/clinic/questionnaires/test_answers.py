"""Answers are entered once, read back with their score, and leave no byte when they go."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from backup import erasures
from clinic import clock, phrases
from clinic.audit import AuditAction
from clinic.erasure import deletion, retention
from clinic.patients import conditions, events, needs, sharing
from clinic.patients.conditions import ConditionKind
from clinic.patients.events import EventKind
from clinic.questionnaires import answers, scales, schedule, sentences
from clinic.questionnaires.answers import Given
from clinic.questionnaires.published import Band, HigherIs
from clinic.questionnaires.scales import OwnFields
from clinic.settings import Retention
from db.models import AuditRow, AuditText, Base, QuestionnaireAnswer, QuestionnaireSchedule
from fer_core.errors import FerError

DAY = date(2026, 5, 4)
OWN = OwnFields("CORE-10", 0, 40, HigherIs.WORSE, (Band(0, "healthy"), Band(11, "mild")), 0.9, 7.0, "a manual")


def code_of(call):
    with pytest.raises(FerError) as refusal:
        call()
    return refusal.value.code


@pytest.mark.parametrize(("later", "said"), [(None, True), (0, False), (1, True)])
def test_a_watched_question_that_is_left_out_takes_nothing_back(db, who, patient, later, said):
    answers.record(db, who, patient, Given("phq9", DAY, (*[0] * 8, 2)))
    answers.record(db, who, patient, Given("phq9", DAY + timedelta(7), (*[1] * 8, later)))
    found = sentences.watched(answers.listed(db, who, patient))
    assert (found is not None) is said
    assert found is None or found.answered_on == DAY + timedelta(7 if later else 0)


@pytest.mark.parametrize("first", [2, 0])
def test_entries_of_one_day_take_nothing_back_from_each_other(db, who, patient, first):
    """Two devices, or a device and a sheet: the one that was entered last hid what the patient had answered."""
    answers.record(db, who, patient, Given("phq9", DAY - timedelta(7), (*[1] * 8, 1)))
    answers.record(db, who, patient, Given("phq9", DAY, (*[1] * 8, first)))
    answers.record(db, who, patient, Given("phq9", DAY, (*[0] * 8, 2 - first)))
    assert sentences.watched(answers.listed(db, who, patient)).answered_on == DAY


def test_entries_of_one_day_that_contradict_each_other_are_no_change(db, who, patient):
    def said():
        return sentences.changed(answers.listed(db, who, patient))

    answers.record(db, who, patient, Given("phq9", DAY, (*[1] * 8, 3)))
    assert said() is None
    answers.record(db, who, patient, Given("phq9", DAY, (0,) * 9))
    contradicting = "PHQ-9 of 4 May 2026 is stored more than once, with different totals: 11 (no. 1) and 0 (no. 2)."
    assert said().startswith(contradicting)
    answers.record(db, who, patient, Given("phq9", DAY + timedelta(7), (1,) * 9))
    assert said().startswith(contradicting), "nor is what comes after them compared with one of them"
    answers.record(db, who, patient, Given("phq9", DAY + timedelta(14), (2,) * 9))
    assert said().startswith(contradicting)
    without = sentences.changed(answers.listed(db, who, patient)[:2])
    assert without.startswith("PHQ-9 rose from 9 to 18 between 11 May 2026 and 18 May 2026.")


def test_answers_come_back_with_their_score(db, who, patient):
    made = answers.record(db, who, patient, Given("phq9", DAY, (1, None, 2, 0, 1, 1, 0, 0, 1)))
    assert (made.score.total, made.score.band, made.score.watched) == (7, "mild", True)
    answers.record(db, who, patient, Given("gad7", DAY + timedelta(1), total=12, how="total"))
    newest, oldest = answers.listed(db, who, patient)
    assert oldest == made
    assert (newest.scale.name, newest.score.band, newest.by) == ("GAD-7", "moderate", who.name)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (Given("phq9", DAY, (1,)), "bad_items"),
        (Given("phq9", DAY, total=28), "bad_total"),
        (Given("phq9", DAY), "bad_total"),
        (Given("nothing", DAY, total=1), "unknown_scale"),
        (Given("phq9", date(1985, 1, 1), total=1), "bad_answer_day"),
        (Given("phq9", date(2999, 1, 1), total=1), "bad_answer_day"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(db, who, patient, given, code):
    assert code_of(lambda: answers.record(db, who, patient, given)) == code
    assert answers.listed(db, who, patient) == []


def test_the_same_answers_of_a_day_are_stored_once(db, who, patient):
    given = Given("phq9", DAY, total=9)
    answers.record(db, who, patient, given)
    assert code_of(lambda: answers.record(db, who, patient, given)) == "answer_exists"
    answers.record(db, who, patient, Given("phq9", DAY, total=10))
    assert len(answers.listed(db, who, patient)) == 2


def test_a_scale_of_the_clinic_keeps_its_bands_in_its_answers(db, who, patient):
    key = scales.define(db, who, OWN)
    made = answers.record(db, who, patient, Given(key, DAY, total=12.5))
    assert made.score.band == "mild"
    scales.retire(db, who, key)
    assert [scale.key for scale in scales.offered(db, who)] == ["phq9", "gad7", "phq4", "who5"]
    assert code_of(lambda: answers.record(db, who, patient, Given(key, DAY, total=1))) == "unknown_scale"
    [kept] = answers.listed(db, who, patient)
    assert kept == replace(made, scale=replace(made.scale, name=kept.scale.name))


def test_a_retired_scale_has_another_name_than_a_new_one_that_is_called_the_same(db, who, patient):
    retired = scales.define(db, who, OWN)
    answers.record(db, who, patient, Given(retired, DAY, total=12.5))
    scales.retire(db, who, retired)
    answers.record(db, who, patient, Given(scales.define(db, who, OWN), DAY, total=3))
    with db.read() as session:
        today = phrases.day(clock.today(session))
    assert [one.scale.name for one in answers.listed(db, who, patient)] == [OWN.name, f"{OWN.name} (until {today})"]


def test_what_is_not_offered_is_not_due(db, who, patient):
    """It can't be entered, so nothing could end it: after it is retired, and where it came from another clinic."""
    key = scales.define(db, who, OWN)
    for scale in (key, "phq9"):
        schedule.plan(db, who, patient, scale, 14)
    assert scales.planned_for(db, who, key) == 1
    scales.retire(db, who, key)
    assert [due.scale for due in schedule.dues(db, who, patient)] == ["phq9"]
    assert scales.planned_for(db, who, key) == 0
    with db.read() as session:
        [row] = session.scalars(
            select(AuditRow)
            .where(AuditRow.action == "questionnaire_scheduled")
            .order_by(AuditRow.number.desc())
            .limit(1)
        )
        assert (row.patient_id, row.details) == (patient, {"scale": key, "every": 0})
    schedule.stop(db, who, patient, "phq9")
    with db.session() as session:
        for scale in (key, "0" * 32):
            session.add(
                QuestionnaireSchedule(
                    patient_id=patient, scale=scale, name="Old", every_days=14, first_due=DAY, created_at=clock.now()
                )
            )
    assert schedule.dues(db, who, patient) == []
    assert needs.count(db, who) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "PHQ-9"},
        {"lowest": 40},
        {"bands": (Band(5, "a"),)},
        {"bands": (Band(0, "a"), Band(0, "b"))},
        {"bands": (Band(0, ""),)},
        {"bands": (Band(0, "a"), Band(41, "b"))},
        {"spread": None},
        {"reliability": 1.2},
        {"source": ""},
        {"name": "a\u202eb"},
    ],
)
def test_a_scale_that_makes_no_sense_is_refused(db, who, wrong):
    values = {name: getattr(OWN, name) for name in OwnFields.__slots__} | wrong
    assert code_of(lambda: scales.define(db, who, OwnFields(**values))) == "bad_scale"


def test_a_deleted_answer_is_gone_from_backups_too_and_leaves_the_audit_without_a_value(db, settings, who, patient):
    made = answers.record(db, who, patient, Given("phq9", DAY, (0,) * 8 + (3,)))
    answers.remove(db, settings, who, made.id)
    assert answers.listed(db, who, patient) == []
    [known] = erasures.known(settings.erasures_path)
    assert (known.kind, known.erased_id) == ("questionnaire_answer", made.id)
    assert code_of(lambda: answers.remove(db, settings, who, made.id)) == "unknown_answer"
    with db.read() as session:
        reported = session.scalars(select(AuditRow).where(AuditRow.action.like("questionnaire%"))).all()
        kept = session.scalars(select(AuditText.text).order_by(AuditText.number)).all()
    typed = "typed_sha256"
    assert [{name for name in row.details if name != typed} for row in reported] == [{"scale", "how"}, {"scale"}]
    assert kept == ["PHQ-9, 4 May 2026, no. 1"] * 2, "which one it was, and nothing of what was answered"


def test_the_history_names_the_questionnaires_that_were_entered_planned_and_deleted(db, settings, who, patient):
    key = scales.define(db, who, OWN)
    made = answers.record(db, who, patient, Given(key, DAY, total=12))
    schedule.plan(db, who, patient, key, 14)
    schedule.stop(db, who, patient, key)
    answers.remove(db, settings, who, made.id)
    said = [(one.action, one.about) for one in sharing.history(db, who, patient) if one.about]
    assert said == [
        (AuditAction.QUESTIONNAIRE_DELETED, "CORE-10, 4 May 2026, no. 1"),
        (AuditAction.QUESTIONNAIRE_SCHEDULED, "CORE-10, not planned"),
        (AuditAction.QUESTIONNAIRE_SCHEDULED, said[2][1]),
        (AuditAction.QUESTIONNAIRE_ADDED, "CORE-10, 4 May 2026, no. 1"),
    ]
    assert said[2][1].startswith("CORE-10, every 14 days")


def test_a_deletion_that_was_interrupted_is_finished(db, settings, who, patient):
    made = answers.record(db, who, patient, Given("phq9", DAY, total=9))
    erasures.remember(settings.erasures_path, erasures.Erasure("questionnaire_answer", made.id, {}))
    assert deletion.finish_erasures(db, settings) == 1
    assert answers.listed(db, who, patient) == []


def fill(db, who, patient):
    """Store a row in every table of this room."""
    key = scales.define(db, who, OWN)
    answers.record(db, who, patient, Given("phq9", DAY, (0,) * 9))
    answers.record(db, who, patient, Given(key, DAY, total=12))
    schedule.plan(db, who, patient, "phq9", 14)
    events.add(db, who, patient, EventKind.MEDICATION, DAY, "sertraline 50 mg")
    conditions.add(db, who, patient, ConditionKind.BOTULINUM, DAY, "forehead")


def test_a_deleted_patient_takes_everything_of_it_along(db, settings, who, patient):
    fill(db, who, patient)
    receipt = deletion.delete_patient(db, settings, who, patient)
    assert receipt.counts["questionnaires"] == 2
    with db.read() as session:
        for table in Base.metadata.sorted_tables:
            if "patient_id" in table.columns and table.name not in ("audit", "reanalysis"):
                assert session.scalar(select(func.count()).select_from(table)) == 0, table.name


@pytest.mark.parametrize("what", ["answer", "mark"])
def test_a_patient_with_something_recent_is_not_old(db, settings, who, patient, what):
    kept = settings.__class__(**{**settings_of(settings), "retention": Retention(patients_days=30)})
    with db.read() as session:
        today = clock.today(session)
    if what == "answer":
        answers.record(db, who, patient, Given("phq9", today, total=3))
    else:
        events.add(db, who, patient, EventKind.SESSION, today, "session 12")
    assert retention.sweep(db, kept, today + timedelta(days=20))["patients"] == 0
    assert retention.sweep(db, kept, today + timedelta(days=40))["patients"] == 1
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(QuestionnaireAnswer)) == 0


def settings_of(settings):
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


@pytest.mark.parametrize(
    ("first", "last", "due"),
    [
        (date(2026, 1, 5), None, date(2026, 1, 5)),
        (date(2026, 1, 5), date(2026, 1, 1), date(2026, 1, 5)),
        (date(2026, 1, 5), date(2026, 1, 5), date(2026, 1, 19)),
        (date(2026, 1, 5), date(2026, 2, 20), date(2026, 3, 6)),
    ],
)
def test_a_questionnaire_is_due_so_many_days_after_the_last_answers(first, last, due):
    assert schedule.next_due(first, 14, last) == due


def test_what_is_due_is_reported_until_it_is_answered_or_stopped(db, who, patient):
    with db.read() as session:
        today = clock.today(session)
    schedule.plan(db, who, patient, "phq9", 14, today - timedelta(days=3))
    schedule.plan(db, who, patient, "phq9", 7, today - timedelta(days=3))
    schedule.plan(db, who, patient, "gad7", 30, today + timedelta(days=3))
    assert [(due.name, due.overdue) for due in schedule.dues(db, who, patient)] == [("PHQ-9", True), ("GAD-7", False)]
    answers.record(db, who, patient, Given("phq9", today, total=3))
    [phq9] = [due for due in schedule.dues(db, who, patient) if due.scale == "phq9"]
    assert (phq9.due_on, phq9.overdue) == (today + timedelta(days=7), False)
    schedule.stop(db, who, patient, "phq9")
    assert [due.scale for due in schedule.dues(db, who, patient)] == ["gad7"]
    for days in (0, 731):
        assert code_of(lambda days=days: schedule.plan(db, who, patient, "phq9", days)) == "bad_schedule"


def test_a_raw_total_of_the_who_5_is_not_taken_for_its_percentage(db, who, patient):
    refused = lambda: answers.record(db, who, patient, Given("who5", DAY, total=13))  # noqa: E731
    assert code_of(refused) == "bad_total"
    assert answers.record(db, who, patient, Given("who5", DAY, total=52)).score.total == 52
    with db.session() as session:
        session.scalars(select(QuestionnaireAnswer)).one().total = 13
    # What an earlier version took is still shown.
    assert [one.score.total for one in answers.listed(db, who, patient)] == [13]


def test_no_two_questionnaires_look_alike(db, who):
    scales.define(db, who, OWN)
    for name in ("core-10", "  Core-10 ", "\uff23\uff2f\uff32\uff25-10", "phq-9", "PH\uff31-9"):
        assert code_of(lambda name=name: scales.define(db, who, replace(OWN, name=name))) == "bad_scale"
