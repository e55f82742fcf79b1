"""The worker process: takes one analysis after the other, and reports its health."""

from __future__ import annotations

import logging
import os
import platform
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from clinic import requests_to_end
from clinic.erasure import retention
from clinic.exchange import import_queue, imports, video_copies
from clinic.exchange.import_queue import StoppedError
from clinic.jobs import leases
from clinic.jobs.leases import Claim
from clinic.jobs.obstacles import has_room
from clinic.patients import digests
from clinic.recordings import uploads
from clinic.reports import report_jobs
from clinic.settings import Settings
from clinic.training import trainer
from clinic.worker import analysis, copying, housekeeping, reporting, selftest
from clinic.worker.analyzer_in_use import AnalyzerInUse
from clinic.worker.endings import StoppingError
from clinic.worker.health_report import HealthReport
from clinic.worker.store_watch import StoreWatch
from db.engine import Database
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
        self._report_every_s = report_every_s
        self._name = name_of(number)
        self._db = db
        self._analyzer = AnalyzerInUse(open_analyzer, self._sign)
        self._stopping = threading.Event()
        self._report = HealthReport(settings, number)
        self._store = StoreWatch(db, settings, self._report)
        self._busy_since: float | None = None
        self._looked = float("-inf")

    def stop(self) -> None:
        """Ask the worker to end: at once where it waits; a running analysis goes back to the queue."""
        self._stopping.set()

    def run(self) -> None:
        """Test the installation, then work until `stop`. Nobody else may be working under this number."""
        self._report.write()
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
            if self._report.last.sound is None and not self._store.is_away(leases.next_files(self._db)):
                self._test()
            now = time.monotonic()
            if now - housekept > HOUSEKEEPING_EVERY_S:
                self._go_on("erasures", lambda: housekeeping.finish_erasures(self._db, self._settings))
                self._go_on("housekeeping", lambda: housekeeping.sweep(self._db, self._settings))
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

    def _wait_for_room(self) -> None:
        """Wait until the disk has room again, or the worker shall end; the pages say meanwhile why nothing goes on."""
        log.warning("the disk is full: the worker waits until there is room again")
        self._stopping.wait(LOOK_FOR_ROOM_EVERY_S)
        while not has_room(self._settings) and not self._stopping.is_set():
            self._stopping.wait(LOOK_FOR_ROOM_EVERY_S)

    def work_once(self) -> bool:
        """Make the next report, import the next archive, or do the next analysis; return whether there was one."""
        try:
            if self._make_report() or self._import():
                return True
            claimed = self._claim()
            if claimed is not None:
                self._analyse(claimed, self._pass)
            return claimed is not None
        finally:
            self._busy_since = None

    def _make_report(self) -> bool:
        """Make the report that has waited longest; return whether there was one."""
        claimed = report_jobs.claim(self._db)
        if claimed is None:
            return False
        self._sign()
        reporting.make(self._db, self._settings, claimed)
        return True

    def _import(self) -> bool:
        """Import the archive that has waited longest; return whether there was one."""
        if not import_queue.anything_waits(self._db) or self._store.is_away(()):
            return False

        def sign() -> None:
            self._sign()
            if self._stopping.is_set():
                raise StoppedError

        return imports.work_once(self._db, self._settings, self._name, sign)

    def copy_once(self) -> bool:
        """Make the next copy of a video that somebody asked for; return whether there was one."""
        files = video_copies.next_files(self._db)
        claimed = None if files is None or self._store.is_away(files) else video_copies.claim(self._db)
        if claimed is None:
            return False
        try:
            if not copying.make(self._db, self._settings, claimed, self._between_frames):
                self._store.note(away=True)
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
        if not analysis.run(
            self._db, self._settings, claimed, lambda: self._analyzer.for_model(claimed.model_sha256), report
        ):
            self._store.note(away=True)

    def _claim(self, above: int | None = None) -> Claim | None:
        files = leases.next_files(self._db, above)
        if self._store.is_away(files) or files is None:
            return None
        return leases.claim(self._db, worker=self._name, above=above)

    def _pass(self, running: Claim) -> None:
        """Do what doesn't wait for a running video: a report, an import, or an analysis of a picture."""
        self._make_report()
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
                self._report.write()
                said = time.monotonic()
            # Here and not between two analyses: one may take hours.
            if time.monotonic() - removed > REMOVE_EVERY_S:
                housekeeping.empty_log(self._db)
                removed = time.monotonic()
        time.sleep(LAST_WORDS_S if parent_pid is None else LAST_WORDS_OF_A_CHILD_S)
        os._exit(PARENT_GONE)

    def _sign(self) -> None:
        """Take note of a sign of life of the running analysis."""
        self._busy_since = time.monotonic()

    def _test(self) -> None:
        verdict = selftest.check(self._analyzer.get, self._settings)
        self._busy_since = None
        known = self._analyzer.opened
        self._report.write(
            sound=verdict.sound,
            sentence=verdict.sentence,
            device=known.classifier.device_name if known else None,
            model_sha256=known.classifier.card.sha256 if known else None,
        )


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
