"""Where self-report and expression move apart: a question for the conversation, and no finding.

Both have to leave their own noise: the questionnaire by a reliable change against the time of the baseline, the
expression by two recordings in a row outside the patient's usual range, and in the opposite direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from clinic.patients.trends import Trend, TrendPoint
from clinic.questionnaires import scoring, sentences
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.published import HigherIs, Scale
from fer_core.emotions import Emotion

NEAR = timedelta(days=31)
"""A questionnaire belongs to a recording within so many days."""
AROUND = timedelta(days=14)
"""Questionnaires within so many days of the baseline's recordings count for the baseline."""
LIGHTER = {(Emotion.HAPPY.value, 1), (Emotion.SAD.value, -1)}
"""More happy-like, or less sad-like, than usual: the column and the side."""
HEAVIER = {(Emotion.HAPPY.value, -1), (Emotion.SAD.value, 1)}


@dataclass(frozen=True, slots=True)
class Apart:
    """A questionnaire and an expression that moved apart: totals before and now, the column and its side."""

    scale: Scale
    before: float
    now: float
    column: int
    side: int


def find(trend: Trend, given: Iterable[Answer]) -> Apart | None:
    """Return where self-report and expression moved apart by the newest recording, None where they did not.

    `given`: what the patient answered, the newest first.
    """
    newest = trend.points[-1] if trend.points else None
    if newest is None or newest.excluded is not None:
        return None
    moved = _moved(newest)
    for answers in sentences.latest_by_scale(given).values():
        worse = _got_worse(trend, newest, answers)
        for column, side in moved:
            if worse is not None and (column, side) in (LIGHTER if worse else HEAVIER):
                return Apart(
                    answers[0].scale, _before(trend, answers) or 0.0, answers[0].score.total or 0.0, column, side
                )
    return None


def sentence(apart: Apart, names: Mapping[int, str]) -> str:
    """Return the question, with other possible reasons."""
    symptoms = "worse" if (apart.now > apart.before) == (apart.scale.higher_is is HigherIs.WORSE) else "better"
    where = "above" if apart.side > 0 else "below"
    return (
        f"Self-report and expression moved apart: {apart.scale.name} went from about {apart.before:.0f} to"
        f" {apart.now:g}, which is {symptoms}, while {names[apart.column]} expression lay {where} this patient's usual"
        " range in the last two recordings. Neither of them corrects the other. For the conversation: how does the"
        " patient see it? Politeness, the topic of the session, medication, camera and chance can all be behind it."
    )


def _moved(point: TrendPoint) -> list[tuple[int, int]]:
    """Return the marked columns with the side on which they lie; nothing where they contradict each other."""
    shares, high = point.shares or (), point.usual_high or ()
    found = [(column, 1 if shares[column] > high[column] else -1) for column in point.outside]
    directions = {one in LIGHTER for one in found if one in LIGHTER | HEAVIER}
    return found if len(directions) == 1 else []


def _got_worse(trend: Trend, newest: TrendPoint, answers: Sequence[Answer]) -> bool | None:
    """Return whether the symptoms reliably got worse since the baseline, None where that isn't known or is noise."""
    if sentences.disagreement([one for one in answers if one.answered_on == answers[0].answered_on]):
        return None
    scale, before = answers[0].scale, _before(trend, answers)
    near = abs(answers[0].answered_on - newest.recorded_on) <= NEAR
    change = scoring.change(scale, before, answers[0].score.total)
    if not near or change is None or not change.reliable or scale.higher_is is HigherIs.NEITHER:
        return None
    return (change.points > 0) == (scale.higher_is is HigherIs.WORSE)


def _before(trend: Trend, answers: Sequence[Answer]) -> float | None:
    """Return the mean total of the time of the newest recording's baseline, None without one."""
    days = [point.recorded_on for point in trend.points if point.in_baseline and point.segment == trend.line]
    if not days:
        return None
    first, last = min(days) - AROUND, max(days) + AROUND
    totals = [one.score.total for one in answers if first <= one.answered_on <= last and one.score.total is not None]
    return sum(totals) / len(totals) if totals else None
