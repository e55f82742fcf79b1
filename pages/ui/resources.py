"""The one place where the parts are put together: settings, the database at head, the supervised worker.

What is kept here is shared by all who are signed in, so that nothing of a patient may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from clinic.settings import Settings
from clinic.supervisor import Supervisor
from db.engine import Database, migrate, open_database


@dataclass(frozen=True, slots=True)
class Resources:
    """What the pages work with."""

    settings: Settings
    db: Database
    supervisor: Supervisor


@st.cache_resource(show_spinner="Opening the database…")
def _open(settings: Settings) -> Resources:
    """Open everything for these settings, once for the process."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    return Resources(settings, open_database(settings.database_url), Supervisor(settings))


def resources() -> Resources:
    """Return the parts, opened at the first call, with a living worker."""
    found = _open(Settings.from_environment())
    found.supervisor.ensure()
    return found
