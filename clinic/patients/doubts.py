"""Results that are in doubt: somebody asked to choose the patient's face again, and that is still open.

It is never stored of a result: it holds as long as the analysis that asks again is not over, so that a request that was
cancelled, or whose analysis failed, leaves nothing behind. A plain reanalysis by another model is no doubt.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from clinic.patients.states import UNDER_WAY
from db.models import Job, Recording

ASKED = "choose"
"""The setting of a version that was made to choose again: the number of the versions before it."""
_ASKING = aliased(Recording)
_OPEN = (
    _ASKING.settings[ASKED].as_integer().is_not(None)
    & select(Job.id).where(Job.recording_id == _ASKING.id, Job.state.in_(UNDER_WAY)).correlate(_ASKING).exists()
)


def doubted() -> ColumnElement[bool]:
    """Return the condition of a recording of a visit in which the patient's face is being chosen again."""
    visit = func.coalesce(Recording.version_of, Recording.id)
    return select(_ASKING.id).where(_ASKING.version_of == visit, _OPEN).correlate(Recording).exists()


def doubted_of(session: Session, patient_id: str, recordings: Iterable[Recording]) -> set[str]:
    """Return the ids of those of a patient's recordings that are in doubt; the caller checks the rights."""
    asked = select(_ASKING.version_of).where(_ASKING.patient_id == patient_id, _OPEN)
    visits = set(session.scalars(asked))
    return {one.id for one in recordings if (one.version_of or one.id) in visits}


def open_choices() -> Select[str, int]:
    """Return the query of the patients with a choice that is open again, and the sum of the numbers of those choices.

    The sum differs with each request that begins or ends.
    """
    found = select(_ASKING.patient_id, func.sum(_ASKING.number).label("numbers"))
    return found.where(_OPEN).group_by(_ASKING.patient_id)
