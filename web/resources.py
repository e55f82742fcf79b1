"""The one place where the parts are put together: settings, the database at head, the supervised worker, who acts.

What is kept here is shared by all signed-in users, so it must hold nothing about patients.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from clinic.accounts import first_administrator, passwords
from clinic.admin import keyring, zones
from clinic.settings import Settings
from clinic.worker.supervisor import Supervisor
from db.engine import Database, migrate, open_database
from storage import at_work
from web import shutdown


@dataclass(frozen=True, slots=True)
class Resources:
    """What the pages work with. `first_code` lets the first administrator in, while there is none."""

    settings: Settings
    db: Database
    supervisor: Supervisor
    first_code: str


_opened: dict[Settings, Resources] = {}
_one_at_a_time = threading.Lock()


def resources() -> Resources:
    """Return the parts, opened at the first call, with a living worker if it is to have its own. Thread-safe."""
    settings = Settings.from_environment()
    with _one_at_a_time:
        found = _opened.get(settings)
        if found is None:
            found = _opened[settings] = _open(settings)
    if settings.own_worker:
        found.supervisor.ensure()
    return found


def database() -> Database:
    """Return the database."""
    return resources().db


def first_code_message() -> str | None:
    """Return the console's message after the installation; None if there are accounts."""
    parts = resources()
    if first_administrator.any_account(parts.db):
        return None
    return f"There is no account yet. Open the program's address in a browser and give this code: {parts.first_code}"


def _open(settings: Settings) -> Resources:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    at_work.hold_pages(settings.data_dir)
    migrate(settings.database_url)
    db = open_database(settings.database_url)
    keyring.settle(db, settings)
    zones.take_setting(db, settings)
    supervisor = Supervisor(settings)
    shutdown.workers.append(supervisor.stop)
    return Resources(settings, db, supervisor, passwords.generate())
