"""A search for hyper-parameters: short runs whose values are drawn from ranges, in the queue like all other runs.

The values are drawn all at once, each range in as many equal parts as there are runs (a Latin hypercube): runs that a
worker's death or a pause puts off are the same ones afterwards. Source: Bergstra and Bengio 2012, Random Search for
Hyper-Parameter Optimization; McKay et al. 1979.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.training import recipes, runs
from clinic.training.recipes import VALUES
from clinic.training.runs import RunStanding
from clinic.training_queue import places, work
from clinic.training_queue.work import OPEN, RUN
from db.engine import Database
from db.models import Training, new_id
from fer_core.errors import FerError

FEWEST_RUNS, MOST_RUNS, MOST_EPOCHS = 3, 30, 30
USUAL_RUNS, USUAL_EPOCHS = 12, 4
DRAWN = ("rate", "weight_decay", "batch", "dropout", "smoothing", "mix", "erase", "degrees")
"""The values that may be drawn."""
BY_FACTORS = frozenset({"rate", "weight_decay", "batch"})
"""Of these a factor counts, and not a difference: they are drawn evenly on a logarithmic scale."""
FACTOR = 4
_USUAL = {
    "dropout": (0.1, 0.5),
    "smoothing": (0.0, 0.2),
    "mix": (0.0, 0.6),
    "erase": (0.0, 0.6),
    "degrees": (0.0, 20.0),
}

Range = tuple[float, float]
"""The least and the most that is drawn, both with it."""


@dataclass(frozen=True, slots=True)
class Search:
    """The runs of a search, the first one first."""

    id: str
    runs: tuple[RunStanding, ...]

    @property
    def name(self) -> str:
        """What the search is called everywhere."""
        first, last = self.runs[0], self.runs[-1]
        return f"Search · runs {first.number} to {last.number} · {first.recipe.get('preset', '')} · {first.data}"

    @property
    def open(self) -> bool:
        """Whether a run of it waits or is under way."""
        return any(run.open for run in self.runs)

    @property
    def paused(self) -> bool:
        """Whether all that is left of it rests."""
        return self.open and all(run.paused for run in self.runs if run.open)

    @property
    def tried(self) -> list[RunStanding]:
        """The runs with an epoch or more, the best first."""
        return sorted((run for run in self.runs if run.curves), key=lambda run: -(run.best or 0.0))

    @property
    def drawn(self) -> list[str]:
        """The names of the values in which the runs differ."""
        return [name for name in DRAWN if len({recipes.read(run.recipe, name) for run in self.runs}) > 1]

    @property
    def share(self) -> float:
        """How much of it is over, 0 to 1: an ended run is over with all its epochs."""
        return 1 - self._epochs_left / max(1, sum(run.total for run in self.runs))

    @property
    def left_s(self) -> float | None:
        """Seconds left at most, None before the first epoch and while nothing of it runs."""
        seconds = [epoch["seconds"] for run in self.runs for epoch in run.curves]
        if not seconds or not self.open or self.paused:
            return None
        return self._epochs_left * float(median(seconds))

    @property
    def sentence(self) -> str:
        """How far it is, for people."""
        ended = sum(not run.open for run in self.runs)
        said = f"{ended} of {counted(len(self.runs), 'run')} ended"
        return f"Paused: {said}." if self.paused else f"{said[0].upper()}{said[1:]}."

    @property
    def _epochs_left(self) -> int:
        return sum(run.total - run.done for run in self.runs if run.open)


def of(found: Sequence[RunStanding]) -> list[Search]:
    """Return the searches among runs that are given the newest first, the newest first."""
    together: dict[str, list[RunStanding]] = {}
    for run in found:
        if run.search_id is not None:
            together.setdefault(run.search_id, []).append(run)
    return [Search(search_id, tuple(reversed(each))) for search_id, each in together.items()]


def usual_range(preset: str, name: str) -> Range:
    """Return what is drawn of a value unless another range is stated. Raises FerError ``bad_recipe``."""
    if name in _USUAL:
        return _USUAL[name]
    usual, value = recipes.values_of(preset)[name], VALUES[name]
    least, most = max(value.least, usual / FACTOR), min(value.most, usual * FACTOR)
    return (least, most) if most > least else (1e-5, 1e-3)


def drawn(preset: str, ranges: Mapping[str, Range], count: int, epochs: int, seed: int) -> list[dict[str, Any]]:
    """Return the recipes of a search, first the preset itself, for comparison. Raises FerError ``bad_recipe``."""
    _check(ranges, count, epochs)
    generator = np.random.default_rng(seed)
    # One value in each of the equal parts of a range, in an order of its own for each range.
    spots = {name: (generator.permutation(count - 1) + generator.random(count - 1)) / (count - 1) for name in ranges}
    tried: list[dict[str, float]] = [{}]
    tried += [{name: _at(name, ranges[name], spots[name][row]) for name in ranges} for row in range(count - 1)]
    # A short run has no time to be patient.
    return [recipes.made(preset, values | {"epochs": epochs, "patience": 0}) for values in tried]


def start(
    db: Database,
    settings: Settings,
    actor: Actor,
    data: str,
    preset: str,
    ranges: Mapping[str, Range],
    count: int,
    epochs: int,
    seed: int = 1,
) -> str:
    """Queue the runs of a search on a data set and return its id.

    Raises Forbidden ``only_administrators``, FerError ``no_data``, ``bad_recipe``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        places.data_path(settings, data)
        search_id = new_id()
        for recipe in drawn(preset, ranges, count, epochs, seed):
            runs.need_enough(session, settings, data, recipe)
            row = Training(kind=RUN, data=data, recipe=recipe, search_id=search_id, total=epochs)
            row.account_id, row.created_at = account.id, clock.now()
            session.add(row)
            # Each gets its number when it is stored.
            session.flush()
        audit.write(session, AuditAction.SEARCH_STARTED, account.id, search=search_id, runs=count, seed=seed)
        return search_id


def pause(db: Database, actor: Actor, search_id: str, paused: bool = True) -> None:
    """Let what is left of a search rest, or go on. Raises Forbidden, FerError ``unknown_training``."""
    with db.session() as session:
        account = access.require_administrator(session, actor)
        rows = [row for row in _rows(session, search_id) if row.state in OPEN and row.paused is not paused]
        for row in rows:
            row.paused = paused
        if rows:
            action = AuditAction.TRAINING_PAUSED if paused else AuditAction.TRAINING_RESUMED
            audit.write(session, action, account.id, search=search_id)


def stop(db: Database, actor: Actor, search_id: str) -> None:
    """End what is left of a search for good. Raises Forbidden, FerError ``unknown_training``."""
    with db.session() as session:
        account = access.require_administrator(session, actor)
        rows = [row for row in _rows(session, search_id) if row.state in OPEN and not row.cancel_requested]
        for row in rows:
            work.cancel(row)
        if rows:
            audit.write(session, AuditAction.TRAINING_STOPPED, account.id, search=search_id)


def remove(db: Database, settings: Settings, actor: Actor, search_id: str) -> None:
    """Delete an ended search with all its runs. Raises Forbidden, FerError ``unknown_training``, ``in_use``."""
    with db.session() as session:
        account = access.require_administrator(session, actor)
        rows = _rows(session, search_id)
        ids = [row.id for row in rows]
        for row in rows:
            runs.delete_row(session, settings, row)
        audit.write(session, AuditAction.TRAINING_DELETED, account.id, search=search_id)
    for run_id in ids:
        shutil.rmtree(places.folder_of(settings, run_id), ignore_errors=True)


def _rows(session: Session, search_id: str) -> Sequence[Training]:
    rows = session.scalars(select(Training).where(Training.search_id == search_id)).all()
    if not rows:
        raise FerError("This search is no longer there.", "unknown_training")
    return rows


def _check(ranges: Mapping[str, Range], count: int, epochs: int) -> None:
    if not ranges:
        raise FerError("Please choose at least one value that is drawn.", "bad_recipe")
    for label, given, least, most in (
        ("Runs", count, FEWEST_RUNS, MOST_RUNS),
        ("Epochs of each run", epochs, 1, MOST_EPOCHS),
    ):
        if not least <= given <= most:
            raise FerError(f"{label}: please give a number from {least} to {most}.", "bad_recipe")
    for name, (low, high) in ranges.items():
        if name not in DRAWN:
            raise FerError("This value can't be drawn.", "bad_recipe")
        # Not a number is under nothing.
        if not low < high:
            raise FerError(f"{VALUES[name].label}: the first number must be under the second.", "bad_recipe")
        if name in BY_FACTORS and low <= 0:
            raise FerError(f"{VALUES[name].label}: please begin above 0, for factors are drawn.", "bad_recipe")


def _at(name: str, limits: Range, place: float) -> float:
    """Return the value at a place of its range, 0 to 1, with three digits that count."""
    least, most = limits
    value = least * (most / least) ** place if name in BY_FACTORS else least + (most - least) * place
    whole = VALUES[name].step is None
    return min(max(float(round(value) if whole else f"{value:.3g}"), least), most)
