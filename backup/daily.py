"""Daily backups: dated files in one folder, of which the newest are kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

NAME = re.compile(r"expression-history-\d{8}T\d{6}Z\.backup")
FORM = "expression-history-%Y%m%dT%H%M%SZ.backup"


def name_at(moment: datetime) -> str:
    """Return the file name of a backup that is made at this moment."""
    return moment.astimezone(UTC).strftime(FORM)


def free_name(folder: Path, moment: datetime) -> Path:
    """Return where a backup of this moment goes: another one's second, written or half-written, is left alone."""
    while folder.joinpath(name := name_at(moment)).exists() or any(folder.glob(f"{name}.*.part")):
        moment += timedelta(seconds=1)
    return folder / name


def kept(folder: Path) -> list[Path]:
    """Return the backups of a folder, the oldest first; other files are none."""
    return sorted(path for path in folder.glob("*.backup") if _has_a_time(path))


def newest(folder: Path, now: datetime) -> Path | None:
    """Return the last backup of a folder that isn't dated after `now`, None where there is none."""
    found = [path for path in kept(folder) if made_at(path) <= now]
    return found[-1] if found else None


def ahead(folder: Path, now: datetime) -> list[Path]:
    """Return the backups that are dated after `now`: a clock was wrong when they were made, or is now."""
    return [path for path in kept(folder) if made_at(path) > now]


def made_at(path: Path) -> datetime:
    """Return when a backup of this name was begun."""
    return datetime.strptime(path.name, FORM).replace(tzinfo=UTC)


def _has_a_time(path: Path) -> bool:
    # Of a 14th month there is no backup: somebody named that file.
    try:
        made_at(path)
    except ValueError:
        return False
    return NAME.fullmatch(path.name) is not None


def prune(folder: Path, keep: int, made: Path) -> list[Path]:
    """Delete all but the newest `keep` backups up to the one just made, at least that, and return the deleted ones.

    Those that are dated later stay, and don't count: after a day with a wrong clock they would be the newest for ever.
    """
    gone = [path for path in kept(folder) if path.name <= made.name][: -max(1, keep)]
    for path in gone:
        path.unlink()
    return gone
