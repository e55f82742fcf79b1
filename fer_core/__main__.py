"""Label the facial expressions in pictures and videos: ``fer FILE...``, or ``python -m fer_core FILE...``.

``fer live`` shows this computer's camera (fer_core/live).
"""

from __future__ import annotations

import os

# Threads that spin while they wait cost forty times the work beside another busy process; to be set before torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core import asked, core_files, results
from fer_core.errors import FerError
from fer_core.media.process import READERS
from fer_core.names import shown
from fer_core.pipes import end_quietly
from fer_core.types import Box, Progress, RecordingAnalysis

# What takes seconds to load is imported where it is used: --help and a mistyped option answer at once.
if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

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

                print(results.stability_table(name, stability(analyzer, path, options.every)))
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


def _write(done: list[tuple[str, RecordingAnalysis]], to_csv: str | None, to_json: str | None) -> None:
    if to_csv:
        results.write_csv(to_csv, done)
    if to_json:
        results.write_json(to_json, done)
    for name, analysis in done:
        if not to_csv and not to_json:
            print(results.in_words(name, analysis))
            continue
        for warning in analysis.warnings:
            print(f"{name}: {warning}", file=sys.stderr)


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


if __name__ == "__main__":
    sys.exit(main())
