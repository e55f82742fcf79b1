"""How many of the clinic's own moments people gave a label, and from how many on training on them can begin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import access
from clinic.access import Actor
from clinic.training import labelled
from clinic.training_queue import uses
from db.engine import Database
from db.models import Patient
from train.config import PEOPLE_NEEDED, PICTURES_EACH

MARKS_EACH, PATIENTS_NEEDED = PICTURES_EACH, PEOPLE_NEEDED
"""From so many patients, with so many labelled moments each, the change of a model can be judged (`train.config`)."""


@dataclass(frozen=True, slots=True)
class OwnSamples:
    """What people labelled: `marks` of `patients`; of these `agreed` are of `patients_agreed` who agree to its use.

    `ready`: patients who agree, with `MARKS_EACH` or more. Invented patients don't count.
    """

    marks: int
    patients: int
    agreed: int
    patients_agreed: int
    ready: int

    @property
    def enough(self) -> bool:
        """Whether a training on them can be judged."""
        return self.ready >= PATIENTS_NEEDED


def count(db: Database, actor: Actor) -> OwnSamples:
    """Return how many moments have a label that a person gave. Raises Forbidden ``only_administrators``."""
    with db.read() as session:
        access.require_administrator(session, actor)
        return counted(session)


def counted(session: Session) -> OwnSamples:
    """Return the same within a checked transaction."""
    marked = Counter(patient_id for _, patient_id in labelled.given(session))
    agreeing = set(session.scalars(select(Patient.id).where(uses.agreeing(session), ~access.staged(Patient.id))))
    agreed = {patient: found for patient, found in marked.items() if patient in agreeing}
    return OwnSamples(
        marks=marked.total(),
        patients=len(marked),
        agreed=sum(agreed.values()),
        patients_agreed=len(agreed),
        ready=sum(found >= MARKS_EACH for found in agreed.values()),
    )
