"""Untrusted bytes are decoded first in a separate, limited process, which answers with a verdict.

``python -m fer_core.sandbox`` is that process; it imports neither torch nor anything that keeps patients' data. It gets
a file that is open already range by range through a socket: neither a key nor a readable copy of the file.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from fer_core.errors import MEDIA_CODES, MediaError, media_error
from fer_core.media.created import created_at, picture_created_at
from fer_core.media.image import has_more_frames, picture_size, read_image, sniff
from fer_core.media.ranges import RemoteRanges, serving
from fer_core.media.source import Source
from fer_core.media.video import frames, probe

MEMORY_BYTES = 2 * 1024**3
CPU_S = 20
WALL_S = 30
TRIED_FRAMES = 3


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a file is: ``"image"`` or ``"video"``, its upright size in px, its length in seconds (None: unknown).

    `warnings` are sentences for the clinician about what will not be read. `media_type`: as what browsers play a video,
    None where they don't. `created`: when it was recorded, as is written in it (ISO 8601), or None.
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


def inspect_file(source: Source) -> FileVerdict:
    """Look at a file in a process of its own, limited in memory, processor time and time.

    Raises MediaError with a code of `MEDIA_CODES`; ``unreadable_file`` where the process broke or ran out of time; and
    whatever reading an open file raises here.
    """
    if isinstance(source, Path):
        return _ask(["--path", str(source.absolute())])
    with serving(source) as link:
        return _ask(["--link", str(link)], link)


def examine(source: Source) -> FileVerdict:
    """Look at a file in this process: header, and the first frames. Raises MediaError."""
    if sniff(source) in ("image", "heic"):
        width, height = picture_size(source)
        read_image(source)
        warnings = ("Only the first picture of this file is read.",) if has_more_frames(source) else ()
        return FileVerdict("image", width, height, warnings=warnings, created=picture_created_at(source))
    info = probe(source)
    for _ in islice(frames(source, every_s=0, max_side_px=640), TRIED_FRAMES):
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


def _ask(arguments: list[str], *links: int) -> FileVerdict:
    """Start the process and return its verdict."""
    command = [sys.executable, "-m", "fer_core.media.sandbox", *arguments]
    root = Path(__file__).parents[2]
    try:
        # Nothing of the environment, for it may hold keys.
        found = subprocess.run(
            command,
            cwd=root,
            env={"PATH": os.defpath},
            pass_fds=links,
            capture_output=True,
            timeout=WALL_S,
            check=False,
        )
        answer = json.loads(found.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError, UnicodeDecodeError):
        raise media_error("unreadable_file") from None
    if "error" in answer:
        code = answer["error"]
        raise media_error(code if code in MEDIA_CODES else "unreadable_file")
    return FileVerdict(**(answer | {"warnings": tuple(answer["warnings"])}))


def _source(how: str, where: str) -> Source:
    """Return what is to be looked at, as the arguments name it."""
    if how == "--path":
        return Path(where)
    return cast(BinaryIO, io.BufferedReader(RemoteRanges(socket.socket(fileno=int(where)))))


def limit_this_process(mapped_bytes: int = 0) -> None:
    """Take limits upon this process, as far as the system knows them.

    `mapped_bytes`: address space that a fork has from its parent; it may use as much as a fresh process on top of that.
    """
    for name, value in (("RLIMIT_AS", mapped_bytes + MEMORY_BYTES), ("RLIMIT_CPU", CPU_S), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def main() -> None:
    """Answer on standard output, as JSON: a verdict, or the code of an error."""
    limit_this_process()
    try:
        answer = asdict(examine(_source(*sys.argv[1:3])))
    except MediaError as error:
        answer = {"error": error.code}
    except MemoryError:
        answer = {"error": "too_large"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
