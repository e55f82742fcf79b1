"""A report leaves the program sealed, once, with consent, and written down."""

import html

import pytest
from sqlalchemy import select

from clinic.audit import AuditAction
from clinic.conflicts import ConflictError
from clinic.consent.consent import Scope
from clinic.erasure import withdrawal
from clinic.exchange import downloads
from clinic.exchange.downloads import Kind
from clinic.patients import edits, events
from clinic.patients.events import EventKind
from clinic.patients.fields import PatientFields
from clinic.patients.record_state import state_of
from clinic.questionnaires import answers, scales
from clinic.questionnaires.answers import Given
from clinic.questionnaires.published import HigherIs
from clinic.questionnaires.scales import OwnFields
from clinic.reports import reports
from clinic.reports.content import ReportScope
from db.models import AuditRow, Patient
from fer_core.errors import FerError
from tests import consents
from tests.clinic.patients.test_digests import FIRST, add


@pytest.mark.parametrize(("kind", "begins"), [(Kind.PDF, b"%PDF-"), (Kind.HTML, b"<!doctype html>")])
def test_it_waits_sealed_and_is_fetched_once(db, settings, who, patient, kind, begins):
    consents.agree(db, patient)
    add(db, patient, 2)
    ticket = reports.prepare(db, settings, who, patient, ReportScope(begin=FIRST), kind)
    [path] = (settings.data_dir / "downloads").iterdir()
    assert begins not in path.read_bytes()
    found = downloads.take(db, settings, who, ticket)
    assert (found.kind, b"".join(downloads.content(db, who, found))[: len(begins)]) == (kind, begins)
    with pytest.raises(FerError):
        downloads.take(db, settings, who, ticket)
    with db.read() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.REPORT_MADE.value)).one()
    assert (row.patient_id, row.details) == (patient, {"kind": kind.value})


@pytest.mark.parametrize("scope", [Scope.EXPORT, Scope.KEEP_RESULTS])
def test_without_consent_there_is_none(db, settings, who, patient, scope):
    consents.agree(db, patient)
    add(db, patient, 2)
    consents.expire(db, patient, scope)
    for make in (
        lambda: reports.prepare(db, settings, who, patient, ReportScope(), Kind.PDF),
        lambda: reports.preview(db, settings, who, patient, ReportScope()),
    ):
        with pytest.raises(FerError) as refusal:
            make()
        assert refusal.value.code == "consent_expired"
    assert not (settings.data_dir / "downloads").exists()


def test_a_consent_that_is_withdrawn_while_a_report_waits_is_given_as_the_reason(db, settings, who, patient):
    consents.agree(db, patient)
    add(db, patient, 2)
    with db.read() as session:
        seen = state_of(session, patient)
    withdrawal.withdraw(db, settings, who, patient, [Scope.EXPORT])
    with pytest.raises(FerError) as refusal:
        reports.prepare(db, settings, who, patient, ReportScope(), Kind.PDF, seen)
    assert refusal.value.code == "consent_withdrawn"


def test_of_nothing_there_is_no_report(db, settings, who, patient):
    consents.agree(db, patient)
    with pytest.raises(FerError) as refusal:
        reports.prepare(db, settings, who, patient, ReportScope(), Kind.PDF)
    assert refusal.value.code == "nothing_to_report"
    with pytest.raises(FerError) as refusal:
        reports.prepare(db, settings, who, patient, ReportScope(recording_id="0" * 32), Kind.PDF)
    assert refusal.value.code == "nothing_to_report"


def test_questionnaires_without_a_recording_are_reported(db, settings, who, patient):
    consents.agree(db, patient)
    answers.record(db, who, patient, Given("phq9", FIRST, (*[0] * 8, 2)))
    made = reports.html(reports._report(db, who, patient, ReportScope(), None))
    assert "<h1>Report on questionnaires and events over time</h1>" in made
    assert "Question 9 of the PHQ-9" in made
    assert "Total 2 of 27" in made
    reports.prepare(db, settings, who, patient, ReportScope(), Kind.PDF)


@pytest.mark.parametrize("what", ["answer", "event", "name"])
def test_what_a_colleague_changes_while_it_is_made_refuses_it(db, settings, who, patient, monkeypatch, what):
    consents.agree(db, patient)
    add(db, patient, 2)
    real = reports.html

    def colleague(made):
        if what == "answer":
            answers.record(db, who, patient, Given("phq9", FIRST, total=5))
        elif what == "event":
            events.add(db, who, patient, EventKind.SESSION, FIRST, "a session")
        else:
            edits.edit_patient(db, who, patient, 1, PatientFields("Another Name"))
        return real(made)

    monkeypatch.setattr(reports, "html", colleague)
    with pytest.raises(ConflictError):
        reports.prepare(db, settings, who, patient, ReportScope(), Kind.HTML)
    assert not (settings.data_dir / "downloads").exists()


def test_the_preview_is_what_is_printed(db, settings, who, patient):
    consents.agree(db, patient)
    add(db, patient, 2)
    pages = reports.preview(db, settings, who, patient, ReportScope())
    assert all(page.startswith("<svg") for page in pages)


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.attack(
    "a script in a patient's name, code and note, in a questionnaire's name and a remark: in the report"
)
def test_a_report_shows_scripts_as_text(db, settings, who, patient, attack):
    consents.agree(db, patient)
    recording_id, *_ = add(db, patient, 2)
    scale = scales.define(db, who, OwnFields(f"Own {SCRIPT}", 0, 10, HigherIs.WORSE))
    answers.record(db, who, patient, Given(scale, FIRST, total=4))
    with db.session() as session:
        stored = session.get_one(Patient, patient)
        stored.name, stored.code, stored.note = f"Ann {SCRIPT}", f"K {SCRIPT}", f"Note {SCRIPT}"
    asked = ReportScope(patient_note=True, notes=frozenset([recording_id]), remark=f"Remark {SCRIPT}")
    ticket = reports.prepare(db, settings, who, patient, asked, Kind.HTML)
    shown = b"".join(downloads.content(db, who, downloads.take(db, settings, who, ticket))).decode()
    for begins in ("Ann", "K", "Note", "Own", "Remark"):
        attack(lambda begins=begins: html.escape(f"{begins} {SCRIPT}") in shown, True)
    attack(lambda: "<script" in shown, False)
