"""Figures for a monitoring program, in Prometheus's text format: numbers and states, never a name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from backup.daily import made_at, newest
from clinic import clock
from clinic.admin import store_check
from clinic.settings import Settings
from clinic.version import VERSION
from clinic.worker_health import all_health
from db.engine import Database
from db.models import Job, JobState

WAITING = (JobState.QUEUED, JobState.RUNNING)
PREFIX = "expression_history"


def text(db: Database, settings: Settings) -> str:
    """Return all figures; ages in seconds, sizes in bytes."""
    return "".join(f"{line}\n" for line in _lines(db, settings))


def _lines(db: Database, settings: Settings) -> Iterator[str]:
    yield from _gauge("info", "The program's version.", [(f'version="{VERSION}"', 1)])
    yield from _gauge("jobs", "Analyses that are waiting or running.", _jobs(db))
    yield from _gauge("oldest_job_age_seconds", "Age of the oldest of them.", [("", _oldest_s(db))])
    workers = all_health(settings)
    ages = [(f'worker="{number}"', _age_s(health.at)) for number, health in workers.items()]
    yield from _gauge("worker_age_seconds", "Time since the worker's last report.", ages)
    sound = [(f'worker="{number}"', int(health.sound is not False)) for number, health in workers.items()]
    yield from _gauge("worker_sound", "0 where a worker's last self-test failed.", sound)
    away = [(f'worker="{number}"', int(health.store_away)) for number, health in workers.items()]
    yield from _gauge("media_store_away", "1 where a worker does not find the media store.", away)
    yield from _gauge("disk_free_bytes", "Free space on the data folder's disk.", _free(settings.data_dir))
    meaning = "Free space on the disk of the media store's folder; nothing where there is none."
    yield from _gauge("media_free_bytes", meaning, _free(store_check.local(settings)))
    if settings.backup_dir is not None:
        meaning = "Free space on the disk of the backups' folder; nothing where there is none."
        yield from _gauge("backup_free_bytes", meaning, _free(settings.backup_dir))
        last = newest(settings.backup_dir, clock.now())
        age = _age_s(made_at(last)) if last is not None else float("inf")
        yield from _gauge("backup_age_seconds", "Time since the last daily backup; +Inf without one.", [("", age)])


def _gauge(name: str, meaning: str, values: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {PREFIX}_{name} {meaning}"
    yield f"# TYPE {PREFIX}_{name} gauge"
    for label, value in values:
        shown = "+Inf" if value == float("inf") else f"{value:.15g}"
        yield f"{PREFIX}_{name}{{{label}}} {shown}" if label else f"{PREFIX}_{name} {shown}"


def _jobs(db: Database) -> list[tuple[str, float]]:
    with db.read() as session:
        found = {row[0]: row[1] for row in session.execute(select(Job.state, func.count()).group_by(Job.state))}
    return [(f'state="{state.value}"', found.get(state, 0)) for state in WAITING]


def _oldest_s(db: Database) -> float:
    waiting = Job.state.in_(WAITING)
    with db.read() as session:
        oldest = session.scalar(select(func.min(Job.created_at)).where(waiting))
    return _age_s(oldest) if oldest is not None else 0.0


def _free(folder: Path | None) -> list[tuple[str, float]]:
    # Of a folder that is not there, the disk above it would pass for its own.
    try:
        return [("", shutil.disk_usage(folder).free)] if folder is not None else []
    except OSError:
        return []


def _age_s(at: datetime) -> float:
    return max(0.0, (clock.now() - at).total_seconds())
