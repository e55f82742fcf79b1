"""What an analysis takes from its beginning to its end: memory and pace over the recording's own time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import psutil
from matplotlib.figure import Figure

from fer_core.analyzer import Analyzer

mpl.use("Agg")


@dataclass(frozen=True, slots=True)
class Mark:
    """After a chunk: seconds of video done, seconds that took, and the process's memory in MB."""

    done_s: float
    wall_s: float
    memory_mb: float


def watch(path: Path, every_s: float) -> list[Mark]:
    """Analyse a video in this process and return a mark for each chunk; the first one stands before it."""
    analyzer, process = Analyzer.open(), psutil.Process()
    begun = time.perf_counter()
    marks = [Mark(0.0, 0.0, process.memory_info().rss / 1e6)]
    for chunk in analyzer.stream_video(path, every_s):
        if chunk.results:
            done_s = chunk.results[-1].time_s
            marks.append(Mark(done_s, time.perf_counter() - begun, process.memory_info().rss / 1e6))
    return marks


def table(marks: Sequence[Mark]) -> str:
    """Return pace and memory of the first and the last tenth for people."""
    length_s = marks[-1].done_s
    first = [mark for mark in marks if mark.done_s <= length_s / 10]
    last = [mark for mark in marks if mark.done_s >= length_s * 9 / 10]
    lines = [f"{length_s / 60:.1f} min of video in {marks[-1].wall_s:.0f} s; models alone {marks[0].memory_mb:.0f} MB"]
    for name, part in (("first tenth", first), ("last tenth", last)):
        pace = (part[-1].done_s - part[0].done_s) / (part[-1].wall_s - part[0].wall_s)
        highest = max(mark.memory_mb for mark in part)
        lines.append(f"{name:<12} {pace:6.1f} s of video/s, at most {highest:.0f} MB")
    return "\n".join(lines)


def plot(marks: Sequence[Mark], target: Path) -> None:
    """Write the memory over the recording's own time as a picture."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([mark.done_s / 60 for mark in marks], [mark.memory_mb for mark in marks], color="#2A7DB8")
    axes.set(xlabel="analysed (minutes of video)", ylabel="memory (MB)", ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(target, dpi=110)
