"""Previews and thumbnails: small, whole, and gone when they have served."""

import io
import os
import time

import numpy as np
import pytest
from PIL import Image

from clinic.jobs import previews
from fer_core.types import Box, Face, FaceExpression, Status
from storage.wrapping import MAGIC, SealError

RECORDING = "0123456789abcdef" * 2
RGB = np.full((90, 160, 3), 90, np.uint8)


def seen(track=0, probabilities=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)):
    status = Status.OK if probabilities else Status.BLURRED
    return FaceExpression(Face(Box(10, 20, 50, 70), 0.99, track=track), status, probabilities)


def test_no_preview_is_none(settings):
    assert previews.read_preview(settings, RECORDING) is None


def test_the_latest_preview_is_read_back(settings):
    previews.write_preview(settings, RECORDING, 1.0, RGB, [])
    previews.write_preview(settings, RECORDING, 2.5, RGB, [seen(), seen(1, None)])
    stored = previews.read_preview(settings, RECORDING)
    assert stored.time_s == 2.5
    with Image.open(io.BytesIO(stored.jpeg)) as picture:
        assert picture.size == (160, 90)
    first, second = stored.faces
    assert (first.box, first.track, first.status) == (Box(10, 20, 50, 70), 0, "ok")
    assert first.probabilities[3] == 1.0
    assert (second.track, second.status, second.probabilities) == (1, "blurred", None)
    assert [path.name for path in previews.work_dir(settings, RECORDING).iterdir()] == ["preview"]


def test_a_thumbnail_shows_the_face_alone(settings):
    previews.write_thumbnail(settings, RECORDING, 3, RGB, Box(10, 20, 50, 70))
    with Image.open(io.BytesIO(previews.thumbnail(settings, RECORDING, 3))) as picture:
        assert picture.width < 80
        assert picture.height < 90
    assert previews.thumbnail(settings, RECORDING, 4) is None
    previews.remove_thumbnails(settings, RECORDING)
    assert previews.thumbnail(settings, RECORDING, 3) is None


def test_a_face_beyond_the_edge_makes_no_thumbnail(settings):
    previews.write_thumbnail(settings, RECORDING, 0, RGB, Box(-300, -300, -200, -200))
    assert previews.thumbnail(settings, RECORDING, 0) is None


def test_sweep_takes_old_folders_save_those_that_are_needed(settings):
    needed, stale, fresh = ("a" * 32, "b" * 32, "c" * 32)
    for recording_id in (needed, stale, fresh):
        previews.write_preview(settings, recording_id, 0.0, RGB, [])
    for recording_id in (needed, stale):
        then = time.time() - 25 * 3600
        os.utime(previews.work_dir(settings, recording_id), (then, then))
    assert previews.sweep(settings, frozenset({needed})) == 1
    assert previews.read_preview(settings, stale) is None
    assert previews.read_preview(settings, needed) is not None
    assert previews.read_preview(settings, fresh) is not None


def test_only_an_id_makes_a_folder(settings):
    with pytest.raises(ValueError, match="id"):
        previews.work_dir(settings, "../uploads")


READABLE = (b"JFIF", b"\x89PNG\r\n\x1a\n", b"ftyp", b"GIF8", b"WEBP", b"Exif", b"time_s", b"probabilities")
"""What pictures, videos and the preview's own words begin with or hold, as they would lie there unsealed."""


def test_nothing_readable_lies_on_the_disk(settings):
    previews.write_preview(settings, RECORDING, 1.0, RGB, [seen()])
    previews.write_thumbnail(settings, RECORDING, 3, RGB, Box(10, 20, 50, 70))
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"preview", "track-3"}
    for path in files:
        content = path.read_bytes()
        assert content.startswith(MAGIC)
        assert [sign for sign in READABLE if sign in content] == []


def test_a_picture_that_takes_another_s_place_is_noticed(settings):
    for track in (0, 1):
        previews.write_thumbnail(settings, RECORDING, track, RGB, Box(10, 20, 50, 70))
    folder = previews.work_dir(settings, RECORDING)
    (folder / "track-0").replace(folder / "track-1")
    with pytest.raises(SealError):
        previews.thumbnail(settings, RECORDING, 1)


def test_of_the_kept_picture_only_the_patient_s_face_is_sharp(settings):
    """Noise stands for everything that can be seen: also for a bystander whom the detector did not find."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (90, 160, 1), np.uint8).repeat(3, axis=2)
    previews.write_preview(settings, RECORDING, 1.0, noise, [seen()])
    previews.keep_patient(settings, RECORDING, [0])
    with Image.open(io.BytesIO(previews.read_preview(settings, RECORDING).jpeg)) as picture:
        kept = np.asarray(picture.convert("L")).astype(int)
    change = np.abs(np.diff(kept, axis=1))
    assert change[25:65, 15:45].mean() > 30
    assert change[:, 70:].mean() < 5
