"""What accompanies the labels in a report: questionnaires, marks on the time axis, and conditions of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from clinic import words
from clinic.patients.conditions import Condition, holding, lasting
from clinic.patients.events import EventMark
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.sentences import WATCHED, changed, day, latest_by_scale, score_sentence, watched


@dataclass(frozen=True, slots=True)
class Beside:
    """What is stored of a patient beside the recordings."""

    answers: Sequence[Answer] = ()
    marks: Sequence[EventMark] = ()
    conditions: Sequence[Condition] = ()

    def within(self, begin: date | None, end: date | None) -> Beside:
        """Return what falls into a period, its ends included; each is open where it is None."""

        def falls(one: date) -> bool:
            return (begin is None or one >= begin) and (end is None or one <= end)

        answers = [answer for answer in self.answers if falls(answer.answered_on)]
        return Beside(answers, [mark for mark in self.marks if falls(mark.happened_on)], self.conditions)


def score_rows(answers: Sequence[Answer]) -> list[tuple[str, ...]]:
    """Return each questionnaire with its day and what its score is, the earliest first."""
    ordered = sorted(answers, key=lambda answer: (answer.answered_on, answer.number))
    return [
        (day(answer.answered_on), answer.scale.name, score_sentence(answer.scale, answer.score)) for answer in ordered
    ]


def score_sentences(answers: Sequence[Answer]) -> list[str]:
    """Return for each questionnaire how the last answers differ from the first ones."""
    found = []
    for given in latest_by_scale(answers).values():
        ordered = sorted(given, key=lambda answer: (answer.answered_on, answer.number), reverse=True)
        said = changed(ordered)
        found += [said] if said is not None else []
    return found


def self_report(answers: Sequence[Answer]) -> list[str]:
    """Return what is said of questionnaires; first a watched question above 0, which no total shows."""
    newest_first = sorted(answers, key=lambda answer: (answer.answered_on, answer.number), reverse=True)
    found = watched(newest_first)
    notice = [WATCHED.format(day=day(found.answered_on))] if found is not None else []
    return notice + score_sentences(answers)


def mark_rows(marks: Sequence[EventMark]) -> list[tuple[str, ...]]:
    """Return each mark with its day and kind, the earliest first."""
    ordered = sorted(marks, key=lambda mark: mark.happened_on)
    return [(day(mark.happened_on), mark.kind.value, mark.text) for mark in ordered]


def objection(conditions: Sequence[Condition], days: Sequence[date]) -> str | None:
    """Return why labels of these days are not printed: a condition of the face held then; None where none did."""
    held = {one.id: one for on in days for one in holding(conditions, on)}
    if not held:
        return None
    parts = ", ".join(
        f"{words.CONDITIONS[one.kind].lower()}{f' ({one.note})' if one.note else ''} {lasting(one)}"
        for one in held.values()
    )
    only = (
        "" if all(holding(conditions, on) for on in days) else " of the recordings made under a condition of the face"
    )
    return f"Labels of expressions{only} are not interpreted and not printed: {parts}."
