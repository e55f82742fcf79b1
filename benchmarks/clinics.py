"""A clinic for a while: a folder, a database, invented patients and real worker processes, to be treated badly."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from sqlalchemy import select

from clinic import words
from clinic.access import Actor, Role
from clinic.accounts import accounts
from clinic.admin import keyring
from clinic.consent import consent, giving
from clinic.jobs import jobs
from clinic.patients import caseload
from clinic.recordings import uploads
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from clinic.worker.drawn_face import draw_face
from clinic.worker.selftest import FRAMES_PER_S, write_clip
from db.engine import Database, migrate, open_database
from db.models import Sample, new_id
from storage.media import open_store
from storage.sealed import sealing

ROOT = Path(__file__).parents[1]
END_WITHIN_S = 15.0
DAY = date(2026, 1, 1)
T = TypeVar("T")

SUPERVISE = """
import signal, sys, time
from clinic.settings import Settings
from clinic.worker.supervisor import Supervisor
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Supervisor(Settings.from_environment()).ensure()
while True:
    time.sleep(1)
"""
"""What the web process does for the worker, without the pages."""


@dataclass
class Clinic:
    """An installation with the processes that were started on it."""

    settings: Settings
    db: Database
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @cached_property
    def who(self) -> Actor:
        """An invented clinician, who hands everything in and signs in nowhere."""
        with self.db.session() as session:
            account = accounts.insert_account(session, "Invented", Role.CLINICIAN, "no password", must_change=False)
            account.statement = words.STATEMENT_VERSION
            return Actor(account.id, "", account.name, Role.CLINICIAN)

    def hand_in(self, content: bytes, kind: str) -> str:
        """Queue a file for a new patient and return the recording's id."""
        upload = self._stored(content, kind)
        patient_id = caseload.add_patient(self.db, self.who, "Invented")
        giving.record(self.db, self.who, patient_id, consent.ANALYSIS, DAY)
        return jobs.enqueue(self.db, self.settings, self.who, patient_id, [upload], DAY).recording_id

    def _stored(self, content: bytes, kind: str) -> Upload:
        """Seal a file into the store without looking at it."""
        upload_id, media = new_id(), open_store(self.settings)
        part = uploads.part_path(self.settings, upload_id)
        with part.open("wb") as file, sealing(file, media.key, upload_id.encode()) as sealed:
            sealed.write(content)
        media.adopt(part, upload_id)
        return Upload(upload_id, "invented", hashlib.sha256(content).hexdigest(), len(content), kind)

    def worker(self, number: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker as ``python -m clinic worker`` does."""
        return self._start([sys.executable, "-m", "clinic", "worker", "--number", str(number)])

    def supervised(self) -> subprocess.Popen[bytes]:
        """Start a process that keeps a worker alive, as the web process does."""
        return self._start([sys.executable, "-c", SUPERVISE])

    def server(self) -> subprocess.Popen[bytes]:
        """Start the program as ``make run`` does: the pages' server, which starts a worker."""
        listening = ["--server.address", "127.0.0.1", "--server.port", str(free_port())]
        return self._start([sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *listening])

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Start a Dask scheduler at the settings' address."""
        port = (self.settings.dask or "").rpartition(":")[2]
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port]
        return self._start([*command, "--no-dashboard"])

    def machine(self) -> subprocess.Popen[bytes]:
        """Start a machine of the Dask cluster, which nobody starts again when it dies."""
        command = [sys.executable, "-m", "distributed.cli.dask_worker", str(self.settings.dask), "--nthreads", "1"]
        scratch = ["--local-directory", str(self.settings.data_dir / "dask")]
        return self._start([*command, *scratch, "--no-dashboard", "--no-nanny"])

    def rows(self, recording_id: str) -> list[tuple[Any, ...]]:
        """Return all samples of a recording, bit by bit, without its id."""
        columns = [column for column in Sample.__table__.columns if column.name != "recording_id"]
        with self.db.read() as session:
            found = session.execute(
                select(*columns).where(Sample.recording_id == recording_id).order_by(Sample.frame_index, Sample.track)
            )
            return [tuple(row) for row in found]

    def end(self) -> None:
        """End what was started: by asking, and by force what doesn't hear, as a machine whose scheduler is gone."""
        for process in self.started:
            process.terminate()
        for process in self.started:
            try:
                process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.db.close()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "FER_DATA_DIR": str(self.settings.data_dir),
            "FER_DATABASE_URL": self.settings.database_url,
            "FER_KEY_DIR": str(self.settings.key_dir),
            "FER_DASK": self.settings.dask or "",
            "FER_DEMO": "0",
        }
        with (self.settings.data_dir / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.started.append(process)
        return process


@contextmanager
def clinic(folder: Path, database_url: str | None = None, on_cluster: bool = False) -> Iterator[Clinic]:
    """Give a new clinic in a folder, and end everything that was started on it; `on_cluster`: for a Dask of its own."""
    url = database_url or f"sqlite:///{folder / 'clinic.db'}"
    dask = f"tcp://127.0.0.1:{free_port()}" if on_cluster else None
    # The key goes with the folder, and is not left beside it.
    settings = Settings(folder, url, min_free_bytes=0, dask=dask, key_dir=folder / "keys")
    migrate(settings.database_url)
    opened = Clinic(settings, open_database(settings.database_url))
    keyring.settle(opened.db, settings)
    try:
        yield opened
    finally:
        opened.end()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], T], within_s: float = 120.0) -> T:
    """Wait until `condition` returns something true and return it. Raises TimeoutError."""
    ends = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > ends:
            raise TimeoutError("it did not happen")
        time.sleep(0.05)
    return found


def video(path: Path, seconds: int) -> bytes:
    """Draw a video of two faces that move, one of which leaves now and then, and return its bytes."""
    shown = [_pair(number) for number in range(40)]
    write_clip(path, (shown[number * 7 % 40] for number in range(seconds * FRAMES_PER_S)))
    return path.read_bytes()


def picture(path: Path, number: int, enlarged: int = 1) -> bytes:
    """Draw a picture of one face, of which no two are equal, so many times its size, and return its bytes."""
    rgb = draw_face(smile=number % 11 / 10, shift_px=number % 31 - 15).copy()
    rgb[0, 0] = (number % 256, number // 256 % 256, 0)
    drawn = Image.fromarray(rgb)
    drawn.resize((drawn.width * enlarged, drawn.height * enlarged)).save(path, "PNG", compress_level=1)
    return path.read_bytes()


def _pair(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    left = draw_face(smile=number / 40, shift_px=number - 20)
    right = draw_face(smile=1 - number / 40, shift_px=20 - number)
    return np.concatenate([left, right if number % 10 else np.full_like(right, 110)], axis=1)
