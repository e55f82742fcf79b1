"""A report can be made for every period that the dialog offers, also one without a first or last day."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy import insert, select

from clinic.admin import demo
from clinic.audit import AuditAction
from clinic.exchange.downloads import Kind
from clinic.reports import reports
from clinic.reports.content import Asked
from db.models import AuditRow, Job, JobState, Sample

DAY = date(2026, 11, 20)


@pytest.fixture
def recording(db, patient):
    """An analysed recording of two minutes."""
    made, table = demo._recording(patient, demo.Visit(0, 0.3, 0.2, minutes=2.0), np.random.default_rng(3))
    made.recorded_on = DAY
    with db.session() as session:
        session.add(made)
        session.flush()
        session.add(Job(recording_id=made.id, state=JobState.DONE.value, created_at=datetime.now(UTC)))
        session.execute(insert(Sample), demo._rows(made.id, table))
    return made.id


@pytest.mark.parametrize("period", [{}, {"begin": DAY}, {"end": DAY}, {"begin": DAY, "end": DAY}, "one"])
def test_every_period_is_reported(db, settings, who, patient, recording, period):
    asked = Asked(recording_id=recording) if period == "one" else Asked(**period)
    assert reports.prepare(db, settings, who, patient, asked, Kind.HTML)
    with db.read() as session:
        made = select(AuditRow).where(AuditRow.action == AuditAction.REPORT_MADE.value)
        assert session.scalars(made).one().patient_id == patient
