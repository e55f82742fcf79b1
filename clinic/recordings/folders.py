"""Whole folders of recordings on the server, imported through the same checks as an upload.

Of a folder, each subfolder bears the name of a patient, or the folder is one patient's. A video is a recording; the
pictures of one day are one recording. No link is followed and nothing outside the folder is opened.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from clinic import access, clock, phrases, words
from clinic.access import CONSOLE, Actor
from clinic.jobs import jobs, reanalysis
from clinic.patients import caseload, fields
from clinic.recordings import uploads
from clinic.recordings.taken import Taken, names_a_day, suggestion
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import Database
from db.models import Patient
from fer_core.errors import FerError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Without O_NONBLOCK a pipe that lies there would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

DAY_GUESSED = (
    "No day was understood in its name or in the file, so it is that on which the file was last changed: please"
    " check it."
)


@dataclass(frozen=True, slots=True)
class Line:
    """The result for one file, or for a folder that could not be used at all: a sentence; `taken`: it was imported."""

    name: str
    taken: bool
    sentence: str


Said = Callable[[Line], None]


def offered(db: Database, settings: Settings, actor: Actor) -> list[str]:
    """Return the folders that may be imported from a page: those in the folder that the settings name.

    Raises Forbidden ``only_administrators``.
    """
    with db.read() as session:
        access.require_administrator_or_console(session, actor)
    if settings.import_dir is None or not settings.import_dir.is_dir():
        return []
    with _opened(settings.import_dir) as root:
        return [name for name in _names(root) if _is_text(name) and stat.S_ISDIR(_lstat(root, name).st_mode)]


def bring_offered(
    db: Database, settings: Settings, actor: Actor, name: str, code: str | None = None, on_line: Said | None = None
) -> list[Line]:
    """Import one of the `offered` folders for patients of the user's caseload, and return the result for each file.

    `code`: the folder is this patient's. Raises Forbidden, FerError ``unknown_folder``.
    """
    if settings.import_dir is None or name not in offered(db, settings, actor):
        raise FerError("This folder is not there.", "unknown_folder")
    with _opened(settings.import_dir) as root, _opened(name, root) as folder:
        return _bring(_Intake(db, settings, actor, on_line), folder, name if code is None else code, code is None)


def bring_by_console(
    db: Database, settings: Settings, folder: Path, code: str | None = None, on_line: Said | None = None
) -> list[Line]:
    """Import a folder for any patients, for the console's user, who can read the server's files anyway.

    Raises FerError ``unknown_folder``.
    """
    if not folder.is_dir():
        raise FerError("This folder is not there.", "unknown_folder")
    with _opened(folder.resolve()) as opened:
        return _bring(_Intake(db, settings, CONSOLE, on_line), opened, code or folder.name, code is None)


class _Intake:
    """Imports files for the acting user, and collects the result for each."""

    def __init__(self, db: Database, settings: Settings, actor: Actor, on_line: Said | None) -> None:
        self.db, self.settings, self.actor, self._on_line = db, settings, actor, on_line
        self.lines: list[Line] = []

    def say(self, name: str, taken: bool, sentence: str) -> None:
        # A name that is no UTF-8 is shown with a sign in place of each such byte.
        shown = os.fsencode(name).decode("utf-8", "replace")
        line = Line(uploads.clean_name(shown), taken, sentence)
        self.lines.append(line)
        if self._on_line is not None:
            self._on_line(line)

    def patient_of(self, code: str) -> str:
        """Return the id of a patient; a user of a page learns nothing about patients of others."""
        if not _is_text(code):
            raise FerError("The folder's name is not UTF-8. Please give it the patient's name again.", "bad_name")
        name = fields.valid_name(code)
        if self.actor is CONSOLE:
            return reanalysis.find_patient(self.db, self.actor, code)
        own = [
            patient.id
            for patient in caseload.list_patients(self.db, self.actor)
            if name in (patient.name, patient.code) and patient.emergency_until is None
        ]
        if len(own) != 1:
            raise FerError("No patient on your caseload has exactly this name.", "unknown_patient")
        return own[0]

    def store(self, folder: int, name: str, patient_id: str) -> tuple[Upload, Taken] | None:
        try:
            with _file(folder, name) as file:
                found = os.fstat(file.fileno())
                uploads.check_quota(self.settings, found.st_size)
                upload = uploads.store(self.db, self.settings, self.actor, file, name)
                try:
                    return upload, self.taken(upload, found.st_mtime, patient_id)
                except FerError:
                    uploads.discard(self.settings, [upload.id])
                    raise
        except FerError as refusal:
            self.say(name, False, refusal.message)
        except OSError:
            self.say(name, False, "This is not a readable file, or it is a link, which is not followed.")
        return None

    def taken(self, upload: Upload, modified: float, patient_id: str) -> Taken:
        """Return when it was recorded: as its name or its container says, or the day on which it was last changed.

        Raises FerError ``bad_day`` where the name may say a day that can't be read: none is guessed against it.
        """
        with self.db.read() as session:
            zone, born_on = clock.zone(session), session.get_one(Patient, patient_id).born_on
        now = clock.now().astimezone(zone)
        found = suggestion(upload.name, upload.created, zone, now.date(), born_on)
        if found is None and names_a_day(upload.name):
            raise FerError(
                "The day in its name can't be that of a recording, or it is not clear: its form or zone isn't known,"
                " or it may be a date of birth. Please correct the name, enter the patient's date of birth, or add the"
                " file on the patient's page.",
                "bad_day",
            )
        if found is None:
            return Taken(min(datetime.fromtimestamp(modified, zone).date(), now.date()), guessed=True)
        # A time of today that is still to come is that of a clock that is wrong.
        to_come = found.time is not None and found.day == now.date() and found.time > now.time()
        return Taken(found.day) if to_come else found

    def enqueue(self, patient_id: str, files: list[Upload], taken_at: Taken) -> None:
        try:
            queued = jobs.enqueue(
                self.db, self.settings, self.actor, patient_id, files, taken_at.day, recorded_time=taken_at.time
            )
        except FerError as refusal:
            taken, sentence = False, refusal.message
        else:
            taken, sentence = True, _what_came(queued, taken_at, len(files))
            if queued.counted_twice:
                sentence += " " + words.COUNTED_TWICE.format(pictures=phrases.counted(queued.counted_twice, "picture"))
            if queued.also_here:
                visits = "; ".join(phrases.visit(one) for _, one in queued.also_here)
                sentence += " " + words.SAME_FILE_TWICE.format(visits=visits)
            if queued.also_elsewhere:
                sentence += f" {words.SAME_FILE_ELSEWHERE}"
        for file in files:
            self.say(file.name, taken, sentence)


def _bring(intake: _Intake, folder: int, code: str, of_several: bool) -> list[Line]:
    for name in _names(folder) if of_several else ():
        try:
            if stat.S_ISDIR(_lstat(folder, name).st_mode):
                with _opened(name, folder) as inner:
                    _bring_patient(intake, inner, name)
            else:
                intake.say(name, False, "It is not in a patient's folder.")
        except OSError:
            intake.say(name, False, "This folder can't be read.")
    if not of_several:
        _bring_patient(intake, folder, code)
    return intake.lines


def _bring_patient(intake: _Intake, folder: int, code: str) -> None:
    """Import one patient's folder: each video separately, the pictures day by day."""
    try:
        patient_id = intake.patient_of(code)
    except FerError as refusal:
        intake.say(code, False, refusal.message)
        return
    pictures: dict[date, list[Upload]] = defaultdict(list)
    guessed: set[date] = set()
    try:
        for name in _names(folder):
            stored = intake.store(folder, name, patient_id)
            if stored is not None and stored[0].kind == "video":
                intake.enqueue(patient_id, [stored[0]], stored[1])
            elif stored is not None:
                pictures[stored[1].day].append(stored[0])
                guessed |= {stored[1].day} if stored[1].guessed else set()
        for day in sorted(pictures):
            intake.enqueue(patient_id, pictures.pop(day), Taken(day, guessed=day in guessed))
    finally:
        # After an early end, delete what no analysis would ever read.
        uploads.discard(intake.settings, [file.id for files in pictures.values() for file in files])


def _what_came(queued: jobs.Enqueued, taken_at: Taken, files: int) -> str:
    if queued.duplicate:
        return "The same recording is already stored; nothing was added." + _otherwise(queued, taken_at)
    if queued.stored is not None:
        return "The same recording is stored already, and another model analyses it." + _otherwise(queued, taken_at)
    sentence = f"Recording of {phrases.moment(taken_at.day, taken_at.time)}, waiting for its analysis."
    if files > 1:
        sentence += " Then its page asks in which of the pictures the patient's face is."
    return f"{sentence} {DAY_GUESSED}" if taken_at.guessed else sentence


def _otherwise(queued: jobs.Enqueued, taken_at: Taken) -> str:
    """Return what is stored of a file that is there already, where the file says another day or time; else nothing."""
    stored = queued.stored
    if stored is None or taken_at.guessed:
        return ""
    # As people read them: what is stored has no seconds.
    kept, said = phrases.moment(stored.recorded_on, stored.recorded_time), phrases.moment(taken_at.day, taken_at.time)
    return f" It is stored as of {kept}, and this file says {said}." if kept != said else ""


def _is_text(name: str) -> bool:
    """Return whether a name is UTF-8: of others Python keeps the bytes as half characters."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _names(folder: int) -> list[str]:
    """Return what lies in an open folder, hidden files left out."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def _lstat(folder: int, name: str) -> os.stat_result:
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


@contextmanager
def _opened(path: Path | str, within: int | None = None) -> Iterator[int]:
    """Open a folder; with `within`, one that lies there and is no link."""
    handle = os.open(path, _FOLDER, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _file(folder: int, name: str) -> Iterator[BinaryIO]:
    """Open a file that lies in an open folder. Raises OSError for a link, a folder, a pipe or a device."""
    handle = os.open(name, _FILE, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("no file")
        yield file
