"""A first look at a file: what it is, and whether its first pictures can be decoded."""

from __future__ import annotations

from itertools import islice

from fer_core.decoder.created import created_at, picture_created_at
from fer_core.decoder.image import picture_size, read_image
from fer_core.decoder.video import frames, probe
from fer_core.media.kinds import sniff
from fer_core.media.source import Source
from fer_core.media.verdict import ONLY_FIRST, FileVerdict

TRIED_FRAMES = 3
EXAMINED_SIDE_PX = 640


def examine(source: Source) -> FileVerdict:
    """Look at a file's header and its first frames. Raises MediaError."""
    if sniff(source) in ("image", "heic"):
        width, height = picture_size(source)
        warnings = (ONLY_FIRST,) if read_image(source, EXAMINED_SIDE_PX).further else ()
        return FileVerdict("image", width, height, warnings=warnings, created=picture_created_at(source))
    info = probe(source)
    for _ in islice(frames(source, every_s=0, max_side_px=EXAMINED_SIDE_PX), TRIED_FRAMES):
        pass
    return FileVerdict(
        "video",
        info.width_px,
        info.height_px,
        info.duration_s,
        media_type=info.media_type,
        created=created_at(source),
        begins_s=info.begins_s,
    )
