"""Example faces of what the model in use says about its test pictures, where their data set is on the server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from clinic import access, audit, clock, model_in_use
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.settings import Settings
from clinic.training.runs import TrainingProgress
from clinic.training_queue import places
from clinic.training_queue.work import EXAMPLES, OPEN
from db.engine import Database
from db.models import JobState, Training
from fer_core.emotions import Emotion
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard


@dataclass(frozen=True, slots=True)
class Example:
    """A test picture: its label, the model's likeliest one with its output (0 to 1), and two PNGs in base64.

    `face`: as the model gets it; `heat`: the same under what spoke for the label that was given (Grad-CAM).
    """

    true: Emotion
    given: Emotion
    output: float
    face: str
    heat: str


def make(db: Database, settings: Settings, actor: Actor, data: str) -> str:
    """Have examples of the model in use made from a data set, and return the id of that.

    Raises Forbidden ``only_administrators``, FerError ``no_data``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        places.data_path(settings, data)
        under_way = select(Training.id).where(Training.kind == EXAMPLES, Training.state.in_(OPEN))
        known = session.scalar(under_way.limit(1))
        if known is not None:
            return known
        row = Training(kind=EXAMPLES, data=data, account_id=account.id, created_at=clock.now())
        session.add(row)
        session.flush()
        audit.write(session, AuditAction.EXAMPLES_MADE, account.id, training=row.id)
        return row.id


def standing(db: Database, actor: Actor) -> TrainingProgress | None:
    """Return how far the examples are that were asked for last. Raises Forbidden."""
    with db.read() as session:
        access.acting(session, actor)
        row = session.scalar(_newest().limit(1))
        return TrainingProgress(row.id, row.state, row.paused, row.error_message) if row is not None else None


def made(db: Database, settings: Settings, actor: Actor) -> str | None:
    """Return the id of the examples of the model in use, None where there are none. Raises Forbidden."""
    sha256 = ModelCard.load(model_in_use.card_path(settings)).sha256
    with db.read() as session:
        access.acting(session, actor)
        done = session.scalars(_newest(Training.state == JobState.DONE)).all()
    ids = [row.id for row in done if (_read(settings, row.id, "about") or {}).get("model_sha256") == sha256]
    return ids[0] if ids else None


def of_cell(
    db: Database, settings: Settings, actor: Actor, made_id: str, true: Emotion, given: Emotion
) -> tuple[int, tuple[Example, ...]]:
    """Return how many test pictures a cell of the confusion matrix has, and some of them.

    Raises Forbidden, FerError ``no_examples``.
    """
    found = _needed(db, settings, actor, made_id, f"cell-{int(true)}-{int(given)}")
    return int(found["pictures"]), _examples(found["examples"])


def gallery(
    db: Database, settings: Settings, actor: Actor, made_id: str
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return some right and some wrong labels, spread evenly over the test. Raises Forbidden, FerError."""
    found = _needed(db, settings, actor, made_id, "gallery")
    return _examples(found["right"]), _examples(found["wrong"])


def _needed(db: Database, settings: Settings, actor: Actor, made_id: str, name: str) -> dict[str, Any]:
    with db.read() as session:
        access.acting(session, actor)
        row = session.get(Training, made_id)
    found = _read(settings, row.id, name) if row is not None and row.kind == EXAMPLES else None
    if found is None:
        raise FerError("These examples are no longer there.", "no_examples")
    return found


def _read(settings: Settings, made_id: str, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((places.folder_of(settings, made_id) / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _examples(values: Sequence[dict[str, Any]]) -> tuple[Example, ...]:
    return tuple(
        Example(Emotion(one["true"]), Emotion(one["given"]), one["output"], one["face"], one["heat"]) for one in values
    )


def _newest(*conditions: Any) -> Any:
    return select(Training).where(Training.kind == EXAMPLES, *conditions).order_by(Training.number.desc())
