"""How long each class of data is kept: a sweep once a day deletes what is older. Off unless a setting says otherwise.

Temporary files and abandoned uploads are swept always (see `uploads.sweep` and `previews.sweep`).
"""

from __future__ import annotations

import logging
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from clinic import access, clock, clock_watch
from clinic.audit import AuditAction
from clinic.erasure import deletion
from clinic.patients.states import UNDER_WAY
from clinic.settings import Retention, Settings
from db.copies import safety_copies, sqlite_path
from db.engine import Database
from db.models import AuditRow, ImportedSeries, Job, Patient, PatientEvent, QuestionnaireAnswer, Recording, Sample

DAY_S = 86_400.0

log = logging.getLogger(__name__)


def sweep(db: Database, settings: Settings, today: date | None = None) -> dict[str, int]:
    """Delete what is older than its class may be kept; return how many patients, recordings and so on that were.

    Nothing is deleted after a jump of the clock until an administrator has confirmed it: a wrong year would delete all.
    Nor where the last sweep is over a month ago, as it is after a start with a wrong year.
    """
    kept = settings.retention
    clock_watch.note_sweep(db)
    if clock_watch.unseen(db) is not None:
        log.warning("retention: nothing is deleted before an administrator has confirmed the clock")
        kept = Retention()
    with db.read() as session:
        today = today or clock.today(session)
    counts = {
        "patients": _patients(db, settings, _before(today, kept.patients_days)),
        "recordings": _recordings(db, settings, _before(today, kept.recordings_days)),
        "samples": _samples(db, _before(today, kept.samples_days)),
        "copies": _copies(settings, kept.copies_days),
    }
    if any(counts.values()):
        log.info("retention: deleted %s", ", ".join(f"{count} {name}" for name, count in counts.items()))
    return counts


def _before(today: date, days: int | None) -> date | None:
    return None if days is None else today - timedelta(days=days)


def _imported_since(session: Session, limit: date) -> Select[str | None]:
    """Return the query of the patients who were imported on that day or later.

    Their rows keep the instants of where they were made. The audit says when they came in.
    """
    when = AuditRow.action == AuditAction.PATIENT_IMPORTED.value, AuditRow.at >= clock.begins(session, limit)
    return select(AuditRow.patient_id).where(*when, AuditRow.patient_id.is_not(None))


def _old(session: Session, limit: date) -> ColumnElement[bool]:
    """Return the condition of a recording of before that day; what came in later counts from then.

    So a mistyped year deletes nothing that was uploaded yesterday. What is being analysed stays, in all versions.
    """
    visit = func.coalesce(Recording.version_of, Recording.id)
    working = select(visit).join(Job, Job.recording_id == Recording.id).where(Job.state.in_(UNDER_WAY)).correlate(None)
    came_in = Recording.created_at < clock.begins(session, limit)
    there = ~access.staged(Recording.patient_id), Recording.patient_id.not_in(_imported_since(session, limit))
    return and_(Recording.recorded_on < limit, came_in, visit.not_in(working), *there)


def _patients(db: Database, settings: Settings, limit: date | None) -> int:
    """Delete patients who came, and whose last recording, questionnaire and mark are from before that day."""
    if limit is None:
        return 0
    with db.read() as session:
        newer = select(Recording.patient_id).where(~_old(session, limit))
        came_in = Patient.created_at < clock.begins(session, limit), Patient.id.not_in(_imported_since(session, limit))
        begins = clock.begins(session, limit)
        answered = select(QuestionnaireAnswer.patient_id).where(
            or_(QuestionnaireAnswer.answered_on >= limit, QuestionnaireAnswer.recorded_at >= begins)
        )
        marked = select(PatientEvent.patient_id).where(
            or_(PatientEvent.happened_on >= limit, PatientEvent.recorded_at >= begins)
        )
        imported = select(ImportedSeries.patient_id).where(
            or_(ImportedSeries.recorded_on >= limit, ImportedSeries.recorded_at >= begins)
        )
        stay = [Patient.id.not_in(one) for one in (newer, answered, marked, imported)]
        found = list(session.scalars(select(Patient.id).where(*came_in, ~access.staged(Patient.id), *stay)))
    for patient_id in found:
        deletion.erase(db, settings, "patient", patient_id, None)
    return len(found)


def _recordings(db: Database, settings: Settings, limit: date | None) -> int:
    if limit is None:
        return 0
    with db.read() as session:
        found = list(session.scalars(select(Recording.id).where(Recording.version_of.is_(None), _old(session, limit))))
    for recording_id in found:
        deletion.erase(db, settings, "recording", recording_id, None)
    return len(found) + _series(db, limit)


def _series(db: Database, limit: date) -> int:
    """Delete the results of other programs that are as old."""
    with db.session() as session:
        came_in = ImportedSeries.recorded_at < clock.begins(session, limit)
        patient_id = ImportedSeries.patient_id
        there = ~access.staged(patient_id), patient_id.not_in(_imported_since(session, limit))
        old = select(ImportedSeries.id).where(ImportedSeries.recorded_on < limit, came_in, *there)
        count = session.scalar(select(func.count()).select_from(old.subquery())) or 0
        session.execute(delete(ImportedSeries).where(ImportedSeries.id.in_(old)))
    if count:
        db.forget_deleted()
    return count


def _samples(db: Database, limit: date | None) -> int:
    """Delete the samples of recordings; the summary stays, and the point in the trend."""
    if limit is None:
        return 0
    with db.session() as session:
        old = select(Recording.id).where(_old(session, limit))
        count = _count(session, Sample.recording_id.in_(old))
        session.execute(delete(Sample).where(Sample.recording_id.in_(old)).execution_options(synchronize_session=False))
    if count:
        db.forget_deleted()
    return count


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Sample).where(condition)) or 0


def _copies(settings: Settings, days: int | None) -> int:
    """Delete the copies of the database that a migration or a restore kept beside it."""
    path = sqlite_path(settings.database_url)
    if path is None or days is None:
        return 0
    found = [copy for copy in safety_copies(path) if clock.file_age_s(copy) > days * DAY_S]
    for copy in found:
        copy.unlink(missing_ok=True)
    return len(found)
