"""Folders on the server: through the same intake as an upload, and never out of the folder."""

import io
import os
import re
import shutil
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from clinic import access, clock
from clinic.access import CONSOLE
from clinic.intake import folders
from clinic.intake.folders import Result
from clinic.patients import caseload
from clinic.recordings import uploads
from clinic.worker.selftest import write_clip
from db.models import Job, JobState, Patient, Recording, Role
from fer_core.errors import FerError
from storage.media import open_store
from storage.wrapping import MAGIC
from tests import doors
from tests.consents import agree

NAME = "Invented Person"
REFUSED, IMPORTED, STORED = Result.REFUSED, Result.IMPORTED, Result.STORED


def png(shade=9):
    content = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), shade, np.uint8)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def root(tmp_path_factory):
    """A folder with one patient's folder in it: a video, two pictures of a day, one of another, and no picture."""
    folder = tmp_path_factory.mktemp("server") / "march"
    own = folder / NAME
    own.mkdir(parents=True)
    write_clip(own / "visit 2026-03-01.mp4", [np.full((90, 160, 3), 40 * n, np.uint8) for n in range(4)], 5)
    for number, name in enumerate(["a 2026-03-02.png", "b 2026-03-02.png", "c.png"]):
        (own / name).write_bytes(png(number))
    os.utime(own / "c.png", (datetime(2026, 2, 7, tzinfo=UTC).timestamp(),) * 2)
    (own / "notes.txt").write_text("no picture")
    (own / ".hidden").write_text("not looked at")
    return folder


@pytest.fixture
def ready(settings, root):
    return replace(settings, import_dir=root.parent)


@pytest.fixture
def admin(db, patient):
    """An administrator whose caseload has a patient of the folder's name."""
    who = doors.actor(db, "Admin", Role.ADMINISTRATOR)
    agree(db, caseload.add_patient(db, who, NAME))
    return who


def recorded(db):
    with db.read() as session:
        found = session.execute(select(Recording.recorded_on, Recording.kind, Job.sources).join(Job))
        return sorted((day, kind, len(sources)) for day, kind, sources in found)


ALL = [(date(2026, 2, 7), "pictures", 1), (date(2026, 3, 1), "video", 1), (date(2026, 3, 2), "pictures", 2)]


def test_the_console_brings_in_a_folder_for_each_patient(db, settings, patient, root):
    (root / "Nobody Known").mkdir()
    (root / "loose.png").write_bytes(png())
    said = []
    lines = folders.bring_by_console(db, settings, root, on_line=said.append)
    assert recorded(db) == ALL
    assert said == lines
    refused = {line.name: line.sentence for line in lines if line.result is REFUSED}
    assert set(refused) == {f"{NAME}/notes.txt", "Nobody Known", "loose.png"}
    assert refused["Nobody Known"] == "No patient has this code."
    assert len(lines) == 7
    assert folders.counted(lines) == "4 imported, 3 refused"
    for file in open_store(settings).files():
        assert (Path(settings.media_url) / file.id).read_bytes().startswith(MAGIC)


def test_the_same_folder_again_adds_nothing(db, settings, patient, root):
    folders.bring_by_console(db, settings, root)
    stored = {file.id for file in open_store(settings).files()}
    again = folders.bring_by_console(db, settings, root)
    assert recorded(db) == ALL
    assert {file.id for file in open_store(settings).files()} == stored
    assert sum("already stored" in line.sentence for line in again) == 4
    assert folders.counted(again) == "0 imported, 4 already stored, 1 refused"


def test_a_file_that_comes_twice_is_counted_once(db, settings, patient, root):
    (root / NAME / "d 2026-03-02.png").write_bytes(png(0))
    (root / NAME / "visit 2026-03-04.mp4").write_bytes((root / NAME / "visit 2026-03-01.mp4").read_bytes())
    lines = folders.bring_by_console(db, settings, root)
    assert recorded(db) == ALL
    assert folders.counted(lines) == "4 imported, 2 already stored, 1 refused"
    assert {line.name for line in lines if line.result is STORED} == {
        f"{NAME}/d 2026-03-02.png",
        f"{NAME}/visit 2026-03-04.mp4",
    }


def test_each_line_says_whose_file_it_is_about(db, settings, who, patient, root):
    """Days as names are usual: two patients' files had the same line."""
    caseload.add_patient(db, who, "No Consent")
    (root / "No Consent").mkdir()
    for name in (NAME, "No Consent"):
        (root / name / "20260412.png").write_bytes(png(77))
        (root / name / "sub").mkdir()
    said = {line.name: line.result for line in folders.bring_by_console(db, settings, root)}
    assert said[f"{NAME}/20260412.png"] is IMPORTED
    assert said["No Consent/20260412.png"] is REFUSED
    assert {f"{NAME}/sub", "No Consent/sub"} < set(said)


def test_pictures_of_a_day_have_the_earliest_time_of_their_names(db, settings, patient, root):
    shutil.rmtree(root / NAME)
    (root / NAME).mkdir()
    for number, name in enumerate(("IMG_20260302_110000.png", "IMG_20260302_100000.png")):
        (root / NAME / name).write_bytes(png(number))
    folders.bring_by_console(db, settings, root)
    with db.read() as session:
        assert session.scalars(select(Recording.recorded_time)).all() == [time(10)]


def test_a_file_that_is_stored_as_of_another_day_is_named_with_both(db, settings, patient, root):
    folders.bring_by_console(db, settings, root)
    (root / NAME / "visit 2026-03-01.mp4").rename(root / NAME / "visit 2026-03-05.mp4")
    said = {line.name: line.sentence for line in folders.bring_by_console(db, settings, root)}
    assert said[f"{NAME}/visit 2026-03-05.mp4"].endswith(
        "It is stored as of 1 Mar 2026, and this file says 5 Mar 2026."
    )
    assert "It is stored as of" not in said[f"{NAME}/c.png"]


def test_a_file_that_becomes_a_second_recording_names_the_first(db, settings, patient, root):
    folders.bring_by_console(db, settings, root)
    with db.session() as session:
        session.execute(update(Recording).values(model_sha256="one of before", note="kept"))
        session.execute(update(Job).values(state=JobState.DONE.value, key=None))
    (root / NAME / "visit 2026-03-01.mp4").rename(root / NAME / "visit 2026-03-05.mp4")
    said = {line.name: line.sentence for line in folders.bring_by_console(db, settings, root)}
    assert said[f"{NAME}/visit 2026-03-05.mp4"].startswith("Recording of 5 Mar 2026, waiting")
    assert re.search(
        r"another recording of this patient too, .*: 1 Mar 2026 · Video · no. \d\.$",
        said[f"{NAME}/visit 2026-03-05.mp4"],
    )
    assert said[f"{NAME}/a 2026-03-02.png"] == "The same recording is stored already, and another model analyses it."


def test_one_patient_s_folder(db, settings, patient, root):
    lines = folders.bring_by_console(db, settings, root / NAME, patient)
    assert recorded(db) == ALL
    assert [line.name for line in lines if line.result is REFUSED] == ["notes.txt"]
    with pytest.raises(FerError) as refusal:
        folders.bring_by_console(db, settings, root / "nowhere")
    assert refusal.value.code == "unknown_folder"


def test_an_administrator_brings_in_what_lies_ready_for_the_own_patients(db, ready, admin, root):
    (root / "Ann Elsewhere").mkdir()
    caseload.add_patient(db, doors.actor(db, "Dr. Other"), "Ann Elsewhere")
    assert folders.offered(db, ready, admin) == ["march"]
    lines = folders.bring_offered(db, ready, admin, "march")
    assert recorded(db) == ALL
    assert {line.name: line.sentence for line in lines if line.result is REFUSED}["Ann Elsewhere"] == (
        "No patient on your caseload has exactly this name."
    )
    with db.read() as session:
        own = {row.id for row in caseload.list_patients(db, admin)}
        assert set(session.scalars(select(Recording.patient_id))) == own


def test_a_folder_with_the_name_of_two_patients_is_nobody_s_and_that_is_said(db, ready, admin, root):
    (root / "Ann Twice").mkdir()
    for _ in range(2):
        caseload.add_patient(db, admin, "Ann Twice")
    lines = folders.bring_offered(db, ready, admin, "march")
    assert {line.name: line.sentence for line in lines if line.result is REFUSED}["Ann Twice"] == (
        "Several patients on your caseload have this name. Please give the folder the code of the one that it"
        " belongs to."
    )


def test_without_the_setting_nothing_is_offered(db, settings, admin):
    assert folders.offered(db, settings, admin) == []
    with pytest.raises(FerError) as refusal:
        folders.bring_offered(db, settings, admin, "march")
    assert refusal.value.code == "unknown_folder"


@pytest.mark.attack("a path, or a link, in the place of a folder's name at the import")
@pytest.mark.parametrize("name", ["..", ".", "", "../keys", "/etc", "march/..", "link", "march/../../etc"])
def test_no_name_leads_out_of_the_folder(db, ready, admin, root, attack, name):
    (root.parent / "link").symlink_to("/etc")
    assert folders.offered(db, ready, admin) == ["march"]
    attack(lambda: folders.bring_offered(db, ready, admin, name), "unknown_folder")


@pytest.mark.attack("links, pipes and folders among the files of an import")
def test_nothing_but_files_is_opened(db, settings, patient, root, tmp_path_factory, attack):
    secret = tmp_path_factory.mktemp("secret") / "other.png"
    secret.write_bytes(png())
    for path in (root / NAME).iterdir():
        path.unlink()
    (root / NAME / "link.png").symlink_to(secret)
    (root / NAME / "folder.png").mkdir()
    os.mkfifo(root / NAME / "pipe.png")
    (root / "Linked Person").symlink_to(secret.parent)
    lines = folders.bring_by_console(db, settings, root)
    assert {line.name: line.result for line in lines} == dict.fromkeys(
        (f"{NAME}/link.png", f"{NAME}/folder.png", f"{NAME}/pipe.png", "Linked Person"), REFUSED
    )
    assert recorded(db) == []
    attack(lambda: {line.sentence for line in lines if line.name != "Linked Person"}.pop(), lines[0].sentence)


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"max_upload_bytes": 5}, "larger than"), ({"quota_bytes": 5}, "take all the space")],
    ids=["size", "quota"],
)
def test_the_limits_are_those_of_an_upload(db, settings, patient, root, limits, code):
    lines = folders.bring_by_console(db, replace(settings, **limits), root)
    assert len(lines) == 5
    assert all(code in line.sentence for line in lines)
    assert recorded(db) == []
    assert list(open_store(settings).files()) == []


def test_a_video_has_the_time_that_its_name_says_and_none_that_is_still_to_come(
    db, settings, patient, root, monkeypatch
):
    with db.session() as session:
        access.installation(session).zone = "UTC"
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 26, 12, tzinfo=UTC))
    for number, name in enumerate(("VID_20260301_090500.mp4", "20261126_235959.mp4"), start=1):
        shades = [np.full((90, 160, 3), 10 * number + 40 * n, np.uint8) for n in range(4)]
        write_clip(root / NAME / name, shades, 5)
    said = {line.name: line.sentence for line in folders.bring_by_console(db, settings, root)}
    assert said[f"{NAME}/VID_20260301_090500.mp4"] == "Recording of 1 Mar 2026, 09:05, waiting for its analysis."
    asked = "waiting for its analysis. Then its page asks in which of the pictures the patient's face is."
    of_several = {name for name, sentence in said.items() if sentence.endswith(asked)}
    assert of_several == {f"{NAME}/a 2026-03-02.png", f"{NAME}/b 2026-03-02.png"}
    # A day that nobody said is a guess, and called one.
    assert {name for name, sentence in said.items() if folders.DAY_GUESSED in sentence} == {f"{NAME}/c.png"}
    assert said[f"{NAME}/20261126_235959.mp4"].endswith(
        "The file says 23:59, which is still to come, so the time was left out."
    )
    with db.read() as session:
        asked = select(Recording.recorded_on, Recording.recorded_time).where(Recording.kind == "video")
        found = set(map(tuple, session.execute(asked)))
    assert found == {(date(2026, 3, 1), None), (date(2026, 3, 1), time(9, 5)), (date(2026, 11, 26), None)}


@pytest.mark.parametrize(
    "name",
    [
        "2027-01-01.mp4",
        "2026-02-30 visit.mp4",
        "VID_20261341_101010.mp4",
        "Invented Person 1990-02-03.mp4",
        "2026-03-01 2026-03-02.mp4",
        "11-12-2025.mp4",
        "31 Oct 2026.mp4",
        "2026-10-31 16-30-00 PDT.mp4",
        "202604059999.mp4",
        "1775350923000.mp4",
    ],
)
def test_no_day_is_guessed_against_the_name(db, settings, patient, root, monkeypatch, name):
    """The day on which the file was copied was taken, or the patient's birth, or the first of several days."""
    with db.session() as session:
        session.get_one(Patient, patient).born_on = date(1990, 2, 3)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 26, 12, tzinfo=UTC))
    shutil.rmtree(root / NAME)
    (root / NAME).mkdir()
    write_clip(root / NAME / name, [np.full((90, 160, 3), 40 * n, np.uint8) for n in range(4)], 5)
    [line] = folders.bring_by_console(db, settings, root)
    assert line.result is REFUSED
    assert "The day in its name can't be that of a recording" in line.sentence
    assert list(open_store(settings).files()) == []


def test_what_was_stored_goes_where_the_way_ends_early(db, settings, patient, root, monkeypatch):
    handed_on = set()

    def broken(db, settings, actor, patient_id, files, recorded_on, note, recorded_time):
        # The real one deletes these itself.
        handed_on.update(file.id for file in files)
        raise KeyboardInterrupt

    monkeypatch.setattr(folders.jobs, "enqueue", broken)
    (root / NAME / "visit 2026-03-01.mp4").unlink()
    with pytest.raises(KeyboardInterrupt):
        folders.bring_by_console(db, settings, root)
    assert {file.id for file in open_store(settings).files()} == handed_on


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("2026-99-99 2026-02-03.png", "UTC", date(2026, 2, 3)),
        ("visit.png", "Pacific/Auckland", date(2026, 2, 8)),
        ("VID_20260205_010203.png", "Pacific/Auckland", date(2026, 2, 5)),
    ],
)
def test_the_day_of_a_file_is_the_clinic_s(db, settings, patient, name, zone, expected):
    with db.session() as session:
        access.installation(session).zone = zone
    intake = folders._Intake(db, settings, CONSOLE, None)
    modified = datetime(2026, 2, 7, 23, tzinfo=UTC).timestamp()
    assert intake.taken(uploads.Upload("0" * 32, name, "", 1, "image"), modified, patient).day == expected


def test_the_console_alone_needs_no_account(db, settings, patient):
    stored = uploads.store(db, settings, CONSOLE, io.BytesIO(png()), "a.png")
    assert stored.kind == "image"


def test_a_folder_s_name_as_macos_writes_it_is_its_patient_s(db, settings, who, tmp_path):
    agree(db, caseload.add_patient(db, who, "Müller"))
    folder = tmp_path / "disk" / unicodedata.normalize("NFD", "Müller")
    folder.mkdir(parents=True)
    (folder / "2026-03-01.png").write_bytes(png())
    lines = folders.bring_by_console(db, settings, folder.parent)
    assert [(line.name, line.result) for line in lines] == [("Müller/2026-03-01.png", IMPORTED)]


def test_a_folder_s_name_that_is_no_utf8_is_refused_in_one_line_and_the_next_goes_on(db, settings, who, tmp_path):
    agree(db, caseload.add_patient(db, who, "Zoë"))
    root = tmp_path / "disk"
    (root / "Zoë").mkdir(parents=True)
    os.mkdir(os.fsencode(root) + b"/M\xfcller")
    for name in (b"2026-02-01.png", b"\xfc.png"):
        Path(os.fsdecode(os.fsencode(root / "Zoë") + b"/" + name)).write_bytes(png(len(name)))
    lines = folders.bring_by_console(db, settings, root)
    assert [line.name for line in lines if line.result is REFUSED] == ["M\ufffdller"]
    assert sum(line.result is IMPORTED for line in lines) == 2
    "".join(line.name + line.sentence for line in lines).encode("utf-8")


def test_a_page_is_offered_only_names_that_it_can_show(db, settings, admin, tmp_path):
    (tmp_path / "ready" / "Zoë").mkdir(parents=True)
    os.mkdir(os.fsencode(tmp_path / "ready") + b"/M\xfcller")
    assert folders.offered(db, replace(settings, import_dir=tmp_path / "ready"), admin) == ["Zoë"]


def test_a_folder_that_can_not_be_opened_is_a_line(db, settings, root, patient, monkeypatch):
    opened = folders._opened

    def refuse(path, within=None):
        if path == "closed":
            raise PermissionError
        return opened(path, within)

    (root / "closed").mkdir()
    monkeypatch.setattr(folders, "_opened", refuse)
    lines = folders.bring_by_console(db, settings, root)
    assert [line.name for line in lines if "can't be read" in line.sentence and line.name == "closed"] == ["closed"]
    assert any(line.result is IMPORTED for line in lines)


def test_a_file_that_is_named_as_another_patient_is_refused(db, settings, who, patient, root):
    """It was stored for the patient of the folder, without a word."""
    caseload.add_patient(db, who, "Cons Six")
    (root / NAME / "Cons Six 2026-03-03.png").write_bytes(png(77))
    refused = [line for line in folders.bring_by_console(db, settings, root) if "Cons Six" in line.name]
    assert [line.result for line in refused] == [REFUSED]
    assert "names another patient, ID" in refused[0].sentence
    assert recorded(db) == ALL


def test_a_day_that_the_file_does_not_say_is_called_so_in_its_note(db, settings, patient, root):
    folders.bring_by_console(db, settings, root)
    with db.read() as session:
        notes = dict(session.execute(select(Recording.recorded_on, Recording.note)).all())
    assert notes[date(2026, 2, 7)] == folders.DAY_OF_CHANGE
    assert {notes[day] for day, _, _ in ALL[1:]} == {""}


def test_another_day_in_a_file_than_its_name_says_stands_in_line_and_note(db, settings, patient, root):
    picture = Image.new("RGB", (64, 64), "grey")
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:02:03 10:00:00"
    picture.save(root / NAME / "20260209_090000.jpg", exif=exif)
    lines = {line.name: line.sentence for line in folders.bring_by_console(db, settings, root)}
    with db.read() as session:
        notes = dict(session.execute(select(Recording.recorded_on, Recording.note)).all())
    said = "The day is that of the file's name; written in it is 3 Feb 2026. Nobody has confirmed either."
    assert notes[date(2026, 2, 9)] == said
    assert next(sentence for name, sentence in lines.items() if "20260209" in name).endswith(said)
