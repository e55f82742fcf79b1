"""Which trained model is put to use, and the way back: after its evaluation, its golden check and the self-test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from clinic import access, audit, model_in_use
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.children import PROGRAM_DIR, environment_of
from clinic.settings import Settings
from clinic.training_queue import places
from clinic.training_queue.work import RUNS
from db.engine import Database
from db.models import Training
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard

SPLIT = "PrivateTest"
CHECK_WITHIN_S = 300

OWN = "own"
"""What a card says of the clinic's own people, where the model was fine-tuned on them (`train/tune.py`)."""

Check = Callable[[Settings, Path], str | None]
"""Tries a model on this installation; returns what is wrong with it, or None."""


def fixed(settings: Settings) -> str | None:
    """Return why no page can change the model of this installation, or None where one can."""
    if settings.model is not None:
        return "The environment names the model (FER_MODEL): it can be changed only there."
    if settings.dask:
        return "A cluster analyses, whose machines each name their model with FER_MODEL: it can be changed only there."
    return None


def in_use(settings: Settings) -> Path | None:
    """Return the card of the model that analyses, None for the shipped one."""
    return model_in_use.card_path(settings)


def before(settings: Settings) -> ModelCard | None:
    """Return the card of the model that was in use before the promoted one, None where none was promoted."""
    known = model_in_use.history(settings)
    return _before(settings, known) if known else None


def objection(card: ModelCard) -> str | None:
    """Return why a model that was fine-tuned on the clinic's own people is not put to use, None where nothing is."""
    judged = card.metrics.get(OWN)
    return None if judged is None else judged["objection"]


def self_test(settings: Settings, card: Path) -> str | None:
    """Load a model with its golden check and run the self-test with it, in a process of its own."""
    environment = environment_of(settings) | {"FER_MODEL": str(card), "OMP_NUM_THREADS": "1"}
    try:
        tried = subprocess.run(
            [sys.executable, "-m", "clinic", "selftest"],
            cwd=PROGRAM_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=CHECK_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "The self-test with this model did not end."
    said = (tried.stdout.strip() or tried.stderr.strip()).split("\n")[-1]
    return None if tried.returncode == 0 else said or "The self-test with this model failed."


def promote(db: Database, settings: Settings, actor: Actor, run_id: str, tried: Check = self_test) -> ModelCard:
    """Put the evaluated model of a run to use for all analyses from now on, and return its card.

    Raises Forbidden ``only_administrators``, FerError ``unknown_training``, ``model_fixed``, ``not_evaluated``,
    ``no_better``, ``self_test``, ModelError for a card that can't be read.
    """
    with db.read() as session:
        access.require_administrator(session, actor)
        run = session.get(Training, run_id)
        if run is None or run.kind not in RUNS:
            raise FerError("This training is no longer there.", "unknown_training")
        path = places.model_card_of(settings, run.id, run.number)
    _need_free(settings)
    if not path.exists() or SPLIT not in (card := ModelCard.load(path)).metrics:
        raise FerError("This run is not evaluated yet.", "not_evaluated")
    against = objection(card)
    if against is not None:
        raise FerError(f"This model is not put to use. {against}", "no_better")
    wrong = tried(settings, path)
    if wrong is not None:
        raise FerError(f"This model is not put to use. {wrong}", "self_test")
    with db.session() as session:
        account = access.require_administrator(session, actor)
        if session.get(Training, run_id) is None:
            raise FerError("This training is no longer there.", "unknown_training")
        name = str(path.relative_to(settings.data_dir))
        known = model_in_use.history(settings)
        if known[-1:] != [name]:
            audit.write(session, AuditAction.MODEL_PROMOTED, account.id, training=run_id, model=card.sha256)
            model_in_use.write(settings, [*known, name])
    return card


def roll_back(db: Database, settings: Settings, actor: Actor, model_sha256: str) -> ModelCard:
    """Go back from the model with this hash to the one that was in use before it, and return that one's card.

    Raises Forbidden ``only_administrators``, FerError ``model_fixed``, ``nothing_before``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        _need_free(settings)
        known = model_in_use.history(settings)
        if not known or ModelCard.load(settings.data_dir / known[-1]).sha256 != model_sha256:
            raise FerError("This model is not in use any more. Please look again.", "nothing_before")
        earlier = _before(settings, known)
        audit.write(session, AuditAction.MODEL_ROLLED_BACK, account.id, model=earlier.sha256)
        model_in_use.write(settings, known[:-1])
    return earlier


def _before(settings: Settings, known: list[str]) -> ModelCard:
    return ModelCard.load(settings.data_dir / known[-2] if len(known) > 1 else None)


def _need_free(settings: Settings) -> None:
    reason = fixed(settings)
    if reason is not None:
        raise FerError(reason, "model_fixed")
