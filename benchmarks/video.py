"""The analysis of a video beside other ways of doing it: time, memory, and whether the same faces are found."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.spent import Spent
from benchmarks.ways import WAYS, Seen
from fer_core.media import reader
from fer_core.types import Box

SURE = 0.95
SAME_IOU = 0.5


def measure(way: str, path: Path, every_s: float, out: Path) -> None:
    """Run one way in this process and write what it saw and what it took to `out`; loading the models doesn't count."""
    analyze = WAYS[way]()
    # The server of the readers is started once, as the models are loaded once.
    reader.protection()
    with Spent() as spent:
        seen = analyze(path, every_s)
    took = {
        "wall_s": spent.wall_s,
        "cpu_s": spent.cpu_s,
        "peak_mb": spent.peak_mb,
        "process_mb": spent.process_mb,
    }
    out.write_text(json.dumps({"seen": seen, "samples": len(seen), **took}))


def run(way: str, path: Path, every_s: float) -> dict[str, Any] | None:
    """Run one way in a process of its own; None where what it needs is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks", "one", way, str(path), str(every_s), str(out)]
        begun = time.perf_counter()
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            if "ModuleNotFoundError" in done.stderr:
                return None
            raise SystemExit(done.stderr)
        found: dict[str, Any] = json.loads(out.read_text())
        return found | {"process_s": time.perf_counter() - begun}


def agreement(ours: Seen, reference: Seen) -> dict[str, float | int]:
    """Compare with the reference, frame by frame: its sure faces found, overlap, difference of probabilities.

    Frames are matched by their times; a face counts as found from an IoU of 0.5 on.
    """
    by_time = {round(frame["time_s"], 3): frame["faces"] for frame in ours}
    sure, overlaps, differences = 0, [], []
    for frame in reference:
        mine = by_time.get(round(frame["time_s"], 3), [])
        for face in frame["faces"]:
            if face["confidence"] <= SURE:
                continue
            sure += 1
            box = Box(*face["box"])
            best = max(mine, key=lambda other: box.iou(Box(*other["box"])), default=None)
            if best is None or box.iou(Box(*best["box"])) < SAME_IOU:
                continue
            overlaps.append(box.iou(Box(*best["box"])))
            if best["probabilities"] is not None and face["probabilities"] is not None:
                pairs = zip(best["probabilities"], face["probabilities"], strict=True)
                differences.append(statistics.fmean(abs(a - b) for a, b in pairs))
    return {
        "sure_faces": sure,
        "found": len(overlaps) / sure if sure else 1.0,
        "median_iou": statistics.median(overlaps) if overlaps else 0.0,
        "mean_difference": statistics.fmean(differences) if differences else 0.0,
    }


def compare(path: Path, every_s: float, ways: list[str]) -> dict[str, Any]:
    """Run the ways one after the other and return all figures."""
    found = {way: run(way, path, every_s) for way in ways}
    result: dict[str, Any] = {"file": path.name, "every_s": every_s, "cores": os.cpu_count(), "ways": {}}
    for way, figures in found.items():
        result["ways"][way] = None if figures is None else {k: v for k, v in figures.items() if k != "seen"}
    ours, reference = found.get("ours"), found.get("MTCNN frame by frame")
    if ours and reference:
        result["agreement"] = agreement(ours["seen"], reference["seen"])
    return result


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [
        f"{result['file']}, a sample every {result['every_s']} s, {result['cores']} cores",
        f"{'way':<22}{'samples':>9}{'wall s':>9}{'CPU s':>9}{'samples/s':>11}{'peak MB':>9}",
    ]
    for way, figures in result["ways"].items():
        if figures is None:
            lines.append(f"{way:<22}{'not installed':>47}")
            continue
        rate = figures["samples"] / figures["wall_s"]
        lines.append(
            f"{way:<22}{figures['samples']:>9}{figures['wall_s']:>9.1f}{figures['cpu_s']:>9.1f}{rate:>11.1f}"
            f"{figures['peak_mb']:>9.0f}"
        )
    if "agreement" in result:
        same = result["agreement"]
        lines.append(
            f"of {same['sure_faces']} faces that MTCNN is sure of: {same['found']:.1%} found, median IoU"
            f" {same['median_iou']:.3f}, mean difference of probabilities {same['mean_difference']:.3f}"
        )
    return "\n".join(lines)
