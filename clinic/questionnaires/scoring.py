"""From answers to a total, its band, and whether a change is more than the questionnaire's own error.

The reliable change index is that of Jacobson & Truax 1991 (doi:10.1037/0022-006X.59.1.12): two totals differ reliably
where their difference is larger than 1.96 standard errors of a difference, that is 1.96 * sqrt(2) * s * sqrt(1 - r).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clinic.questionnaires.published import Scale
from fer_core.errors import FerError

SURE = 1.96
"""Standard errors on each side of a 95 % interval."""
Items = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a questionnaire. `total` and `band` are None where too much is missing.

    `missing`: answers that were not given; where there is a total they were replaced by the mean of the others.
    `watched`: whether the question that is watched was answered above 0. `parts`: the sums of the scale's parts, None
    for one with a missing answer.
    """

    total: float | None
    band: str | None
    missing: int
    watched: bool
    parts: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class ReliableChange:
    """The difference of two totals of one scale, in points, and the smallest one that counts as reliable."""

    points: float
    least: float

    @property
    def reliable(self) -> bool:
        """Whether the difference is more than the questionnaire's error, in 95 of 100 cases."""
        return abs(self.points) > self.least


def score_items(scale: Scale, items: Items) -> Score:
    """Return the score of the answers to each question, None for one that was not answered.

    Raises FerError ``bad_items``.
    """
    check_items(scale, items)
    given = [item for item in items if item is not None]
    missing = len(items) - len(given)
    total = _total(scale, given, missing)
    watched = scale.watched is not None and (items[scale.watched] or 0) > 0
    return Score(total, band_of(scale, total), missing, watched, _parts(scale, items))


def score_total(scale: Scale, total: float) -> Score:
    """Return the score of a total that was computed elsewhere. Raises FerError ``bad_total``."""
    whole = not scale.items or float(total).is_integer()
    if not math.isfinite(total) or not scale.lowest <= total <= scale.highest or not whole:
        kind = "a whole number" if scale.items else "a number"
        raise FerError(f"The total of {scale.name} is {kind} from {scale.lowest:g} to {scale.highest:g}.", "bad_total")
    return Score(float(total), band_of(scale, total), 0, False, ())


def check_possible(scale: Scale, total: float) -> None:
    """Raise FerError ``bad_total`` where no answers make such a total, as a raw sum in place of a percentage.

    Asked of what is entered, and not of what is stored: an earlier version took such totals.
    """
    if scale.step is not None and total % scale.step:
        raise FerError(
            f"No answers make a total of {total:g} in {scale.name}: it is a multiple of {scale.step}. If this is the"
            f" raw total, enter it times {scale.step}.",
            "bad_total",
        )


def check_items(scale: Scale, items: Items) -> None:
    """Raise FerError ``bad_items`` unless there is a possible answer, or None, for each question."""
    last = len(scale.answers) - 1
    fits = all(item is None or (type(item) is int and 0 <= item <= last) for item in items)
    if not scale.items or len(items) != len(scale.items) or not fits:
        raise FerError(f"{scale.name} has {len(scale.items)} answers from 0 to {last}.", "bad_items")
    if all(item is None for item in items):
        raise FerError("Please give at least one answer.", "bad_items")


def band_of(scale: Scale, total: float | None) -> str | None:
    """Return the name of the band in which a total lies, None for no total or no band."""
    below = [band.label for band in scale.bands if total is not None and total >= band.least]
    return below[-1] if below else None


def least_reliable(scale: Scale) -> float | None:
    """Return the smallest reliable change in points, None where no reliability is known."""
    known = scale.reliability
    return None if known is None else SURE * math.sqrt(2) * known.spread * math.sqrt(1 - known.coefficient)


def change(scale: Scale, before: float | None, after: float | None) -> ReliableChange | None:
    """Return the change between two totals, None where one is missing or no reliability is known."""
    least = least_reliable(scale)
    if least is None or before is None or after is None:
        return None
    return ReliableChange(after - before, least)


def _total(scale: Scale, given: Sequence[int], missing: int) -> float | None:
    if missing > scale.most_missing or not given:
        return None
    # Halves go up, as on paper.
    return float(math.floor(sum(given) * len(scale.items) / len(given) + 0.5))


def _parts(scale: Scale, items: Items) -> tuple[tuple[str, int | None], ...]:
    return tuple((part.name, _sum([items[place] for place in part.items])) for part in scale.parts)


def _sum(items: Items) -> int | None:
    given = [item for item in items if item is not None]
    return sum(given) if len(given) == len(items) else None
