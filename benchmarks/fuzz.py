"""Look at thousands of mutated files as an upload is looked at, each in a process of its own without rights."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fer_core.errors import MediaError
from fer_core.media.sandbox import inspect_file

BROKEN = ("unreadable_file", "hostile_file")
"""What is said where the process that looked ended before its answer: by a signal, for want of time, or shut out."""


def mutate(whole: bytes, edits: Sequence[tuple[float, int]], keep: float) -> bytes:
    """Return the first part of a file (`keep`, 0 to 1) with bytes replaced at places that are shares of its length."""
    data = bytearray(whole[: max(1, int(keep * len(whole)))])
    for place, value in edits:
        data[int(place * len(data))] = value
    return bytes(data)


def verdict_of(path: Path) -> str:
    """Return "readable", or the code of a refusal."""
    try:
        inspect_file(path)
    except MediaError as error:
        return error.code
    return "readable"


def fuzz(files: Sequence[Path], count: int, seed: int = 0, say: Callable[[str], None] = lambda _: None) -> Counter[str]:
    """Return how often each answer was given to `count` mutations of the files, taken in turn.

    `say` is called with each mutation that broke the process.
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
            if answer in BROKEN:
                say(f"mutation {number}, of {source.name}: {answer}")
            path.unlink()
        answers["files left behind"] = len(os.listdir(folder))
    return answers
