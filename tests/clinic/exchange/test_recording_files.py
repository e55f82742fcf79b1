"""The file of one recording holds what is stored: as analysed and after marks, in CSV and Parquet alike, explained."""

import csv
import io
import zipfile
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert, select

from clinic import words
from clinic.admin import demo
from clinic.consent.consent import ConsentError
from clinic.exchange import downloads, recording_files
from clinic.patients import conditions
from clinic.patients.conditions import ConditionKind
from clinic.recordings import marks
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import AuditRow, Job, JobState, Sample
from fer_core.emotions import EMOTION_LABELS
from tests import consents, doors
from tests.clinic.archives import analysed_again


@pytest.fixture
def recording(db, patient):
    """The id of an analysed recording of half a minute."""
    stored, table = demo._recording(patient, demo.InventedVisit(0, 0.3, 0.2, minutes=0.5), np.random.default_rng(1))
    with db.session() as session:
        session.add(stored)
        session.flush()
        session.add(Job(recording_id=stored.id, state=JobState.DONE.value, created_at=doors.now()))
        session.execute(insert(Sample), demo._rows(stored.id, table))
        return stored.id


def fetched(db, settings, who, recording):
    ticket = recording_files.prepare(db, settings, who, recording)
    waiting = downloads.take(db, settings, who, ticket)
    return zipfile.ZipFile(io.BytesIO(b"".join(downloads.content(db, who, waiting))))


def rows(archive, name):
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))


def test_every_sample_is_there_as_analysed_and_after_marks(db, settings, who, recording):
    marks.add(db, who, recording, MarkFields(0.0, 5.0, Verdict.EXCLUDE, reason="camera"))
    marks.add(db, who, recording, MarkFields(10.0, 12.0, Verdict.OTHER, label="fear", note="=1+1"))
    archive = fetched(db, settings, who, recording)
    found = rows(archive, recording_files.SAMPLES)
    with db.read() as session:
        stored = session.scalars(select(Sample).where(Sample.recording_id == recording).order_by(Sample.time_s)).all()
    assert len(found) == len(stored) == 150
    for row, sample in zip(found, stored, strict=True):
        assert float(row["time_s"]) == sample.time_s
        assert row["status"] == sample.status
        assert [float(row[label]) if row[label] else None for label in EMOTION_LABELS] == [
            getattr(sample, label) for label in EMOTION_LABELS
        ]
        assert int(row["left_out"]) == (sample.time_s < 5.0)
        if 10.0 <= sample.time_s < 12.0 and row["label"]:
            assert row["label_after_marks"] == "fear"
        elif sample.time_s >= 5.0:
            assert row["label_after_marks"] == row["label"]
        else:
            assert row["label_after_marks"] == ""
    assert [row["note"] for row in rows(archive, recording_files.MARKS)] == ["", "'=1+1"]


def test_parquet_says_the_same_as_csv_and_every_column_is_explained(db, settings, who, recording):
    archive = fetched(db, settings, who, recording)
    table = pq.read_table(io.BytesIO(archive.read(recording_files.SAMPLES_PARQUET)))
    found = rows(archive, recording_files.SAMPLES)
    assert table.column_names == list(found[0])
    assert table.column("label").to_pylist() == [row["label"] or None for row in found]
    explained = {(row["file"], row["column"]) for row in rows(archive, recording_files.DICTIONARY)}
    assert explained == {(recording_files.SAMPLES, name) for name in table.column_names} | {
        (recording_files.MARKS, name) for name in recording_files.MARK_COLUMNS
    }


def test_it_says_where_a_condition_of_the_face_held(db, settings, who, patient, recording):
    conditions.add(db, who, patient, ConditionKind.COVERED, date(2020, 1, 1))
    assert words.NOT_INTERPRETED_THEN in fetched(db, settings, who, recording).read("README.txt").decode()


def test_it_says_that_it_is_not_the_version_that_is_shown(db, settings, who, recording):
    shown, _ = analysed_again(db, recording)
    assert words.NOT_THE_SHOWN_VERSION in fetched(db, settings, who, recording).read("README.txt").decode()
    assert words.NOT_THE_SHOWN_VERSION not in fetched(db, settings, who, shown).read("README.txt").decode()


def test_it_is_audited_and_needs_the_consent_to_export(db, settings, who, patient, recording):
    recording_files.prepare(db, settings, who, recording)
    with db.read() as session:
        row = session.scalars(select(AuditRow).order_by(AuditRow.number.desc())).first()
        assert (row.action, row.recording_id, row.details["kind"]) == ("patient_exported", recording, "moments")
    consents.expire(db, patient)
    with pytest.raises(ConsentError):
        recording_files.prepare(db, settings, who, recording)
