"""Of two who add to the same thing at the same time, each with the same screen, the second is refused and told why."""

import io
import threading
from datetime import date

import pytest

from clinic.conflicts import ConflictError
from clinic.exchange import imported_series
from clinic.patients import conditions, events
from clinic.patients.conditions import ConditionKind
from clinic.patients.events import EventKind
from clinic.questionnaires import answers, incoming_csv, schedule
from clinic.questionnaires.answers import Given
from tests import consents
from tests.clinic.exchange.test_other_tools import OPENFACE

DAY = date(2026, 5, 4)
CSV = b"date,scale,total\n2026-05-04,PHQ-9,5\n2026-05-04,GAD-7,6\n"


def add_answer(db, who, patient, number, seen):
    answers.record(db, who, patient, Given("phq9", DAY, total=number), seen)


def plan(db, who, patient, number, seen):
    schedule.plan(db, who, patient, "phq9", number, None, seen)


def add_event(db, who, patient, number, seen):
    events.add(db, who, patient, EventKind.MEDICATION, DAY, f"{number} mg", seen)


def add_condition(db, who, patient, number, seen):
    conditions.add(db, who, patient, ConditionKind.FACIAL_PALSY, DAY, f"{number}", seen)


def add_table(db, who, patient, number, seen):
    imported_series.add(db, who, patient, DAY, io.BytesIO(OPENFACE.replace("0.50", f"0.{number}").encode()), "", seen)


CASES = [
    (add_answer, lambda *asked: [one.score.total for one in answers.listed(*asked)]),
    (plan, lambda *asked: [due.every_days for due in schedule.dues(*asked)]),
    (add_event, lambda *asked: [mark.text for mark in events.marks(*asked)]),
    (add_condition, lambda *asked: [one.note for one in conditions.conditions(*asked)]),
    (add_table, lambda *asked: [one.number for one in imported_series.listed(*asked)]),
]


@pytest.mark.parametrize(("add", "stored"), CASES, ids=["answer", "schedule", "event", "condition", "table"])
def test_of_two_at_once_one_is_stored_and_the_other_sees_it_first(db, who, patient, add, stored):
    consents.agree(db, patient)
    together, refused = threading.Barrier(2), []

    def save(number):
        together.wait()
        try:
            add(db, who, patient, number, [])
        except ConflictError as conflict:
            refused.append((number, conflict))

    both = [threading.Thread(target=save, args=(number,)) for number in (7, 14)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    [(number, conflict)] = refused
    assert len(stored(db, who, patient)) == 1
    [difference] = conflict.differences
    assert difference.stored != difference.wanted
    # With a new look at it the second one is stored too.
    add(db, who, patient, number, schedule.dues(db, who, patient) if add is plan else conflict.revision)
    assert len(stored(db, who, patient)) == (1 if add is plan else 2)


def test_what_was_planned_the_same_is_no_conflict_and_what_was_stopped_is_not_planned_unseen(db, who, patient):
    schedule.plan(db, who, patient, "phq9", 14, DAY)
    schedule.plan(db, who, patient, "phq9", 14, DAY, seen=[])
    shown = schedule.dues(db, who, patient)
    schedule.plan(db, who, patient, "phq9", 7, DAY)
    with pytest.raises(ConflictError):
        schedule.stop(db, who, patient, "phq9", shown)
    schedule.stop(db, who, patient, "phq9")
    with pytest.raises(ConflictError):
        schedule.plan(db, who, patient, "phq9", 28, DAY, seen=shown)
    assert schedule.dues(db, who, patient) == []


def test_rows_are_imported_as_they_were_shown_or_not_at_all(db, who, patient):
    shown = incoming_csv.preview(db, who, patient, CSV)
    add_answer(db, who, patient, 9, [])
    with pytest.raises(ConflictError):
        incoming_csv.take(db, who, patient, CSV, shown)
    assert len(answers.listed(db, who, patient)) == 1
    shown = incoming_csv.preview(db, who, patient, CSV)
    assert [row.beside for row in shown] == ["total 9", ""]
    assert incoming_csv.take(db, who, patient, CSV, shown) == 2


@pytest.mark.parametrize(("add", "code"), [(add_event, "event_exists"), (add_condition, "condition_exists")])
def test_the_very_same_entry_is_stored_once(db, who, patient, add, code):
    add(db, who, patient, 14, None)
    with pytest.raises(Exception, match="already") as refused:
        add(db, who, patient, 14, None)
    assert refused.value.code == code
