"""From a file to results, with the slow parts replaced."""

import json
import time

import numpy as np
import pytest
from PIL import Image

from fer_core.analyzer import Analyzer
from fer_core.emotions import Emotion
from fer_core.errors import Cancelled, MediaError
from fer_core.faces.framing import FRAMINGS
from fer_core.media import video
from fer_core.types import Box, Status
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import scene, with_zeros, write_clip


def analyzer(script=lambda rgb: [face_at(100, 80)], certainty=0.8):
    return Analyzer(FakeClassifier(certainty), FakeDetector(script))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """25 s at 4 frames a second."""
    return write_clip(tmp_path_factory.mktemp("clip") / "v.mp4", [scene(left=0)] * 100, rate=4)


def test_chunks_of_ten_seconds_hold_every_sample_once(clip):
    chunks = list(analyzer().stream_video(clip, 0.5))
    times = [result.time_s for chunk in chunks for result in chunk.results]
    assert times == pytest.approx([n * 0.5 for n in range(50)])
    assert [len(chunk.results) for chunk in chunks] == [21, 20, 9]
    assert chunks[-1].preview.rgb.shape == (320, 480, 3)
    assert chunks[0].info.duration_s == pytest.approx(25, abs=0.1)


def test_a_recording_that_states_no_length_is_as_long_as_it_was_seen(tmp_path):
    """A browser writes as it records, and never goes back to the head."""
    made = write_clip(tmp_path / "v.mkv", [scene()] * 30, container="matroska", muxer={"live": "1"})
    assert video.probe(made).duration_s is None
    assert analyzer().analyze_video(made, 0.5).info.duration_s == pytest.approx(2.9, abs=0.01)


def moving(rgb):
    """Two faces whose places the picture itself decides, and none now and then: so that the tracker is at work."""
    shift = int(rgb[::7, ::7].sum()) % 40
    return [] if shift < 3 else [face_at(60 + shift, 40), face_at(300 - shift, 90)][: 1 + shift % 2]


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """35 s at 4 frames a second, no picture like the one before."""
    pictures = [scene(left=2 * n % 100) for n in range(140)]
    return write_clip(tmp_path_factory.mktemp("clip") / "v.mp4", pictures, rate=4, options={"g": "16"})


@pytest.mark.parametrize("every_s", [0.0, 0.5])
def test_going_on_after_any_chunk_gives_the_same_chunks(lively, every_s):
    whole = list(analyzer(moving).stream_video(lively, every_s))
    assert whole[-1].resume is None
    for number, chunk in enumerate(whole[:-1], start=1):
        reported = []
        stored = json.loads(json.dumps(chunk.resume, allow_nan=False))
        again = list(analyzer(moving).stream_video(lively, every_s, reported.append, resume=stored))
        assert [one.results for one in again] == [one.results for one in whole[number:]]
        assert [one.resume for one in again] == [one.resume for one in whole[number:]]
        assert reported[0].frames == sum(len(one.results) for one in whole[:number]) + 1


def test_labels_and_uncertainty(clip):
    sure = analyzer().analyze_video(clip, 1.0)
    assert {result.faces[0].emotion for result in sure.results} == {Emotion.HAPPY}
    assert sure.settings.every_s == 1.0
    assert sure.model_sha256 == "f" * 64
    unsure = analyzer(certainty=0.45).analyze_video(clip, 1.0)
    assert {result.faces[0].status for result in unsure.results} == {Status.UNCERTAIN}


class BrightIsHappy(FakeClassifier):
    """Calls a crop happy that is at least as bright as the first one, else sad."""

    first = None

    def probabilities(self, crops):
        light = crops.mean(axis=(1, 2)).tolist()
        self.first = light[0] if light and self.first is None else self.first
        found = np.full((len(crops), 7), 0.02, np.float32)
        found[np.arange(len(crops)), [Emotion.HAPPY if each >= self.first else Emotion.SAD for each in light]] = 0.88
        return found


def test_once_in_ten_seconds_and_in_each_picture_a_face_is_framed_otherwise(clip, tmp_path):
    fake = Analyzer(BrightIsHappy(), FakeDetector(lambda rgb: [face_at(100, 80)]))
    tried = [
        [result.time_s for result in chunk.results if result.faces[0].framing_kept is not None]
        for chunk in fake.stream_video(clip, 0.5)
    ]
    assert tried == [[0.0], [10.5], [20.5]]
    light = np.random.default_rng(0).integers(0, 100, (320, 480, 1)) + np.arange(480)[None, :, None] // 4
    Image.fromarray(light.astype(np.uint8).repeat(3, axis=2)).save(tmp_path / "p.png")
    fake = Analyzer(BrightIsHappy(), FakeDetector(lambda rgb: [face_at(100, 80)]))
    [face] = fake.analyze_image(tmp_path / "p.png").results[0].faces
    # The picture gets lighter to the right: there the label stays, to the left it does not.
    assert 0 < face.framing_kept < 1


def test_a_picture_s_compression_is_its_file_s_bits_for_each_pixel(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "p.jpg", quality=60)
    expected = 8 * (tmp_path / "p.jpg").stat().st_size / (480 * 320)
    assert analyzer().analyze_image(tmp_path / "p.jpg").info.bits_per_pixel == pytest.approx(expected)
    with (tmp_path / "p.jpg").open("rb") as file:
        assert analyzer().analyze_image(file).info.bits_per_pixel == pytest.approx(expected)


def test_an_unchanging_label_stays_under_each_framing(clip):
    found = analyzer().analyze_video(clip, 1.0)
    assert {result.faces[0].framing_kept for result in found.results} == {1.0, None}


def test_progress_tells_time_and_cancels(clip):
    reported = []

    def report(at):
        reported.append(at)
        if len(reported) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        analyzer().analyze_video(clip, 0.5, report)
    assert [at.frames for at in reported] == [1, 2, 3, 4, 5]
    assert reported[-1].share == pytest.approx(2 / 25, abs=0.01)


def test_no_face_is_an_empty_moment_and_never_a_guess(clip):
    found = analyzer(lambda rgb: []).analyze_video(clip, 1.0)
    assert len(found.results) == 25
    assert all(result.faces == () for result in found.results)


def test_a_face_that_cannot_be_read_is_not_classified(tmp_path):
    Image.fromarray(np.zeros((320, 480, 3), np.uint8)).save(tmp_path / "dark.png")
    model = analyzer()
    [result] = model.analyze_image(tmp_path / "dark.png").results
    assert [(face.status, face.probabilities) for face in result.faces] == [(Status.DARK, None)]
    assert model.classifier.batches == [0]


def test_pictures_keep_several_faces_apart(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "p.png")
    model = analyzer(lambda rgb: [face_at(60, 40), face_at(200, 60)])
    analysis = model.analyze_image(tmp_path / "p.png")
    assert [face.face.track for face in analysis.results[0].faces] == [0, 1]
    assert (analysis.info.width_px, analysis.info.duration_s) == (480, None)
    assert analysis.preview.rgb.shape == (320, 480, 3)


def test_a_video_stands_still_while_a_picture_is_looked_at(clip, tmp_path):
    Image.fromarray(scene(size=(320, 240))).save(tmp_path / "p.png")
    looked = []

    def slowly(rgb):
        if rgb.shape == (240, 320, 3):
            looked.append(fake.detector.looks)
            time.sleep(0.5)
            looked.append(fake.detector.looks)
        else:
            time.sleep(0.01)
        return [face_at(100, 80)]

    fake = analyzer(slowly)
    chunks = fake.stream_video(clip, 0.0, lambda at: at.frames == 3 and fake.analyze_image(tmp_path / "p.png"))
    assert sum(len(chunk.results) for chunk in chunks) == 100
    before, after = looked
    assert before < 20
    assert after - before <= 1, "the frame that was under way"


def test_a_large_picture_is_shown_small_with_its_faces_where_they_are(tmp_path):
    Image.fromarray(scene(size=(2400, 1600))).save(tmp_path / "p.png")
    shown = analyzer(lambda rgb: [face_at(1200, 600)]).analyze_image(tmp_path / "p.png").preview
    assert shown.rgb.shape == (427, 640, 3)
    assert shown.faces[0].face.box.left == pytest.approx(320)


def test_large_frames_are_reduced_and_boxes_mapped_back(tmp_path):
    path = write_clip(tmp_path / "v.mp4", [np.full((1440, 2560, 3), 90, np.uint8)] * 2)
    [chunk] = analyzer().stream_video(path, 0)
    face = chunk.results[0].faces[0].face
    assert (face.box.left, face.box.top) == pytest.approx((200, 160))
    assert max(chunk.preview.rgb.shape) == 640
    assert chunk.preview.faces[0].face.box.left == pytest.approx(50)


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "v.mp4").write_text("a letter")
    with pytest.raises(MediaError):
        list(analyzer().stream_video(tmp_path / "v.mp4"))


def test_the_shipped_model_on_a_smile_and_on_a_wall(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "smile.png")
    Image.fromarray(np.full((320, 480, 3), 128, np.uint8)).save(tmp_path / "wall.png")
    model = Analyzer.open(device="cpu")
    [result] = model.analyze_image(tmp_path / "smile.png").results
    assert result.faces[0].emotion is Emotion.HAPPY
    assert model.analyze_image(tmp_path / "wall.png").results[0].faces == ()


def test_damaged_stretches_are_moments_of_their_own(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 96, 128, 3), np.uint8)
    path = with_zeros(write_clip(tmp_path / "v.mp4", list(noise), options={"g": "10"}), 0.45, 0.55)
    found = analyzer().analyze_video(path, 0.2)
    damaged = [result for result in found.results if result.damaged]
    assert damaged
    assert all(not result.faces for result in damaged)
    assert all(3.5 < result.time_s < 7.0 for result in damaged)
    steps = np.diff([result.time_s for result in found.results])
    assert steps.max() < 0.41
    indices = [result.index for result in found.results]
    assert indices == sorted(set(indices))


def two_faces(rgb):
    return [face_at(20, 80), face_at(150, 80)]


@pytest.mark.parametrize("patient", [1, Box(160, 90, 260, 190)])
def test_others_are_neither_labelled_nor_reported(clip, patient):
    fake = analyzer(two_faces)
    found = fake.analyze_video(clip, 1.0, patient=patient)
    assert {face.face.box.left for result in found.results for face in result.faces} == {150}
    chunks = 3
    assert sum(fake.classifier.batches) == len(found.results) + chunks * len(FRAMINGS)


def test_a_box_around_nobody_chooses_nobody(clip):
    found = analyzer(two_faces).analyze_video(clip, 5.0, patient=Box(300, 250, 350, 300))
    assert all(result.faces == () for result in found.results)
