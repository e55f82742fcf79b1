"""Look at thousands of mutated files as an upload is looked at, each in a process of its own with its limits."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fer_core.errors import MEDIA_CODES, MediaError
from fer_core.media.sandbox import WALL_S, examine, limit_this_process

_CODES = sorted(MEDIA_CODES)
_READABLE, _BROKEN = 100, 101


def mutate(whole: bytes, edits: Sequence[tuple[float, int]], keep: float) -> bytes:
    """Return the first part of a file (`keep`, 0 to 1) with bytes replaced at places that are shares of its length."""
    data = bytearray(whole[: max(1, int(keep * len(whole)))])
    for place, value in edits:
        data[int(place * len(data))] = value
    return bytes(data)


def verdict_of(path: Path) -> str:
    """Return "readable", the code of a refusal, or how the process that looked ended: "signal 11", "timeout", "error".

    A fork spares the second that a fresh interpreter takes; the limits are those of the real one.
    """
    child = os.fork()
    if child == 0:
        os._exit(_answer(path))
    ends = time.monotonic() + WALL_S
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > ends:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout"
        time.sleep(0.001)
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    code = os.WEXITSTATUS(status)
    if code == _READABLE:
        return "readable"
    return _CODES[code] if code < len(_CODES) else "error"


def _answer(path: Path) -> int:
    """Look at a file in the child and return what it ends with."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    limit_this_process(_mapped_bytes())
    try:
        examine(path)
    except MediaError as error:
        return _CODES.index(error.code)
    except MemoryError:
        return _CODES.index("too_large")
    except BaseException:  # noqa: BLE001 a broken child is what is looked for
        return _BROKEN
    return _READABLE


def _mapped_bytes() -> int:
    """Return the address space of this process, 0 where the system doesn't tell: PyTorch alone maps gigabytes."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def fuzz(files: Sequence[Path], count: int, seed: int = 0, say: Callable[[str], None] = lambda _: None) -> Counter[str]:
    """Return how often each answer was given to `count` mutations of the files, taken in turn.

    `say` is told of each mutation that got no answer from the table.
    """
    chance = np.random.default_rng(seed)
    originals = [(path, path.read_bytes()) for path in files]
    answers: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            source, whole = originals[number % len(originals)]
            places = chance.random(int(chance.choice((1, 4, 16, 64))))
            edits = [
                (float(place), int(value))
                for place, value in zip(places, chance.integers(0, 256, len(places)), strict=True)
            ]
            keep = 1.0 if chance.random() < 2 / 3 else float(chance.random())
            path = Path(folder) / f"m{source.suffix}"
            path.write_bytes(mutate(whole, edits, keep))
            answer = verdict_of(path)
            answers[answer] += 1
            if answer not in MEDIA_CODES and answer != "readable":
                say(f"mutation {number}, of {source.name}: {answer}")
            path.unlink()
        answers["files left behind"] = len(os.listdir(folder))
    return answers
