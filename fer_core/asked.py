"""What the command line is asked for, looked at before minutes of analysis: nothing overwrites what is read."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from fer_core.errors import MediaError
from fer_core.names import shown
from fer_core.types import Box, RecordingAnalysis

STANDARD_OUTPUT = "-"
FILES = ("csv", "json", "annotate", "plot")
OF_ONE_FILE = ("annotate", "plot")


def objection(options: argparse.Namespace) -> str | None:
    """Return why the outputs that were asked for can't be written, or None. `options`: those of ``fer FILE...``."""
    asked = {f"--{name}": str(getattr(options, name)) for name in FILES if getattr(options, name)}
    for name in OF_ONE_FILE:
        if f"--{name}" in asked and len(options.files) > 1:
            return f"--{name} is of one file: please name one, or call the command for each"
    if options.pixelate and not options.annotate:
        return "--pixelate changes the copy of --annotate: please name that too"
    if options.stability and asked:
        return f"--stability prints a table: please call the command again for {next(iter(asked))}"
    for number, (option, name) in enumerate(asked.items()):
        other = next((before for before, its in [*asked.items()][:number] if _same(its, name)), None)
        if other is not None:
            return f"{other} and {option} can't both go to one place"
        found = _objection(option, name, options.files)
        if found is not None:
            return found
    return None


def check_source(path: Path, options: argparse.Namespace) -> None:
    """Raise MediaError for what is no file, and for a picture of which a copy with boxes is asked for."""
    if not path.exists():
        raise MediaError("There is no such file.")
    if path.is_dir():
        raise MediaError("This is a folder. Please name the files in it.")
    from fer_core.media.kinds import sniff

    if options.annotate and sniff(path) in ("image", "heic"):
        raise MediaError("This is a picture: --annotate makes copies of videos.", "no_video_stream")


def check_patient(analysis: RecordingAnalysis, patient: int | Box | None) -> None:
    """Raise MediaError where the face that was asked for is nowhere: its shares would be those of nobody."""
    if patient is None:
        return
    from fer_core.reading.reading import find_track

    tracks = {seen.face.track for result in analysis.results for seen in result.faces}
    if find_track(analysis.results, patient) not in tracks:
        which = f"the number {patient}" if isinstance(patient, int) else "that box"
        raise MediaError(f"No face with {which} was seen. Without --patient all faces are listed.", "no_such_face")


def _objection(option: str, name: str, read: Sequence[str]) -> str | None:
    if name == STANDARD_OUTPUT and option not in ("--annotate", "--plot"):
        return None
    if any(_same(name, source) for source in read):
        return f"{option} would overwrite {shown(name)}, which is to be read: please choose another name"
    target = Path(name)
    if target.is_dir():
        return f"{option}: {shown(name)} is a folder: please name a file"
    if not target.parent.is_dir():
        return f"{option}: the folder {target.parent} is not there"
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        return f"{option}: {shown(name)} can't be written"
    return None


def _same(one: str, other: str) -> bool:
    """Return whether two names are one file, also through a link."""
    if STANDARD_OUTPUT in (one, other):
        return one == other
    try:
        return os.path.samefile(one, other)
    except OSError:
        return Path(one).resolve() == Path(other).resolve()
