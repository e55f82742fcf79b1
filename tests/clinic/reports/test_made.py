"""A report can be made for every period that the dialog offers, also one without a first or last day."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy import insert, select

from clinic.admin import demo
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError
from clinic.exchange.downloads import Kind
from clinic.patients import caseload, edits
from clinic.patients.fields import PatientFields, RecordingFields
from clinic.reports import report_jobs, reports
from clinic.reports.content import ReportScope
from db.models import AuditRow, Job, JobState, Sample

DAY = date(2026, 11, 20)


@pytest.fixture
def recording(db, patient):
    """An analysed recording of two minutes."""
    made, table = demo._recording(patient, demo.InventedVisit(0, 0.3, 0.2, minutes=2.0), np.random.default_rng(3))
    made.recorded_on = DAY
    with db.session() as session:
        session.add(made)
        session.flush()
        session.add(Job(recording_id=made.id, state=JobState.DONE.value, created_at=datetime.now(UTC)))
        session.execute(insert(Sample), demo._rows(made.id, table))
    return made.id


@pytest.mark.parametrize("period", [{}, {"begin": DAY}, {"end": DAY}, {"begin": DAY, "end": DAY}, "one"])
def test_every_period_is_reported(db, settings, who, patient, recording, period):
    asked = ReportScope(recording_id=recording) if period == "one" else ReportScope(**period)
    assert reports.prepare(db, settings, who, patient, asked, Kind.HTML)
    with db.read() as session:
        made = select(AuditRow).where(AuditRow.action == AuditAction.REPORT_MADE.value)
        assert session.scalars(made).one().patient_id == patient


@pytest.mark.parametrize("what", ["patient", "recording"])
def test_what_a_colleague_changed_since_the_window_was_opened_is_not_printed_unseen(
    db, settings, who, patient, recording, what
):
    shown = caseload.get_patient(db, who, patient)
    report_jobs.ask(db, who, patient, ReportScope(), Kind.HTML, shown)
    if what == "patient":
        edits.edit_patient(db, who, patient, shown.revision, PatientFields("Another Name", "", "", None))
    else:
        edits.edit_recording(db, who, recording, 1, RecordingFields(DAY, None, "not for the file"))
    for make in (
        lambda: report_jobs.ask(db, who, patient, ReportScope(notes=frozenset([recording])), Kind.HTML, shown),
        lambda: reports.preview(db, settings, who, patient, ReportScope(), shown),
    ):
        with pytest.raises(ConflictError):
            make()
