"""The list of what was erased or withdrawn, by random ids: kept outside of backups, applied to what is restored.

One line of JSON for each erasure, without any name.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from db.copies import CopyError
from db.models import new_id
from db.room import DiskFullError, disk_full
from db.sqlite import sqlite3
from fer_core.errors import FerError

_BEGINNING = '{"kind": "'
"""How each line begins."""
Kind = Literal["patient", "recording", "consent", "questionnaire_answer"]
"""A consent is not deleted, but withdrawn."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A receipt: what kind of thing was erased, its random id, and the numbers of rows and files that went with it."""

    kind: Kind
    erased_id: str
    counts: dict[str, int]
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def begin(path: Path) -> None:
    """Create an empty list if there is none: from then on, a missing list was lost.

    Raises FerError ``erasures_unwritable``, DiskFullError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError as error:
        raise _unwritable(error) from error


def remember(path: Path, *erased: Erasure) -> None:
    """Add lines, safe on the disk when this returns: to be called before anything is erased. All are added, or none.

    Raises FerError ``erasures_unwritable``, DiskFullError.
    """
    lines = "".join(json.dumps({**asdict(one), "at": one.at.isoformat()}) + "\n" for one in erased)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _append(descriptor, lines.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable(error) from error


def _append(descriptor: int, lines: bytes) -> None:
    end = os.fstat(descriptor).st_size
    # A line that a power cut left unfinished must not swallow this one.
    left = lines if not end or _ends_a_line(descriptor) else b"\n" + lines
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        # What is refused now must not be carried out later because a part of the lines had room.
        with suppress(OSError):
            os.ftruncate(descriptor, end)
        raise


def known(path: Path) -> list[Erasure]:
    """Return all erasures, oldest first. Raises FerError ``erasures_unreadable``; ignores an unfinished last line."""
    if path.exists() and not path.is_file():
        raise _damaged()
    try:
        lines = path.read_text("utf-8").split("\n")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise _damaged() from None
    found = []
    for line in lines:
        try:
            content = json.loads(line)
            found.append(Erasure(**{**content, "at": datetime.fromisoformat(content["at"])}))
        except (ValueError, TypeError, KeyError):
            # Cut off by a power cut, before anything was erased.
            if _is_cut_off(line):
                continue
            raise _damaged() from None
    return found


def _is_cut_off(line: str) -> bool:
    """Return whether a line is the beginning of one that `remember` writes, and no more than that."""
    return line[: len(_BEGINNING)] == _BEGINNING[: len(line)] and not line.endswith("}")


def _damaged() -> FerError:
    return FerError(
        "The list of erased patients is damaged. Please bring erased.jsonl back from the backup of the key folder.",
        "erasures_unreadable",
    )


def apply(database: Path, erasures: Iterable[Erasure]) -> dict[str, int]:
    """Erase the list's entries from a closed database file; return how many of each kind were there.

    No byte of it stays in the file. Consents that the list names are withdrawn. Nobody is signed in afterwards, and no
    sign-in at a provider is under way. Raises CopyError.
    """
    counts: dict[str, int] = dict.fromkeys(_APPLY, 0)
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA secure_delete = ON").fetchall()
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
                for table in _END.keys() & present:
                    connection.execute(_END[table])
                for erasure in erasures:
                    # A backup of before consents were recorded has none.
                    if erasure.kind in present:
                        values = {"id": erasure.erased_id, "at": f"{erasure.at:%Y-%m-%d %H:%M:%S.%f}"}
                        counts[erasure.kind] += connection.execute(_APPLY[erasure.kind], values).rowcount
    except sqlite3.Error as error:
        raise CopyError("Erased patients can't be removed from the backup; nothing was restored.") from error
    return counts


_END = {"sign_in": "DELETE FROM sign_in", "provider_attempt": "DELETE FROM provider_attempt"}
"""Who was signed in then may have been signed out or locked out since."""
_APPLY: dict[Kind, str] = {
    "patient": "DELETE FROM patient WHERE id = :id",
    "recording": "DELETE FROM recording WHERE id = :id",
    "questionnaire_answer": "DELETE FROM questionnaire_answer WHERE id = :id",
    "consent": "UPDATE consent SET withdrawn_at = :at WHERE id = :id AND withdrawn_at IS NULL",
}


def _unwritable(error: OSError) -> FerError:
    if disk_full(error):
        return DiskFullError("Nothing was erased.")
    return FerError(
        "The list of what was erased can't be written, so nothing was erased. Please tell the person who looks after"
        " this computer that the folder of the keys (FER_KEY_DIR) can't be written to.",
        "erasures_unwritable",
    )


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, 1, size - 1) == b"\n"
