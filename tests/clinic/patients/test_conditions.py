"""Conditions under which labels are not interpreted: from their first day until they end, without a hidden note."""

from datetime import timedelta

import pytest

from clinic import clock
from clinic.patients import conditions
from clinic.patients.conditions import ConditionKind
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
    conditions.end(db, who, found.id)
    [ended] = conditions.conditions(db, who, patient)
    assert (conditions.holding([ended], today), conditions.holding([ended], today - timedelta(days=1))) == ([], [ended])
    assert code_of(conditions.end, db, who, found.id) == "unknown_condition"


@pytest.mark.parametrize("note", ["x" * (conditions.NOTE_MAX + 1), "left\u202eside", "two\x00"])
def test_a_long_or_hidden_note_is_refused(db, who, patient, today, note):
    assert code_of(conditions.add, db, who, patient, ConditionKind.AUTISM, today, note) == "bad_condition"
    assert conditions.conditions(db, who, patient) == []


def test_a_day_to_come_and_an_unnamed_reason_are_refused(db, who, patient, today):
    later = today + timedelta(days=3)
    assert code_of(conditions.add, db, who, patient, ConditionKind.AUTISM, later) == "bad_condition"
    assert code_of(conditions.add, db, who, patient, ConditionKind.OTHER, today, " ") == "bad_condition"
