"""Label the facial expressions in pictures and videos: ``fer FILE...``, or ``python -m fer_core FILE...``.

``fer live`` shows this computer's camera (fer_core/live).
"""

from __future__ import annotations

import os

# Threads that spin while they wait cost forty times the work beside another busy process; to be set before torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from fer_core import asked, core_files
from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from fer_core.media.process import READERS
from fer_core.names import shown
from fer_core.pipes import end_quietly
from fer_core.types import Box, FrameResult, Progress, RecordingAnalysis, Status

# What takes seconds to load is imported where it is used: --help and a mistyped option answer at once.
if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer
    from fer_core.reading.reading import Reading
    from fer_core.stability import Stability

COLUMNS = ("file", "time_s", "face", "left", "top", "right", "bottom", "confidence", "status", *EMOTION_LABELS)
BAR_WIDTH = 30
UNREADABLE, INTERRUPTED = 2, 130
EXIT_CODES = """\
exit codes:
  0    every file was analysed
  2    an option, the model or a file can't be used; the other files are still analysed
  130  interrupted
  141  the reader of the output has gone

Shows facial expressions as labelled by a model, not feelings or a diagnosis."""


def main(arguments: Sequence[str] | None = None, open_analyzer: Callable[[Path | None], Analyzer] | None = None) -> int:
    """Run the command line and return its exit code, see `EXIT_CODES`."""
    core_files.leave_none()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] == ["live"]:
            from fer_core.live import command

            command.main(arguments[1:])
            return 0
        options = _options(arguments)
        code = _run(options, open_analyzer(options.model) if open_analyzer is not None else _opened(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError as error:
        return end_quietly(error)
    except FerError as error:
        print(error.message, file=sys.stderr)
        return UNREADABLE
    except OSError as error:
        print(f"{error.filename or 'An output'} can't be written: {error.strerror or error}", file=sys.stderr)
        return UNREADABLE
    except KeyboardInterrupt:
        return INTERRUPTED


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, which can be met together; otherwise say why not, and end."""
    parser = _parser()
    options = parser.parse_args(arguments)
    objection = asked.objection(options)
    if objection is not None:
        parser.error(objection)
    return options


def _opened(options: argparse.Namespace) -> Analyzer:
    # The process that reads files loads what it needs while this one loads PyTorch.
    READERS.prepare()
    from fer_core.analyzer import Analyzer

    return Analyzer.open(options.model, options.device)


def _run(options: argparse.Namespace, analyzer: Analyzer) -> int:
    """Analyse one file after the other with one analyzer."""
    failed = False
    done: list[tuple[str, RecordingAnalysis]] = []
    for file in options.files:
        path, name = Path(file), shown(file)
        try:
            if options.stability:
                from fer_core.stability import stability

                print(_stability_table(name, stability(analyzer, path, options.every)))
                continue
            # To make the others unrecognisable they have to be followed too.
            patient = None if options.pixelate else options.patient
            asked.check_source(path, options)
            analysis = _analyze(analyzer, path, options.every, patient)
            asked.check_patient(analysis, options.patient)
            _draw(path, analysis, options)
            done.append((name, analysis))
        except FerError as error:
            print(f"{name}: {error.message} ({error.code})", file=sys.stderr)
            failed = True
    _write(done, options.csv, options.json)
    return UNREADABLE if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fer",
        description="Label the facial expressions in pictures and videos. Several files share one start. "
        "`fer live` shows this computer's camera instead; see `fer live --help`.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a picture or a video (./live for one called live)")
    _add_analysis(parser.add_argument_group("analysis"))
    _add_output(parser.add_argument_group("output (without any: a few lines for each file)"))
    return parser


def _add_analysis(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--every", type=_seconds, default=0.2, metavar="SECONDS", help="between samples; 0: every frame (default: 0.2)"
    )
    group.add_argument(
        "--patient",
        type=_patient,
        metavar="TRACK|BOX",
        help="whose face: a track's number, or left,top,right,bottom in px; other faces are left out",
    )
    group.add_argument("--device", choices=("cpu", "cuda", "mps"), help="default: the best available")
    group.add_argument(
        "--model", type=Path, metavar="CARD.json", help="model card of another model than the shipped one"
    )
    group.add_argument(
        "--stability",
        action="store_true",
        help="report how far the labels change when boxes and frames are moved a little",
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--csv", metavar="OUT", help="one row for each face and sample; - for standard output")
    group.add_argument("--json", metavar="OUT", help="everything as JSON; - for standard output")
    group.add_argument("--annotate", type=Path, metavar="OUT.mp4", help="a copy with boxes and labels")
    group.add_argument("--pixelate", action="store_true", help="in that copy, pixelate everything but one face")
    group.add_argument("--plot", type=Path, metavar="OUT.html", help="the model's outputs over time")
    group.add_argument("--smooth", type=_seconds, default=0.0, metavar="SECONDS", help="running mean in that plot")


def _patient(text: str) -> int | Box:
    try:
        numbers = [float(part) for part in text.split(",")]
        return int(text) if len(numbers) == 1 else Box(*numbers)
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError("a track's number, or left,top,right,bottom in px") from None


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("seconds are 0 or more")
    return value


def _analyze(analyzer: Analyzer, path: Path, every_s: float, patient: int | Box | None) -> RecordingAnalysis:
    from fer_core.media.kinds import sniff

    if sniff(path) in ("image", "heic"):
        return analyzer.analyze_image(path)
    with _bar(shown(path.name)) as report:
        return analyzer.analyze_video(path, every_s, report, patient)


def _draw(path: Path, analysis: RecordingAnalysis, options: argparse.Namespace) -> None:
    """Write the annotated copy and the plot, where they are asked for."""
    if not options.annotate and not options.plot:
        return
    from fer_core.reading.reading import find_track

    track = find_track(analysis.results, options.patient)
    if options.annotate:
        from fer_core.media.annotate import NOBODY, annotate

        kept = track if track is not None else NOBODY
        annotate(path, analysis.results, options.annotate, kept if options.pixelate else None)
    if options.plot and track is not None:
        from fer_core.reading.plot import write_plot

        write_plot(analysis.results, track, options.plot, options.smooth)


def _stability_table(name: str, found: Sequence[Stability]) -> str:
    """Return how far each label's share moves, in percentage points."""
    if not found:
        return f"{name}: no face was found, so nothing can be compared"
    lines = [f"{name}: {found[0].faces} faces; change of each label's share in percentage points"]
    lines.append(f"  {'':<18}" + "".join(f"{label:>10}" for label in EMOTION_LABELS) + "  same label   distance")
    for one in found:
        moved = "".join(f"{share * 100:>+10.1f}" for share in one.moved)
        lines.append(f"  {one.name:<18}{moved}{one.same_label:>12.1%}{one.distance:>11.3f}")
    return "\n".join(lines)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[Progress], None] | None]:
    """Draw a progress bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    begun = time.monotonic()

    def report(at: Progress) -> None:
        share = at.share or 0.0
        filled = "#" * round(share * BAR_WIDTH)
        left_s = (time.monotonic() - begun) * (1 - share) / share if share > 0.02 else None
        left = f"{left_s:4.0f} s left" if left_s is not None else ""
        print(f"\r{name[:40]} [{filled:<{BAR_WIDTH}}] {share:4.0%} {left} ", end="", file=sys.stderr, flush=True)

    yield report
    print(file=sys.stderr)


def _write(done: list[tuple[str, RecordingAnalysis]], to_csv: str | None, to_json: str | None) -> None:
    if to_csv:
        with _target(to_csv) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for name, analysis in done:
                for result in analysis.results:
                    writer.writerows(_rows(name, result))
    if to_json:
        with _target(to_json) as file:
            json.dump([_as_json(name, analysis) for name, analysis in done], file, indent=1)
            file.write("\n")
    if not to_csv and not to_json:
        for name, analysis in done:
            print(_in_words(name, analysis))
    else:
        for name, analysis in done:
            for warning in analysis.warnings:
                print(f"{name}: {warning}", file=sys.stderr)


@contextmanager
def _target(name: str) -> Iterator[TextIO]:
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


def _in_words(name: str, analysis: RecordingAnalysis) -> str:
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


if __name__ == "__main__":
    sys.exit(main())
