"""Uploads: stored under random ids, refused without a trace, swept when nobody needs them."""

import hashlib
import io
import os
import stat
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from clinic.jobs import jobs
from clinic.recordings import uploads
from db.models import Job, JobState, new_id
from fer_core.errors import MediaError


def png(value=120, kind="PNG"):
    written = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), value, np.uint8)).save(written, kind)
    return written.getvalue()


def stored_files(settings):
    """All files, sealed or half-way."""
    media = Path(settings.media_url)
    return [*uploads.uploads_dir(settings).iterdir(), *(media.iterdir() if media.exists() else ())]


def path_of(settings, upload):
    return Path(settings.media_url) / upload.id


def age(path, hours):
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_stores_a_picture_under_a_random_id_for_this_user_alone(db, settings, who):
    content = png()
    upload = uploads.store(db, settings, who, io.BytesIO(content), "visit.png")
    (path,) = stored_files(settings)
    assert path.name == upload.id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert content[:100] not in path.read_bytes()
    with uploads.open_stored(settings, upload.id) as file:
        assert file.read() == content
    assert (upload.kind, upload.size, upload.name) == ("image", len(content), "visit.png")
    assert upload.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\someone\\visit.mp4", "visit.mp4"),
        ("C:visit.mp4", "visit.mp4"),
        ("visit\x00.mp4", "visit.mp4"),
        ("visit\n.mp4\r\t", "visit.mp4"),
        ("visit\u202e4pm.exe", "visit4pm.exe"),
        ("a\u2066b\u2069\u200fc", "abc"),
        ("%d%s%n.mp4", "%d%s%n.mp4"),
        ("x" * 300 + ".mp4", "x" * 300),
        ("<script>.mp4", "<script>.mp4"),
        ("=cmd().mp4", "=cmd().mp4"),
        ("Besuch März.mp4", "Besuch März.mp4"),
        ("..", "unnamed file"),
        ("", "unnamed file"),
        ("/", "unnamed file"),
        ("\u202e", "unnamed file"),
    ],
)
def test_a_name_is_display_text(given, shown):
    assert uploads.clean_name(given) == shown


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"ffconcat version 1.0\nfile victim.mp4\n", "not_a_video"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "not_a_video"),
        (b"just text", "not_a_video"),
        (b"PK\x03\x04" + bytes(100), "not_a_video"),
        (png(kind="JPEG")[:-200], "damaged_image"),
    ],
    ids=["empty", "ffconcat", "playlist", "text", "zip", "cut-picture"],
)
def test_a_refused_file_leaves_nothing(db, settings, content, code, who):
    with pytest.raises(MediaError) as refusal:
        uploads.store(db, settings, who, io.BytesIO(content), "session.mp4")
    assert refusal.value.code == code
    assert stored_files(settings) == []


class Endless:
    """A stream that never ends, and counts what was taken."""

    taken = 0

    def read(self, size):
        self.taken += size
        return b"\x00" * size


def test_a_file_over_the_limit_is_refused_while_it_comes(db, settings, who):
    stream = Endless()
    with pytest.raises(MediaError) as refusal:
        uploads.store(db, replace(settings, max_upload_bytes=3_000_000), who, stream, "long.mp4")
    assert refusal.value.code == "too_big"
    assert stream.taken < 6_000_000
    assert stored_files(settings) == []


def test_a_full_disk_is_refused(db, settings, who):
    with pytest.raises(MediaError) as refusal:
        uploads.store(db, replace(settings, min_free_bytes=1 << 62), who, io.BytesIO(png()), "visit.png")
    assert refusal.value.code == "disk_full"
    assert stored_files(settings) == []


def test_a_stream_that_breaks_leaves_nothing(db, settings, who):
    class Broken:
        def read(self, size):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        uploads.store(db, settings, who, Broken(), "visit.mp4")
    assert stored_files(settings) == []


@pytest.mark.parametrize("smuggled", ["../worker.json", "", "A" * 32, "0" * 31])
def test_only_an_id_makes_a_path(settings, smuggled):
    with pytest.raises(ValueError, match="id"):
        uploads.part_path(settings, smuggled)
    with pytest.raises(ValueError, match="id"):
        uploads.open_stored(settings, smuggled)


@pytest.mark.parametrize("state", [JobState.DONE, JobState.PARTIAL, JobState.CANCELLED, JobState.CHOOSING])
def test_sweep_takes_at_once_what_a_worker_left_that_was_killed_after_its_result(settings, db, patient, who, state):
    analysed, failed = (uploads.store(db, settings, who, io.BytesIO(png(value)), "a.png") for value in (1, 2))
    for stored, ending in ((analysed, state), (failed, JobState.FAILED)):
        recording_id = jobs.enqueue(
            db, settings, who, patient, [stored], date(2026, 1, 5), model_sha256="m"
        ).recording_id
        with db.session() as session:
            session.execute(update(Job).where(Job.recording_id == recording_id).values(state=ending.value))
    assert uploads.sweep(settings, db) == 1
    # Another try of an analysis that failed may help.
    assert stored_files(settings) == [path_of(settings, failed)]


def test_sweep_takes_old_files_that_no_job_needs(settings, db, patient, who):
    old, young, waiting = (uploads.store(db, settings, who, io.BytesIO(png(value)), "a.png") for value in (1, 2, 3))
    jobs.enqueue(db, settings, who, patient, [waiting], date(2026, 1, 5), model_sha256="m")
    abandoned, growing = (uploads.part_path(settings, new_id()) for _ in range(2))
    for path in (abandoned, growing):
        path.write_bytes(b"half")
    for path in (path_of(settings, old), path_of(settings, waiting), abandoned):
        age(path, 25)
    assert uploads.sweep(settings, db) == 2
    assert set(stored_files(settings)) == {path_of(settings, young), path_of(settings, waiting), growing}
