"""Detects where a picture fades into another one: after it no track continues, as after a cut.

In a cross-fade every picture is a mixture of the first and the last one, in a share that only grows. Nothing else that
changes a picture much is: what moves is in neither of them where it is in between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_core.media.shots import FLAT_BELOW

EVERY_S, LONGEST_S = 0.1, 1.6
"""Pictures that are compared lie so far apart at least; a fade that takes longer is not found."""
UNLIKE_ABOVE, CHANGED_ABOVE = 0.15, 8.0
"""First and last picture: 1 less their correlation, and mean difference in grey levels. Less is no other scene."""
UNMIXED_BELOW = 0.15
"""Mean difference of a picture in between from the nearest mixture, in shares of that of first and last."""
BETWEEN = (0.15, 0.85)
"""A picture at this share of the way distinguishes a fade from a cut, and from something that moves: one nearer to
either end is near to a mixture whatever happens, so it has to be so much nearer."""

_Grey = NDArray[np.float64]


class Fades:
    """Small copies of a pass's last pictures; no stored state holds them."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, _Grey]] = []

    def forget(self) -> None:
        """Start again, as if nothing had been seen."""
        self._seen = []

    def ends(self, time_s: float, luma: str) -> bool:
        """Return whether a fade ends about this picture, given as `Shots` keeps it. Times must increase."""
        if self._seen and time_s - self._seen[-1][0] < EVERY_S - 1e-6:
            return False
        now = np.frombuffer(bytes.fromhex(luma), np.uint8).astype(np.float64)
        before = [one for one in self._seen if time_s - one[0] <= LONGEST_S]
        greys = [grey for _, grey in before]
        ended = any(_mixed(greys[first], greys[first + 1 :], now) for first in range(len(greys) - 1))
        self._seen = [(time_s, now)] if ended else [*before, (time_s, now)]
        return ended


def _mixed(first: _Grey, between: list[_Grey], last: _Grey) -> bool:
    """Return whether all pictures between two that show different things are mixtures of them."""
    whole = last - first
    changed = float(np.abs(whole).mean())
    if changed < CHANGED_ABOVE or 1 - _correlation(first, last) < UNLIKE_ABOVE:
        return False
    shares = [float((one - first) @ whole / (whole @ whole)) for one in between]
    if sorted(shares) != shares:
        return False
    apart = [float(np.abs(one - first - share * whole).mean()) for one, share in zip(between, shares, strict=True)]
    if max(apart) >= UNMIXED_BELOW * changed:
        return False
    return any(
        BETWEEN[0] < share < BETWEEN[1] and left < UNMIXED_BELOW * changed * 4 * share * (1 - share)
        for share, left in zip(shares, apart, strict=True)
    )


def _correlation(a: _Grey, b: _Grey) -> float:
    """Return the correlation, -1 to 1; of flat pictures 0 where one is flat, 1 where both are and differ in light."""
    if min(a.std(), b.std()) < FLAT_BELOW:
        return float(max(a.std(), b.std()) < FLAT_BELOW)
    return float(((a - a.mean()) * (b - b.mean())).mean()) / float(a.std() * b.std())
