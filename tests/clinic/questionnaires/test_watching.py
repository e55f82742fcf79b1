"""An answer above 0 to question 9 asks for somebody until a user has acknowledged it, and a later one asks again."""

from datetime import date

import pytest
from sqlalchemy import select

from clinic.audit import AuditAction
from clinic.patients import needs, sharing
from clinic.questionnaires import answers, watching
from clinic.questionnaires.answers import Given
from db.models import AuditRow, Patient
from fer_core.errors import FerError

DAY, BEFORE = date(2026, 5, 4), date(2026, 4, 20)


def answered(db, who, patient, last, day=DAY):
    return answers.record(db, who, patient, Given("phq9", day, (1,) * 8 + (last,)))


def asks(db, who):
    with db.read() as session:
        found = needs.needs_of(session, session.scalars(select(Patient.id)).all())
    assert needs.count(db, who) == len(found)
    return [need.value for each in found.values() for need in each]


@pytest.mark.parametrize(("last", "asked"), [(0, []), (None, []), (1, ["answer_above_0"]), (3, ["answer_above_0"])])
def test_an_answer_above_0_asks_for_somebody(db, who, patient, last, asked):
    answered(db, who, patient, last)
    assert asks(db, who) == asked


def test_other_questionnaires_and_totals_ask_for_nobody(db, who, patient):
    answers.record(db, who, patient, Given("gad7", DAY, (3,) * 7))
    answers.record(db, who, patient, Given("phq9", DAY, total=27))
    assert asks(db, who) == []


def test_it_asks_until_it_is_acknowledged_and_the_history_says_by_whom(db, who, patient):
    made = answered(db, who, patient, 2)
    answered(db, who, patient, 0, date(2026, 5, 11))
    assert asks(db, who) == ["answer_above_0"], "a later 0 takes nothing back"
    assert watching.waiting(db, who, patient) == [made.number]
    for _ in range(2):
        watching.acknowledge(db, who, patient, made.number)
    assert asks(db, who) == watching.waiting(db, who, patient) == []
    done = [one for one in sharing.history(db, who, patient) if one.action is AuditAction.ANSWER_ACKNOWLEDGED]
    assert [one.about for one in done] == [f"PHQ-9, 4 May 2026, no. {made.number}"]
    assert [one.name for one in done] != [None]


def test_what_comes_in_later_asks_again_also_for_an_earlier_day(db, who, patient):
    first = answered(db, who, patient, 2)
    second = answered(db, who, patient, 1, BEFORE)
    watching.acknowledge(db, who, patient, first.number)
    assert watching.waiting(db, who, patient) == [second.number]
    assert asks(db, who) == ["answer_above_0"]


def test_what_was_deleted_asks_for_nobody_and_is_not_acknowledged(db, settings, who, patient):
    made = answered(db, who, patient, 2)
    answers.remove(db, settings, who, made.id)
    assert asks(db, who) == []
    with pytest.raises(FerError) as refusal:
        watching.acknowledge(db, who, patient, made.number)
    assert refusal.value.code == "unknown_answer"
    with db.read() as session:
        assert AuditAction.ANSWER_ACKNOWLEDGED.value not in session.scalars(select(AuditRow.action)).all()
