"""What the container says of how a picture is to be seen is done: matrix, form of the pixels, light, one size."""

import gc
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from fer_core.decoder import upright
from fer_core.decoder import video as decoder
from fer_core.media.passage import DecodeStats
from fer_core.media.video import frames, probe
from tests.media import FACE, as_hdr, cut, moving_face, muxed, scene, silence, turned_by_matrix, write_clip

CORNERS = np.zeros((64, 128, 3), np.uint8)
CORNERS[:32, :64], CORNERS[:32, 64:], CORNERS[32:, :64] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
"""Four corners of four colours, so that no two ways to turn it look the same."""
MATRICES = {
    (1, 0, 0, 1): lambda rgb: rgb,
    (-1, 0, 0, 1): lambda rgb: rgb[:, ::-1],
    (1, 0, 0, -1): lambda rgb: rgb[::-1],
    (-1, 0, 0, -1): lambda rgb: rgb[::-1, ::-1],
    (0, 1, -1, 0): lambda rgb: np.rot90(rgb, -1),
    (0, -1, 1, 0): lambda rgb: np.rot90(rgb, 1),
    (0, 1, 1, 0): lambda rgb: rgb.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda rgb: rgb.transpose(1, 0, 2)[::-1, ::-1],
}


def off(rgb, wanted):
    """By how many grey levels two pictures differ in the mean."""
    assert rgb.shape == wanted.shape
    return np.abs(rgb.astype(int) - wanted).mean()


@pytest.mark.parametrize("matrix", MATRICES, ids=str)
def test_the_display_matrix_is_done_in_full(tmp_path, matrix):
    path = turned_by_matrix(write_clip(tmp_path / "v.mp4", [CORNERS] * 3), *matrix)
    wanted = MATRICES[matrix](CORNERS)
    info = probe(path)
    assert (info.height_px, info.width_px) == wanted.shape[:2]
    assert off(next(frames(path, 0)).rgb, wanted) < 8
    small = next(frames(path, 0, max_side_px=32))
    assert (small.scale, max(small.rgb.shape)) == (0.25, 32)


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (-1, 0, 0, -1), (0, 1, -1, 0), (0, -1, 1, 0)], ids=str)
def test_a_turn_is_known_where_a_frame_has_data_of_an_unknown_kind(tmp_path, monkeypatch, matrix):
    """As each frame of Apple's spatial videos has: no such file could be read."""

    def unknown(_frame):
        raise ValueError("29 is not a valid Type")

    with av.open(turned_by_matrix(write_clip(tmp_path / "v.mp4", [CORNERS] * 3), *matrix)) as container:
        frame = next(container.decode(video=0))
        known = upright.turn_of(frame)
        monkeypatch.setattr(upright, "SideDataContainer", unknown)
        assert upright.turn_of(frame) == known
        assert off(known.of(CORNERS), MATRICES[matrix](CORNERS)) == 0


@pytest.mark.parametrize(
    ("stored", "aspect", "shown"),
    [((480, 480), "4/3", (640, 480)), ((720, 480), "8/9", (640, 480)), ((480, 320), "1/100", (480, 320))],
    ids=["wide", "narrow", "an error"],
)
def test_pixels_are_made_square(tmp_path, stored, aspect, shown):
    path = write_clip(tmp_path / "v.mp4", [scene(size=stored)] * 3, aspect=Fraction(aspect))
    info = probe(path)
    assert (info.width_px, info.height_px) == shown
    assert next(frames(path, 0)).rgb.shape == (shown[1], shown[0], 3)


def test_wide_pixels_of_a_turned_video_are_made_square_before_it_is_turned(tmp_path):
    path = turned_by_matrix(write_clip(tmp_path / "v.mp4", [scene(size=(480, 480))] * 3, aspect=Fraction(4, 3)))
    assert (probe(path).width_px, probe(path).height_px) == (480, 640)


@pytest.mark.parametrize("transfer", [16, 18], ids=["pq", "hlg"])
def test_hdr_is_brought_to_what_an_ordinary_camera_shows(tmp_path, transfer):
    path = as_hdr(tmp_path / "v.mov", [FACE] * 3, transfer)
    dark = FACE.max(axis=2) < 200
    assert np.abs(next(frames(path, 0)).rgb.astype(int) - FACE)[dark].mean() < 3
    assert next(frames(path, 0)).rgb.max() > 225, "what is bright stays bright"


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_the_stream_that_is_marked_is_read_and_not_the_first(tmp_path, name):
    small = write_clip(tmp_path / "small.mp4", [scene(side=60, size=(96, 64))] * 10)
    large = write_clip(tmp_path / "large.mp4", moving_face(10))
    path = muxed(tmp_path / name, [(small, 0, False), (large, 0, True)])
    assert (probe(path).width_px, len(list(frames(path, 0)))) == (480, 10)
    path = muxed(tmp_path / f"2{name}", [(large, 0, False), (small, 0, True)])
    assert probe(path).width_px == 96


def test_a_still_picture_for_the_list_of_files_is_not_the_video(tmp_path):
    still = write_clip(tmp_path / "still.mp4", [scene(size=(640, 480))])
    video = write_clip(tmp_path / "video.mp4", moving_face(10))
    path = muxed(tmp_path / "v.mp4", [(still, 0, False), (video, 0, False)])
    assert len(list(frames(path, 0))) == 10


def test_a_few_larger_stills_beside_a_video_are_not_what_is_shown(tmp_path):
    """As in the motion pictures of a phone: two of 53 pictures were read, without a word."""
    moments = write_clip(tmp_path / "moments.mp4", [scene(size=(640, 480))] * 2, rate=1)
    video = write_clip(tmp_path / "video.mp4", [scene()] * 30, rate=15)
    path = muxed(tmp_path / "v.mp4", [(video, 0, True), (moments, 0, True)])
    assert (probe(path).width_px, len(list(frames(path, 0)))) == (480, 30)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_where_the_sound_begins_before_the_pictures_it_is_reported(tmp_path, name):
    sound, video = silence(tmp_path / "s.mp4", 4), write_clip(tmp_path / "a.mp4", moving_face(10))
    path = muxed(tmp_path / name, [(sound, 0, True), (video, 3, True)])
    assert probe(path).begins_s == pytest.approx(3.0, abs=0.03)
    assert [frame.time_s for frame in frames(path, 0)] == pytest.approx([n / 10 for n in range(10)], abs=0.001)
    assert probe(video).begins_s == 0


def test_a_call_that_grows_has_one_size(tmp_path):
    small = [scene(30, 10, 130, (240, 160))] * 10
    path = tmp_path / "v.ts"
    later = [1 + n / 10 for n in range(30)]
    large = write_clip(tmp_path / "b.ts", [scene()] * 30, times_s=later).read_bytes()
    path.write_bytes(write_clip(tmp_path / "a.ts", small).read_bytes() + large)
    assert (probe(path).width_px, probe(path).height_px) == (480, 320)
    found = list(frames(path, 0, max_side_px=240))
    assert {(frame.rgb.shape, frame.scale) for frame in found} == {((160, 240, 3), 0.5)}
    assert off(found[2].rgb, small[0]) < 5


def test_a_picture_of_another_form_is_not_stretched(tmp_path):
    wide = write_clip(tmp_path / "a.ts", [np.full((200, 400, 3), 200, np.uint8)] * 20).read_bytes()
    later = [2 + n / 10 for n in range(5)]
    high = write_clip(tmp_path / "b.ts", [np.full((160, 80, 3), 200, np.uint8)] * 5, times_s=later).read_bytes()
    (tmp_path / "v.ts").write_bytes(wide + high)
    last = list(frames(tmp_path / "v.ts", 0))[-1].rgb
    assert last.shape == (200, 400, 3)
    assert last[:, 155:245].mean() > 190
    assert last[:, :145].max() < 20


def test_a_shortened_avi_is_marked(tmp_path):
    path = write_clip(tmp_path / "v.avi", moving_face(100), rate=25, codec="mjpeg", pix_fmt="yuvj420p")
    stats = DecodeStats()
    assert (len(list(frames(path, 0, stats=stats))), stats.partial) == (100, False)
    found = len(list(frames(cut(path, 0.6), 0, stats=(stats := DecodeStats()))))
    assert 50 < found < 70
    assert stats.partial


def frames_in_memory():
    return sum(type(one) is VideoFrame for one in gc.get_objects())


def test_no_frame_stays_in_memory_when_it_was_seen(tmp_path):
    """A frame that is part of a circle waits for Python's collector: hundreds of 1080p frames did, 300 MB of them."""
    clip = write_clip(tmp_path / "clip.mp4", moving_face(30))
    gc.collect()
    gc.disable()
    try:
        held, before = [], frames_in_memory()
        for _ in decoder.frames(clip, 0.0):
            held.append(frames_in_memory() - before)
    finally:
        gc.enable()
    assert len(held) == 30
    assert max(held) < 10
