"""A patient's results for another program: FHIR, a workbook, or de-identified for research; sealed until fetched."""

from __future__ import annotations

import json

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.exchange import downloads, fhir_rules
from clinic.exchange.downloads import Kind
from clinic.exchange.exports import NEEDED
from clinic.exchange.fhir import bundle
from clinic.exchange.research import archive
from clinic.exchange.spreadsheet import workbook
from clinic.patients import caseload, conditions
from clinic.patients.caseload import PatientDetail
from clinic.patients.record_state import state_of
from clinic.questionnaires import answers
from clinic.settings import Settings
from db.engine import Database
from db.records import load_samples


def prepare(db: Database, settings: Settings, actor: Actor, patient_id: str, kind: Kind) -> str:
    """Write the file, sealed, and return the unguessable ticket that fetches it once.

    `kind`: FHIR, XLSX or RESEARCH. Raises Forbidden, ConsentError, FerError ``unknown_patient``.
    """
    content, state = _exported(db, actor, patient_id, kind)
    return downloads.keep(settings, actor.account_id, patient_id, state, kind, lambda file: file.write(content))


def fhir(db: Database, actor: Actor, patient_id: str) -> bytes:
    """Return the patient's FHIR Bundle as JSON, for a program that waits for it. Raises what `prepare` raises."""
    return _exported(db, actor, patient_id, Kind.FHIR)[0]


def _exported(db: Database, actor: Actor, patient_id: str, kind: Kind) -> tuple[bytes, str]:
    """Return the file, and the state of the record before it was read; rights and consent are asked again after it."""
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        state = state_of(session, patient_id)
    content = _made(db, actor, patient_id, kind)
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        audit.write(session, AuditAction.PATIENT_EXPORTED, account.id, patient_id, kind=kind.value)
    return content, state


def _made(db: Database, actor: Actor, patient_id: str, kind: Kind) -> bytes:
    patient = caseload.get_patient(db, actor, patient_id)
    given = answers.listed(db, actor, patient_id)
    of_face = conditions.conditions(db, actor, patient_id)
    if kind is Kind.XLSX:
        return workbook(patient, given, of_face)
    if kind is Kind.RESEARCH:
        return _research(db, patient, given, of_face)
    found = bundle(patient, given, of_face, clock.now())
    faults = fhir_rules.faults(found)
    if faults:
        raise ValueError(f"the Bundle breaks a rule: {faults[0]}")
    return json.dumps(found, ensure_ascii=False, indent=1).encode()


def _research(
    db: Database, patient: PatientDetail, given: list[answers.Answer], of_face: list[conditions.Condition]
) -> bytes:
    with db.read() as session:
        done = [point.recording_id for point in patient.trend.points]
        samples = {recording_id: load_samples(session, recording_id) for recording_id in done}
    return archive(patient, given, samples, of_face)
