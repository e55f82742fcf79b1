"""Patients are listed, found as they are written, and leave no byte when they go."""

import io
import logging
import tempfile
from datetime import date

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import event

from clinic import (
    accounts,
    analysis,
    caseload,
    consent,
    demo,
    downloads,
    jobs,
    leases,
    previews,
    sign_ins,
    uploads,
    words,
)
from clinic.consent import Scope
from db import erasures
from db.copies import copy_whole
from db.erasures import Erasure
from db.models import Account
from fer_core.errors import FerError
from fer_core.image import read_image
from tests.clinic.fakes import FakeAnalyzer
from tests.consents import agree


def test_added_patients_are_listed_by_name(db, who):
    for name in ("berta", "Anna", "Carl"):
        caseload.add_patient(db, who, f"  {name} ")
    assert [patient.name for patient in caseload.list_patients(db, who)] == ["Anna", "berta", "Carl"]
    assert caseload.list_patients(db, who)[0].recordings == 0
    assert caseload.list_patients(db, who)[0].last_recorded_on is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb", "a\0b", "a\u202eb", "\ud800"])
def test_names_that_hide_something_are_refused(db, name, who):
    with pytest.raises(FerError) as refusal:
        caseload.add_patient(db, who, name)
    assert refusal.value.code == "bad_name"
    assert caseload.list_patients(db, who) == []


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "Robert'); DROP TABLE patient;--", "=cmd()", "100 %_x"])
def test_odd_names_are_text_and_searched_as_they_are(db, name, who):
    caseload.add_patient(db, who, name)
    caseload.add_patient(db, who, "someone else")
    assert [patient.name for patient in caseload.list_patients(db, who, name)] == [name]


def test_search_takes_wildcards_literally(db, who):
    caseload.add_patient(db, who, "50 % of it", note="under_score")
    caseload.add_patient(db, who, "50 and more")
    assert [p.name for p in caseload.list_patients(db, who, "%")] == ["50 % of it"]
    assert [p.name for p in caseload.list_patients(db, who, "r_s")] == ["50 % of it"]
    assert len(caseload.list_patients(db, who, "50")) == 2


@pytest.mark.parametrize("search", ["MÜLLER", "mu\u0308ller", "Müller", " müll "])
def test_case_and_composition_do_not_hide_a_patient(db, search, who):
    caseload.add_patient(db, who, "Käthe Müller")
    caseload.add_patient(db, who, "Mueller")
    assert [p.name for p in caseload.list_patients(db, who, search)] == ["Käthe Müller"]


def test_accents_do_not_change_the_order(db, who):
    for name in ("Zoe", "Özlem", "otto", "Émile", "Fritz"):
        caseload.add_patient(db, who, name)
    assert [p.name for p in caseload.list_patients(db, who)] == ["Émile", "Fritz", "otto", "Özlem", "Zoe"]


def test_renaming_and_unknown_ones(db, who):
    patient_id = caseload.add_patient(db, who, "A")
    caseload.rename_patient(db, who, patient_id, "B", "a note\nof two lines")
    assert caseload.get_patient(db, who, patient_id).note == "a note\nof two lines"
    for ask in (caseload.get_patient, caseload.get_recording):
        with pytest.raises(FerError):
            ask(db, who, "0" * 32)


NAME, FILE = "Wilhelmine Zauberberg", "zauberberg-session-7.png"
MARKS = [NAME.encode(), FILE.encode(), b"Zauberberg"]


def picture():
    """A picture whose own text and every pixel can be found again."""
    told = PngInfo()
    told.add_text("Patient", NAME)
    pixels = np.frombuffer((b"Zauberberg0123456789!!" * 1000)[:12288], np.uint8).reshape(64, 64, 3)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG", pnginfo=told, compress_level=0)
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
    consent.record(db, who, patient_id, list(Scope), date(2026, 1, 1), document=f"signed by {NAME}")
    upload = uploads.store(db, settings, who, picture(), FILE)
    queued = jobs.enqueue(db, settings, who, patient_id, [upload], date(2026, 1, 1), f"about {NAME}", model_sha256="m")
    claimed = leases.claim(db)
    failing = FakeAnalyzer()
    failing.analyze_image = lambda file: read_image(file) and None
    analysis.run(db, settings, claimed, lambda: failing, analysis.Reporter(db, claimed))
    assert jobs.can_retry(db, settings, who, queued.recording_id), "the file is held for another try"
    previews.write_preview(settings, queued.recording_id, 0.0, np.zeros((90, 160, 3), np.uint8), [])
    copy_whole(tmp_path / "clinic.db", tmp_path / "clinic.db.before-restore")
    assert (
        {"clinic.db.before-restore"}
        <= set(scanned(tmp_path))
        <= {
            "clinic.db.before-restore",
            "clinic.db",
            "clinic.db-wal",
        }
    )
    receipt = caseload.delete_patient(db, settings, who, patient_id)
    assert receipt.counts == {"patients": 1, "recordings": 1, "samples": 0, "files": 1}
    (tmp_path / "log").write_text(caplog.text)
    assert caplog.text
    assert scanned(tmp_path, settings.key_dir, temporary if any(temporary.iterdir()) else tmp_path) == []
    assert list((tmp_path / "media").iterdir()) == list((tmp_path / "work").iterdir()) == []


def test_a_receipt_names_nobody_and_is_kept_outside_the_data_folder(db, settings, who):
    patient_id = caseload.add_patient(db, who, NAME)
    receipt = caseload.delete_patient(db, settings, who, patient_id)
    assert (receipt.kind, receipt.erased_id) == ("patient", patient_id)
    assert receipt.id != patient_id
    assert erasures.known(settings.erasures_path) == [receipt]
    assert settings.data_dir not in settings.erasures_path.parents
    with pytest.raises(FerError):
        caseload.delete_patient(db, settings, who, patient_id)
    assert len(erasures.known(settings.erasures_path)) == 1


def test_an_archive_that_waits_to_be_fetched_goes_with_the_patient(db, settings, who):
    patient_id = caseload.add_patient(db, who, NAME)
    agree(db, patient_id)
    ticket = downloads.prepare(db, settings, who, patient_id)
    caseload.delete_patient(db, settings, who, patient_id)
    with pytest.raises(FerError):
        downloads.take(settings, ticket, who.account_id)
    assert list((settings.data_dir / "downloads").iterdir()) == []


def test_nothing_is_erased_where_it_cannot_be_remembered(db, settings, who):
    patient_id = caseload.add_patient(db, who, NAME)
    settings.erasures_path.mkdir(parents=True)
    with pytest.raises(FerError) as refusal:
        caseload.delete_patient(db, settings, who, patient_id)
    assert refusal.value.code == "erasures_unwritable"
    assert caseload.get_patient(db, who, patient_id).name == NAME


def test_an_erasure_that_was_interrupted_is_finished(db, settings, patient, an_upload, who):
    upload = an_upload()
    queued = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 1, 1), model_sha256="m")
    erasures.remember(settings.erasures_path, Erasure("recording", queued.recording_id, {}))
    erasures.remember(settings.erasures_path, Erasure("patient", "0" * 32, {}))
    assert caseload.finish_erasures(db, settings) == 1
    assert not upload.path.exists()
    assert caseload.get_patient(db, who, patient).recordings == ()
    assert caseload.finish_erasures(db, settings) == 0


@pytest.fixture
def filled(db, who):
    assert demo.fill(db) == 4
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, who.account_id))
    return db


def test_the_demo_is_marked_and_not_doubled(filled, who):
    patients = caseload.list_patients(filled, who)
    assert len(patients) == 4
    assert all(patient.demo and "invented" in patient.name for patient in patients)
    assert demo.fill(filled) == 0
    assert len(caseload.list_patients(filled, who)) == 4


def test_the_demo_shows_what_there_is_to_see(filled, who):
    details = [caseload.get_patient(filled, who, patient.id) for patient in caseload.list_patients(filled, who)]
    points = [point for detail in details for point in detail.trend.points]
    assert any(point.hollow for point in points)
    assert any(point.outside for point in points)
    assert any(change.what == "model" for detail in details for change in detail.trend.changes)
    assert any(detail.trend.building for detail in details)
    assert any(detail.trend.baseline for detail in details)
    first = details[0].recordings[0]
    table = caseload.samples(filled, who, first.id)
    assert len(table) == first.samples
    assert caseload.get_recording(filled, who, first.id) == first


def test_the_demo_s_account_sees_them_and_gets_a_new_password_each_time(db):
    demo.fill(db)
    first, second = demo.add_account(db), demo.add_account(db)
    with pytest.raises(FerError):
        sign_ins.sign_in(db, demo.ACCOUNT, first)
    actor = sign_ins.actor_of(db, sign_ins.sign_in(db, demo.ACCOUNT, second))
    accounts.accept_statement(db, actor, words.STATEMENT_VERSION)
    assert len(caseload.list_patients(db, actor)) == 4


def test_the_list_costs_three_queries_however_long_it_is(filled, who):
    asked = []
    event.listen(filled.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    caseload.list_patients(filled, who)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 3


def test_one_recording_can_be_deleted(filled, settings, who):
    patient = caseload.get_patient(filled, who, caseload.list_patients(filled, who)[0].id)
    caseload.delete_recording(filled, settings, who, patient.recordings[0].id)
    left = caseload.get_patient(filled, who, patient.id).recordings
    assert [row.id for row in left] == [row.id for row in patient.recordings[1:]]
