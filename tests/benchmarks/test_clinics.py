"""The clinic of the benchmarks: real files, real jobs, and nothing left running."""

import subprocess
import sys

import pytest

from benchmarks.clinics import clinic, kill, picture, until, video
from clinic.jobs import progress
from fer_core.media.video import probe


def test_what_is_handed_in_waits_for_a_worker(tmp_path):
    with clinic(tmp_path) as place:
        recording_id = place.hand_in(b"a video", "video")
        assert progress.status(place.db, place.who, recording_id).state == "queued"
        assert place.rows(recording_id) == []


def test_no_two_pictures_are_equal(tmp_path):
    made = {picture(tmp_path / "p.png", number) for number in range(12)}
    assert len(made) == 12


def test_the_video_has_its_length(tmp_path):
    video(tmp_path / "v.mp4", 5)
    assert probe(tmp_path / "v.mp4").duration_s == pytest.approx(5, abs=0.1)


def test_what_was_started_is_ended(tmp_path):
    with clinic(tmp_path) as place:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        place.started.append(child)
        killed = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        kill(killed)
    assert child.returncode is not None
    assert killed.returncode == -9


def test_waiting_ends():
    with pytest.raises(TimeoutError):
        until(lambda: False, within_s=0.1)
    assert until(lambda: "found") == "found"
