"""Samples of versions that are not shown come in from their own file, and from the one file of earlier exports."""

import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from clinic.access import CONSOLE
from clinic.exchange import archive_rows, imports
from db.models import Recording, Sample
from fer_core.errors import FerError
from tests.clinic.archives import SHOWN_AGAIN, analysed_again, archive_of, changed, demo_id

OTHERS = "samples-other-versions.csv"


@pytest.fixture
def again(db, settings, invented):
    """The archive of a patient with a recording that was analysed again."""
    patient_id = demo_id(db, 1)
    with db.read() as session:
        first = session.scalar(select(Recording.id).where(Recording.patient_id == patient_id))
    analysed_again(db, first)
    return archive_of(db, settings, patient_id)


def of_each(db, patient_id):
    """How many samples each version has."""
    asked = select(Sample.recording_id, func.count()).join(Recording).where(Recording.patient_id == patient_id)
    with db.read() as session:
        return dict(session.execute(asked.group_by(Sample.recording_id)).all())


def in_one_file(archive):
    """The archive as the fifth version of the schema had it."""
    written = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "samples.csv":
                content += old.read(OTHERS).split(b"\n", 1)[1]
            if name == "patient.json":
                content = json.dumps(json.loads(content) | {"schema_version": 5}).encode()
            if name != OTHERS:
                new.writestr(name, content)
    return written


@pytest.mark.parametrize("as_written", [lambda archive: archive, in_one_file])
def test_samples_of_all_versions_come_in(db, again, elsewhere, as_written):
    other, there = elsewhere
    patient_id = imports.import_patient(other, there, CONSOLE, as_written(again))
    assert {SHOWN_AGAIN} < of_each(db, patient_id).keys()
    assert of_each(other, patient_id) == of_each(db, patient_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b",ok,", b",sad,", 1),
        lambda text: text.replace(text.split(b"\n")[1].split(b",")[0], b"1" * 32, 1),
        lambda text: text.replace(text.split(b"\n")[1].split(b",")[0], SHOWN_AGAIN.encode()),
    ],
)
def test_samples_of_other_versions_that_were_tampered_with_add_nothing(again, elsewhere, change):
    other, there = elsewhere
    with pytest.raises(FerError) as refusal:
        imports.import_patient(other, there, CONSOLE, changed(again, change, OTHERS))
    assert refusal.value.code == "bad_export"
    with other.read() as session:
        assert session.scalar(select(func.count()).select_from(Sample)) == 0


def test_both_files_together_hold_no_more_samples_than_are_taken(db, again, elsewhere, monkeypatch):
    other, there = elsewhere
    with zipfile.ZipFile(again) as archive:
        most = sum(archive.read(name).count(b"\n") - 1 for name in ("samples.csv", OTHERS))
    monkeypatch.setattr(archive_rows, "MOST_SAMPLES", most - 1)
    with pytest.raises(FerError) as refusal:
        imports.import_patient(other, there, CONSOLE, again)
    assert refusal.value.code == "export_too_large"
    monkeypatch.setattr(archive_rows, "MOST_SAMPLES", most)
    imports.import_patient(other, there, CONSOLE, again)
