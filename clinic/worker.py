"""The worker process: takes one analysis after the other, and says how it is."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic import analysis, caseload, downloads, leases, previews, retention, selftest, uploads
from clinic.health import WorkerHealth, write_health
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, JobState
from fer_core.errors import FerError

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

IDLE_WAIT_S = 0.5
HEALTH_EVERY_S = 5.0
HOUSEKEEPING_EVERY_S = 3600.0
RETENTION_EVERY_S = 24 * 3600.0
RELEASE_EVERY_S = 15.0
STALL_S = 180.0
"""An analysis that gave no sign of life for so long hangs, in a decoder for instance: the process ends itself."""
LAST_WORDS_S = 10.0

ALREADY_RUNNING, STALLED, PARENT_GONE = 75, 70, 0
"""Exit codes (75 and 70 are EX_TEMPFAIL and EX_SOFTWARE of sysexits.h)."""

log = logging.getLogger(__name__)


def prepare_threads() -> None:
    """Set how torch's threads wait; to be called before torch is imported.

    Threads that spin while they wait made a forward pass forty times slower beside another busy process.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))


def open_default_analyzer() -> Analyzer:
    """Load the shipped model and the detector onto the best device. Raises ModelError."""
    prepare_threads()
    # Not at the top: importing torch takes seconds, and the threads have to be prepared before.
    from fer_core.analyzer import Analyzer

    return Analyzer.open()


class Worker:
    """One worker on one data folder. `open_analyzer` is called once, when it is needed first."""

    def __init__(self, settings: Settings, db: Database, open_analyzer: Callable[[], Analyzer]) -> None:
        self._settings = settings
        self._db = db
        self._open_analyzer = open_analyzer
        self._analyzer: Analyzer | None = None
        self._stopping = threading.Event()
        self._health = WorkerHealth(pid=os.getpid(), at=datetime.now(UTC))
        self._health_lock = threading.Lock()
        self._busy_since: float | None = None

    def stop(self) -> None:
        """Ask the worker to end: at once where it waits; a running analysis goes back to the queue."""
        self._stopping.set()

    def run(self) -> None:
        """Test the installation, then work until `stop`. Nobody else may be working on this data folder."""
        # Nobody else is: what runs according to its row belongs to a worker that died.
        uploads.discard(self._settings, leases.release(self._db, only_expired=False))
        caseload.finish_erasures(self._db, self._settings)
        self._say()
        self._test()
        housekept = released = retained = float("-inf")
        while not self._stopping.is_set():
            now = time.monotonic()
            if now - housekept > HOUSEKEEPING_EVERY_S:
                self._housekeep()
                housekept = now
            if now - retained > RETENTION_EVERY_S:
                retention.sweep(self._db, self._settings)
                retained = now
            if now - released > RELEASE_EVERY_S:
                uploads.discard(self._settings, leases.release(self._db))
                released = now
            if not self.work_once():
                self._stopping.wait(IDLE_WAIT_S)

    def work_once(self) -> bool:
        """Do the next waiting analysis; return whether there was one."""
        if not self._anything_waits():
            return False
        claimed = leases.claim(self._db)
        if claimed is None:
            return False
        self._sign()
        try:
            report = analysis.Reporter(self._db, claimed, self._stopping.is_set, self._sign)
            analysis.run(self._db, self._settings, claimed, self._opened, report)
        finally:
            self._busy_since = None
        return True

    def watch(self, parent_pid: int | None) -> None:
        """Say now and then that the worker lives; end the process when its parent is gone or an analysis hangs.

        For a thread of its own.
        """
        said = time.monotonic()
        while not self._stopping.wait(1.0):
            if time.monotonic() - said > HEALTH_EVERY_S:
                self._say()
                said = time.monotonic()
            sign = self._busy_since
            if sign is not None and time.monotonic() - sign > STALL_S:
                log.error("an analysis gave no sign of life for %.0f s; the worker starts anew", STALL_S)
                os._exit(STALLED)
            if parent_pid is not None and os.getppid() != parent_pid:
                self.stop()
        time.sleep(LAST_WORDS_S)
        os._exit(PARENT_GONE)

    def _opened(self) -> Analyzer:
        if self._analyzer is None:
            self._analyzer = self._open_analyzer()
            self._sign()
        return self._analyzer

    def _sign(self) -> None:
        """Take note of a sign of life of the running analysis."""
        self._busy_since = time.monotonic()

    def _test(self) -> None:
        verdict = selftest.check(self._opened)
        self._busy_since = None
        known = self._analyzer
        with self._health_lock:
            self._health = replace(
                self._health,
                sound=verdict.sound,
                sentence=verdict.sentence,
                device=known.classifier.device_name if known else None,
                model_sha256=known.classifier.card.sha256 if known else None,
            )
        self._say()

    def _say(self) -> None:
        with self._health_lock:
            self._health = replace(self._health, at=datetime.now(UTC))
            write_health(self._settings, self._health)

    def _anything_waits(self) -> bool:
        """Look before `claim`, which takes the database's only write lock."""
        with self._db.read() as session:
            return session.scalar(select(Job.id).where(Job.state == JobState.QUEUED.value).limit(1)) is not None

    def _housekeep(self) -> None:
        """Delete files and previews that have served."""
        uploads.sweep(self._settings, self._db)
        downloads.sweep(self._settings)
        with self._db.read() as session:
            waiting = session.scalars(
                select(Job.recording_id).where(
                    Job.state.in_([JobState.RUNNING.value, JobState.CHOOSING.value, JobState.QUEUED.value])
                )
            )
            kept = frozenset(waiting)
        previews.sweep(self._settings, kept)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the data folder's worker lock; it goes with the process. Raises FerError where another worker has it."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.data_dir / "worker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FerError("Another worker is running on this data folder.", "already_running") from None
        yield


def main(settings: Settings, db: Database, parent_pid: int | None, open_analyzer: Callable[[], Analyzer]) -> int:
    """Run a worker until it is told to end by SIGTERM or Ctrl-C, or its parent is gone; return the exit code."""
    worker = Worker(settings, db, open_analyzer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    try:
        with alone(settings):
            threading.Thread(target=worker.watch, args=(parent_pid,), daemon=True).start()
            worker.run()
    except FerError as error:
        log.warning("%s", error.message)
        return ALREADY_RUNNING
    return 0
