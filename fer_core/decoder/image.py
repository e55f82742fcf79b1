"""Pictures: recognised by their first bytes, turned upright, and brought to 8-bit RGB without changing what is seen."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fer_core.errors import media_error
from fer_core.media.kinds import CAMERA_SIDE_PX, HEIC, PICTURE_READERS, sniff
from fer_core.media.picture import MAX_PIXELS, MOST_FURTHER, Picture
from fer_core.media.source import Source
from fer_core.types import RGB

JPEG = b"\xff\xd8\xff"
BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error)
"""What Pillow's readers raise for damaged pictures; UnidentifiedImageError is an OSError."""


def picture_size(source: Source) -> tuple[int, int]:
    """Return the upright width and height in px from the header alone. Raises MediaError as `read_image` does."""
    with opened_picture(source) as image:
        try:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        except BROKEN:
            # A PNG may keep its EXIF behind the pixels, which are then read first.
            raise media_error("damaged_image") from None
        return (image.height, image.width) if turned else (image.width, image.height)


def further_pictures(source: Source) -> int:
    """Return how many pictures the file holds after the first (an animation, pages), at most `MOST_FURTHER`."""
    with opened_picture(source) as image:
        if image.format == "MPO":
            # Cameras put a small copy of the picture into its file, or the view of their other eye.
            return 0
        try:
            return min(max(0, getattr(image, "n_frames", 1) - 1), MOST_FURTHER)
        except BROKEN:
            # What comes after the first picture is damaged, and not read anyway.
            return 0


def read_image(source: Source, max_side_px: int | None = None) -> Picture:
    """Read a picture, upright; of an animation or pages the first. What is transparent is white.

    `max_side_px`: a picture whose longer side is larger is made smaller to it; None: no picture is. The array can't be
    written to.

    Raises MediaError ``empty``, ``unknown_type``, ``unread_video``, ``unread_picture``, ``heic_unsupported``,
    ``too_large`` (before anything is decoded) or ``damaged_image``.
    """
    further = further_pictures(source)
    with opened_picture(source) as image:
        whole = image.size
        try:
            if max_side_px is not None:
                # A JPEG is decoded at a half, a quarter or an eighth of its size where that is still large enough.
                image.draft(None, _size_within(image, max_side_px))
            image.load()
            # As early as a picture of its mode can be made smaller, for each whole copy of one takes 200 MB.
            small = _within(image, max_side_px) if image.mode in ("L", "RGB") else image
            upright = _eight_bit_rgb(ImageOps.exif_transpose(small))
            width, height = whole if upright.size == small.size else whole[::-1]
            return Picture(np.asarray(_within(upright, max_side_px)), width, height, further)
        except BROKEN:
            raise media_error("damaged_image") from None


def read_camera_picture(content: bytes) -> RGB:
    """Read one picture of a camera: (H, W, 3) uint8 RGB, as it came. Only JPEG within `CAMERA_SIDE_PX` is taken.

    Raises MediaError ``unknown_type``, ``too_large`` (before anything is decoded) or ``damaged_image``.
    """
    if not content.startswith(JPEG):
        raise media_error("unknown_type")
    with opened_picture(io.BytesIO(content)) as image:
        if image.format != "JPEG":
            raise media_error("unknown_type")
        if max(image.size) > CAMERA_SIDE_PX:
            raise media_error("too_large")
        try:
            return np.array(image.convert("RGB"))
        except BROKEN:
            raise media_error("damaged_image") from None


def opened_picture(source: Source) -> Image.Image:
    """Open a picture without decoding it. Raises MediaError as `read_image` does."""
    kind = sniff(source)
    if kind == "empty":
        raise media_error("empty")
    if kind == "heic":
        if not heic_available():
            raise media_error("heic_unsupported")
    elif kind != "image":
        raise media_error(kind if kind in ("unread_video", "unread_picture") else "unknown_type")
    formats = (HEIC.reader,) if kind == "heic" else PICTURE_READERS
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a picture that would need gigabytes; the limit below is ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(_rewound(source), formats=formats)
    except Image.DecompressionBombError:
        raise media_error("too_large") from None
    except BROKEN:
        raise media_error("damaged_image") from None
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise media_error("too_large")
    return image


def _size_within(image: Image.Image, max_side_px: int | None) -> tuple[int, int]:
    """Return the size of an image whose longer side is made smaller to `max_side_px`."""
    longest = max(image.size)
    if max_side_px is None or longest <= max_side_px:
        return image.size
    return tuple(max(1, round(side * max_side_px / longest)) for side in image.size)  # type: ignore[return-value]


def _within(image: Image.Image, max_side_px: int | None) -> Image.Image:
    size = _size_within(image, max_side_px)
    return image if size == image.size else image.resize(size, reducing_gap=2.0)


def _rewound(source: Source) -> Source:
    if not isinstance(source, Path):
        source.seek(0)
    return source


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow's own conversion cuts 16 bits off at 255, which turns nearly every picture white. 65535 / 255 = 257.
        deep = np.asarray(image).astype(np.int32).clip(0, 65535)
        image = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def heic_available() -> bool:
    """Return whether HEIC pictures can be read here."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
