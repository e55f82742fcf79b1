"""When each face of a video is seen, with small pictures of it along the time. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

WIDE, HIGH, PICTURE, BAR = 1000, 96, 78, 10
NARROW = 326
"""As wide as four pictures, for one of many faces side by side."""


def faces_over_time(
    spans: Sequence[tuple[float, float]],
    views: Sequence[tuple[float, bytes]],
    length_s: float,
    said: str,
    wide: int = WIDE,
) -> str:
    """Return an SVG picture of one face over a video of `length_s` seconds, as a data URI.

    `spans`: the stretches in which the face is seen, seconds; `views`: (second, JPEG) of it. Pictures that would cover
    one before them are left out. `said`: the same in words, for those who don't see it. `wide`: its width in px, of
    pictures of 78 px.
    """
    scale = wide / max(length_s, 0.1)
    parts = [f'<rect y="{HIGH - BAR}" width="{wide}" height="{BAR}" rx="3" fill="#8A949B" fill-opacity="0.35"/>']
    for begin_s, end_s in spans:
        long = max(2.0, (end_s - begin_s) * scale)
        parts.append(
            f'<rect x="{begin_s * scale:.1f}" y="{HIGH - BAR}" width="{long:.1f}" height="{BAR}" fill="#2A7DB8"/>'
        )
    free = 0.0
    for at_s, jpeg in views:
        left = min(max(free, at_s * scale - PICTURE / 2), wide - PICTURE)
        if left < free or abs(left + PICTURE / 2 - at_s * scale) > PICTURE:
            continue
        free = left + PICTURE + 4
        encoded = base64.b64encode(jpeg).decode("ascii")
        parts.append(
            f'<image x="{left:.1f}" y="0" width="{PICTURE}" height="{PICTURE}" preserveAspectRatio="xMidYMid slice"'
            f' href="data:image/jpeg;base64,{encoded}"/>'
            f'<path d="M{at_s * scale:.1f} {HIGH - BAR} v-8" stroke="#2A7DB8" stroke-width="2"/>'
        )
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {HIGH}" role="img">'
        f"<title>{escape(said)}</title>{''.join(parts)}</svg>"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode("ascii")
