"""What stands beside the labels is printed before them, and a condition of the face takes them away."""

from datetime import date, timedelta

import pytest

from clinic import clock, words
from clinic.patients import caseload, conditions, events
from clinic.patients.conditions import ConditionKind
from clinic.patients.events import EventKind
from clinic.patients.trends import UNDER_CONDITION
from clinic.questionnaires import answers, sentences
from clinic.questionnaires.answers import Given
from clinic.reports.beside import Beside
from clinic.reports.content import ReportScope, report
from tests import consents
from tests.clinic.patients.test_digests import FIRST, add


@pytest.fixture
def reported(db, who, patient):
    """Return a function that makes the report of the patient with all that stands beside."""
    consents.agree(db, patient)

    def make(**asked):
        beside = Beside(
            answers.listed(db, who, patient),
            events.marks(db, who, patient),
            conditions.conditions(db, who, patient),
        )
        return report(caseload.get_patient(db, who, patient), ReportScope(**asked), "Dr. Invented", "today", beside)

    return make


def test_questionnaires_come_first_and_only_those_of_the_period(db, who, patient, reported):
    add(db, patient, 2)
    for day, total in ((date(2025, 12, 1), 20), (FIRST, 15), (date(2026, 1, 12), 6)):
        answers.record(db, who, patient, Given("phq9", day, total=total))
    found = reported(begin=FIRST)
    assert [table.title for table in found.tables] == ["Questionnaires", "Recordings: shares with their 95 % intervals"]
    assert [row[0] for row in found.tables[0].rows] == ["5 Jan 2026", "12 Jan 2026"]
    assert found.sentences[0].startswith("PHQ-9 fell from 15 to 6 between 5 Jan 2026 and 12 Jan 2026.")


def test_a_watched_question_above_0_stands_first_as_on_the_page(db, who, patient, reported):
    """The total alone, 2 of 27, is in the lowest band."""
    add(db, patient, 2)
    for day, last in ((FIRST, 1), (date(2026, 1, 12), 0)):
        answers.record(db, who, patient, Given("phq9", day, items=(1, *[0] * 7, last)))
    assert reported(end=FIRST).sentences[0].startswith("Question 9 of the PHQ-9 (being better off dead")
    assert "was answered above 0 on 5 Jan 2026." in reported(end=FIRST).sentences[0]
    assert "Question 9" not in " ".join(reported().sentences), "the newest answer is 0"


def test_small_steps_that_lead_far_are_a_change_as_on_the_page(db, who, patient, reported):
    """From 12 to 14 and from 14 to 20 are within the error, from 12 to 20 is not: the last step alone hid it."""
    add(db, patient, 4)
    for week, total in enumerate((12, 14, 20)):
        answers.record(db, who, patient, Given("phq9", FIRST + timedelta(weeks=week), total=total))
    said = reported().sentences[0]
    assert said.startswith(
        "PHQ-9 rose from 12 to 20 between 5 Jan 2026 and 19 Jan 2026. That is more than the 6.8 points"
    )
    assert said == sentences.changed(answers.listed(db, who, patient))


def test_marks_are_listed(db, who, patient, reported):
    add(db, patient, 1)
    events.add(db, who, patient, EventKind.MEDICATION, FIRST, "Dose changed")
    assert ("5 Jan 2026", "medication", "Dose changed") in reported().tables[0].rows


def test_a_condition_of_the_face_takes_every_label_away(db, who, patient, reported):
    ids = add(db, patient, 3)
    conditions.add(db, who, patient, ConditionKind.PARKINSONISM, date(2026, 1, 10), "mild")
    found = reported(begin=date(2026, 1, 11))
    assert "not interpreted and not printed: parkinsonism (mild) since 10 Jan 2026." in found.sentences[-1]
    said = " ".join([*found.sentences[:-1], found.chart.alt, found.chart.svg, *found.tables[0].header])
    assert not [name for name in words.TREND_NAMES.values() if name in said.lower()]
    assert reported(recording_id=ids[2]).tables[0].header == ("Recording", "Usable", "Counts")
    assert "not interpreted" not in " ".join(reported(end=FIRST).sentences), "it began later"
    assert set(words.CONDITIONS) == set(ConditionKind)


def test_only_the_labels_of_recordings_under_a_condition_are_left_out_and_its_end_is_said(
    db, who, patient, reported, monkeypatch
):
    add(db, patient, 3)
    conditions.add(db, who, patient, ConditionKind.COVERED, date(2026, 1, 10))
    monkeypatch.setattr(clock, "today", lambda _: date(2026, 1, 15))
    [held] = conditions.conditions(db, who, patient)
    conditions.end(db, who, held.id, held.revision, date(2026, 1, 15))
    found = reported()
    shares = [row[2] for row in found.tables[0].rows]
    assert [share == "–" for share in shares] == [False, True, False]
    assert found.tables[0].rows[1][-1] == UNDER_CONDITION
    said = "of the recordings made under a condition of the face are not interpreted and not printed"
    assert (
        f"{said}: {words.CONDITIONS[ConditionKind.COVERED].lower()} from 10 Jan 2026 to 14 Jan 2026."
        in (found.sentences[-1])
    )
