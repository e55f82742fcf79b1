"""Untrusted bytes are decoded first in a separate, limited process, which answers with a verdict.

``python -m fer_core.sandbox FILE`` is that process; it imports neither torch nor anything that keeps patients' data.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from fer_core.errors import MEDIA_CODES, MediaError, media_error
from fer_core.image import has_more_frames, picture_size, read_image, sniff
from fer_core.video import frames, probe

MEMORY_BYTES = 2 * 1024**3
CPU_S = 20
WALL_S = 30
TRIED_FRAMES = 3


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a file is: ``"image"`` or ``"video"``, its upright size in px, its length in seconds (None: unknown).

    `warnings` are sentences for the clinician about what will not be read.
    """

    kind: str
    width_px: int
    height_px: int
    duration_s: float | None = None
    warnings: tuple[str, ...] = ()


def inspect_file(path: Path) -> FileVerdict:
    """Look at a file in a process of its own, limited in memory, processor time and time.

    Raises MediaError with a code of `MEDIA_CODES`; ``unreadable_file`` where the process broke or ran out of time.
    """
    command = [sys.executable, "-m", "fer_core.sandbox", str(path.absolute())]
    root = Path(__file__).parents[1]
    try:
        found = subprocess.run(command, cwd=root, capture_output=True, timeout=WALL_S, check=False)
        answer = json.loads(found.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError, UnicodeDecodeError):
        raise media_error("unreadable_file") from None
    if "error" in answer:
        code = answer["error"]
        raise media_error(code if code in MEDIA_CODES else "unreadable_file")
    return FileVerdict(**(answer | {"warnings": tuple(answer["warnings"])}))


def examine(path: Path) -> FileVerdict:
    """Look at a file in this process: header, and the first frames. Raises MediaError."""
    if sniff(path) in ("image", "heic"):
        width, height = picture_size(path)
        read_image(path)
        warnings = ("Only the first picture of this file is read.",) if has_more_frames(path) else ()
        return FileVerdict("image", width, height, warnings=warnings)
    info = probe(path)
    for _ in islice(frames(path, every_s=0, max_side_px=640), TRIED_FRAMES):
        pass
    return FileVerdict("video", info.width_px, info.height_px, info.duration_s)


def limit_this_process(held_bytes: int = 0) -> None:
    """Take limits upon this process, as far as the system knows them; `held_bytes` of memory are its own already."""
    for name, value in (("RLIMIT_AS", held_bytes + MEMORY_BYTES), ("RLIMIT_CPU", CPU_S), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def main() -> None:
    """Answer on standard output, as JSON: a verdict, or the code of an error."""
    limit_this_process()
    try:
        answer = asdict(examine(Path(sys.argv[1])))
    except MediaError as error:
        answer = {"error": error.code}
    except MemoryError:
        answer = {"error": "too_large"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
