"""Times go forward, from the first picture on, and every picture is read, damaged or skipped, and counted."""

from fractions import Fraction

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_core.decoder.clock import Clock, timed
from fer_core.media.passage import Bookmark, DecodeStats, Span
from fer_core.media.video import frames
from fer_core.segments import End, Joiner, SegmentPart
from fer_core.types import Chunk, VideoInfo
from tests.media import moving_face, scene, write_clip


def read(path, every_s=0.0):
    stats = DecodeStats()
    return [frame.time_s for frame in frames(path, every_s, 64, stats)], stats


def test_recordings_that_were_joined_as_files_are_read_one_after_the_other(tmp_path):
    parts = [write_clip(tmp_path / f"{n}.ts", moving_face(n), options={"bf": "2"}) for n in (20, 30, 25)]
    path = tmp_path / "v.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found, stats = read(path)
    assert found == pytest.approx([n / 10 for n in range(75)], abs=0.001)
    assert (stats.skipped, stats.damaged) == (0, 0)
    assert read(path, 0.2)[0] == pytest.approx(found[::2], abs=0.001)
    whole = list(frames(path, 0, 64))
    for number in (10, 21, 49, 51, 70):
        again = frames(path, 0, 64, after=Bookmark.at(whole[number]))
        assert [frame.position for frame in again] == [frame.position for frame in whole[number + 1 :]]


def test_a_clock_that_begins_again_later_is_no_pause_of_hours(tmp_path):
    first = write_clip(tmp_path / "a.ts", moving_face(20)).read_bytes()
    later = [20_000 + n / 10 for n in range(20)]
    second = write_clip(tmp_path / "b.ts", moving_face(20), times_s=later).read_bytes()
    (tmp_path / "v.ts").write_bytes(first + second)
    assert read(tmp_path / "v.ts")[0] == pytest.approx([n / 10 for n in range(40)], abs=0.001)


def test_a_pause_in_a_recording_stays_one(tmp_path):
    wanted = [n / 10 + (20 if n >= 10 else 0) for n in range(20)]
    assert read(write_clip(tmp_path / "v.mp4", moving_face(20), times_s=wanted))[0] == pytest.approx(wanted, abs=0.001)


def test_one_picture_with_a_wrong_time_does_not_move_the_others():
    times = [0, 100, 200, 300, 10_000_000, 400, 500, 5, 600]
    given_frames = []
    for number, pts in enumerate(times):
        frame = av.VideoFrame(16, 16, "rgb24")
        frame.pts, frame.time_base = pts, Fraction(1, 1000)
        given_frames.append((number, frame))
    # Long enough ago for a clock that began anew.
    given_frames[7][1].pts = -5000
    stats = DecodeStats()
    found = list(timed(iter(given_frames), Clock(leaps_ahead=True), stats))
    assert [time_s for _, _, time_s in found] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert stats.skipped == 2


@pytest.mark.parametrize(("codec", "options"), [("libx264", {"preset": "medium", "bf": "3"}), ("mpeg4", {"bf": "2"})])
def test_an_avi_with_b_frames_is_read_whole(tmp_path, codec, options):
    path = write_clip(tmp_path / "v.avi", moving_face(60), rate=25, codec=codec, options=options)
    found, stats = read(path)
    assert found == pytest.approx([n / 25 for n in range(60)])
    assert (stats.skipped, stats.damaged, stats.partial) == (0, 0, False)
    assert len(read(path, 0.2)[0]) == 12


@pytest.mark.parametrize("rate", [4, 5, 10, 15])
def test_with_few_frames_a_second_no_sample_is_lost(tmp_path, rate):
    path = write_clip(tmp_path / "v.mp4", [scene()] * 40, rate=rate, options={"preset": "medium", "bf": "3"})
    wanted = [n / rate for n in range(40)]
    due = [
        at for before, at in zip([-1.0, *wanted], wanted, strict=False) if int(at * 5 + 1e-6) > int(before * 5 + 1e-6)
    ]
    assert read(path, 0.2)[0] == pytest.approx([0.0, *due[1:]], abs=0.001)


def test_what_leans_on_a_picture_before_the_beginning_is_counted(tmp_path):
    """A file that begins in the middle of a group of pictures, as a recorder makes it."""
    path = write_clip(tmp_path / "a.ts", moving_face(40), options={"preset": "medium", "bf": "0", "g": "20"})
    data = path.read_bytes()
    path.write_bytes(data[: 188 * 3] + data[188 * (len(data) // 188 // 4) :])
    with av.open(str(path)) as container:
        pictures = sum(packet.dts is not None for packet in container.demux(video=0))
    found, stats = read(path)
    assert 20 <= len(found) < 40
    assert len(found) + stats.damaged + stats.skipped == pictures


MADE = st.fixed_dictionaries(
    {
        # Of a transport stream with fewer pictures FFmpeg says that it is empty.
        "steps": st.lists(st.integers(1, 400), min_size=8, max_size=40),
        "name": st.sampled_from(["v.mp4", "v.mkv", "v.ts", "v.mov", "v.flv"]),
        "bf": st.integers(0, 4),
        "begins_ms": st.integers(0, 5000),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=MADE)
def test_times_are_the_stream_s_own_and_every_picture_is_counted(tmp_path, made):
    times_s = [made["begins_ms"] / 1000]
    for step in made["steps"]:
        times_s.append(times_s[-1] + step / 1000)
    options = {"preset": "veryfast", "bf": str(made["bf"]), "g": "12"}
    path = write_clip(tmp_path / made["name"], [scene(size=(64, 48))] * len(times_s), times_s=times_s, options=options)
    with av.open(str(path)) as container:
        reported = sorted(
            packet.pts * packet.time_base for packet in container.demux(video=0) if packet.pts is not None
        )
    found, stats = read(path)
    assert found == pytest.approx([float(at - reported[0]) for at in reported], abs=0.001)
    assert len(found) + stats.damaged + stats.skipped == len(reported) == len(times_s)
    assert set(read(path, 0.5)[0]) <= set(found)


def test_a_segment_s_skipped_pictures_are_summed():
    joiner = Joiner([Span(None, 10), Span(10, None)], 0.0)
    for skipped in (2, 3):
        info = VideoInfo(10, 10, 1.0, 5.0)
        chunk = joiner.join(
            SegmentPart(Chunk((), info, skipped_frames=skipped), None, End(3, 1, 0, None, None, skipped=skipped))
        )
    assert chunk.skipped_frames == 5


def test_one_frame_a_second_is_not_a_part(tmp_path):
    assert not read(write_clip(tmp_path / "v.mp4", moving_face(5), rate=1))[1].partial


@pytest.mark.parametrize(("last_ticks", "partial"), [(15, False), (19, False), (21, True), (40, True)])
def test_a_video_is_a_part_where_a_whole_picture_more_would_have_had_room(tmp_path, last_ticks, partial):
    """Twelve pictures, a second each but the last, in tenths of a second."""
    made = write_clip(tmp_path / "made.mp4", moving_face(12, (64, 48)), rate=1)
    with av.open(str(made)) as source, av.open(str(tmp_path / "v.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(one for one in source.demux(video=0) if one.dts is not None):
            packet.stream, packet.time_base = stream, Fraction(1, 10)
            packet.pts = packet.dts = 10 * number
            packet.duration = last_ticks if number == 11 else 10
            target.mux(packet)
    found, stats = read(tmp_path / "v.mp4")
    assert (found, stats.partial) == (list(range(12)), partial)
