"""What administrators do with trainings: have a data set checked, start, pause, stop, evaluate, delete, compare."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, model_in_use
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.jobs import obstacles
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.training import curves, cutting, datasets, recipes
from clinic.training.curves import Curve
from clinic.training.cutting import Cutting
from clinic.training_queue import places, uses, work
from clinic.training_queue.work import CHECK, EVALUATE, OPEN, RUN, RUNS, TUNE
from db.engine import Database
from db.models import JobState, Training
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a check, a run or an evaluation is. `error`: the sentence of one that failed."""

    id: str
    state: JobState
    paused: bool
    error: str | None

    @property
    def open(self) -> bool:
        """Whether it still waits or is under way."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class RunStanding(TrainingProgress):
    """How far a run is: `done` of `total` epochs, with their curves, and its evaluation and model where there are any.

    `left_s`: seconds left at most of its epochs, or of cutting own people's faces out; None before the first, and while
    it doesn't run. `recipe`: as train/config.py writes it. `people`: whose pictures a run on the clinic's own people
    uses, None before they are cut; `cutting`: how far that is; `agreeing`: how many of them agree today. `analyses`:
    its model was promoted last; `in_use`: it was, or can be gone back to.
    """

    kind: str
    number: int
    search_id: str | None
    data: str
    recipe: dict[str, Any]
    done: int
    total: int
    curves: tuple[Curve, ...]
    left_s: float | None
    created_at: datetime
    evaluation: TrainingProgress | None
    card: ModelCard | None
    analyses: bool
    in_use: bool
    people: int | None = None
    agreeing: int = 0
    cutting: Cutting | None = None

    @property
    def best(self) -> float | None:
        """The highest accuracy on PublicTest so far."""
        return curves.best(self.curves)

    @property
    def share(self) -> float:
        """How much is done of what is under way, 0 to 1: of its epochs, or of the recordings that are cut before."""
        if self.cutting is not None:
            return self.cutting.done / self.cutting.of
        return min(1.0, self.done / max(1, self.total))

    @property
    def name(self) -> str:
        """What the run is called everywhere."""
        what = "own recordings" if self.kind == TUNE else self.recipe.get("preset", "")
        return f"Run {self.number} · {what} · {self.data}"

    @property
    def evaluable(self) -> bool:
        """Whether it has ended with an epoch or more, and is neither evaluated nor about to be."""
        under_way = self.evaluation is not None and self.evaluation.open
        # One on own people ends with its figures.
        return self.kind == RUN and not self.open and self.done > 0 and self.card is None and not under_way

    @property
    def sentence(self) -> str:
        """How far it is, for people."""
        if self.state is JobState.FAILED:
            return f"Failed after {self.done} of {counted(self.total, 'epoch')}."
        if self.state is JobState.CANCELLED:
            return f"Stopped after {self.done} of {counted(self.total, 'epoch')}; it can't go on."
        if self.state is JobState.DONE:
            return f"Finished: {counted(self.done, 'epoch')}."
        if self.paused:
            return f"Paused after {self.done} of {counted(self.total, 'epoch')}."
        if self.state is JobState.QUEUED:
            return (
                "Waits for its turn." if not self.done else f"Waits to go on after epoch {self.done} of {self.total}."
            )
        if self.kind == TUNE and self.people is None:
            how_far = f": {self.cutting.done} of {self.cutting.of} are done" if self.cutting is not None else ""
            return f"The faces of labelled moments are cut out of the recordings{how_far}."
        if self.kind == TUNE and self.done == self.total:
            return "The new model is judged: on the data set's test, and on people who were held out."
        return f"Epoch {self.done + 1} of {self.total} is under way." if self.done else "Reads the data set and begins."


def check(db: Database, settings: Settings, actor: Actor, data: str) -> str:
    """Have a data set looked at, and return the check's id; one that is under way is not asked for twice.

    Raises Forbidden ``only_administrators``, FerError ``no_data``.
    """
    there = data in places.data_sets(settings)
    with db.session() as session:
        account = access.require_administrator(session, actor)
        if not there:
            raise FerError("This data set is no longer there.", "no_data")
        under_way = select(Training.id).where(
            Training.kind == CHECK, Training.data == data, Training.state.in_(OPEN), ~Training.cancel_requested
        )
        known = session.scalar(under_way.limit(1))
        if known is not None:
            return known
        return _add(session, account.id, AuditAction.DATA_SET_CHECKED, kind=CHECK, data=data)


def start(
    db: Database,
    settings: Settings,
    actor: Actor,
    data: str,
    preset: str,
    values: Mapping[str, float],
    start_from: str | None = None,
) -> str:
    """Queue a run on a data set and return its id. `start_from`: the run whose best weights it begins with.

    Raises Forbidden ``only_administrators``, FerError ``no_data``, ``bad_recipe``, ``unknown_training``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        places.data_path(settings, data)
        recipe = recipes.made(preset, values)
        need_enough(session, settings, data, recipe)
        if start_from is not None and not curves.read(settings, _of(session, start_from, RUN).id):
            raise FerError("The run to start from has no finished epoch.", "unknown_training")
        return _add(
            session,
            account.id,
            AuditAction.TRAINING_STARTED,
            kind=RUN,
            data=data,
            recipe=recipe,
            start_from=start_from,
            total=int(recipe["epochs"]),
        )


def need_enough(session: Session, settings: Settings, data: str, recipe: Mapping[str, Any]) -> None:
    """Refuse a batch larger than all that the newest finished check of the data set leaves to train on.

    Raises FerError ``bad_recipe``.
    """
    checked = session.scalar(_newest(Training.kind == CHECK, Training.data == data, Training.state == JobState.DONE))
    left = datasets.left_to_train_on(settings, checked.id) if checked is not None else None
    if left is not None and recipe["batch"] > left:
        raise FerError(
            f"Batch: {recipe['batch']} is more than the {counted(left, 'picture')} that this data set has to train on."
            " Please give a smaller number.",
            "bad_recipe",
        )


def evaluate(db: Database, settings: Settings, actor: Actor, run_id: str) -> str:
    """Queue the evaluation of a finished or stopped run, and return its id; one that is under way is not asked twice.

    Raises Forbidden ``only_administrators``, FerError ``unknown_training``, ``no_epoch``, ``evaluated``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        run = _of(session, run_id, RUN)
        if run.state in OPEN or not curves.read(settings, run.id):
            raise FerError("Only a run that has ended with an epoch or more can be evaluated.", "no_epoch")
        if places.model_card_of(settings, run.id, run.number).exists():
            # Its weights may be in use: they never change again.
            raise FerError("This run is evaluated already.", "evaluated")
        under_way = select(Training.id).where(Training.run_id == run.id, Training.state.in_(OPEN))
        known = session.scalar(under_way.limit(1))
        if known is not None:
            return known
        return _add(session, account.id, AuditAction.TRAINING_EVALUATED, kind=EVALUATE, data=run.data, run_id=run.id)


def pause(db: Database, actor: Actor, run_id: str, paused: bool = True) -> None:
    """Let a run rest, or go on after its last finished epoch. What has ended is left as it is.

    Raises Forbidden ``only_administrators``, FerError ``unknown_training``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        run = _of(session, run_id, *RUNS)
        if run.state in OPEN and run.paused is not paused:
            run.paused = paused
            action = AuditAction.TRAINING_PAUSED if paused else AuditAction.TRAINING_RESUMED
            audit.write(session, action, account.id, training=run.id)


def stop(db: Database, actor: Actor, training_id: str) -> None:
    """End a check, a run or an evaluation for good: at once where it waits, within seconds where it is under way.

    Raises Forbidden ``only_administrators``, FerError ``unknown_training``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        row = _of(session, training_id)
        if row.state not in OPEN or row.cancel_requested:
            return
        work.cancel(row)
        audit.write(session, AuditAction.TRAINING_STOPPED, account.id, training=row.id)


def remove(db: Database, settings: Settings, actor: Actor, run_id: str) -> None:
    """Delete an ended run with its weights. Raises Forbidden, FerError ``unknown_training``, ``in_use``."""
    with db.session() as session:
        account = access.require_administrator(session, actor)
        run = _of(session, run_id, *RUNS)
        delete_row(session, settings, run)
        audit.write(session, AuditAction.TRAINING_DELETED, account.id, training=run.id)
    shutil.rmtree(places.folder_of(settings, run_id), ignore_errors=True)


def delete_row(session: Session, settings: Settings, run: Training) -> None:
    """Delete the row of a run and those of its evaluations. Raises FerError ``in_use``."""
    under_way = select(Training.id).where(
        or_(Training.id == run.id, Training.run_id == run.id, Training.start_from == run.id),
        Training.state.in_(OPEN),
    )
    if session.scalar(under_way.limit(1)) is not None or _promoted(settings, run):
        raise FerError("This run is needed: its model is in use, or work on it is under way.", "in_use")
    uses.forget_run(session, run.id)
    session.execute(delete(Training).where(or_(Training.id == run.id, Training.run_id == run.id)))


def standings(db: Database, settings: Settings, actor: Actor) -> list[RunStanding]:
    """Return all runs, the newest first. Raises Forbidden ``only_administrators``."""
    with db.read() as session:
        access.require_administrator(session, actor)
        rows = session.scalars(select(Training).where(Training.kind.in_((*RUNS, EVALUATE))).order_by(Training.number))
        runs, evaluations = [], {}
        for row in rows:
            if row.kind in RUNS:
                runs.append(row)
            else:
                # Of several the newest counts.
                evaluations[row.run_id] = _plain(row)
        in_use = model_in_use.history(settings)
        agreeing = {run.id: uses.still(session, run.id) for run in runs if run.kind == TUNE}
        found = [_standing(settings, run, evaluations.get(run.id), in_use) for run in reversed(runs)]
        return [replace(run, agreeing=agreeing.get(run.id, 0)) for run in found]


def obstacle(settings: Settings) -> str | None:
    """Return why no training goes on here, as a sentence, or None where nothing is in the way."""
    if not places.has_room(settings):
        return "The disk is nearly full: no training begins until there is room again."
    return obstacles.obstacle_of_worker(settings)


def newest_check(db: Database, actor: Actor, data: str) -> TrainingProgress | None:
    """Return how far the newest check of a data set is, None before one. Raises Forbidden ``only_administrators``."""
    with db.read() as session:
        access.require_administrator(session, actor)
        row = session.scalar(_newest(Training.kind == CHECK, Training.data == data))
        return _plain(row) if row is not None else None


def _standing(settings: Settings, run: Training, evaluation: TrainingProgress | None, in_use: list[str]) -> RunStanding:
    epochs = curves.read(settings, run.id)
    card = places.model_card_of(settings, run.id, run.number)
    running = run.state == JobState.RUNNING
    cut = cutting.read(settings, run.id) if running else None
    left_s = cut.left_s if cut is not None else curves.left_s(epochs, run.total)
    return RunStanding(
        id=run.id,
        state=run.state,
        paused=run.paused,
        error=run.error_message,
        kind=run.kind,
        people=run.people,
        number=run.number,
        search_id=run.search_id,
        data=run.data,
        recipe=run.recipe or {},
        done=len(epochs),
        total=run.total,
        curves=epochs,
        left_s=left_s if running else None,
        cutting=cut,
        created_at=run.created_at,
        evaluation=evaluation,
        card=ModelCard.load(card) if card.exists() else None,
        analyses=str(card.relative_to(settings.data_dir)) in in_use[-1:],
        in_use=str(card.relative_to(settings.data_dir)) in in_use,
    )


def _plain(row: Training) -> TrainingProgress:
    return TrainingProgress(row.id, row.state, row.paused, row.error_message)


def _promoted(settings: Settings, run: Training) -> bool:
    card = places.model_card_of(settings, run.id, run.number)
    return str(card.relative_to(settings.data_dir)) in model_in_use.history(settings)


def _newest(*conditions: Any) -> Any:
    return select(Training).where(*conditions).order_by(Training.number.desc()).limit(1)


def _of(session: Session, training_id: str, *kinds: str) -> Training:
    row = session.get(Training, training_id)
    if row is None or (kinds and row.kind not in kinds):
        raise FerError("This training is no longer there.", "unknown_training")
    return row


def _add(session: Session, account_id: str, action: AuditAction, **values: Any) -> str:
    row = Training(account_id=account_id, created_at=clock.now(), **values)
    session.add(row)
    session.flush()
    audit.write(session, action, account_id, training=row.id)
    return row.id
