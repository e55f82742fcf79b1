"""What a line of a trend compares, because talk changes the labels: the time in which the mouth is still, or all of it.

The first recordings that count decide it, so that later ones don't change what earlier ones were judged by.
"""

from __future__ import annotations

from collections.abc import Sequence

from clinic.patients.summaries import Summary
from db.models import RecordingKind
from fer_core.reading.usual import BASELINE

TALKS_THROUGHOUT = "the mouth moves nearly all the time"
TALKS_OTHERWISE = "the mouth moves for another share of the time than in the first recordings"
MOUTH_UNKNOWN = "it is not known when the mouth moves"
OTHERWISE = 0.1
"""So much farther than in any of the first recordings the share of time with a moving mouth may lie."""


def stands_on_still(counting: Sequence[Summary]) -> bool:
    """Return whether a line compares the time in which the mouth is still, from the recordings that count.

    It does where most of the first ones have enough of such time. Where an earlier version analysed one of them, the
    whole time is compared, as it was before.
    """
    first = counting[:BASELINE]
    if not first or not all(summary.mouth_known or summary.kind == RecordingKind.PICTURES for summary in first):
        return False
    return 2 * sum(summary.still is not None and summary.still.long_enough for summary in first) >= len(first)


def why_not_still(summary: Summary) -> str | None:
    """Return why a recording does not count in a line that compares the still time, None where it does."""
    if summary.still is not None and summary.still.long_enough:
        return None
    return TALKS_THROUGHOUT if summary.mouth_known else MOUTH_UNKNOWN


def why_not_whole(summary: Summary, counting: Sequence[Summary]) -> str | None:
    """Return why a recording does not count in a line that compares the whole time, None where it does.

    `counting`: the line's recordings that count otherwise. The share of talk must be about that of the first ones,
    where it is known.
    """
    usual = [share for first in counting[:BASELINE] if (share := first.moving_share) is not None]
    own = summary.moving_share
    if own is None or len(usual) < BASELINE or min(usual) - OTHERWISE <= own <= max(usual) + OTHERWISE:
        return None
    return TALKS_OTHERWISE
