"""The copy to look at: boxes, labels, and people who can't be recognised."""

import numpy as np
import pytest

from fer_core.emotions import Emotion
from fer_core.media.annotate import NOBODY, annotate, caption, draw
from fer_core.media.video import frames, probe
from fer_core.types import FrameResult
from tests.fer_core.reading.test_reading import expression
from tests.media import scene, write_clip


def test_captions_say_label_and_band_or_the_reason():
    assert caption(expression(Emotion.HAPPY)) == "happy-like, high"
    assert caption(expression(None)) == "blurred"


def test_others_are_pixelated_and_the_patient_is_not():
    noise = np.random.default_rng(0).integers(0, 256, (320, 480, 3), np.uint8)
    patient, other = expression(Emotion.HAPPY, track=0, left=20), expression(Emotion.SAD, track=1, left=300)
    drawn = draw(noise, [patient, other], patient=0)
    # Six cells a side over 150 px: neighbours are equal inside of them.
    assert (np.diff(drawn[100:160, 320:380].astype(int), axis=1) == 0).mean() > 0.9
    assert (drawn[100:160, 40:100] == noise[100:160, 40:100]).all()
    both = draw(noise, [patient, other])
    assert (both[100:160, 320:380] == noise[100:160, 320:380]).all()


def test_a_bystander_whom_nobody_detected_is_pixelated_too_and_without_the_patient_all_of_it():
    noise = np.random.default_rng(0).integers(0, 256, (320, 480, 3), np.uint8)
    patient = expression(Emotion.HAPPY, track=0, left=20)
    for faces, shown in (([patient], 0), ([], 0), ([patient], NOBODY)):
        drawn = draw(noise, faces, patient=shown)
        assert (np.diff(drawn[100:160, 320:380].astype(int), axis=1) == 0).mean() > 0.9
        kept = (drawn[100:160, 40:100] == noise[100:160, 40:100]).all()
        assert kept == (bool(faces) and shown == 0)


def test_a_face_at_the_edge_is_pixelated_too():
    noise = np.random.default_rng(0).integers(0, 256, (320, 480, 3), np.uint8)
    drawn = draw(noise, [expression(Emotion.SAD, track=1, left=430)], patient=0)
    assert (np.diff(drawn[100:160, 440:].astype(int), axis=1) == 0).mean() > 0.9


def test_the_copy_has_the_times_of_the_original(tmp_path):
    times = [0.0, 0.1, 0.35, 0.4, 1.2]
    path = write_clip(tmp_path / "v.mkv", [scene(size=(321, 241))] * 5, codec="ffv1", pix_fmt="bgr0", times_s=times)
    results = [FrameResult(0, 0.0, (expression(Emotion.HAPPY),)), FrameResult(4, 1.2)]
    annotate(path, results, tmp_path / "out.mp4")
    found = list(frames(tmp_path / "out.mp4", 0))
    assert [frame.time_s for frame in found] == pytest.approx(times, abs=0.001)
    assert (probe(tmp_path / "out.mp4").width_px, probe(tmp_path / "out.mp4").height_px) == (320, 240)
    # The box is drawn while the sample holds, and not after it.
    original = next(iter(frames(path, 0))).rgb
    changed = [np.abs(frame.rgb.astype(int) - original[:240, :320]).mean() for frame in found]
    assert changed[3] > 1.5 * changed[4]
