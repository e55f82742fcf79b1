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
from fer_core.media.source import Source
from fer_core.types import RGB

MAX_PIXELS = 2**26
"""67 megapixels: phones make pictures of 50 (8192 x 6144) and of 64."""
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


def has_more_frames(source: Source) -> bool:
    """Return whether the file holds more pictures than the first (an animation, pages), which are not read."""
    with opened_picture(source) as image:
        try:
            return getattr(image, "n_frames", 1) > 1
        except BROKEN:
            # What comes after the first picture is damaged, and not read anyway.
            return False


def read_image(source: Source) -> RGB:
    """Read a picture: (H, W, 3) uint8 RGB, upright; of an animation or pages the first. What is transparent is white.

    Raises MediaError ``empty``, ``unknown_type``, ``heic_unsupported``, ``too_large`` (before anything is decoded) or
    ``damaged_image``.
    """
    with opened_picture(source) as image:
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
            return np.array(_eight_bit_rgb(upright))
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
        raise media_error("unread_video" if kind == "unread_video" else "unknown_type")
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


def _rewound(source: Source) -> Source:
    if not isinstance(source, Path):
        source.seek(0)
    return source


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow's own conversion cuts 16 bits off at 255, which turns nearly every picture white.
        deep = np.asarray(image).astype(np.float64)
        image = Image.fromarray((deep / 65535 * 255).round().clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def heic_available() -> bool:
    """Return whether HEIC pictures can be read here."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
