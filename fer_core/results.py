"""What was found in files, as ``fer`` gives it out: a table, JSON, or a few lines for people."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from fer_core.emotions import EMOTION_LABELS
from fer_core.types import FrameResult, RecordingAnalysis, Status

# What takes seconds to load is imported where it is used: --help and a mistyped option answer at once.
if TYPE_CHECKING:
    from fer_core.reading.reading import Reading
    from fer_core.stability import Stability

COLUMNS = ("file", "time_s", "face", "left", "top", "right", "bottom", "confidence", "status", *EMOTION_LABELS)


def stability_table(name: str, found: Sequence[Stability]) -> str:
    """Return how far each label's share moves, in percentage points."""
    if not found:
        return f"{name}: no face was found, so nothing can be compared"
    lines = [f"{name}: {found[0].faces} faces; change of each label's share in percentage points"]
    lines.append(f"  {'':<18}" + "".join(f"{label:>10}" for label in EMOTION_LABELS) + "  same label   distance")
    for one in found:
        moved = "".join(f"{share * 100:>+10.1f}" for share in one.moved)
        lines.append(f"  {one.name:<18}{moved}{one.same_label:>12.1%}{one.distance:>11.3f}")
    return "\n".join(lines)


def write_csv(target: str, done: Iterable[tuple[str, RecordingAnalysis]]) -> None:
    """Write one row for each face and sample of these files, by their names. Raises OSError."""
    with _opened(target) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, analysis in done:
            for result in analysis.results:
                writer.writerows(_rows(name, result))


def write_json(target: str, done: Iterable[tuple[str, RecordingAnalysis]]) -> None:
    """Write everything that was found in these files, by their names. Raises OSError."""
    with _opened(target) as file:
        json.dump([_as_json(name, analysis) for name, analysis in done], file, indent=1)
        file.write("\n")


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdout
        return
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        yield file


def _rows(name: str, result: FrameResult) -> Iterator[list[Any]]:
    """Yield a row for each face, or the one row that says that there was none."""
    file, time_s = _text(name), f"{result.time_s:.3f}"
    if not result.faces:
        status = Status.DAMAGED if result.damaged else Status.NO_FACE
        yield [file, time_s, "", "", "", "", "", "", status.value, *[""] * len(EMOTION_LABELS)]
    for seen in result.faces:
        box = seen.face.box
        corners = [f"{value:.1f}" for value in (box.left, box.top, box.right, box.bottom)]
        numbers = [""] * len(EMOTION_LABELS) if seen.probabilities is None else [f"{p:.4f}" for p in seen.probabilities]
        yield [file, time_s, seen.face.track, *corners, f"{seen.face.confidence:.3f}", seen.status.value, *numbers]


def _text(name: str) -> str:
    """Return a name that a spreadsheet takes for text and never for a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _as_json(name: str, analysis: RecordingAnalysis) -> dict[str, Any]:
    return {
        "file": name,
        "width_px": analysis.info.width_px,
        "height_px": analysis.info.height_px,
        "duration_s": analysis.info.duration_s,
        "model_sha256": analysis.model_sha256,
        "device": analysis.device,
        "every_s": analysis.settings.every_s,
        "uncertain_below": analysis.settings.uncertain_below,
        "damaged_frames": analysis.damaged_frames,
        "skipped_frames": analysis.skipped_frames,
        "partial": analysis.partial,
        "warnings": list(analysis.warnings),
        "samples": [
            {
                "time_s": round(result.time_s, 6),
                "faces": [
                    {
                        "face": seen.face.track,
                        "box": [seen.face.box.left, seen.face.box.top, seen.face.box.right, seen.face.box.bottom],
                        "confidence": seen.face.confidence,
                        "status": seen.status.value,
                        "probabilities": None
                        if seen.probabilities is None
                        else dict(zip(EMOTION_LABELS, seen.probabilities, strict=True)),
                    }
                    for seen in result.faces
                ],
            }
            for result in analysis.results
        ],
    }


def in_words(name: str, analysis: RecordingAnalysis) -> str:
    """Return a few lines for people: usable share first, then the labels with their intervals."""
    from fer_core.reading.reading import main_track, read, series_of

    results = analysis.results
    usable = sum(any(seen.status.usable for seen in result.faces) for result in results)
    lines = [f"{name}: {usable} of {len(results)} samples with a usable face; {analysis.device}"]
    tracks = len({seen.face.track for result in results for seen in result.faces})
    main = main_track(results)
    if main is not None:
        series = series_of(results, main, analysis.settings.every_s, analysis.settings.uncertain_below)
        lines += _reading_in_words(read(series), main, tracks)
    if analysis.damaged_frames:
        lines.append(f"  {analysis.damaged_frames} damaged places were left out")
    lines += [f"  {warning}" for warning in analysis.warnings]
    if analysis.skipped_frames and not analysis.warnings:
        lines.append(
            f"  {analysis.skipped_frames} pictures without a usable time, or without those they need, were left out"
        )
    if analysis.partial:
        lines.append("  the file ends before its header says so: only a part was analysed")
    return "\n".join(lines)


def _reading_in_words(found: Reading, track: int, tracks: int) -> list[str]:
    gap = f", longest gap {found.longest_gap_s:.1f} s" if found.samples > 1 and found.longest_gap_s is not None else ""
    lines = [f"  face {track} of {tracks}: usable {found.usable_share:.1%}{gap}; basis: {found.light.value}"]
    lines += [f"    {status.value:<10} {share:6.1%} (no label)" for status, share in found.reasons.items()]
    for label, share, low, high in zip(
        (*EMOTION_LABELS, "uncertain"), found.shares, found.low, found.high, strict=False
    ):
        interval = f" (95 % interval {low:.1%} to {high:.1%})" if found.interval_known else ""
        lines.append(f"    {label:<10} {share:6.1%}{interval}")
    if found.movement is not None:
        lines.append(f"    movement {found.movement:.2f} (how much the outputs change from second to second, 0 to 1)")
    if found.valence is not None and found.arousal is not None:
        lines.append(
            f"    derived index, not a measurement: valence {found.valence:+.2f} ± {found.valence_reach:.2f},"
            f" arousal {found.arousal:+.2f} ± {found.arousal_reach:.2f} (95 % interval)"
        )
    return lines
