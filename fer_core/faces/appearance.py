"""Whether the face at a followed one's place is another person, for instance after tiles of a video call swap.

Only looks of the last moments are compared, in memory (`fer_core.faces.likeness`); no state that is stored holds one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from fer_core.faces.likeness import Look, likeness, look
from fer_core.types import RGB, Box, Face

EVERY_S = 0.1
"""Looks lie at least so far apart."""
REMEMBERED_S = 1.2
"""Looks are compared with those of so long before: a picture that fades into another one takes about a second."""
SUDDEN_S = 0.45
"""A look no longer ago than that is the one before; a face that is lost for longer has to be recognised."""
UNLIKE_BELOW = 0.45
"""Less like itself than that, at the look before, a face is somebody else. In clips of one person none was."""
UNLIKE_SUDDENLY, TIMES_BEFORE, JITTER = 0.65, 3.0, 0.02
"""So is one below the first, where it changed more than so many times as much, and a little, as ever in the last looks.
Both together tell 99.8 % of 2,372 pairs of different people apart; and of 1,871 pairs of one face 0.2 s apart four, in
a crowd that walks."""
UNLIKE_LATER, STAYED_IOU = 0.4, 0.4
"""And one less like itself in any look of the last moments, if it has stayed so far: behind one that walks the room
changes."""
RECOGNISED = 0.55
"""After a gap a face goes on where it is so much like one of its last looks. Of pairs of views of one person at
different times of a clip 99 % lie above 0.54, of pairs of people of different clips 99 % below 0.52."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A look, and how much it differs from the one before, 0 to 1."""

    time_s: float
    box: Box
    look: Look
    change: float = 0.0


class Appearance:
    """The appearance of each followed face in the last moments."""

    def __init__(self) -> None:
        self._seen: dict[int, list[_Seen]] = {}
        self._now: list[_Seen] = []
        self._looked_s = float("-inf")

    def forget(self) -> None:
        """Start again, as if nothing had been seen."""
        self._seen, self._looked_s = {}, float("-inf")

    def look(self, time_s: float, rgb: RGB, faces: Sequence[Face], lost: bool = False) -> None:
        """Look at the faces of the next moment, boxes in px of `rgb`, unless the last look was a moment ago.

        `lost`: somebody who is followed was not seen then, so that a face may go on two tracks: it is looked at.
        """
        due = lost or time_s - self._looked_s >= EVERY_S - 1e-6
        self._now = [_Seen(time_s, face.box, look(rgb, face.box)) for face in faces] if due and faces else []
        if self._now:
            self._looked_s = time_s

    def another(self, row: int, number: int) -> bool:
        """Return whether the face in this row of those looked at is another person than the one of this number."""
        before = self._seen.get(number) if self._now else None
        if before is None:
            return False
        now = self._now[row]
        if now.time_s - before[-1].time_s > SUDDEN_S:
            return not _recognised(before, now)
        return _suddenly(before, now) or _meanwhile(before, now)

    def keep(self, numbers: Sequence[int], followed: Collection[int]) -> None:
        """Remember what was looked at under these numbers, one a row, and forget who isn't `followed` any more."""
        self._seen = {number: seen for number, seen in self._seen.items() if number in followed}
        for number, now in zip(numbers, self._now, strict=False):
            before = [one for one in self._seen.get(number, ()) if now.time_s - one.time_s <= REMEMBERED_S]
            change = 1 - likeness(before[-1].look, now.look) if before else 0.0
            self._seen[number] = [*before, replace(now, change=change)]


def _recognised(before: Sequence[_Seen], now: _Seen) -> bool:
    """Return whether a face that was lost for a while looks as it did before."""
    return any(likeness(one.look, now.look) >= RECOGNISED for one in before)


def _suddenly(before: Sequence[_Seen], now: _Seen) -> bool:
    """Return whether a face looks like somebody else than it did a moment ago."""
    alike = likeness(before[-1].look, now.look)
    changes = [one.change for one in before[1:]]
    usual = max(changes) if len(changes) > 1 else 1.0
    return alike < UNLIKE_BELOW or (alike < UNLIKE_SUDDENLY and 1 - alike > TIMES_BEFORE * (usual + JITTER))


def _meanwhile(before: Sequence[_Seen], now: _Seen) -> bool:
    """Return whether a face that has stayed turned into somebody else little by little."""
    stayed = (one for one in before if now.box.iou(one.box) >= STAYED_IOU)
    return any(likeness(one.look, now.look) < UNLIKE_LATER for one in stayed)
