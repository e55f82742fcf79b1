"""What is older than its class may be kept goes; without a setting everything stays."""

import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from backup import erasures
from clinic import audit, clock
from clinic.audit import AuditAction
from clinic.erasure import retention
from clinic.settings import Retention
from db.models import AuditRow, ImportedSeries, Job, JobState, Patient, Recording, Sample

TODAY = date(2026, 11, 21)


def ago(days):
    return TODAY - timedelta(days=days)


def moment(days):
    return datetime(2026, 11, 21, 12, tzinfo=UTC) - timedelta(days=days)


@pytest.fixture
def recorded(db):
    """Return a function that stores a patient with recordings of so many days ago."""

    def store(*days, came_in=None, state=JobState.DONE):
        patient = Patient(name="Invented", created_at=moment(400))
        for number in days:
            visit = Recording(
                kind="video",
                recorded_on=ago(number),
                created_at=moment(number if came_in is None else came_in),
                summary={},
                job=Job(state=state.value, created_at=moment(number)),
            )
            visit.samples = [Sample(frame_index=index, time_s=index) for index in range(3)]
            patient.recordings.append(visit)
        with db.session() as session:
            session.add(patient)
        return patient.id

    return store


def sweep(db, settings, **days):
    return retention.sweep(db, replace(settings, retention=Retention(**days)), TODAY)


def count(db, table):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_without_a_setting_nothing_goes(db, settings, recorded):
    recorded(5000)
    assert set(retention.sweep(db, settings, TODAY).values()) == {0}
    assert (count(db, Patient), count(db, Recording), count(db, Sample)) == (1, 1, 3)


def test_old_recordings_go_and_are_remembered(db, settings, recorded):
    recorded(10, 100, 101)
    assert sweep(db, settings, recordings_days=100)["recordings"] == 1
    assert count(db, Recording) == 2
    assert [erasure.kind for erasure in erasures.known(settings.erasures_path)] == ["recording"]


def test_a_mistyped_year_deletes_nothing_that_came_in_lately(db, settings, recorded):
    recorded(3650, came_in=1)
    assert set(sweep(db, settings, recordings_days=100, samples_days=100, patients_days=100).values()) == {0}


def test_what_is_imported_counts_from_its_import(db, settings, recorded):
    """The rows of an import keep the instants of where they were made; the whole patient went at the next sweep."""
    patient = recorded(3650, 3000)
    with db.session() as session:
        series = {"tool": "openface", "recorded_on": ago(3650), "recorded_at": moment(3650)}
        session.add(ImportedSeries(patient_id=patient, moments=1, readable_share=1.0, measures={}, **series))
        audit.write(session, AuditAction.PATIENT_IMPORTED, None, patient)
    with db.read() as session:
        came_in = clock.day_of(session, session.scalars(select(AuditRow.at)).one())
    kept = {"recordings_days": 100, "samples_days": 100, "patients_days": 100}
    kept = replace(settings, retention=Retention(**kept))
    assert set(retention.sweep(db, kept, came_in + timedelta(days=100)).values()) == {0}
    assert (count(db, Recording), count(db, Sample), count(db, ImportedSeries)) == (2, 6, 1)
    assert retention.sweep(db, kept, came_in + timedelta(days=101))["patients"] == 1


def test_what_is_being_analysed_stays(db, settings, recorded):
    recorded(200, state=JobState.CHOOSING)
    assert set(sweep(db, settings, recordings_days=100, samples_days=100, patients_days=100).values()) == {0}


def test_samples_go_and_the_summary_stays(db, settings, recorded):
    recorded(10, 200)
    assert sweep(db, settings, samples_days=100)["samples"] == 3
    assert (count(db, Recording), count(db, Sample)) == (2, 3)
    with db.read() as session:
        assert all(summary is not None for summary in session.scalars(select(Recording.summary)))


def test_patients_go_after_their_last_recording(db, settings, recorded):
    gone, stays = recorded(200, 150), recorded(200, 50)
    assert sweep(db, settings, patients_days=100)["patients"] == 1
    with db.read() as session:
        assert session.get(Patient, gone) is None
        assert session.get(Patient, stays) is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_old_copies_of_the_database_go(db, settings, tmp_path):
    old, young = tmp_path / "clinic.db.before-0001", tmp_path / "clinic.db.before-restore-20260301T020000Z"
    for path in (old, young):
        path.write_bytes(b"copy")
    then = time.time() - 40 * 86_400
    os.utime(old, (then, then))
    assert sweep(db, settings, copies_days=30)["copies"] == 1
    assert young.exists()
    assert not old.exists()
