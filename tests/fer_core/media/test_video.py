"""Times are the stream's own, frames are upright, and what is damaged is counted."""

import av
import numpy as np
import pytest

from fer_core.media.passage import Bookmark, BookmarkError, DecodeStats
from fer_core.media.video import frames, probe
from fer_core.types import Frame
from tests.media import (
    cut,
    interlaced,
    moving_face,
    scene,
    starting_at_frame,
    turned_by_matrix,
    with_zeros,
    write_clip,
)


def times(path, every_s=0.0, stats=None):
    return [frame.time_s for frame in frames(path, every_s, stats=stats)]


def test_every_frame_at_its_time(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(20))
    assert times(path) == pytest.approx([n / 10 for n in range(20)])
    info = probe(path)
    assert (info.width_px, info.height_px, info.codec) == (480, 320, "h264")
    assert info.duration_s == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    ("codec", "name", "pix_fmt"),
    [
        ("libx265", "v.mp4", "yuv420p"),
        ("libvpx-vp9", "v.webm", "yuv420p"),
        ("libsvtav1", "v.mkv", "yuv420p"),
        ("mpeg4", "v.avi", "yuv420p"),
        ("libx264", "v.mov", "yuv420p10le"),
    ],
)
def test_codecs_and_containers(tmp_path, codec, name, pix_fmt):
    path = write_clip(tmp_path / name, moving_face(8), codec=codec, pix_fmt=pix_fmt)
    found = list(frames(path, 0))
    assert [frame.time_s for frame in found] == pytest.approx([n / 10 for n in range(8)], abs=0.0015)
    assert np.abs(found[0].rgb.astype(int) - moving_face(1)[0]).mean() < 12


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.ts"])
def test_stronger_compression_leaves_fewer_bits_for_a_pixel(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 60, (12, 320, 480, 3), np.uint8)
    strengths = [
        probe(write_clip(tmp_path / f"{qp}{name}", noise, options={"qp": qp})).bits_per_pixel for qp in ("20", "34")
    ]
    whole = 8 * (tmp_path / f"20{name}").stat().st_size / (12 * 320 * 480)
    # A transport stream says neither how many pictures it holds nor exactly how long it lasts.
    assert strengths[0] == pytest.approx(whole, rel=0.15)
    assert strengths[1] < strengths[0] / 2


def test_sound_is_no_part_of_the_compression(tmp_path):
    plain, loud = write_clip(tmp_path / "v.mp4", moving_face(40)), tmp_path / "loud.mp4"
    with av.open(str(plain)) as source, av.open(str(loud), "w") as target:
        pictures = target.add_stream_from_template(source.streams.video[0])
        sound = target.add_stream("aac", rate=48_000, options={"b": "320000"})
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                target.mux(packet)
        noise = np.random.default_rng(0).normal(0, 0.3, (190, 2, 1024)).astype(np.float32)
        for number, samples in enumerate(noise):
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, number * 1024
            target.mux(sound.encode(frame))
        target.mux(sound.encode())
    assert loud.stat().st_size > 2 * plain.stat().st_size
    assert probe(loud).bits_per_pixel == pytest.approx(probe(plain).bits_per_pixel, rel=0.25)


def test_a_variable_rate_keeps_its_times(tmp_path):
    wanted = np.cumsum([0.0, 0.04, 0.1, 0.033, 0.2, 0.05, 0.4, 0.033]).round(4).tolist()
    path = write_clip(tmp_path / "v.mp4", moving_face(8), times_s=wanted)
    assert times(path) == pytest.approx(wanted, abs=0.001)


def test_an_offset_at_the_start_is_taken_off(tmp_path):
    path = write_clip(tmp_path / "v.mkv", moving_face(6), times_s=[5 + n / 10 for n in range(6)])
    stats = DecodeStats()
    assert times(path, stats=stats) == pytest.approx([n / 10 for n in range(6)], abs=0.0015)
    assert probe(path).duration_s == pytest.approx(0.6, abs=0.11)
    assert not stats.partial


def test_b_frames_come_in_the_order_of_their_times(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(20), options={"preset": "medium", "bf": "3"})
    assert times(path) == pytest.approx([n / 10 for n in range(20)])


def test_sampling_does_not_drift(tmp_path):
    small = [np.full((32, 32, 3), n, np.uint8) for n in range(240)]
    path = write_clip(tmp_path / "v.mp4", small, rate=24, options={"bf": "0"})
    found = times(path, every_s=0.1)
    assert len(found) == 100
    for number, time_s in enumerate(found):
        assert 0 <= time_s - number * 0.1 < 1 / 24 + 1e-6


def test_seldom_samples_lie_on_the_grid(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(60), rate=30, options={"preset": "medium", "bf": "2"})
    found = times(path, every_s=0.5)
    assert len(found) == 4
    for number, time_s in enumerate(found):
        assert 0 <= time_s - number * 0.5 < 0.15


def test_a_phone_s_display_matrix_is_applied(tmp_path):
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, :64] = 255
    path = turned_by_matrix(write_clip(tmp_path / "v.mp4", [picture] * 3))
    assert (probe(path).width_px, probe(path).height_px) == (64, 128)
    rgb = next(iter(frames(path, 0))).rgb
    assert rgb.shape == (128, 64, 3)
    # A quarter turn clockwise brings the left half to the top.
    assert rgb[:60].mean() > 240
    assert rgb[68:].mean() < 15


def test_odd_sizes_and_smaller_frames(tmp_path):
    path = write_clip(tmp_path / "v.mkv", [scene(size=(321, 181))] * 2, codec="ffv1", pix_fmt="bgr0")
    assert next(iter(frames(path, 0))).rgb.shape == (181, 321, 3)
    small = next(iter(frames(path, 0, max_side_px=160)))
    assert small.rgb.shape[1] == 160
    assert small.scale == pytest.approx(160 / 321)


def test_a_damaged_middle_is_counted_and_the_rest_is_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 96, 128, 3), np.uint8)
    path = write_clip(tmp_path / "v.mp4", list(noise), options={"g": "10"})
    with_zeros(path, 0.45, 0.55)
    stats = DecodeStats()
    found = times(path, stats=stats)
    assert stats.damaged > 0
    assert 60 <= len(found) < 100
    assert found[-1] == pytest.approx(9.9)
    assert not stats.partial


def test_a_file_cut_short_is_read_as_far_as_it_goes(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 96, 128, 3), np.uint8)
    path = write_clip(tmp_path / "v.mp4", list(noise), muxer={"movflags": "faststart"})
    complete = DecodeStats()
    times(path, stats=complete)
    assert not complete.partial
    cut(path, 0.5)
    stats = DecodeStats()
    found = times(path, stats=stats)
    assert 20 < len(found) < 45
    assert stats.partial


def combs(rgb):
    """How much neighbouring lines differ."""
    return np.abs(np.diff(rgb.astype(int).mean(axis=2), axis=0)).mean()


def test_interlaced_frames_are_made_whole_at_their_times(tmp_path):
    path = interlaced(tmp_path / "v.mp4")
    with av.open(str(path)) as container:
        raw = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    found = list(frames(path, 0))
    assert [frame.time_s for frame in found] == pytest.approx([n / 10 for n in range(20)])
    assert [frame.index for frame in found] == list(range(20))
    assert combs(found[5].rgb) < 0.5 * combs(raw[5])


def test_an_edit_list_hides_what_was_recorded_before(tmp_path):
    path = write_clip(tmp_path / "v.mp4", [scene(left=10 * n) for n in range(12)], options={"g": "1"})
    whole = list(frames(path, 0))
    edited = list(frames(starting_at_frame(path, 4), 0))
    assert edited[0].time_s == 0
    assert [frame.time_s for frame in edited] == pytest.approx([n / 10 for n in range(8)])
    assert np.abs(edited[0].rgb.astype(int) - whole[4].rgb).mean() < 2


def test_a_size_that_changes_on_the_way_is_followed(tmp_path):
    large = write_clip(tmp_path / "a.ts", moving_face(10)).read_bytes()
    later = [1 + n / 10 for n in range(10)]
    small = write_clip(
        tmp_path / "b.ts", [scene(left=0, top=0, side=100, size=(240, 160))] * 10, times_s=later
    ).read_bytes()
    (tmp_path / "v.ts").write_bytes(large + small)
    found = list(frames(tmp_path / "v.ts", 0))
    assert len(found) == 20
    assert {(frame.rgb.shape, frame.scale) for frame in found} == {((320, 480, 3), 1.0)}
    assert np.abs(found[15].rgb.astype(int) - scene(left=0, top=0, side=200)).mean() < 12


def test_a_thousand_million_frames_a_second_are_sampled_once(tmp_path):
    path = write_clip(tmp_path / "v.mkv", moving_face(20), times_s=[n * 1e-4 for n in range(20)])
    assert [frame.time_s for frame in frames(path, 0.2)] == [0.0]


def seen(path, every_s, stats, after=None):
    """What a pass gives: number, time, the picture's bytes, and what was met up to there."""
    found = frames(path, every_s, 64, stats, after)
    return [(frame.index, frame.time_s, frame.rgb.tobytes(), frame.position) for frame in found]


B_FRAMES = {"preset": "medium", "bf": "3"}


@pytest.mark.parametrize("every_s", [0.0, 0.25])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mp4", {"options": B_FRAMES | {"g": "12"}}),
        ("v.mp4", {"options": B_FRAMES | {"g": "12", "x264-params": "open-gop=1"}}),
        ("v.mp4", {"options": B_FRAMES | {"g": "250"}}),
        ("v.mp4", {"options": {"g": "30", "intra-refresh": "1"}}),
        ("v.mkv", {"options": B_FRAMES | {"g": "12"}}),
        ("v.ts", {"options": B_FRAMES | {"g": "12"}}),
        ("v.webm", {"codec": "libvpx-vp9"}),
        ("v.avi", {"codec": "mpeg4"}),
        ("v.mp4", {"times_s": [n / 10 + (n % 7) / 100 for n in range(60)], "options": {"g": "12"}}),
    ],
    ids=["b-frames", "open gop", "one key frame", "no key frame", "mkv", "ts", "webm", "avi", "variable rate"],
)
def test_a_pass_that_goes_on_gives_what_it_would_have_given(tmp_path, name, options, every_s):
    path = write_clip(tmp_path / name, moving_face(60), **options)
    stats = DecodeStats()
    whole = seen(path, every_s, stats)
    for number, frame in enumerate(frames(path, every_s, 64)):
        if number % 3 == 1:
            again = DecodeStats()
            assert seen(path, every_s, again, Bookmark.at(frame)) == whole[number + 1 :]
            assert again == stats


@pytest.mark.parametrize(("begin", "end"), [(0.3, 0.35), (0.55, 0.6), (0.8, 1.0)])
def test_going_on_counts_damage_once(tmp_path, begin, end):
    path = with_zeros(write_clip(tmp_path / "v.mkv", moving_face(60), options={"g": "12"}), begin, end)
    stats = DecodeStats()
    # What FFmpeg invents for a damaged block depends on the memory that it happens to get, so pictures aren't compared.
    whole = [frame.position for frame in frames(path, 0.0, stats=stats)]
    resumed = 0
    for number, frame in enumerate(frames(path, 0.0)):
        if number % 5 == 1:
            again = DecodeStats()
            try:
                after = [one.position for one in frames(path, 0.0, None, again, Bookmark.at(frame))]
            except BookmarkError:
                # The mark lies on an invented picture, which came out differently: the pass has to begin anew.
                continue
            resumed += 1
            assert after == whole[number + 1 :]
            assert again == stats
    assert resumed >= 4


def test_a_mark_of_another_video_is_refused(tmp_path):
    mark = Bookmark.at(list(frames(write_clip(tmp_path / "a.mp4", moving_face(20)), 0))[12])
    other = write_clip(tmp_path / "b.mp4", moving_face(20)[::-1])
    with pytest.raises(BookmarkError):
        list(frames(other, 0, after=mark))


def test_a_picture_from_elsewhere_has_no_place():
    with pytest.raises(ValueError, match="place"):
        Bookmark.at(Frame(0, 0.0, scene()))


@pytest.mark.parametrize(
    ("name", "codec", "played_as"),
    [
        ("a.mp4", "libx264", "video/mp4"),
        ("a.mov", "libx264", "video/mp4"),
        ("a.mkv", "libx264", "video/x-matroska"),
        ("a.webm", "libvpx", "video/webm"),
        ("a.avi", "mpeg4", None),
        ("a.mp4", "mpeg4", None),
    ],
)
def test_what_browsers_play_is_recognised_by_content(tmp_path, name, codec, played_as):
    path = write_clip(tmp_path / name, moving_face(3), codec=codec)
    assert probe(path.rename(tmp_path / "without-a-name")).media_type == played_as


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_a_title_in_an_old_alphabet_does_not_keep_the_pictures_back(tmp_path, name):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = write_clip(tmp_path / name, moving_face(3), codec=codec, metadata={"title": "Sitzung in Koeln"})
    written = path.read_bytes()
    assert b"Koeln" in written
    path.write_bytes(written.replace(b"Koeln", b"K\xf6\xfeln"))
    assert len(list(frames(path, 0))) == 3
