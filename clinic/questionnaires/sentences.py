"""What is said of questionnaires: totals with their bands, missing answers, and changes with what error explains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

from clinic.phrases import all_of
from clinic.questionnaires import scoring
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.published import HigherIs, Scale
from clinic.questionnaires.scoring import Score

WATCHED = (
    "Question 9 of the PHQ-9 (being better off dead, or hurting oneself) was answered above 0 on {day}. This is what"
    " the patient answered; it does not come from the face. Please talk about it with the patient in person, and follow"
    " your clinic's procedure."
)
WATCHED_NOW = (
    "Question 9 (being better off dead, or hurting oneself) is answered above 0. Please talk about it with the patient"
    " in person today, and follow your clinic's procedure."
)
MEANS = {
    HigherIs.WORSE: "A higher total means more symptoms.",
    HigherIs.BETTER: "A higher total means more well-being.",
    HigherIs.NEITHER: "",
}


def score_sentence(scale: Scale, score: Score) -> str:
    """Return what a score is, such as ``Total 9 of 27: mild.``"""
    if score.total is None:
        return f"No total: {_missing(score.missing)}. {scale.missing_rule}".strip()
    said = f"Total {score.total:g} of {scale.highest:g}" + (f": {score.band}." if score.band else ".")
    if score.missing:
        verb = "was" if score.missing == 1 else "were"
        said += f" {_missing(score.missing).capitalize()} and {verb} replaced by the mean of the others."
    parts = [f"{name} {'–' if total is None else total}" for name, total in score.parts]
    return f"{said} {', '.join(parts)}." if parts else said


def changed(answers: Sequence[Answer]) -> str | None:
    """Return how the newest answers to one scale differ from those of the first day, None where there is one day.

    `answers` come newest first and have totals. Small steps, each within the error, may lead far, so the one before is
    no measure. Where entries of one of the two days contradict each other, that is said instead.
    """
    days = [list(of_day) for _, of_day in groupby(answers, key=lambda one: one.answered_on)]
    compared = [days[0]] if len(days) == 1 else [days[0], days[-1]]
    doubt = next(filter(None, map(disagreement, compared)), None)
    if doubt is not None or len(days) == 1:
        return doubt
    return change_sentence(compared[1][0], compared[0][0])


def change_sentence(before: Answer, after: Answer) -> str | None:
    """Return how two answers to one scale differ and whether error may explain it, None where a total is missing."""
    first, last = before.score.total, after.score.total
    if first is None or last is None:
        return None
    went = "rose" if last > first else "fell" if last < first else "stayed at"
    ends = f"{last:g}" if went == "stayed at" else f"from {first:g} to {last:g}"
    said = f"{after.scale.name} {went} {ends} between {day(before.answered_on)} and {day(after.answered_on)}."
    change = scoring.change(after.scale, first, last)
    known = after.scale.reliability
    if change is None or known is None:
        return f"{said} No published reliability is stored, so it is not known whether this is more than chance."
    figures = f"(reliability {known.coefficient:g}, standard deviation {known.spread:g})"
    if change.reliable:
        return (
            f"{said} That is more than the {change.least:.1f} points that error explains in 95 of 100 cases {figures}."
        )
    return f"{said} Changes of up to {change.least:.1f} points are within the questionnaire's error {figures}."


def latest_by_scale(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Return the answers that have a total by scale, each list from the newest; `answers` come newest first."""
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.score.total is not None:
            found.setdefault(answer.scale.key, []).append(answer)
    return found


def disagreement(answers: Sequence[Answer]) -> str | None:
    """Return that entries of one scale for one day have different totals, None where they have the same."""
    if len({one.score.total for one in answers}) < 2:
        return None
    totals = all_of([f"{one.score.total:g} (no. {one.number})" for one in sorted(answers, key=lambda one: one.number)])
    return (
        f"{answers[0].scale.name} of {day(answers[0].answered_on)} is stored more than once, with different totals:"
        f" {totals}. Please check which of them is right, and delete the other; until then no change is given."
    )


def watched(answers: Iterable[Answer]) -> Answer | None:
    """Return answers of the newest day on which a watched question was answered, where it was above 0 in any of them.

    `answers` come newest first. A question that is left out says nothing, so the answer before it stands. Of several
    entries of one day none takes back what another one says.
    """
    answering = [one for one in answers if _answers_the_watched(one)]
    return next((one for one in answering if one.answered_on == answering[0].answered_on and one.score.watched), None)


def _answers_the_watched(one: Answer) -> bool:
    return one.scale.watched is not None and one.items is not None and one.items[one.scale.watched] is not None


def day(value: date) -> str:
    """Return a date as people read it, such as ``21 Nov 2026``."""
    return f"{value.day} {value:%b %Y}"


def _missing(count: int) -> str:
    return "one answer is missing" if count == 1 else f"{count} answers are missing"
