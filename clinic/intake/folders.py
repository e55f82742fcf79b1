"""Whole folders of recordings on the server, imported through the same checks as an upload.

Of a folder, each subfolder bears the name of a patient, or the folder is one patient's. A video is a recording; the
pictures of one day are one recording. No link is followed and nothing outside the folder is opened.
"""

from __future__ import annotations

import os
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from clinic import access, clock, phrases, words
from clinic.access import CONSOLE, Actor
from clinic.intake import naming
from clinic.jobs import jobs, reanalysis
from clinic.patients import caseload, fields
from clinic.phrases import Person
from clinic.recordings import uploads
from clinic.recordings.moment import Taken, earliest, past
from clinic.recordings.taken import names_a_day, suggestion
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import Database
from db.models import Patient
from fer_core.errors import FerError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Without O_NONBLOCK a pipe that lies there would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

DAY_OF_CHANGE = "The day is that on which the file was last changed; nobody has confirmed it."
"""The note of a recording whose file says no day: it stands on every page, report and export of it."""
NAMED_OTHERWISE = "The day is that of the file's name; written in it is {inside}. Nobody has confirmed either."
"""The same of one whose name and content say different days."""
DAY_GUESSED = (
    "No day was understood in its name or in the file, so it is that on which the file was last changed: please"
    " check it."
)


class Result(StrEnum):
    """What became of a file, in the word for it and for several."""

    IMPORTED = "imported"
    STORED = "already stored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result for one file, or for a folder that could not be used at all: a sentence.

    `name`: with the patient's folder before it where there is one for each patient.
    """

    name: str
    result: Result
    sentence: str


Said = Callable[[FileResult], None]


def counted(lines: Sequence[FileResult]) -> str:
    """Return how many files were imported, were there already, and were refused."""
    found = Counter(line.result for line in lines)
    return ", ".join(f"{found[one]} {one}" for one in Result if found[one] or one is not Result.STORED)


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
) -> list[FileResult]:
    """Import one of the `offered` folders for patients of the user's caseload, and return the result for each file.

    `code`: the folder is this patient's. Raises Forbidden, FerError ``unknown_folder``.
    """
    if settings.import_dir is None or name not in offered(db, settings, actor):
        raise FerError("This folder is not there.", "unknown_folder")
    with _opened(settings.import_dir) as root, _opened(name, root) as folder:
        return _bring(_Intake(db, settings, actor, on_line), folder, name if code is None else code, code is None)


def bring_by_console(
    db: Database, settings: Settings, folder: Path, code: str | None = None, on_line: Said | None = None
) -> list[FileResult]:
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
        self.lines: list[FileResult] = []
        self.within = ""
        self._patients: dict[str, Person] | None = None

    def say(self, name: str, result: Result, sentence: str) -> None:
        # Days as names are usual, so one without its folder may be that of any patient.
        line = FileResult("/".join(map(_shown, filter(None, (self.within, name)))), result, sentence)
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
        if len(own) > 1:
            raise FerError(
                "Several patients on your caseload have this name. Please give the folder the code of the one that it"
                " belongs to.",
                "ambiguous_patient",
            )
        if not own:
            raise FerError("No patient on your caseload has exactly this name.", "unknown_patient")
        return own[0]

    def need_own_name(self, name: str, patient_id: str) -> None:
        """Refuse a file whose name names another patient. Raises FerError ``named_otherwise``."""
        known = self._known()
        others = naming.named_otherwise([name], known[patient_id], known.values())
        if others:
            raise FerError(
                f"Its name names another patient, {phrases.identity_text(others[0][1])}. Please check whose it is, and"
                " add it on the patient's page.",
                "named_otherwise",
            )

    def _known(self) -> dict[str, Person]:
        """Return the patients whom the acting user may know of, by id."""
        if self._patients is None:
            if self.actor is CONSOLE:
                with self.db.read() as session:
                    found: Iterable[Person] = session.scalars(select(Patient).where(~access.staged(Patient.id))).all()
            else:
                found = caseload.list_patients(self.db, self.actor)
            self._patients = {one.id: one for one in found}
        return self._patients

    def store(self, folder: int, name: str, patient_id: str) -> tuple[Upload, Taken] | None:
        try:
            self.need_own_name(name, patient_id)
            with _file(folder, name) as file:
                found = os.fstat(file.fileno())
                uploads.check_quota(self.db, self.settings, found.st_size)
                upload = uploads.store(self.db, self.settings, self.actor, file, name)
                try:
                    return upload, self.taken(upload, found.st_mtime, patient_id)
                except FerError:
                    uploads.discard(self.settings, [upload.id])
                    raise
        except FerError as refusal:
            self.say(name, Result.REFUSED, refusal.message)
        except OSError:
            self.say(name, Result.REFUSED, "This is not a readable file, or it is a link, which is not followed.")
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
        return past(found, zone)

    def enqueue(self, patient_id: str, files: list[Upload], taken_at: Taken) -> None:
        try:
            queued = jobs.enqueue(
                self.db,
                self.settings,
                self.actor,
                patient_id,
                files,
                taken_at.day,
                _of_its_day(taken_at),
                recorded_time=taken_at.time,
            )
        except FerError as refusal:
            result, sentence = Result.REFUSED, refusal.message
        else:
            result = Result.STORED if queued.duplicate or queued.stored is not None else Result.IMPORTED
            sentence = _what_came(queued, taken_at, len(files))
            if queued.counted_twice:
                sentence += " " + words.COUNTED_TWICE.format(pictures=phrases.counted(queued.counted_twice, "picture"))
            if queued.also_here:
                visits = "; ".join(phrases.visit(one) for _, one in queued.also_here)
                sentence += " " + words.SAME_FILE_TWICE.format(visits=visits)
            if queued.also_elsewhere:
                sentence += f" {words.SAME_FILE_ELSEWHERE}"
        once: set[str] = set()
        for file in files:
            if file.sha256 in once and result is Result.IMPORTED:
                self.say(file.name, Result.STORED, "The same picture comes twice here, and is taken once.")
            else:
                self.say(file.name, result, sentence)
            once.add(file.sha256)


def _bring(intake: _Intake, folder: int, code: str, of_several: bool) -> list[FileResult]:
    for name in _names(folder) if of_several else ():
        try:
            if stat.S_ISDIR(_lstat(folder, name).st_mode):
                with _opened(name, folder) as inner:
                    _bring_patient(intake, inner, name, within=name)
            else:
                intake.say(name, Result.REFUSED, "It is not in a patient's folder.")
        except OSError:
            intake.say(name, Result.REFUSED, "This folder can't be read.")
    if not of_several:
        _bring_patient(intake, folder, code)
    return intake.lines


def _bring_patient(intake: _Intake, folder: int, code: str, within: str = "") -> None:
    """Import one patient's folder: each video separately, the pictures day by day.

    `within`: its name, where there is one for each patient.
    """
    intake.within = ""
    try:
        patient_id = intake.patient_of(code)
    except FerError as refusal:
        intake.say(code, Result.REFUSED, refusal.message)
        return
    intake.within = within
    pictures: dict[date, list[tuple[Upload, Taken]]] = defaultdict(list)
    try:
        for name in _names(folder):
            stored = intake.store(folder, name, patient_id)
            if stored is not None and stored[0].kind == "video":
                intake.enqueue(patient_id, [stored[0]], stored[1])
            elif stored is not None:
                pictures[stored[1].day].append(stored)
        for day in sorted(pictures):
            of_day = pictures.pop(day)
            intake.enqueue(patient_id, [file for file, _ in of_day], earliest([taken for _, taken in of_day]))
    finally:
        intake.within = ""
        # After an early end, delete what no analysis would ever read.
        uploads.discard(intake.settings, [file.id for files in pictures.values() for file, _ in files])


def _what_came(queued: jobs.Enqueued, taken_at: Taken, files: int) -> str:
    if queued.duplicate:
        return "The same recording is already stored; nothing was added." + _otherwise(queued, taken_at)
    if queued.stored is not None:
        return "The same recording is stored already, and another model analyses it." + _otherwise(queued, taken_at)
    sentence = f"Recording of {phrases.moment(taken_at.day, taken_at.time)}, waiting for its analysis."
    asked = "Then its page asks in which of the pictures the patient's face is." if files > 1 else ""
    unsure = DAY_GUESSED if taken_at.guessed else _of_its_day(taken_at)
    return " ".join(filter(None, [sentence, asked, taken_at.left_out, unsure]))


def _of_its_day(taken_at: Taken) -> str:
    """Return why the day of a recording may be another one, as its note and its line say it; empty where it is sure."""
    if taken_at.guessed:
        return DAY_OF_CHANGE
    if taken_at.inside is None:
        return ""
    return NAMED_OTHERWISE.format(inside=phrases.day(taken_at.inside))


def _otherwise(queued: jobs.Enqueued, taken_at: Taken) -> str:
    """Return what is stored of a file that is there already, where the file says another day or time; else nothing."""
    stored = queued.stored
    if stored is None or taken_at.guessed:
        return ""
    # As people read them: what is stored has no seconds.
    kept, said = phrases.moment(stored.recorded_on, stored.recorded_time), phrases.moment(taken_at.day, taken_at.time)
    return f" It is stored as of {kept}, and this file says {said}." if kept != said else ""


def _shown(name: str) -> str:
    """Return a name to be shown: where it is no UTF-8, with a sign in place of each such byte."""
    return uploads.clean_name(os.fsencode(name).decode("utf-8", "replace"))


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
