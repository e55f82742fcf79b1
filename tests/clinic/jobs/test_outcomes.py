"""What failed is listed with its reason, and what was worked out is counted."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from clinic.jobs import chunks, jobs, leases, outcomes
from clinic.jobs.leases import Claim
from clinic.worker import analysis
from db.models import Job, StoredChunk
from fer_core.types import FrameResult
from tests.clinic.fakes import FakeAnalyzer


@pytest.fixture
def claimed(db, settings, patient, an_upload, who) -> Claim:
    jobs.enqueue(db, settings, who, patient, [an_upload("video")], date(2026, 5, 4), model_sha256="fake-model")
    return leases.claim(db)


def test_what_failed_is_listed_with_its_reason_for_a_while(db, claimed, who):
    assert outcomes.failed(db, who) == []
    leases.fail(db, claimed, "damaged_video", "The video is damaged.")
    [failed] = outcomes.failed(db, who)
    assert (failed.recording_id, failed.subject.name) == (claimed.recording_id, "Invented Person")
    assert (failed.reason, failed.code) == ("The video is damaged.", "damaged_video")
    with db.session() as session:
        session.scalar(select(Job)).finished_at = datetime.now(UTC) - outcomes.SHOWN_FOR - timedelta(minutes=1)
    assert outcomes.failed(db, who) == []


def test_invented_recordings_were_not_worked_out(db, who, invented):
    assert outcomes.pace(db, who) == outcomes.Pace(0, 0.0, 0)


def test_the_pace_is_that_of_the_last_hour(db, settings, claimed, who):
    assert outcomes.pace(db, who) == outcomes.Pace(0, 0.0, 0)
    chunks.write(db, claimed, chunks.Cursor({}), [FrameResult(0, 12.5)], {}, 1.0)
    assert outcomes.pace(db, who) == outcomes.Pace(0, 12.5, 0)
    chunks.restart(db, claimed)
    again = leases.Claim(**{name: getattr(claimed, name) for name in Claim.__slots__})
    analysis.run(db, settings, again, lambda: FakeAnalyzer([[(0,)] * 6]), analysis.Reporter(db, again))
    assert outcomes.pace(db, who) == outcomes.Pace(1, pytest.approx(1.0), 0)
    with db.session() as session:
        session.scalar(select(StoredChunk)).written_at = datetime.now(UTC) - timedelta(hours=2)
    assert outcomes.pace(db, who).video_s == 0.0
