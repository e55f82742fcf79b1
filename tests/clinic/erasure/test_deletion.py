"""What is deleted leaves no byte, is remembered without a name, and is finished after an interruption."""

import io
import logging
import tempfile
import threading
from datetime import date

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select

from backup import erasures
from backup.erasures import Erasure
from clinic.accounts import accounts
from clinic.conflicts import ConflictError
from clinic.consent import giving
from clinic.consent.consent import Scope
from clinic.erasure import deletion
from clinic.exchange import downloads
from clinic.exchange.downloads import Kind
from clinic.jobs import control, jobs, leases, previews
from clinic.patients import caseload, conditions, events
from clinic.patients.conditions import ConditionKind
from clinic.patients.events import EventKind
from clinic.questionnaires import answers, scales
from clinic.questionnaires.answers import Given
from clinic.questionnaires.published import HigherIs
from clinic.questionnaires.scales import OwnFields
from clinic.recordings import uploads
from clinic.worker import analysis, housekeeping, worker
from clinic.worker.worker import Worker
from db import engine
from db.copies import copy_whole
from db.models import Account, Patient, Recording
from fer_core.errors import FerError
from fer_core.media.image import read_image
from tests.clinic.fakes import FakeAnalyzer, eventually
from tests.consents import agree

DAY = date(2026, 5, 4)

NAME, FILE = "Wilhelmine Zauberberg", "zauberberg-session-7.png"
OWN = OwnFields("Own", 0, 9, HigherIs.WORSE)
MARKS = [NAME.encode(), FILE.encode(), b"Zauberberg"]


def picture():
    """A picture whose own text and every pixel can be found again."""
    chunks = PngInfo()
    chunks.add_text("Patient", NAME)
    pixels = np.frombuffer((b"Zauberberg0123456789!!" * 1000)[:12288], np.uint8).reshape(64, 64, 3)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG", pnginfo=chunks, compress_level=0)
    written.seek(0)
    return written


def scanned(*folders):
    """Every file under the folders that holds a mark."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if any(mark in path.read_bytes() for mark in MARKS)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_deleted_patient_leaves_no_byte_anywhere(db, settings, tmp_path, monkeypatch, caplog, who):
    """In the database and its log, copies beside it, the media store, previews, temporary files and the log."""
    temporary = tmp_path.with_name(f"{tmp_path.name}-tmp")
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    caplog.set_level(logging.DEBUG)
    patient_id = caseload.add_patient(db, who, NAME)
    giving.record(db, who, patient_id, list(Scope), date(2026, 1, 1), document=f"signed by {NAME}")
    answers.record(db, who, patient_id, Given(scales.define(db, who, OWN), date(2026, 1, 1), total=3))
    events.add(db, who, patient_id, EventKind.EVENT, date(2026, 1, 1), f"{NAME} moved")
    conditions.add(db, who, patient_id, ConditionKind.OTHER, date(2026, 1, 1), f"{NAME} has a scar")
    upload = uploads.store(db, settings, who, picture(), FILE)
    queued = jobs.enqueue(db, settings, who, patient_id, [upload], date(2026, 1, 1), f"about {NAME}", model_sha256="m")
    claimed = leases.claim(db)
    failing = FakeAnalyzer()
    failing.analyze_image = lambda file: read_image(file) and None
    analysis.run(db, settings, claimed, lambda: failing, analysis.Reporter(db, claimed))
    assert control.can_retry(db, settings, who, queued.recording_id), "the file is held for another try"
    previews.write_preview(settings, queued.recording_id, 0.0, np.zeros((90, 160, 3), np.uint8), [])
    copy_whole(tmp_path / "clinic.db", tmp_path / "clinic.db.before-restore-20260301T020000Z")
    assert (
        {"clinic.db.before-restore-20260301T020000Z"}
        <= set(scanned(tmp_path))
        <= {
            "clinic.db.before-restore-20260301T020000Z",
            "clinic.db",
            "clinic.db-wal",
        }
    )
    receipt = deletion.delete_patient(db, settings, who, patient_id)
    assert receipt.counts == {"patients": 1, "recordings": 1, "samples": 0, "files": 1, "questionnaires": 1}
    (tmp_path / "log").write_text(caplog.text)
    assert caplog.text
    assert scanned(tmp_path, settings.key_dir, temporary if any(temporary.iterdir()) else tmp_path) == []
    assert list((tmp_path / "media").iterdir()) == list((tmp_path / "work").iterdir()) == []


@pytest.mark.attack("a deletion while somebody reads the database (an export, `audit verify`)")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_holds_nobody_up_and_the_receipt_waits(db, settings, tmp_path, who, monkeypatch, attack):
    patient_id = caseload.add_patient(db, who, NAME)
    other = caseload.add_patient(db, who, "Somebody Else")
    monkeypatch.setattr(engine, "CHECKPOINT_WAIT_MS", 1)
    with db.read() as reading:
        assert reading.get(Patient, patient_id).name == NAME
        deletion.delete_patient(db, settings, who, patient_id)
        attack(db.being_removed, True)
        assert caseload.get_patient(db, who, other).name == "Somebody Else"
        caseload.add_patient(db, who, "Written Meanwhile")
        assert scanned(tmp_path) != []
        housekeeping.empty_log(db)
        assert db.being_removed()
    housekeeping.empty_log(db)
    assert not db.being_removed()
    assert scanned(tmp_path) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_worker_tries_again_also_in_the_middle_of_an_analysis(db, settings, who, monkeypatch):
    monkeypatch.setattr(worker, "REMOVE_EVERY_S", 0.0)
    patient_id = caseload.add_patient(db, who, NAME)
    with db.read() as reading:
        assert reading.get(Patient, patient_id)
        deletion.delete_patient(db, settings, who, patient_id)
    busy = worker_of(db, settings)
    monkeypatch.setattr(worker, "LAST_WORDS_S", 0.0)
    monkeypatch.setattr(worker.os, "_exit", lambda code: None)
    watching = threading.Thread(target=busy.watch, args=(None,))
    watching.start()
    try:
        eventually(lambda: not db.being_removed())
    finally:
        busy.stop()
        watching.join()


def worker_of(db, settings):
    return Worker(settings, db, lambda: None)


def test_a_receipt_names_nobody_and_is_kept_outside_the_data_folder(db, settings, who):
    patient_id = caseload.add_patient(db, who, NAME)
    receipt = deletion.delete_patient(db, settings, who, patient_id)
    assert (receipt.kind, receipt.erased_id) == ("patient", patient_id)
    assert receipt.id != patient_id
    assert erasures.known(settings.erasures_path) == [receipt]
    assert settings.data_dir not in settings.erasures_path.parents
    with pytest.raises(FerError):
        deletion.delete_patient(db, settings, who, patient_id)
    assert len(erasures.known(settings.erasures_path)) == 1


def test_an_archive_that_waits_to_be_fetched_goes_with_the_patient(db, settings, who):
    patient_id = caseload.add_patient(db, who, NAME)
    agree(db, patient_id)
    ticket = downloads.prepare(db, settings, who, patient_id)
    deletion.delete_patient(db, settings, who, patient_id)
    with pytest.raises(FerError):
        downloads.take(db, settings, who, ticket)
    assert list((settings.data_dir / "downloads").iterdir()) == []


@pytest.mark.attack("a download that is prepared while its patient is deleted: what is left")
def test_what_is_prepared_meanwhile_goes_with_the_patient(db, settings, who, monkeypatch, attack):
    patient_id = caseload.add_patient(db, who, NAME)
    real, swept = downloads.sweep, []

    def sweep(*args, **kwargs):
        found = real(*args, **kwargs)
        swept.append(found)
        if len(swept) == 1:
            downloads.keep(settings, who.account_id, patient_id, "state", Kind.FHIR, lambda file: file.write(b"{}"))
            assert any((settings.data_dir / "downloads").iterdir())
        return found

    monkeypatch.setattr(downloads, "sweep", sweep)
    deletion.delete_patient(db, settings, who, patient_id)
    attack(lambda: list((settings.data_dir / "downloads").iterdir()), [])


def test_nothing_is_erased_where_it_cannot_be_remembered(db, settings, who):
    patient_id = caseload.add_patient(db, who, NAME)
    settings.erasures_path.mkdir(parents=True)
    with pytest.raises(FerError) as refusal:
        deletion.delete_patient(db, settings, who, patient_id)
    assert refusal.value.code == "erasures_unwritable"
    assert caseload.get_patient(db, who, patient_id).name == NAME


def test_an_erasure_that_was_interrupted_is_finished(db, settings, patient, an_upload, who):
    upload = an_upload()
    queued = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="m")
    erasures.remember(settings.erasures_path, Erasure("recording", queued.recording_id, {}))
    erasures.remember(settings.erasures_path, Erasure("patient", "0" * 32, {}))
    assert deletion.finish_erasures(db, settings) == 1
    assert not upload.path.exists()
    assert caseload.get_patient(db, who, patient).recordings == ()
    assert deletion.finish_erasures(db, settings) == 0


def test_one_recording_can_be_deleted(db, settings, who, invented):
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, who.account_id))
    patient = caseload.get_patient(db, who, caseload.list_patients(db, who)[0].id)
    deletion.delete_recording(db, settings, who, patient.recordings[0].id)
    left = caseload.get_patient(db, who, patient.id).recordings
    assert [row.id for row in left] == [row.id for row in patient.recordings[1:]]


def added_recording(db, settings, who, patient, an_upload):
    return jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, model_sha256="m").recording_id


def added_answer(db, settings, who, patient, an_upload):
    answers.record(db, who, patient, Given("phq9", DAY, total=5))


@pytest.mark.parametrize("add", [added_recording, added_answer])
def test_what_comes_in_after_it_was_reported_refuses_the_deletion(db, settings, who, patient, an_upload, add):
    added_recording(db, settings, who, patient, an_upload)
    seen_counts = deletion.held_by_patient(db, who, patient)
    assert (seen_counts.counts["recordings"], seen_counts.counts["questionnaires"]) == (1, 0)
    add(db, settings, who, patient, an_upload)
    with pytest.raises(ConflictError):
        deletion.delete_patient(db, settings, who, patient, seen_counts=seen_counts)
    assert not [one for one in erasures.known(settings.erasures_path) if one.kind == "patient"]
    assert len(caseload.get_patient(db, who, patient).recordings) == (2 if add is added_recording else 1)
    deletion.delete_patient(db, settings, who, patient, seen_counts=deletion.held_by_patient(db, who, patient))


def test_a_recording_handed_in_while_its_patient_is_erased_goes_with_its_files(
    db, settings, who, patient, an_upload, monkeypatch
):
    first = added_recording(db, settings, who, patient, an_upload)
    late, real = an_upload(), deletion.control.delete_files

    def delete_files(db, settings, recording_id):
        if recording_id == first:
            jobs.enqueue(db, settings, who, patient, [late], DAY, model_sha256="m")
        real(db, settings, recording_id)

    monkeypatch.setattr(deletion.control, "delete_files", delete_files)
    deletion.delete_patient(db, settings, who, patient)
    assert not late.path.exists()
    with db.read() as session:
        assert session.scalars(select(Recording)).all() == []
