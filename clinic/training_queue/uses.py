"""Whose labelled moments were used in which training, and the end of one that may not use them any more.

What a model has learned can't be taken out of its weights. So it is known which models a patient was in. A training
under way ends as soon as one of its people no longer agrees, or somebody says that a face was not the patient's. None
goes on from a model that learned from patients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from clinic import access, clock, model_in_use
from clinic.access import Actor
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.settings import Settings
from clinic.training_queue import places, work
from clinic.training_queue.work import OPEN, TUNE, TrainingClaim
from db.engine import Database
from db.models import Patient, Training, TrainingUse
from train.config import is_held_out

NEEDED = (Scope.TRAIN, Scope.KEEP_VIDEO, Scope.KEEP_RESULTS)
"""What a patient has agreed to whose moments are used: to the use, and to keeping the pictures and their labels."""
MAY_NOT_GO_ON = (
    "It was ended, and the pictures that were cut for it are deleted: somebody whose pictures it used no longer agrees,"
    " or a recording of theirs was deleted. A new one goes without them."
)
FACE_CORRECTED = (
    "It was ended, and the pictures that were cut for it are deleted: somebody said of a face in a recording of one of"
    " its patients that it is not the patient's, or is choosing that face again. A new one goes without it."
)


@dataclass(frozen=True, slots=True)
class Use:
    """That moments of a patient were used in a run: `moments` pictures, on `used_at`; `held_out`: to judge it alone.

    `analyses`: its model is in use now; `known`: the run is of this installation and was not deleted.
    """

    run_number: int
    used_at: datetime
    moments: int
    held_out: bool
    analyses: bool
    known: bool


def of_patient(db: Database, settings: Settings, actor: Actor, patient_id: str) -> list[Use]:
    """Return in which trainings a patient was, the newest first. Raises Forbidden, FerError ``unknown_patient``."""
    in_use = model_in_use.history(settings)[-1:]
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        asked = select(TrainingUse, Training).outerjoin(Training, Training.id == TrainingUse.training_id)
        rows = session.execute(asked.where(TrainingUse.patient_id == patient_id).order_by(TrainingUse.number.desc()))
        return [
            Use(
                row.run_number,
                row.used_at,
                row.moments,
                row.held_out,
                run is not None and places.model_name_in_use(run.id, run.number) in in_use,
                run is not None,
            )
            for row, run in rows
        ]


def agreeing(session: Session) -> ColumnElement[bool]:
    """Return the condition that a row of `Patient` agrees today to what a training needs."""
    return consent.stands(Patient.id, consent.today(session), *NEEDED)


def record(db: Database, held: TrainingClaim, moments: Mapping[str, int]) -> set[str]:
    """Write down whose pictures a run gets, by patient how many; return those who still agree, the others get no row.

    Nobody where the run is no longer this worker's.
    """
    with db.session() as session:
        run = work.held_row(session, held)
        if run is None:
            return set()
        asked = select(Patient.id).where(Patient.id.in_(moments), agreeing(session), ~access.staged(Patient.id))
        agreed = set(session.scalars(asked))
        forget_run(session, run.id)
        for patient_id in sorted(agreed):
            session.add(
                TrainingUse(
                    patient_id=patient_id,
                    training_id=run.id,
                    run_number=run.number,
                    moments=moments[patient_id],
                    held_out=is_held_out(patient_id),
                    used_at=clock.now(),
                )
            )
            session.flush()
        run.people = len(agreed)
        return agreed


def forget_run(session: Session, run_id: str) -> None:
    """Delete the record of a run's use."""
    session.execute(delete(TrainingUse).where(TrainingUse.training_id == run_id))


def still(session: Session, run_id: str) -> int:
    """Return how many people of a run agree today."""
    asked = select(func.count()).select_from(TrainingUse).join(Patient, Patient.id == TrainingUse.patient_id)
    return session.scalar(asked.where(TrainingUse.training_id == run_id, agreeing(session))) or 0


def end_of_patient(db: Database, settings: Settings, patient_id: str) -> None:
    """End the trainings under way that use pictures of a patient, and delete what was cut for them."""
    with db.session() as session:
        ended = _end_of(session, patient_id, MAY_NOT_GO_ON)
    for run_id in ended:
        places.forget_work(settings, run_id)


def face_corrected(session: Session, patient_id: str) -> None:
    """End the trainings under way that use a patient of whom a face may be somebody else's, who never agreed.

    The worker deletes what was cut for them (`sweep`).
    """
    _end_of(session, patient_id, FACE_CORRECTED)


def check(db: Database, settings: Settings) -> None:
    """End the trainings under way whose people no longer all agree: a consent may also end by its last day."""
    with db.read() as session:
        rows = session.scalars(_open().where(Training.people.is_not(None))).all()
        lost = [row.id for row in rows if row.people != still(session, row.id)]
    if not lost:
        return
    with db.session() as session:
        for row in session.scalars(_open().where(Training.id.in_(lost))):
            _end(row, MAY_NOT_GO_ON)
    for run_id in lost:
        places.forget_work(settings, run_id)


def sweep(db: Database, settings: Settings) -> None:
    """Delete what ended trainings left behind: a worker may have died before it did."""
    with db.read() as session:
        ended = session.scalars(select(Training.id).where(Training.kind == TUNE, Training.state.not_in(OPEN))).all()
    for run_id in ended:
        places.forget_work(settings, run_id)


def _open() -> Select[Training]:
    return select(Training).where(Training.kind == TUNE, Training.state.in_(OPEN))


def _end_of(session: Session, patient_id: str, why: str) -> list[str]:
    own = select(TrainingUse.training_id).where(TrainingUse.patient_id == patient_id)
    return [_end(row, why) for row in session.scalars(_open().where(Training.id.in_(own)))]


def _end(row: Training, why: str) -> str:
    row.error_code, row.error_message = "use_ended", why
    work.cancel(row)
    return row.id
