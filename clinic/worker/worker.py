"""The worker process: takes one analysis after the other, and reports its health."""

from __future__ import annotations

import errno
import logging
import os
import platform
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from clinic import clock, model_in_use, requests_to_end
from clinic.erasure import deletion, retention, withdrawal
from clinic.exchange import downloads, import_queue, imports, video_copies
from clinic.exchange.import_queue import StoppedError
from clinic.jobs import leases, previews
from clinic.jobs.leases import Claim
from clinic.jobs.obstacles import has_room
from clinic.patients import digests
from clinic.questionnaires import patient_mode
from clinic.recordings import stored_files, uploads
from clinic.reports import report_jobs
from clinic.settings import Settings
from clinic.training import trainer
from clinic.worker import analysis, copying, reporting, selftest
from clinic.worker.endings import StoppingError
from clinic.worker_health import WorkerHealth, write_health
from db.engine import Database
from db.models import Job, JobState
from db.room import disk_full
from fer_core.errors import FerError
from storage import at_work
from storage.at_work import FIRST_WORKER

if TYPE_CHECKING:
    from fer_core.analyzer import Analyzer

Result = TypeVar("Result")

IDLE_WAIT_S = 0.5
HEALTH_EVERY_S = 5.0
HOUSEKEEPING_EVERY_S = 3600.0
REMOVE_EVERY_S = 60.0
"""Bytes of deleted rows that a reader kept in the database's log are looked for so often."""
RETENTION_EVERY_S = 24 * 3600.0
RELEASE_EVERY_S = 15.0
DIGESTS_EVERY_S = 15.0
LOOK_FOR_ROOM_EVERY_S = 2.0
STORE_EVERY_S = 5.0
"""So often a worker asks whether a media store is back that was not there."""
LOOK_EVERY_S = 1.0
"""How often a running copy checks for analyses, which come first."""
STALL_S = 180.0
"""An analysis without a sign of life for so long hangs, for instance in a decoder: the process ends itself."""
LAST_WORDS_S, LAST_WORDS_OF_A_CHILD_S = 3.5, 2.5
"""So long a worker that is to end has to put its analysis back, so that it ends within 5 s; less where its parent
waits for it or is gone."""

GIVE_BACK_S = 2.0
"""So long the end waits for a training to be put back; one that wasn't goes on all the same, at the next start."""

ALREADY_RUNNING, STALLED, PARENT_GONE = 75, 70, 0
"""Exit codes (75 and 70 are EX_TEMPFAIL and EX_SOFTWARE of sysexits.h)."""

log = logging.getLogger(__name__)


def prepare_threads() -> None:
    """Set how torch's threads wait; to be called before torch is imported.

    Threads that spin while they wait made a forward pass forty times slower beside another busy process.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))


def open_default_analyzer(settings: Settings) -> Analyzer:
    """Load the model in use and the detector onto the best device. Raises ModelError."""
    prepare_threads()
    # Not at the top: importing torch takes seconds, and the threads have to be prepared before.
    from fer_core.analyzer import Analyzer

    return Analyzer.open(model_in_use.card_path(settings))


def name_of(number: int) -> str:
    """Return under which name a worker holds its jobs: this machine's, and which of several on the folder it is."""
    return f"{platform.node()[:64]}-{uuid.getnode():012x}/{number}"


class Worker:
    """One worker on a data folder, the `number`-th. `open_analyzer` is called when it is needed first."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        open_analyzer: Callable[[], Analyzer],
        number: int = FIRST_WORKER,
        report_every_s: float = analysis.PROGRESS_EVERY_S,
    ) -> None:
        self._settings = settings
        self._number = number
        self._report_every_s = report_every_s
        self._name = name_of(number)
        self._db = db
        self._open_analyzer = open_analyzer
        self._analyzer: Analyzer | None = None
        self._missed: str | None = None
        self._stopping = threading.Event()
        self._health = WorkerHealth(pid=os.getpid(), at=clock.now())
        self._health_lock = threading.Lock()
        self._busy_since: float | None = None
        self._looked = self._asked = float("-inf")

    def stop(self) -> None:
        """Ask the worker to end: at once where it waits; a running analysis goes back to the queue."""
        self._stopping.set()

    def run(self) -> None:
        """Test the installation, then work until `stop`. Nobody else may be working under this number."""
        self._say()
        steps = self._steps()
        blameless = False
        while not self._stopping.is_set():
            try:
                # No other worker has this name: rows under it belong to a worker that died.
                uploads.discard(self._settings, leases.release(self._db, self._name, blameless))
                import_queue.give_all_back(self._db, self._name)
                for _ in steps:
                    if self._stopping.is_set():
                        return
            except Exception as error:
                if not disk_full(error):
                    raise
                self._wait_for_room()
                blameless, steps = True, self._steps()

    def _steps(self) -> Iterator[None]:
        """Do the waiting work, piece by piece, without an end."""
        housekept = released = retained = digested = float("-inf")
        while True:
            if self._health.sound is None and not self._store_is_away(leases.next_files(self._db)):
                self._test()
            now = time.monotonic()
            if now - housekept > HOUSEKEEPING_EVERY_S:
                self._go_on("erasures", self._erase)
                self._go_on("housekeeping", self._housekeep)
                housekept = now
            if now - retained > RETENTION_EVERY_S:
                self._go_on("retention", lambda: retention.sweep(self._db, self._settings))
                retained = now
            if now - released > RELEASE_EVERY_S:
                uploads.discard(self._settings, leases.release(self._db))
                released = now
            worked = self.work_once() or self.copy_once()
            if worked or now - digested > DIGESTS_EVERY_S:
                # As long as there are more of them, it goes on at once.
                made = self._go_on("digests", lambda: digests.refresh(self._db))
                digested = float("-inf") if made == digests.AT_ONCE else now
            else:
                self._stopping.wait(IDLE_WAIT_S)
            yield

    def _go_on(self, what: str, work: Callable[[], Result]) -> Result | None:
        """Do what is done beside analyses; where it fails, say so: they go on, and it is tried again at its time."""
        try:
            return work()
        except Exception as error:
            if disk_full(error):
                raise
            log.error("%s of the worker failed: %s", what, type(error).__name__)
            return None

    def _erase(self) -> None:
        """Finish the erasures that were interrupted."""
        deletion.finish_erasures(self._db, self._settings)
        self._db.forget_deleted()

    def _remove(self) -> None:
        """Empty the database's log where a reader kept an erasure from it."""
        try:
            if self._db.being_removed() and self._db.forget_deleted():
                log.info("what was erased has left the database's log")
        except (OSError, DBAPIError) as error:
            log.warning("the database's log can't be emptied: %s", type(error).__name__)

    def _wait_for_room(self) -> None:
        """Wait until the disk has room again, or the worker shall end; the pages say meanwhile why nothing goes on."""
        log.warning("the disk is full: the worker waits until there is room again")
        self._stopping.wait(LOOK_FOR_ROOM_EVERY_S)
        while not has_room(self._settings) and not self._stopping.is_set():
            self._stopping.wait(LOOK_FOR_ROOM_EVERY_S)

    def work_once(self) -> bool:
        """Make the next report, import the next archive, or do the next analysis; return whether there was one."""
        try:
            if self._report() or self._import():
                return True
            claimed = self._claim()
            if claimed is not None:
                self._analyse(claimed, self._pass)
            return claimed is not None
        finally:
            self._busy_since = None

    def _report(self) -> bool:
        """Make the report that has waited longest; return whether there was one."""
        claimed = report_jobs.claim(self._db)
        if claimed is None:
            return False
        self._sign()
        reporting.make(self._db, self._settings, claimed)
        return True

    def _import(self) -> bool:
        """Import the archive that has waited longest; return whether there was one."""
        if not import_queue.anything_waits(self._db) or self._store_is_away(()):
            return False

        def sign() -> None:
            self._sign()
            if self._stopping.is_set():
                raise StoppedError

        return imports.work_once(self._db, self._settings, self._name, sign)

    def copy_once(self) -> bool:
        """Make the next copy of a video that somebody asked for; return whether there was one."""
        claimed = video_copies.claim(self._db)
        if claimed is None:
            return False
        try:
            copying.make(self._db, self._settings, claimed, self._between_frames)
        finally:
            self._busy_since = None
        return True

    def _between_frames(self) -> None:
        """Do an analysis that waits before the copy goes on. Raises StoppingError."""
        if self._stopping.is_set():
            raise StoppingError
        if time.monotonic() - self._looked > LOOK_EVERY_S:
            self.work_once()
            self._looked = time.monotonic()
        self._sign()

    def _analyse(self, claimed: Claim, aside: Callable[[Claim], None]) -> None:
        self._sign()
        report = analysis.Reporter(
            self._db, claimed, self._stopping.is_set, self._sign, aside, every_s=self._report_every_s
        )
        if not analysis.run(self._db, self._settings, claimed, lambda: self._opened_for(claimed), report):
            self._note_store(away=True)

    def _claim(self, above: int | None = None) -> Claim | None:
        files = leases.next_files(self._db, above)
        if self._store_is_away(files) or files is None:
            return None
        return leases.claim(self._db, worker=self._name, above=above)

    def _store_is_away(self, wanted: Sequence[str] | None) -> bool:
        """Return whether the media store is not there, where jobs want these files from it (None: no job waits)."""
        known = self._health.store_away
        if (wanted is None and not known) or (known and time.monotonic() - self._asked < STORE_EVERY_S):
            return known
        with self._db.read() as session:
            self._note_store(stored_files.is_away(session, self._settings, wanted or ()))
        return self._health.store_away

    def _note_store(self, away: bool) -> None:
        """Remember whether the media store is there, and say it where that is new."""
        self._asked = time.monotonic()
        if away is self._health.store_away:
            return
        if away:
            log.warning("the media store is not there: analyses wait")
        else:
            log.warning("the media store is there again")
        with self._health_lock:
            self._health = replace(self._health, store_away=away)
        self._say()

    def _pass(self, running: Claim) -> None:
        """Do what doesn't wait for a running video: a report, an import, or an analysis of a picture."""
        self._report()
        self._import()
        claimed = self._claim(above=running.priority)
        if claimed is not None:
            self._analyse(claimed, aside=lambda _: None)

    def train(self) -> None:
        """Keep trainings going, each in a process of its own, until `stop`. Runs in its own thread."""
        trainer.keep(self._db, self._settings, self._name, self._stopping)

    def watch(self, parent_pid: int | None) -> None:
        """Report regularly that the worker is alive; end the process if its parent is gone or an analysis hangs.

        Runs in its own thread.
        """
        said = removed = time.monotonic()
        while not self._stopping.wait(1.0):
            if parent_pid is not None and os.getppid() != parent_pid:
                self.stop()
            sign = self._busy_since
            if sign is not None and time.monotonic() - sign > STALL_S:
                log.error("an analysis gave no sign of life for %.0f s; the worker restarts", STALL_S)
                os._exit(STALLED)
            if time.monotonic() - said > HEALTH_EVERY_S:
                self._say()
                said = time.monotonic()
            # Here and not between two analyses: one may take hours.
            if time.monotonic() - removed > REMOVE_EVERY_S:
                self._remove()
                removed = time.monotonic()
        time.sleep(LAST_WORDS_S if parent_pid is None else LAST_WORDS_OF_A_CHILD_S)
        os._exit(PARENT_GONE)

    def _opened(self) -> Analyzer:
        if self._analyzer is None or getattr(self._analyzer, "lost", False):
            self._analyzer = self._open_analyzer()
            self._sign()
        return self._analyzer

    def _opened_for(self, claimed: Claim) -> Analyzer:
        """Return the analyzer, opened again where a job asks for another model: a new one may have been installed."""
        opened = self._opened()
        if claimed.model_sha256 in (opened.classifier.card.sha256, self._missed):
            return opened
        self._analyzer = None
        self._missed = claimed.model_sha256
        return self._opened()

    def _sign(self) -> None:
        """Take note of a sign of life of the running analysis."""
        self._busy_since = time.monotonic()

    def _test(self) -> None:
        verdict = selftest.check(self._opened, self._settings)
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
        """Leave the worker's words; where they can't be written, the next ones may be, and nothing ends by it."""
        with self._health_lock:
            self._health = replace(self._health, at=clock.now())
            try:
                write_health(self._settings, self._health, self._number)
            except OSError as error:
                log.warning("the worker's words can't be written: %s", errno.errorcode.get(error.errno or 0, "OSError"))

    def _housekeep(self) -> None:
        """Delete files and previews that have served, and what a withdrawal that was interrupted left."""
        withdrawal.finish(self._db, self._settings)
        try:
            uploads.sweep(self._settings, self._db)
        except FerError as error:
            log.warning("what lies in the media store is not swept: %s", error.message)
        downloads.sweep(self._settings)
        import_queue.sweep(self._db)
        patient_mode.sweep(self._db)
        with self._db.read() as session:
            waiting = session.scalars(
                select(Job.recording_id).where(
                    Job.state.in_([JobState.RUNNING.value, JobState.CHOOSING.value, JobState.QUEUED.value])
                )
            )
            kept = frozenset(waiting)
        previews.sweep(self._settings, kept)


def main(
    settings: Settings,
    db: Database,
    parent_pid: int | None,
    open_analyzer: Callable[[], Analyzer],
    number: int = FIRST_WORKER,
) -> int:
    """Run a worker until SIGTERM or Ctrl-C, or until its parent is gone; return the exit code."""
    worker = Worker(settings, db, open_analyzer, number)
    for ending in requests_to_end.REQUESTS:
        signal.signal(ending, lambda *_: worker.stop())
    requests_to_end.on_request(worker.stop)
    try:
        with at_work.alone(settings.data_dir, number):
            threading.Thread(target=worker.watch, args=(parent_pid,), daemon=True).start()
            training = threading.Thread(target=worker.train, daemon=True)
            training.start()
            worker.run()
            training.join(GIVE_BACK_S)
    except FerError as error:
        if error.code not in ("already_running", "changing"):
            raise
        log.warning("%s", error.message)
        return ALREADY_RUNNING
    return 0
