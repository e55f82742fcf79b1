"""Fine-tuning on the clinic's own people: begun where enough of them agree, from a model that learned from none."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from clinic import access, audit, clock, model_in_use
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.training import own_samples
from clinic.training.own_samples import MARKS_EACH, PATIENTS_NEEDED
from clinic.training_queue import places
from clinic.training_queue.work import OPEN, RUN, TUNE
from db.engine import Database
from db.models import Training
from fer_core.errors import FerError
from fer_core.model.model_card import DEFAULT_MODEL, WEIGHTS_FOLDER, ModelCard
from train.config import tuned


def start(db: Database, settings: Settings, actor: Actor, data: str) -> str:
    """Queue a fine-tuning beside a data set and return its id; one that is open is not asked for twice.

    It goes on from the model promoted last of those that learned from no patient, else from the one that is shipped.
    Raises Forbidden ``only_administrators``, FerError ``no_data``, ``too_few_people``, ``not_here``.
    """
    with db.session() as session:
        account = access.require_administrator(session, actor)
        places.data_path(settings, data)
        if not settings.trains_on_own:
            raise FerError("This installation keeps no recordings to train on (FER_KEEP_FILES).", "not_here")
        found = own_samples.counted(session)
        if not found.enough:
            raise FerError(
                f"{counted(found.ready, 'patient')} who agreed to it have {MARKS_EACH} or more labelled moments;"
                f" {PATIENTS_NEEDED} are needed, so that a change is seen.",
                "too_few_people",
            )
        under_way = session.scalar(select(Training.id).where(Training.kind == TUNE, Training.state.in_(OPEN)).limit(1))
        if under_way is not None:
            return under_way
        promoted = model_in_use.history(settings)
        runs = session.scalars(select(Training).where(Training.kind == RUN)).all()
        by_card = {places.model_name_in_use(run.id, run.number): run for run in runs}
        before = next((by_card[name] for name in reversed(promoted) if name in by_card), None)
        card = ModelCard.load(start_card(settings, before))
        recipe = tuned(card.architecture, card.input.cut).to_dict()
        row = Training(kind=TUNE, data=data, recipe=recipe, total=int(recipe["epochs"]))
        row.account_id, row.created_at, row.start_from = account.id, clock.now(), before.id if before else None
        session.add(row)
        session.flush()
        audit.write(session, AuditAction.TUNING_STARTED, account.id, training=row.id, patients=found.ready)
        return row.id


def start_card(settings: Settings, before: Training | None) -> Path:
    """Return the card of the model that a fine-tuning goes on from: a run's, or the one that came with the program."""
    if before is None:
        return WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"
    return places.model_card_of(settings, before.id, before.number)
