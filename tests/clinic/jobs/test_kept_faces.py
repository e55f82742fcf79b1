"""Small pictures of the patient's face stay where clinic and patient allow it, and go with all that deletes."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import date

import pytest
from PIL import Image
from sqlalchemy import select

from clinic.consent.consent import Scope
from clinic.erasure import deletion, withdrawal
from clinic.exchange import exports, imports
from clinic.jobs import faces, jobs, kept_faces, leases, reanalysis
from clinic.patients import caseload
from clinic.recordings import marks, uploads
from clinic.recordings.verdicts import MarkFields, Verdict
from clinic.worker import analysis
from db.models import Job, Recording
from fer_core.errors import FerError
from storage.media import open_store
from tests.clinic.fakes import FakeAnalyzer
from tests.consents import agree, expire, revoke

DAY = date(2026, 5, 4)
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings):
    return replace(settings, keep_faces=True)


@pytest.fixture
def analyse(db, settings, who, an_upload):
    """Return a function that analyses a video of three chunks and returns its recording's id."""

    def run(patient, settings=settings, script=([(0,)] * 2, [(0,)] * 2, [(0,)] * 2), media_type="video/mp4"):
        upload = replace(an_upload(), media_type=media_type)
        asked = jobs.enqueue(db, settings, who, patient, [upload], DAY, model_sha256="fake-model")
        claimed = leases.claim(db)
        analysis.run(db, settings, claimed, lambda: FakeAnalyzer(script), analysis.Reporter(db, claimed))
        return asked.recording_id

    return run


def moments(db, settings, who, recording_id):
    return [one.at_s for one in kept_faces.shown(db, settings, who, recording_id)]


def stored(settings):
    return len(list(open_store(settings).files()))


def test_the_face_is_kept_along_a_video_that_is_not(db, settings, who, patient, analyse):
    found = kept_faces.shown(db, settings, who, analyse(patient))
    assert [one.at_s for one in found] == pytest.approx([0.2, 0.6, 1.0])
    for one in found:
        with Image.open(io.BytesIO(one.jpeg)) as picture:
            assert max(picture.size) <= 160, "a small picture, of the face alone"
    assert stored(settings) == 3, "the video itself is deleted"


def test_nothing_of_them_lies_there_readable(settings, patient, analyse):
    analyse(patient)
    for path in (path for path in settings.data_dir.rglob("*") if path.is_file()):
        assert kept_faces.JPEG not in path.read_bytes(), path.name


def test_no_face_is_kept_without_the_clinic_or_the_patient(db, settings, who, patient, analyse):
    newcomer = caseload.add_patient(db, who, "New Example")
    off = replace(settings, keep_faces=False)
    assert moments(db, settings, who, analyse(patient, off)) == []
    agree(db, newcomer, *(scope for scope in Scope if scope is not Scope.KEEP_VIDEO))
    assert moments(db, settings, who, analyse(newcomer)) == []
    assert stored(settings) == 0


@pytest.mark.parametrize(("media_type", "pictures"), [("video/mp4", 0), (None, 3)])
def test_beside_a_kept_video_only_where_it_cant_be_played(db, settings, who, patient, analyse, media_type, pictures):
    both = replace(settings, keep_files=True)
    assert len(moments(db, both, who, analyse(patient, both, media_type=media_type))) == pictures
    assert stored(settings) == 1 + pictures


def test_of_several_faces_the_chosen_one_alone_is_kept(db, settings, who, patient, analyse):
    recording_id = analyse(patient, script=([(0, 1)] * 2, [(1,)] * 2))
    assert stored(settings) == 0, "nobody knows yet who is the patient"
    faces.choose_track(db, settings, who, recording_id, 0)
    assert moments(db, settings, who, recording_id) == pytest.approx([0.2])


def test_nothing_of_a_face_that_another_was_chosen_for_stays_the_patient_s(
    db, settings, who, patient, analyse, an_upload, tmp_path
):
    """Its labels, pictures and judgements stood beside the new result, in exports and in the agreement too."""
    both = replace(settings, keep_files=True)
    script = ([(0, 1)] * 2, [(1,)] * 2)
    old = analyse(patient, both, script, media_type=None)
    faces.choose_track(db, both, who, old, 0)
    for verdict, label, reason in (
        (Verdict.AGREE, None, None),
        (Verdict.OTHER, "sad", None),
        (Verdict.IMPRESSION, "sad", None),
        (Verdict.UNCLEAR, None, None),
        (Verdict.EVENT, None, "crying"),
    ):
        marks.add(db, who, old, MarkFields(0.0, 0.4, verdict, label, reason))
    new = faces.choose_again(db, both, who, old)
    claimed = leases.claim(db)
    analysis.run(db, both, claimed, lambda: FakeAnalyzer(script), analysis.Reporter(db, claimed))
    assert moments(db, both, who, old) == pytest.approx([0.2]), "until another one is chosen it is shown"
    faces.choose_track(db, both, who, new, 1)
    assert [version.id for version in caseload.versions(db, who, old)] == [new]
    assert moments(db, both, who, old) == []
    assert len(caseload.samples(db, who, old)) == 0
    assert stored(both) == 1 + len(moments(db, both, who, new))
    assert [mark.said.verdict for mark in marks.marks(db, who, new)] == [Verdict.EVENT]
    assert marks.agreement(db, who, new).judged == 0
    with pytest.raises(FerError) as refusal:
        marks.add(db, who, old, MarkFields(0.0, 0.4, Verdict.IMPRESSION, "sad"))
    assert refusal.value.code == "face_replaced"
    marks.add(db, who, new, MarkFields(0.0, 0.4, Verdict.AGREE))
    assert marks.agreement(db, who, new).judged == 1
    with db.read() as session:
        sent = session.scalar(select(Job.sources).where(Job.recording_id == new))[0]["sha256"]
    again = jobs.enqueue(db, both, who, patient, [replace(an_upload(), sha256=sent)], DAY, model_sha256="fake-model")
    assert (again.duplicate, again.recording_id) == (True, new)
    archive = tmp_path / "patient.zip"
    exports.export_to(db, both, who, patient, archive)
    with zipfile.ZipFile(archive) as made:
        rows = list(csv.DictReader(io.TextIOWrapper(made.open("samples.csv"), "utf-8-sig")))
        assert {row["recording_id"] for row in rows} == {new}
        assert len([name for name in made.namelist() if name.startswith("media/")]) == stored(both)


def test_of_a_long_video_some_are_kept_evenly(db, settings, who, patient, analyse):
    recording_id = analyse(patient, script=[[(0,)]] * 11 + [[(0,), (1,)]] * 3)
    faces.choose_track(db, settings, who, recording_id, [0, 1])
    found = moments(db, settings, who, recording_id)
    assert len(found) == kept_faces.MOST
    assert (found[0], found[-1]) == (0.0, pytest.approx(3.2))


def test_a_stretch_that_shows_another_person_has_none(db, settings, who, patient, analyse):
    recording_id = analyse(patient)
    marks.add(db, who, recording_id, MarkFields(0.5, 0.7, Verdict.NOT_PATIENT))
    assert moments(db, settings, who, recording_id) == pytest.approx([0.2, 1.0])


def test_they_close_with_the_consent_and_go_when_it_is_withdrawn(db, settings, who, patient, analyse):
    recording_id = analyse(patient)
    assert uploads.sweep(settings, db, older_than_s=-60) == 0
    withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_VIDEO])
    assert (stored(settings), moments(db, settings, who, recording_id)) == (0, [])
    agree(db, patient, Scope.KEEP_VIDEO)
    assert moments(db, settings, who, recording_id) == []
    other = analyse(patient, script=([(0,)],))
    expire(db, patient, Scope.KEEP_VIDEO)
    assert (stored(settings), moments(db, settings, who, other)) == (1, [])


@pytest.mark.parametrize("how", ["withdrawn unfinished", "switched off"])
def test_the_sweep_takes_those_that_may_not_stay(db, settings, patient, analyse, how):
    analyse(patient)
    if how == "switched off":
        settings = replace(settings, keep_faces=False)
    else:
        revoke(db, patient, Scope.KEEP_VIDEO)
    assert uploads.sweep(settings, db, older_than_s=-60) == 3


def test_they_go_with_the_recording(db, settings, who, patient, analyse):
    recording_id = analyse(patient)
    deletion.delete_recording(db, settings, who, recording_id)
    assert stored(settings) == 0


def test_a_consent_that_ends_meanwhile_leaves_none(db, settings, patient, analyse, monkeypatch):
    made = uploads.take_in

    def revoking(*arguments):
        revoke(db, patient, Scope.KEEP_VIDEO)
        return made(*arguments)

    monkeypatch.setattr(uploads, "take_in", revoking)
    analyse(patient)
    assert stored(settings) == 0


def test_an_analysis_ends_well_without_them(db, settings, who, patient, analyse, monkeypatch):
    def full(*_arguments):
        raise FerError("There is too little free space.", "disk_full")

    monkeypatch.setattr(uploads, "take_in", full)
    recording_id = analyse(patient)
    assert moments(db, settings, who, recording_id) == []
    with db.read() as session:
        assert session.scalar(select(Job.state).where(Job.recording_id == recording_id)) == "done"


def test_an_archive_takes_them_along(db, settings, who, patient, analyse, tmp_path):
    recording_id = analyse(patient)
    before = kept_faces.shown(db, settings, who, recording_id)
    archive = tmp_path / "patient.zip"
    exports.export_to(db, settings, who, patient, archive)
    deletion.delete_patient(db, settings, who, patient)
    assert stored(settings) == 0
    settings.erasures_path.unlink()  # so that it is another clinic's
    with archive.open("rb") as file:
        imports.import_patient(db, settings, who, file)
    assert kept_faces.shown(db, settings, who, recording_id) == before


def test_they_are_no_files_that_can_be_analysed_again(db, settings, who, patient, analyse):
    recording_id = analyse(patient)
    with db.read() as session:
        assert not reanalysis.files_there(session, settings, session.get_one(Recording, recording_id))
    both = replace(settings, keep_files=True)
    kept = analyse(patient, both, script=([(0,)],), media_type=None)
    with db.session() as session:
        old = session.get_one(Recording, kept)
        assert reanalysis.files_there(session, both, old)
        version = reanalysis.add_version(session, old, "other-model", "key", {}, 0)
        sources = session.scalar(select(Job.sources).where(Job.recording_id == version))
    assert [source["kind"] for source in sources] == ["video"]
