"""Everything on a patient goes out and comes back equal, or not at all."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete, insert, select, update

from clinic.access import CONSOLE, Role
from clinic.accounts import accounts
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.erasure import deletion
from clinic.exchange import exports, imports
from clinic.jobs import control, jobs, leases
from clinic.patients import caseload
from clinic.recordings import uploads
from db.models import AuditRow, Base, Consent, Job, JobState, Recording, Sample
from fer_core.errors import FerError
from tests import doors
from tests.clinic.archives import analysed_again, archive_of, changed, demo_id, with_json
from tests.consents import agree, expire


@pytest.fixture
def demo_patient(db, invented):
    return demo_id(db, 1)


@pytest.fixture
def failed(db, settings, patient, who):
    """A recording whose analysis failed for a reason that is not the file's, so that its file is kept."""
    written = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), 9, np.uint8)).save(written, "PNG")
    written.seek(0)
    upload = uploads.store(db, settings, who, written, "visit.png")
    queued = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 5, 4), "=HYPERLINK()", model_sha256="m")
    leases.fail(db, leases.claim(db), "internal_error", "The analysis failed.")
    return queued.recording_id


def test_a_picture_that_shows_only_others_is_not_handed_out(db, settings, patient, who):
    """Somebody said that the patient isn't in it: it is the portrait of a person who never agreed."""
    files = []
    for shade in (9, 90, 190):
        picture = io.BytesIO()
        Image.fromarray(np.full((64, 64, 3), shade, np.uint8)).save(picture, "PNG")
        picture.seek(0)
        files.append(uploads.store(db, settings, who, picture, f"{shade}.png"))
    queued = jobs.enqueue(db, settings, who, patient, files, date(2026, 5, 4), model_sha256="m")
    of_patient, of_others, without_face = (file.id for file in files)
    with db.session() as session:
        session.scalars(select(Job)).one().state = JobState.DONE.value
        for index, (track, status) in enumerate(((0, "too_small"), (-1, "others"), (-1, "no_face"))):
            known = {"recording_id": queued.recording_id, "frame_index": index, "time_s": float(index)}
            session.execute(insert(Sample).values(**known, track=track, status=status))
    with zipfile.ZipFile(archive_of(db, settings, patient)) as archive:
        held = {Path(name).name for name in archive.namelist() if name.startswith(exports.MEDIA_FOLDER)}
    assert held == {of_patient, without_face}
    assert uploads.stored(settings, [of_others])


def rows_of(db, patient_id):
    """Every row of the patient, in every table that does not tell of the place."""
    found = {}
    with db.read() as session:
        own = {patient_id}
        for table in Base.metadata.sorted_tables:
            if table.name in (*exports.OF_THIS_PLACE, AuditRow.__tablename__):
                continue
            rows = [dict(row) for row in session.execute(select(table)).mappings()]
            if table.name == Job.__tablename__:
                rows = [{name: row[name] for name in sorted(row.keys() - {*exports.OF_THIS_JOB})} for row in rows]
            mine = [row for row in rows if own & {str(value) for value in row.values()}]
            # Each installation numbers its own rows.
            mine = [{name: value for name, value in row.items() if name != "number"} for row in mine]
            own |= {row["id"] for row in mine if "id" in row}
            found[table.name] = sorted(mine, key=repr)
    return found


def test_every_table_that_goes_with_a_patient_is_exported():
    assert {"patient", "recording", "sample", "job"} <= {table.name for table in exports.patient_tables()}


def test_a_patient_is_equal_after_the_round_trip(db, settings, demo_patient, elsewhere, who):
    other, there = elsewhere
    first = doors.actor(other, role=Role.ADMINISTRATOR)
    assert imports.import_patient(other, there, CONSOLE, archive_of(db, settings, demo_patient)) == demo_patient
    before, after = rows_of(db, demo_patient), rows_of(other, demo_patient)
    assert len(before["sample"]) > 5000
    assert before == after
    with db.session() as session:
        accounts.grant(session, who.account_id, demo_patient)
    assert caseload.get_patient(db, who, demo_patient) == caseload.get_patient(other, first, demo_patient)


def test_a_file_that_is_still_held_goes_with_it(db, settings, patient, failed, elsewhere):
    other, there = elsewhere
    colleague = doors.actor(other)
    imports.import_patient(other, there, colleague, archive_of(db, settings, patient))
    assert rows_of(db, patient) == rows_of(other, patient)
    assert control.can_retry(other, there, colleague, failed), "the patient is on the caseload of who imported it"


def test_versions_come_back_behind_their_first(db, settings, elsewhere, demo_patient):
    with db.session() as session:
        first = session.scalar(select(Recording.id).where(Recording.patient_id == demo_patient))
    analysed_again(db, first)
    other, there = elsewhere
    imports.import_patient(other, there, CONSOLE, archive_of(db, settings, demo_patient))
    assert rows_of(db, demo_patient) == rows_of(other, demo_patient)


def test_exports_and_imports_are_written_down(db, settings, patient, who, elsewhere):
    written = io.BytesIO()
    exports.export_patient(db, settings, who, patient, written)
    other, there = elsewhere
    imports.import_patient(other, there, CONSOLE, written)
    for database, action, account in (
        (db, AuditAction.PATIENT_EXPORTED, who.account_id),
        (other, AuditAction.PATIENT_IMPORTED, None),
    ):
        with database.read() as session:
            row = session.scalar(select(AuditRow).where(AuditRow.action == action.value))
            assert (row.account_id, row.patient_id) == (account, patient)


def test_the_dictionary_names_every_column_and_the_tables_are_for_people(db, settings, patient, failed):
    with zipfile.ZipFile(archive_of(db, settings, patient)) as archive:
        texts = {
            name: archive.read(name).decode("utf-8-sig") for name in archive.namelist() if not name.startswith("media/")
        }
    reported = json.loads(texts["patient.json"])
    assert (reported["format"], reported["schema_version"]) == ("expression-history-patient", 6)
    assert "not feelings or a diagnosis" in texts["README.txt"]
    explained = {(row["file"], row["column"]): row for row in csv.DictReader(io.StringIO(texts["data-dictionary.csv"]))}
    for name in ("recordings.csv", "samples.csv", "consents.csv", "questionnaires.csv"):
        header = next(csv.reader(io.StringIO(texts[name])))
        assert {(name, column) for column in header} == {key for key in explained if key[0] == name}
    assert all(row["meaning"] and row["type"] for row in explained.values())
    (recording,) = csv.DictReader(io.StringIO(texts["recordings.csv"]))
    assert recording["note"] == "'=HYPERLINK()"
    assert recording["model_sha256"] == "", "it was asked for, and made nothing"
    assert reported["tables"]["recording"][0]["note"] == "=HYPERLINK()"


@pytest.mark.parametrize(("state", "why"), [("queued", "Waiting for its turn."), ("choosing", "choose the patient's")])
def test_nothing_is_exported_while_an_analysis_is_open(db, settings, patient, an_upload, who, state, why):
    jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m")
    with db.session() as session:
        session.scalars(select(Job)).one().state = state
    with pytest.raises(FerError) as refusal:
        archive_of(db, settings, patient)
    assert refusal.value.code == "analysis_under_way"
    assert "Recording of 4 May 2026 · Video · no. 1" in refusal.value.message
    assert why in refusal.value.message


def test_export_to_a_file_is_whole_or_not_there(db, settings, demo_patient, tmp_path):
    path = tmp_path / "patient.zip"
    exports.export_to(db, settings, CONSOLE, demo_patient, path)
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(FerError) as refusal:
        exports.export_to(db, settings, CONSOLE, demo_patient, path)
    assert refusal.value.code == "file_exists"
    with pytest.raises(FerError) as refusal:
        exports.export_to(db, settings, CONSOLE, "0" * 32, tmp_path / "another.zip")
    assert refusal.value.code == "unknown_patient"
    assert list(tmp_path.glob("another*")) == []


def refused(elsewhere, file, code):
    other, there = elsewhere
    before = rows_of(other, "x"), list(there.data_dir.rglob("media/*"))
    with pytest.raises(FerError) as refusal:
        imports.import_patient(other, there, CONSOLE, file)
    assert refusal.value.code == code
    assert (rows_of(other, "x"), list(there.data_dir.rglob("media/*"))) == before


def test_twice_is_refused(archive, elsewhere):
    imports.import_patient(*elsewhere, CONSOLE, archive)
    refused(elsewhere, archive, "patient_exists")


def test_a_patient_with_files_who_is_here_is_no_damaged_archive(db, settings, patient, failed):
    refused((db, settings), archive_of(db, settings, patient), "patient_exists")


def test_an_erased_patient_does_not_come_back(db, settings, demo_patient):
    archive = archive_of(db, settings, demo_patient)
    deletion.erase(db, settings, "patient", demo_patient, None)
    refused((db, settings), archive, "patient_erased")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda reported: reported.update(format="another"), "bad_export"),
        (lambda reported: reported.update(schema_version=exports.SCHEMA_VERSION + 1), "export_newer"),
        (lambda reported: reported["tables"].update(unheard_of=[]), "export_newer"),
        (lambda reported: reported["tables"]["patient"][0].update(mood="x"), "export_newer"),
        (lambda reported: reported["tables"]["patient"].append(reported["tables"]["patient"][0]), "bad_export"),
        (lambda reported: reported["tables"]["patient"][0].update(id="../../x"), "bad_export"),
        (lambda reported: reported["tables"]["patient"][0].update(name="a\u202eb"), "bad_export"),
        (lambda reported: reported["tables"]["patient"][0].update(created_at="2026-01-01"), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0].update(patient_id="0" * 32), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0].update(recorded_on=5), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0].update(summary={"kind": "video"}), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0].update(source_name="a\nb"), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0]["settings"].update(face_replaced="moved"), "bad_export"),
        (lambda reported: reported["tables"]["consent"][0].update(scope="everything"), "bad_export"),
        (lambda reported: reported["tables"]["consent"][0].update(document="a\u202eb"), "bad_export"),
        (lambda reported: reported["tables"]["consent"][0].update(patient_id="0" * 32), "bad_export"),
        (lambda reported: reported["tables"]["job"][0].update(state="queued"), "bad_export"),
        (lambda reported: reported["tables"]["job"][0].update(error_message="![](http://127.0.0.1)"), "bad_export"),
        (lambda reported: reported["tables"]["job"][0].update(error_message="Sign in at www.a.example"), "bad_export"),
        (lambda reported: reported["tables"]["job"][0].update(state="frozen"), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0].pop("kind"), "bad_export"),
        (lambda reported: reported["tables"]["recording"][0].update(kind="sound"), "bad_export"),
        (lambda reported: reported["tables"]["patient_event"][0].pop("kind"), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_answer"][0].update(items=[4] * 9), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_answer"][0].update(items={}), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_answer"][0].update(total=99.0), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_answer"][0].update(how="guessed"), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_answer"][0].update(scale="phq99"), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_answer"][0].update(definition={"name": "x"}), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_schedule"][0].update(every_days=0), "bad_export"),
        (lambda reported: reported["tables"]["questionnaire_schedule"][0].update(scale="../x"), "bad_export"),
        (lambda reported: reported["tables"]["patient_event"][0].update(text="a\u202eb"), "bad_export"),
        (lambda reported: reported["tables"]["patient_event"][0].update(kind="mood"), "bad_export"),
        (lambda reported: reported["tables"]["recording"].clear(), "bad_export"),
    ],
)
def test_an_archive_that_was_tampered_with_adds_nothing(archive, elsewhere, change, code):
    refused(elsewhere, with_json(archive, change), code)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b",ok,", b",sad,", 1),
        lambda text: text.replace(b",ok,", b",ok,nan", 1),
        lambda text: text.replace(text.split(b"\n")[1].split(b",")[0], b"0" * 32, 1),
        lambda text: text + text.split(b"\n")[1] + b"\n",
        lambda text: b"\xff\xfe" + text,
    ],
)
def test_samples_that_were_tampered_with_add_nothing(archive, elsewhere, change):
    refused(elsewhere, changed(archive, change, "samples.csv"), "bad_export")


def as_of_the_first_schema(reported):
    """The JSON as it was before consents were recorded."""
    reported["schema_version"] = 1
    del reported["tables"]["consent"]


def test_an_archive_of_the_first_schema_is_still_taken_without_consent(archive, elsewhere):
    other, there = elsewhere
    clinician = doors.actor(other)
    patient_id = imports.import_patient(other, there, clinician, with_json(archive, as_of_the_first_schema))
    shown = caseload.get_patient(other, clinician, patient_id)
    assert shown.recordings
    assert "No consent to keep the results" in shown.closed


def test_consents_come_with_the_patient_and_are_listed(archive, elsewhere):
    other, there = elsewhere
    clinician = doors.actor(other)
    patient_id = imports.import_patient(other, there, clinician, archive)
    found = consent.standings(other, clinician, patient_id)
    given = {standing.scope for standing in found if standing.state is consent.ConsentState.STANDS}
    assert given == set(Scope) - {Scope.TRAIN}, "that is off until it is recorded"
    assert {standing.recorded_by for standing in found} == {None}, "recorded elsewhere"
    with zipfile.ZipFile(archive) as opened:
        rows = list(csv.DictReader(io.StringIO(opened.read("consents.csv").decode("utf-8-sig"))))
    assert {row["scope"] for row in rows} == given
    assert {row["document"] for row in rows} == {found[0].document}


def test_consents_of_one_day_are_listed_in_the_order_of_their_names(db, settings, patient):
    with db.session() as session:
        session.execute(delete(Consent))
    agree(db, patient, *reversed(Scope))
    with db.session() as session:
        session.execute(update(Consent).values(number=1))
    with zipfile.ZipFile(archive_of(db, settings, patient)) as opened:
        rows = list(csv.DictReader(io.StringIO(opened.read("consents.csv").decode("utf-8-sig"))))
    assert [row["scope"] for row in rows] == sorted(Scope)


def test_no_recording_has_more_usable_time_than_it_lasts(db, settings, who, demo_patient):
    """The last sample stands for a step, which ends behind the last frame."""
    with db.session() as session:
        recording = session.scalars(select(Recording).where(Recording.patient_id == demo_patient)).first()
        recording.duration_s, recording.settings = 15.0, {"every_s": 0.2}
        recording.summary = recording.summary | {"usable_s": 15.04, "longest_gap_s": 0.1 + 0.2}
        recording_id = recording.id
        accounts.grant(session, who.account_id, demo_patient)
    with zipfile.ZipFile(archive_of(db, settings, demo_patient)) as opened:
        rows = csv.DictReader(io.StringIO(opened.read("recordings.csv").decode("utf-8-sig")))
        [row] = [row for row in rows if row["id"] == recording_id]
    assert [row[name] for name in ("duration_s", "usable_s", "longest_gap_s")] == ["15.0", "15.0", "0.3"]
    shown = caseload.get_recording(db, who, recording_id)
    assert (shown.usable_s, shown.longest_gap_s) == (15.0, 0.3)


def test_a_kept_file_goes_out_only_where_it_may_be_kept(db, settings, patient, who, an_upload):
    upload = an_upload()
    jobs.enqueue(db, settings, who, patient, [upload], date(2026, 5, 4), model_sha256="m")
    claimed = leases.claim(db)
    with leases.held(db, claimed) as session:
        leases.finish(session, claimed, JobState.DONE, 1)

    def media():
        return [name for name in zipfile.ZipFile(archive_of(db, settings, patient)).namelist() if "media/" in name]

    assert media() == [f"media/{upload.id}"]
    expire(db, patient, Scope.KEEP_VIDEO)
    assert media() == []


def test_what_a_file_is_played_as_is_recognised_by_its_content(db, settings, patient, failed, elsewhere):
    other, there = elsewhere
    claimed = with_json(
        archive_of(db, settings, patient),
        lambda reported: reported["tables"]["job"][0]["sources"][0].update(media_type="video/mp4"),
    )
    imports.import_patient(other, there, CONSOLE, claimed)
    with other.read() as session:
        [source] = session.scalar(select(Job.sources))
    assert source["media_type"] is None, "it is a picture"


def test_another_file_in_the_archive_adds_nothing(db, settings, patient, failed, elsewhere):
    archive = archive_of(db, settings, patient)
    (name,) = [name for name in zipfile.ZipFile(archive).namelist() if name.startswith("media/")]
    other = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), 10, np.uint8)).save(other, "PNG")
    refused(elsewhere, changed(archive, lambda _: other.getvalue(), name), "bad_export")
    refused(elsewhere, changed(archive, lambda _: b"no picture", name), "bad_export")


@pytest.mark.attack("an archive whose pictures and videos are larger than what all files together may take")
def test_media_of_an_archive_come_in_under_the_quota(db, settings, patient, failed, elsewhere, attack):
    other, there = elsewhere
    archive = archive_of(db, settings, patient)
    full = replace(there, quota_bytes=10)
    attack(lambda: imports.import_patient(other, full, CONSOLE, archive), "quota")
    imports.import_patient(other, there, CONSOLE, archive)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and more", bytes(1000)])
def test_what_is_no_archive_adds_nothing(elsewhere, content):
    refused(elsewhere, io.BytesIO(content), "bad_export")


def test_a_cut_archive_adds_nothing(archive, elsewhere):
    whole = archive.getvalue()
    refused(elsewhere, io.BytesIO(whole[: len(whole) // 2]), "bad_export")
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 1
    refused(elsewhere, io.BytesIO(bytes(damaged)), "bad_export")


def test_jobs_that_ended_are_all_that_an_import_adds(archive, elsewhere):
    other, there = elsewhere
    imports.import_patient(other, there, CONSOLE, archive)
    with other.read() as session:
        states = set(session.scalars(select(Job.state)))
        assert states <= {JobState.DONE.value, JobState.PARTIAL.value}
        assert session.scalar(select(Recording.created_at)) < datetime.now(UTC)
        assert session.scalar(select(Sample.status)) is not None
