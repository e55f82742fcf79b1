"""Conditions under which labels are not interpreted: from their first day until they end, without a hidden note."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from clinic import clock
from clinic.consent import giving
from clinic.consent.consent import Scope
from clinic.patients import caseload, conditions, edits
from clinic.patients.conditions import ConditionKind
from clinic.patients.fields import PatientFields
from fer_core.errors import FerError


@pytest.fixture
def today(db):
    with db.read() as session:
        return clock.today(session)


def code_of(call, *arguments):
    with pytest.raises(FerError) as refused:
        call(*arguments)
    return refused.value.code


def test_a_condition_holds_from_its_first_day_until_it_ends(db, who, patient, today):
    conditions.add(db, who, patient, ConditionKind.FACIAL_PALSY, today - timedelta(days=5), " left  side ")
    [found] = conditions.conditions(db, who, patient)
    assert (found.kind, found.note, found.ended_on) == (ConditionKind.FACIAL_PALSY, "left side", None)
    assert conditions.holding([found], today - timedelta(days=6)) == []
    assert conditions.holding([found], today) == [found]
    conditions.end(db, who, found.id, found.revision, today)
    [ended] = conditions.conditions(db, who, patient)
    assert (conditions.holding([ended], today), conditions.holding([ended], today - timedelta(days=1))) == ([], [ended])
    conditions.end(db, who, found.id, found.revision, today)
    assert conditions.conditions(db, who, patient) == [ended]
    yesterday = today - timedelta(days=1)
    assert code_of(conditions.end, db, who, found.id, found.revision, yesterday) == "changed_meanwhile"
    assert conditions.conditions(db, who, patient) == [ended]


def test_the_end_is_a_day_from_the_beginning_to_the_clinic_s_today(db, who, patient, today):
    since = today - timedelta(days=30)
    conditions.add(db, who, patient, ConditionKind.COVERED, since)
    [held] = conditions.conditions(db, who, patient)
    for day in (since - timedelta(days=1), today + timedelta(days=2)):
        assert code_of(conditions.end, db, who, held.id, held.revision, day) == "bad_condition"
    conditions.end(db, who, held.id, held.revision, today - timedelta(days=20))
    [ended] = conditions.conditions(db, who, patient)
    assert [bool(conditions.holding([ended], today - timedelta(days=days))) for days in (31, 30, 21, 20, 0)] == [
        *(False, True, True, False, False)
    ]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (None, "since 1 Mar 2026"),
        (19, "from 1 Mar 2026 to 19 Mar 2026"),
        (1, "from 1 Mar 2026 to 1 Mar 2026"),
        (0, "from 1 Mar 2026, ended the same day, so that it holds on no day"),
    ],
)
def test_the_days_that_are_said_are_those_on_which_it_held(days, said):
    began = date(2026, 3, 1)
    ended = began + timedelta(days=days) if days is not None else None
    assert conditions.lasting(conditions.Condition("1", ConditionKind.COVERED, "", began, ended)) == said


@pytest.mark.parametrize("note", ["x" * (conditions.NOTE_MAX + 1), "left\u202eside", "two\x00"])
def test_a_long_or_hidden_note_is_refused(db, who, patient, today, note):
    assert code_of(conditions.add, db, who, patient, ConditionKind.AUTISM, today, note) == "bad_condition"
    assert conditions.conditions(db, who, patient) == []


def test_a_day_to_come_and_an_unnamed_reason_are_refused(db, who, patient, today):
    later = today + timedelta(days=3)
    assert code_of(conditions.add, db, who, patient, ConditionKind.AUTISM, later) == "bad_condition"
    assert code_of(conditions.add, db, who, patient, ConditionKind.OTHER, today, " ") == "bad_condition"


def test_an_earlier_beginning_is_taken_and_the_same_day_is_not(db, who, patient, today):
    since, before = today - timedelta(days=10), today - timedelta(days=90)
    conditions.add(db, who, patient, ConditionKind.COVERED, since)
    conditions.add(db, who, patient, ConditionKind.COVERED, before)
    found = conditions.conditions(db, who, patient)
    assert [(one.began_on, one.ended_on) for one in found] == [(since, None), (before, since)]
    for day in (before, since - timedelta(days=1), since, today):
        assert len(conditions.holding(found, day)) == 1
        assert code_of(conditions.add, db, who, patient, ConditionKind.COVERED, day) == "condition_exists"


def test_an_earlier_beginning_of_one_that_has_ended_opens_it_no_further(db, who, patient, today):
    """It was stored without an end, so weeks in which the face was free were held back for good."""
    since, until, before = (today - timedelta(days=days) for days in (30, 20, 60))
    conditions.add(db, who, patient, ConditionKind.COVERED, since)
    [held] = conditions.conditions(db, who, patient)
    conditions.end(db, who, held.id, held.revision, until)
    conditions.add(db, who, patient, ConditionKind.COVERED, before)
    found = conditions.conditions(db, who, patient)
    assert {(one.began_on, one.ended_on) for one in found} == {(since, until), (before, since)}
    assert not conditions.holding(found, until)


def test_days_and_note_can_be_corrected_as_they_were_seen(db, who, patient, today):
    conditions.add(db, who, patient, ConditionKind.OTHER, today - timedelta(days=5), "botox")
    [stored] = conditions.conditions(db, who, patient)
    began, ended = today - timedelta(days=30), today - timedelta(days=20)
    conditions.change(db, who, stored.id, stored.revision, began, ended, " both  sides ")
    [found] = conditions.conditions(db, who, patient)
    assert (found.began_on, found.ended_on, found.note) == (began, ended, "both sides")
    assert code_of(conditions.change, db, who, stored.id, stored.revision, began, None, "x") == "changed_meanwhile"
    assert code_of(conditions.remove, db, who, stored.id, stored.revision) == "changed_meanwhile"
    for days in ((began, began - timedelta(days=1)), (began, today + timedelta(days=2)), (date(1800, 1, 1), None)):
        assert code_of(conditions.change, db, who, found.id, found.revision, *days, "x") == "bad_condition"
    assert code_of(conditions.change, db, who, found.id, found.revision, began, None, " ") == "bad_condition"
    conditions.change(db, who, found.id, found.revision, began, None, "x")
    assert conditions.holding(conditions.conditions(db, who, patient), today), "it holds again"


def test_one_that_was_recorded_by_mistake_goes_and_its_recordings_count_again(db, who, patient, today):
    conditions.add(db, who, patient, ConditionKind.COVERED, today - timedelta(days=5))
    [stored] = conditions.conditions(db, who, patient)
    conditions.remove(db, who, stored.id, stored.revision)
    assert conditions.conditions(db, who, patient) == []
    assert code_of(conditions.remove, db, who, stored.id, stored.revision) == "unknown_condition"


def test_one_that_was_ended_at_once_blocks_no_earlier_day(db, who, patient, today):
    conditions.add(db, who, patient, ConditionKind.COVERED, today)
    [held] = conditions.conditions(db, who, patient)
    conditions.end(db, who, held.id, held.revision, today)
    before = today - timedelta(days=90)
    conditions.add(db, who, patient, ConditionKind.COVERED, before)
    assert [one.began_on for one in conditions.holding(conditions.conditions(db, who, patient), today)] == [before]


def test_none_is_before_the_birth(db, who, today):
    patient = caseload.add_patient(db, who, "Born Lately", born_on=today - timedelta(days=10))
    for days in (11, 30_000):
        wanted = today - timedelta(days=days)
        assert code_of(conditions.add, db, who, patient, ConditionKind.COVERED, wanted) == "bad_condition"
        assert code_of(giving.record, db, who, patient, [Scope.EXPORT], wanted) == "consent_day"
    conditions.add(db, who, patient, ConditionKind.COVERED, today - timedelta(days=10))


def test_no_birth_is_after_a_consent(db, who, today):
    patient = caseload.add_patient(db, who, "Born Lately")
    giving.record(db, who, patient, [Scope.EXPORT], today - timedelta(days=10))
    edited = PatientFields("Born Lately", "", "", today - timedelta(days=9))
    assert code_of(edits.edit_patient, db, who, patient, 1, edited) == "bad_birth"
    edits.edit_patient(db, who, patient, 1, replace(edited, born_on=today - timedelta(days=10)))
