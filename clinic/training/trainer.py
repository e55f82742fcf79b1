"""Keeps trainings going beside the analysis of recordings: each in a process of its own, of the lowest priority.

The process ends with the worker that started it, whatever that dies of; the next worker lets it go on after the last
epoch, and it ends with the weights of a run that nothing interrupted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clinic import model_in_use
from clinic.children import PROGRAM_DIR
from clinic.settings import Settings
from clinic.training import curves, own_pictures, tuning
from clinic.training_queue import places, uses, work
from clinic.training_queue.work import CHECK, EVALUATE, EXAMPLES, LANES, RUNS, TUNE, TrainingClaim, TrainingRequest
from db.engine import Database
from db.models import JobState, Training
from fer_core.errors import FerError
from fer_core.model.model_card import DEFAULT_MODEL, WEIGHTS_FOLDER

LOOK_EVERY_S, RENEW_EVERY_S, CUT_FOR_S = 1.0, 5.0, 4.0
CANNOT_BE_USED = 2
"""Exit code of ``python -m train`` for what can't be used; its last line says why."""

log = logging.getLogger(__name__)


def keep(db: Database, settings: Settings, worker: str, stopping: threading.Event) -> None:
    """Take up the trainings that wait, and follow them until `stopping` is set; then put them back."""
    lanes = [Lane(db, settings, worker, kinds) for kinds in LANES]
    begun = False
    while not stopping.wait(LOOK_EVERY_S):
        try:
            # At first nobody else works under this name: what is held under it belongs to a worker that died.
            work.release(db, None if begun else worker)
            begun = True
            uses.check(db, settings)
            uses.sweep(db, settings)
            for lane in lanes:
                lane.step()
        except Exception as error:  # noqa: BLE001  # the next look may go well, and analyses go on all the same
            log.warning("trainings can't be looked after now: %s", type(error).__name__)
    for lane in lanes:
        lane.give_back()


@dataclass(slots=True)
class Lane:
    """What runs one after the other: nothing, or a process that a worker holds."""

    db: Database
    settings: Settings
    worker: str
    kinds: tuple[str, ...]
    _held: TrainingClaim | None = None
    _cutting: Iterator[None] | None = None
    _process: subprocess.Popen[bytes] | None = None
    _renewed: float = field(default=float("-inf"))
    _done: int = 0

    def step(self) -> None:
        """Start what waits, or see how what runs is getting on."""
        if self._held is not None and self._cutting is not None:
            self._cut(self._held, self._cutting)
        elif self._held is None or self._process is None:
            self._start()
        elif (code := self._process.poll()) is not None:
            self._ended(self._held, code)
        else:
            self._follow(self._held)

    def give_back(self) -> None:
        """End the process, and put the training back into the queue."""
        if self._held is not None:
            self._kill()
            work.give_back(self.db, self._held)
            self._forget()

    def _start(self) -> None:
        if not places.has_room(self.settings):
            return
        self._held = held = work.claim(self.db, self.worker, self.kinds)
        if held is None:
            return
        self._done, self._renewed = 0, time.monotonic()
        places.folder_of(self.settings, held.run_id).mkdir(parents=True, exist_ok=True, mode=0o700)
        if held.kind == TUNE and own_pictures.read(self.settings, held.run_id) is None:
            self._cutting = own_pictures.cut(self.db, self.settings, held)
        else:
            self._launch(held)

    def _cut(self, held: TrainingClaim, cutting: Iterator[None]) -> None:
        """Cut out own pictures for a while, and begin to train once all are there."""
        if self._ends(held):
            return
        until = time.monotonic() + CUT_FOR_S
        try:
            while time.monotonic() < until:
                next(cutting)
        except StopIteration:
            self._cutting = None
            self._launch(held)
            return
        except Exception:
            # Half of the pictures are none: it begins again, three times at most.
            work.died(self.db, held)
            self._forget()
            raise
        work.renew(self.db, held, 0)

    def _launch(self, held: TrainingClaim) -> None:
        folder = places.folder_of(self.settings, held.run_id)
        try:
            command = _command(self.db, self.settings, held, folder)
        except FerError as refusal:
            self._end(held, JobState.FAILED, refusal.code, refusal.message)
            return
        with _said(folder, held).open("wb") as said:
            self._process = subprocess.Popen(
                command,
                cwd=PROGRAM_DIR,
                env=_environment(self.settings.training_threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                # What ends the worker by its group doesn't meet it: it ends by its pipe, or is put back.
                start_new_session=True,
            )
        if held.kind == TUNE:
            pictures = own_pictures.read(self.settings, held.run_id) or b""
            threading.Thread(target=_hand_over, args=(self._process, pictures), daemon=True).start()

    def _ends(self, held: TrainingClaim) -> bool:
        """End or put back what is no longer wanted; return whether that was so."""
        request = work.requested(self.db, held)
        if request is TrainingRequest.GO_ON:
            return False
        self._kill()
        if request is TrainingRequest.PAUSE:
            work.give_back(self.db, held)
        elif request is TrainingRequest.STOP:
            work.end(self.db, held, JobState.CANCELLED, self._epochs(held))
        self._forget()
        return True

    def _follow(self, held: TrainingClaim) -> None:
        if self._ends(held):
            return
        done = self._epochs(held)
        if done != self._done or time.monotonic() - self._renewed > RENEW_EVERY_S:
            work.renew(self.db, held, done)
            self._done, self._renewed = done, time.monotonic()

    def _ended(self, held: TrainingClaim, code: int) -> None:
        if code == 0:
            self._end(held, JobState.DONE)
        elif code == CANNOT_BE_USED:
            lines = _said(places.folder_of(self.settings, held.run_id), held).read_text("utf-8", "replace").split("\n")
            message = next((line for line in reversed(lines) if line.strip()), "The training could not be started.")
            self._end(held, JobState.FAILED, "training_refused", message)
        else:
            work.renew(self.db, held, self._epochs(held))
            work.died(self.db, held)
            self._forget()

    def _end(self, held: TrainingClaim, state: JobState, code: str | None = None, message: str | None = None) -> None:
        work.end(self.db, held, state, self._epochs(held), code, message)
        self._forget()

    def _epochs(self, held: TrainingClaim) -> int:
        return len(curves.read(self.settings, held.run_id)) if held.kind in RUNS else 0

    def _kill(self) -> None:
        """End the process at once: the epoch under way is lost, and what was written before is whole."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = self._held = self._cutting = None


def _hand_over(process: subprocess.Popen[bytes], pictures: bytes) -> None:
    """Write own pictures to a training, behind their length; the pipe stays open, for it ends with it."""
    if process.stdin is not None:
        # A process that was ended reads no more.
        with contextlib.suppress(OSError, ValueError):
            process.stdin.write(len(pictures).to_bytes(8, "big") + pictures)
            process.stdin.flush()


def _said(folder: Path, held: TrainingClaim) -> Path:
    return folder / f"said-{held.kind}.txt"


def _command(db: Database, settings: Settings, held: TrainingClaim, folder: Path) -> list[str]:
    """Return what is run for a training, and write its recipe down. Raises FerError where something is gone."""
    data = str(places.data_path(settings, held.data))
    nice, threads = str(settings.training_nice), str(settings.training_threads)
    train = [sys.executable, "-m", "train", "--background", nice, "--threads", threads]
    if held.kind == CHECK:
        return [*train, "data", "--data", data, "--out", str(folder)]
    if held.kind == EXAMPLES:
        card = model_in_use.card_path(settings) or WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"
        return [*train, "examples", "--data", data, "--card", str(card), "--out", str(folder)]
    if held.kind == EVALUATE:
        name = places.model_name(held.number)
        model = str(places.model_card_of(settings, held.run_id, held.number).parent)
        return [*train, "export", "--data", data, "--run", str(folder), "--name", name, "--to", model]
    if held.kind == TUNE:
        with db.read() as session:
            before = session.get_one(Training, held.start_from) if held.start_from is not None else None
            start_card = str(tuning.start_card(settings, before))
        name = places.model_name(held.number)
        return [
            *train,
            "tune",
            "--data",
            data,
            "--own",
            "-",
            "--card",
            start_card,
            "--name",
            name,
            "--out",
            str(folder),
        ]
    with db.read() as session:
        recipe = session.get_one(Training, held.id).recipe
    (folder / "recipe.json").write_text(json.dumps(recipe), "utf-8")
    start = []
    if held.start_from is not None:
        start = ["--start-from", str(places.folder_of(settings, held.start_from) / "best.safetensors")]
    return [*train, "run", "--data", data, "--recipe", str(folder / "recipe.json"), "--out", str(folder), *start]


def _environment(threads: int) -> dict[str, str]:
    """Return the environment of a training: it gets no key and no address of the clinic's database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FER_")}
    return kept | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
