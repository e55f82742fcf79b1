"""Samples come back as they were given."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from db.engine import open_database
from db.models import Patient, Recording
from db.records import NO_TRACK, clear_samples, load_samples, save_results
from fer_core.types import Box, Face, FaceExpression, FrameResult, Quality, Status

HAPPY = (0.0, 0.0, 0.0, 0.75, 0.0, 0.0, 0.25)


@pytest.fixture
def db(at_head, database_url):
    database = open_database(database_url)
    now = datetime.now(UTC)
    with database.session() as session:
        session.add(Patient(id="p", name="A", created_at=now))
        session.flush()
        session.add(Recording(id="r", patient_id="p", kind="video", recorded_on=date(2026, 1, 1), created_at=now))
    yield database
    database.close()


def test_round_trip(db):
    quality = Quality(29.0, 1500.0, 120.0, None, None, None, 0.0)
    seen = FaceExpression(Face(Box(1, 2, 30, 40), 0.9, quality=quality, track=3), Status.OK, HAPPY, 0.5, 0.75)
    dark = FaceExpression(Face(Box(5, 6, 50, 60), 0.8, track=4), Status.DARK, None)
    results = [FrameResult(6, 0.2), FrameResult(0, 0.0, (seen, dark)), FrameResult(12, 0.4, damaged=True)]
    with db.session() as session:
        assert save_results(session, "r", results) == 4
    with db.read() as session:
        table = load_samples(session, "r")
    assert table.time_s.tolist() == [0.0, 0.0, 0.2, 0.4]
    assert table.track.tolist() == [3, 4, NO_TRACK, NO_TRACK]
    assert table.status.tolist() == ["ok", "dark", "no_face", "damaged"]
    assert table.probabilities[0].tolist() == list(HAPPY)
    assert np.isnan(table.probabilities[1:]).all()
    assert table.boxes[1].tolist() == [5, 6, 50, 60]
    assert np.isnan(table.confidence[2])
    assert (table.sharpness[0], table.brightness[0]) == (1500.0, 120.0)
    assert (table.mouth_change[0], table.framing_kept[0]) == (0.5, 0.75)
    for unknown in (table.sharpness, table.mouth_change, table.framing_kept):
        assert np.isnan(unknown[1:]).all()


def test_a_moment_is_written_once(db):
    with db.session() as session:
        save_results(session, "r", [FrameResult(0, 0.0)])

    def again():
        with db.session() as session:
            save_results(session, "r", [FrameResult(0, 0.0)])

    with pytest.raises(IntegrityError):
        again()


def test_an_empty_recording_is_an_empty_table(db):
    with db.session() as session:
        clear_samples(session, "r")
        table = load_samples(session, "r")
    assert len(table) == 0
    assert table.probabilities.shape == (0, 7)
