"""What decoding without rights costs: the same pass over a video in a reader and in this process, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.spent import Spent
from fer_core.analyzer import WORK_SIDE_PX
from fer_core.decoder.video import frames as frames_here
from fer_core.media.video import frames as frames_of_reader
from fer_core.types import Frame

WAYS: dict[str, Callable[[Path, float, int], Iterator[Frame]]] = {
    "in this process": frames_here,
    "in a reader": frames_of_reader,
}


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a video: how many frames were taken, in how many seconds of time and of processor time."""

    frames: int
    wall_s: float
    cpu_s: float


def measure(path: Path, every_s: float, rounds: int) -> dict[str, list[Pass]]:
    """Return so many passes of each way, which take turns; one of each goes before and doesn't count."""
    found: dict[str, list[Pass]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way, frames in WAYS.items():
            with Spent() as spent:
                count = sum(1 for _ in frames(path, every_s, WORK_SIDE_PX))
            if number:
                found[way].append(Pass(count, spent.wall_s, spent.cpu_s))
    return found


def table(found: dict[str, list[Pass]]) -> str:
    """Return the least and the median of each way for people."""
    lines = [f"{'':<16}{'frames':>7}{'wall s':>8}{'median':>8}{'CPU s':>8}{'median':>8}{'frames/s':>10}"]
    for way, passes in found.items():
        wall, cpu = [one.wall_s for one in passes], [one.cpu_s for one in passes]
        figures = f"{min(wall):>8.2f}{median(wall):>8.2f}{min(cpu):>8.2f}{median(cpu):>8.2f}"
        lines.append(f"{way:<16}{passes[0].frames:>7}{figures}{passes[0].frames / min(wall):>10.0f}")
    return "\n".join(lines)
