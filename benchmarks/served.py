"""A clinic whose server runs at a port and is killed and started again, with people who are signed in."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.clinics import Clinic, free_port, until
from clinic import words
from clinic.accounts import accounts, passwords, sessions, tokens
from clinic.consent import consent, giving
from clinic.patients import caseload
from clinic.worker_health import read_health
from db.models import Role

ROOT = Path(__file__).parents[1]
PASSWORD = "nine wet umbrellas on a shelf"  # noqa: S105 of a database that lives for a minute
PEOPLE = 10
SLOW = """
import os, time
real = os.fsync
def slow(descriptor):
    time.sleep({seconds})
    real(descriptor)
os.fsync = slow
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in: a cookie for pages, a token for the API, and the patient whose files are sent."""

    cookie: str
    token: str
    patient_id: str


class ServedClinic:
    """A clinic with its server at a port, which is killed and started again."""

    def __init__(self, place: Clinic, folder: Path, fsync_s: float) -> None:
        self.place, self.port = place, free_port()
        self.people = list(_people(place))
        self._environment = os.environ | {
            "FER_DATA_DIR": str(place.settings.data_dir),
            "FER_DATABASE_URL": place.settings.database_url,
            "FER_KEY_DIR": str(place.settings.key_dir),
            "FER_DEMO": "0",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        if fsync_s:
            (folder / "slow").mkdir()
            (folder / "slow" / "sitecustomize.py").write_text(SLOW.format(seconds=fsync_s))
            self._environment["PYTHONPATH"] = str(folder / "slow")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers and its worker works."""
        listening = ["--server.address", "127.0.0.1", "--server.port", str(self.port)]
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *listening]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdin=quiet, stdout=quiet, stderr=quiet
        )
        until(self._answers)

    def worker(self) -> int | None:
        """Return the worker's process id, None while none runs."""
        health = read_health(self.place.settings)
        return health.pid if health is not None and runs(health.pid) else None

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: Any = None, timeout: float = 120
    ) -> tuple[int, bytes]:
        """Send a request and return status and content. Raises OSError, HTTPException where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _answers(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/_stcore/health", {}, timeout=5)[0] == 200
        return False


def _people(place: Clinic) -> Iterator[Person]:
    stored = passwords.hash_password(PASSWORD)
    for number in range(PEOPLE):
        with place.db.session() as session:
            account = accounts.insert_account(session, f"Invented {number}", Role.CLINICIAN, stored, must_change=False)
            account.statement = words.STATEMENT_VERSION
            cookie = sessions.start(session, account)
        actor = sessions.actor_of(place.db, cookie)
        assert actor is not None
        patient_id = caseload.add_patient(place.db, actor, f"Patient {number}")
        giving.record(place.db, actor, patient_id, consent.ANALYSIS, date(2026, 1, 1))
        yield Person(cookie, tokens.make(place.db, actor, "load", [patient_id], PASSWORD), patient_id)


def runs(pid: int) -> bool:
    """Return whether a process runs; one that has ended and that nobody asked about yet (Z) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
