"""What keeps a second look from feeding on its own output: a window bound to what the last search saw."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fer_core.types import Box, Face

KEPT_IOU = 0.85
"""While the face has moved no further than to this overlap, it is looked for in the very same window."""
FITS_IOU = 0.9
"""A window that overlaps less with the one about the face found in it is replaced by that one, and looked into again:
the net's box lags behind a face that doesn't stand in the middle."""
AREA_BOUND = 2.0
"""A box that is so many times larger or smaller than at the last search is no second look's to tell."""
HELD_WITHIN = 0.015
"""The box that is shown stays while none of its edges has moved by this share of its height."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a followed face is looked for again, in px.

    `number`: of its track. `window`: the square that the detector's last net looks into, in whole px. `given`: the box
    that it gave when the window was placed. `offset`: the middle of the window from that of the box a search found, and
    its side, in heights of that box. `area`: that of the box at the last search, px². `held`: the box shown last.
    """

    number: int
    window: Box
    given: Box
    offset: tuple[float, float, float]
    area: float
    held: Box

    @classmethod
    def searched(cls, face: Face, before: Anchor | None) -> Anchor:
        """Return the anchor of a face as a search found it; `before`: the one of its track so far."""
        box, window = face.box, face.window or _square(face.box)
        (x, y), (wx, wy) = box.middle, window.middle
        offset = ((wx - x) / box.height, (wy - y) / box.height, window.width / box.height)
        held = box if before is None else before._held(box)
        return cls(face.track, window, box, offset, box.area, held)

    def seen(self, face: Face, window: Box, searched_area: float | None) -> Anchor:
        """Return the anchor after a look into `window`; `searched_area`: px² of the face's box in a search just now."""
        given = self.given if window == self.window else face.box
        area = self.area if searched_area is None else searched_area
        return replace(self, window=window, given=given, area=area, held=self._held(face.box))

    def window_at(self, expected: Box) -> Box:
        """Return where to look for a face that is expected in a box: in the same window as long as it fits."""
        return self.window if expected.iou(self.given) >= KEPT_IOU else self.placed(expected)

    def fitting(self, box: Box, window: Box) -> Box | None:
        """Return the window about a box that was found in `window`, None where that one fits.

        One that was kept fits as long as the face doesn't move in it: two windows that lead to each other would
        move the box of a face that stands still.
        """
        if window == self.window and box.iou(self.given) >= FITS_IOU:
            return None
        placed = self.placed(box)
        return None if placed.iou(window) >= FITS_IOU else placed

    def placed(self, box: Box, grown: float = 1.0) -> Box:
        """Return the window that lies about a box as the search's window lay about its own."""
        x, y, side = (value * box.height for value in self.offset)
        half = side * grown / 2
        middle_x, middle_y = box.middle[0] + x, box.middle[1] + y
        left, top = round(middle_x - half), round(middle_y - half)
        whole = max(2, round(2 * half))
        return Box(left, top, left + whole, top + whole)

    def allows(self, box: Box) -> bool:
        """Return whether a box is of a size that needs no new search."""
        return self.area / AREA_BOUND <= box.area <= self.area * AREA_BOUND

    def _held(self, box: Box) -> Box:
        was = self.held
        edges = (box.left - was.left, box.top - was.top, box.right - was.right, box.bottom - was.bottom)
        return was if max(map(abs, edges)) < HELD_WITHIN * was.height else box


def _square(box: Box) -> Box:
    half = max(box.width, box.height) / 2
    x, y = box.middle
    return Box(round(x - half), round(y - half), round(x - half) + round(2 * half), round(y - half) + round(2 * half))
