"""Judging a model that learned from some people on others: who is held out, and whether it got better or worse."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import FerError
from train.config import PEOPLE_NEEDED, PICTURES_EACH, is_held_out

MOST_LOST = 0.02
"""Share of FER2013's test by which agreement may fall at most, at the unfavourable end of the interval."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """How much more often one model is right than another, -1 to 1, with its 95 % interval over `people`."""

    mean: float
    low: float
    high: float
    people: int


def held_out(people: NDArray[np.str_]) -> Flags:
    """Return (N,) bool: the picture is of a held-out person.

    It depends on the person's name alone and not on who else is there, so nobody held out once is trained on later.
    """
    return np.array([is_held_out(name) for name in people.tolist()], bool)


def enough(people: NDArray[np.str_], needed: int = PEOPLE_NEEDED, each: int = PICTURES_EACH) -> Flags:
    """Return (N,) bool: the picture is of a person with `each` or more. Raises FerError where fewer than `needed` have.

    Raises FerError, too, where nobody or everybody of them is held out.
    """
    names, place, counts = np.unique(people, return_inverse=True, return_counts=True)
    ready = int((counts >= each).sum())
    if ready < needed:
        raise FerError(
            f"{ready} people have {each} or more labelled pictures; {needed} are needed, so that a change is seen.",
            "too_few_people",
        )
    kept: Flags = (counts >= each)[place]
    if held_out(names[counts >= each]).all() or not held_out(names[counts >= each]).any():
        raise FerError("These people can't be divided into those to train on and those held out.", "too_few_people")
    return kept


def change(before: Flags, after: Flags, people: NDArray[np.str_]) -> Change:
    """Return by how much `after` is right more often than `before`, both (N,), as the mean over people.

    The interval is Student's of the people's own differences (paired), at least as wide as for one picture's change.
    """
    # It takes a second to import, and the page about trainings needs the numbers above alone.
    from scipy.stats import t

    names, place = np.unique(people, return_inverse=True)
    difference = after.astype(float) - before.astype(float)
    each = np.bincount(place, difference) / np.bincount(place)
    mean, n = float(each.mean()), len(names)
    # People who all change alike would leave no doubt; one more picture might.
    spread = max(float(each.std(ddof=1)) / math.sqrt(n), 1 / len(people)) if n > 1 else 1.0
    half = float(t.ppf(0.975, max(n - 1, 1))) * spread
    return Change(mean, max(-1.0, mean - half), min(1.0, mean + half), n)


def agreement(right: Flags, people: NDArray[np.str_]) -> Change:
    """Return how often a model is right, (N,), as the mean over people, 0 to 1, with its 95 % interval as `change`."""
    found = change(np.zeros_like(right), right, people)
    return replace(found, low=max(0.0, found.low))


def objection(test: Change, people: Change) -> str | None:
    """Return why the changed model should not be used: worse on FER2013's test, or not better on held-out people."""
    if test.low < -MOST_LOST:
        return (
            f"On the data set's test pictures it may be right up to {-100 * test.low:.1f} points less often than the"
            f" model before it; at most {100 * MOST_LOST:.0f} points are accepted."
        )
    if people.low <= 0:
        return f"On people it did not learn from, it is not shown to be better: {described(people)}."
    return None


def described(found: Change) -> str:
    """Return a change in points with its interval, for people."""
    low, mean, high = (100 * value for value in (found.low, found.mean, found.high))
    return f"{mean:+.1f} points (95 % interval {low:+.1f} to {high:+.1f})"
