"""What a file is, as the process that reads it reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a file is: ``"image"`` or ``"video"``, its upright size in px, its length in seconds (None: unknown).

    `warnings` are sentences for the clinician about what will not be read. `media_type`: as what browsers play a video,
    None where they don't. `created`: the container's creation time in ISO 8601, None where it says none.
    `begins_s`: where in the file the first picture stands; see `VideoInfo`.
    """

    kind: str
    width_px: int
    height_px: int
    duration_s: float | None = None
    warnings: tuple[str, ...] = ()
    media_type: str | None = None
    created: str | None = None
    begins_s: float = 0.0


ONLY_FIRST = "Only the first picture of this file is read."
"""The only warning."""


def only_first(pictures: int) -> str:
    """Return the same sentence for a file that was read, of which it is known how many pictures it holds."""
    return f"Only the first of the {pictures:,} pictures of this file was read."
