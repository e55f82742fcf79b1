"""Everything that a decoder loads late is loaded now, with a video and pictures of our own: later no file opens."""

from __future__ import annotations

import codecs
import gc
import importlib
import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image, features

from fer_core.decoder.examine import examine
from fer_core.decoder.image import heic_available
from fer_core.decoder.spans import spans

_ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
"""What the texts in a file may be written in; Python loads each when it is needed first."""
_LATE = (
    "_strptime",
    "av.audio.codeccontext",
    "av.audio.stream",
    "av.subtitles.codeccontext",
    "av.subtitles.stream",
    "colorsys",
    "linecache",
    "mmap",
    "numpy._core._internal",
    "numpy.random",
    "PIL.ImageCms",
    "PIL.ImageColor",
    "PIL.ImageFilter",
    "PIL.ImagePalette",
)
"""What the decoders import inside of their functions, for files of a rarer kind."""
_SIDE_PX = 32


def warm_up() -> None:
    """Write and read a small file of each kind in memory."""
    for name in _ENCODINGS:
        codecs.lookup(name)
    for name in _LATE:
        importlib.import_module(name)
    Image.init()
    heic_available()
    black = Image.new("RGB", (_SIDE_PX, _SIDE_PX))
    for form in ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"):
        if form in ("WEBP", "AVIF") and not features.check(form.lower()):
            continue
        exif = black.getexif()
        exif[0x0112] = 6
        written = io.BytesIO()
        black.save(written, form, exif=exif)
        examine(written)
    examine(_video())
    spans(_video(), 1.0)
    # Threads of decoders end with them.
    gc.collect()


def _video() -> io.BytesIO:
    """Return two frames in MPEG-4, which every build of FFmpeg can write."""
    written = io.BytesIO()
    with av.open(written, "w", "matroska") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = _SIDE_PX
        stream.pix_fmt = "yuv420p"
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(np.zeros((_SIDE_PX, _SIDE_PX, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return written
