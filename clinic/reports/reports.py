"""Making reports: rights, the patient's consent, the audit, and the sealed file to download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError
from clinic.consent import consent
from clinic.exchange import downloads
from clinic.exchange.downloads import Kind
from clinic.exchange.exports import NEEDED
from clinic.patients import caseload, conditions, events
from clinic.patients.caseload import PatientDetail
from clinic.patients.fields import valid_note
from clinic.patients.record_state import state_of
from clinic.questionnaires import answers
from clinic.reports.beside import Beside
from clinic.reports.content import Report, ReportScope, report
from clinic.reports.page import html
from clinic.reports.pdf import pages, pdf
from clinic.settings import Settings
from db.engine import Database
from fer_core.errors import FerError

CONTENT_SHARE, TYPESET_SHARE = 0.3, 0.9
"""How much of the work is done when the content is gathered, and when it is drawn and typeset."""


def check(db: Database, actor: Actor, patient_id: str, asked: ReportScope, shown: PatientDetail | None = None) -> None:
    """Refuse a report that can't be made now. `shown` and what is raised: as in `preview`, but ``font_missing``."""
    _report(db, actor, patient_id, asked, shown)


def preview(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    asked: ReportScope,
    shown: PatientDetail | None = None,
) -> list[str]:
    """Return the pages of a report as SVG. What is raised: as in `prepare`.

    `shown`: the patient as on the screen where the report was asked for, None where there was none.
    """
    return pages(_report(db, actor, patient_id, asked, shown), fonts(settings))


def prepare(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    asked: ReportScope,
    kind: Kind,
    seen: str | None = None,
    reached: Callable[[float], None] = lambda _share: None,
) -> str:
    """Write a report, sealed, and return the unguessable ticket that fetches it once.

    `seen`: the state of the record (`record_state.state_of`) as it was asked for, None where that doesn't matter.
    `reached`: called with how much of the work is done; what it raises ends the work, and nothing is kept.
    Raises Forbidden, ConsentError, ConflictError, FerError ``unknown_patient``, ``nothing_to_report``, ``bad_note``,
    ``font_missing``.
    """
    with db.read() as session:
        # First why it can't be made: a withdrawal, too, is a change of the record.
        access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        before = state_of(session, patient_id)
    if seen is not None and seen != before:
        raise ConflictError("this patient's record", frozenset())
    made = _report(db, actor, patient_id, asked, None)
    reached(CONTENT_SHARE)
    content = pdf(made, fonts(settings)) if kind is Kind.PDF else html(made).encode()
    reached(TYPESET_SHARE)
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        if state_of(session, patient_id) != before:
            raise ConflictError("this patient's record", frozenset())
        audit.write(session, AuditAction.REPORT_MADE, account.id, patient_id, asked.recording_id, kind=kind.value)
    return downloads.keep(settings, actor.account_id, patient_id, before, kind, lambda file: file.write(content))


def fonts(settings: Settings) -> Path:
    """Return the folder to which a clinic adds fonts for scripts that the program doesn't bring."""
    return settings.data_dir / "fonts"


def _state(patient: PatientDetail) -> tuple[object, ...]:
    """Return what distinguishes one state of a patient's record from another."""
    return patient.id, patient.revision, tuple((row.id, row.revision) for row in patient.recordings)


def _report(db: Database, actor: Actor, patient_id: str, asked: ReportScope, shown: PatientDetail | None) -> Report:
    valid_note(asked.remark)
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        zone = clock.zone(session)
    patient = caseload.get_patient(db, actor, patient_id)
    if shown is not None and _state(shown) != _state(patient):
        raise ConflictError("this patient or a recording", patient.revision)
    if asked.recording_id is not None and asked.recording_id not in {row.id for row in patient.recordings}:
        raise FerError("This recording does not exist any more.", "nothing_to_report")
    made_at = f"{clock.now().astimezone(zone):%d %b %Y, %H:%M} ({zone})"
    beside = Beside(
        answers.listed(db, actor, patient_id),
        events.marks(db, actor, patient_id),
        conditions.conditions(db, actor, patient_id),
    )
    found = report(patient, asked, actor.name, made_at, beside)
    if not found.tables:
        where = " yet" if asked.begin is None and asked.end is None else " in this period"
        raise FerError(f"There is nothing to report{where}.", "nothing_to_report")
    return found
