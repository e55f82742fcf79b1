"""A video in segments gives what it gives as a whole, whoever looks at which, and people keep their numbers."""

import json

import numpy as np
import pytest

from fer_core.analyzer import Analyzer
from fer_core.errors import MediaError
from fer_core.media.passage import BookmarkError, Span
from fer_core.media.video import spans
from fer_core.segments import Joiner
from fer_core.types import AnalysisSettings
from tests.fakes import FakeClassifier, FakeDetector, face_at
from tests.media import scene, with_zeros, write_clip

B_FRAMES = {"preset": "medium", "bf": "3"}
SEGMENT_S = 2.0


def analyzer(script=lambda rgb: [face_at(100, 80)], segment_s=SEGMENT_S):
    return Analyzer(FakeClassifier(), FakeDetector(script), AnalysisSettings(segment_s=segment_s))


def moving(rgb):
    """Two faces whose places the picture itself decides, and one of them only now and then."""
    shift = int(rgb[::7, ::7].sum()) % 40
    return [face_at(60 + shift, 40), face_at(300 - shift, 90)][: 1 + shift % 2]


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """35 s at 4 frames a second, no picture like the one before, a key frame every 2 s."""
    pictures = [scene(left=2 * n % 100) for n in range(140)]
    return write_clip(tmp_path_factory.mktemp("clip") / "v.mp4", pictures, rate=4, options={"g": "8"})


@pytest.mark.parametrize("segment_s", [2.0, 11.0])
def test_the_order_in_which_segments_are_looked_at_leaves_no_trace(lively, segment_s):
    expected = list(analyzer(moving, segment_s).stream_video(lively, 0.25))
    parts = spans(lively, segment_s)
    assert len(parts) == (17 if segment_s == 2.0 else 2)
    looked = {
        number: list(analyzer(moving).stream_segment(lively, 0.25, parts[number]))
        for number in reversed(range(len(parts)))
    }
    joiner = Joiner(parts, 0.25)
    joined = [joiner.join(part) for number in range(len(parts)) for part in looked[number]]
    assert joiner.over
    assert [(one.results, one.resume) for one in joined] == [(one.results, one.resume) for one in expected]


def test_going_on_after_any_chunk_gives_the_same_chunks(lively):
    whole = list(analyzer(moving, 11.0).stream_video(lively, 0.25))
    assert whole[-1].resume is None
    assert len(whole) > 4
    for number, chunk in enumerate(whole[:-1], start=1):
        reported = []
        stored = json.loads(json.dumps(chunk.resume, allow_nan=False))
        again = list(analyzer(moving, 11.0).stream_video(lively, 0.25, reported.append, resume=stored))
        assert [one.results for one in again] == [one.results for one in whole[number:]]
        assert [one.resume for one in again] == [one.resume for one in whole[number:]]
        assert reported[0].frames == sum(len(one.results) for one in whole[:number]) + 1


def test_a_place_in_other_segments_is_not_gone_on_from(lively):
    first = next(iter(analyzer(moving, 11.0).stream_video(lively, 0.25)))
    with pytest.raises(BookmarkError):
        next(iter(analyzer(moving, 2.0).stream_video(lively, 0.25, resume=first.resume)))


def numbers(path, script, segment_s=SEGMENT_S):
    """The numbers of the faces at each moment, from the left."""
    found = analyzer(script, segment_s).analyze_video(path, 0.0).results
    return [tuple(seen.face.track for seen in sorted(one.faces, key=lambda seen: seen.face.box.left)) for one in found]


@pytest.fixture(scope="module")
def dial(tmp_path_factory):
    """8 s at 10 frames a second, each telling its number by its brightness; a key frame each second."""
    pictures = [scene(side=1) * 0 + 30 + 2 * n for n in range(80)]
    return write_clip(tmp_path_factory.mktemp("clip") / "v.mp4", pictures, options={"g": "10"})


def number_of(rgb):
    return round((float(rgb.mean()) - 30) / 2)


def test_people_who_move_keep_their_numbers_over_all_seams(dial):
    def crossing(rgb):
        n = number_of(rgb)
        return [face_at(10 + 4 * n, 20), face_at(330 - 4 * n, 190)]

    assert len(spans(dial, SEGMENT_S)) == 3
    found = [set(one) for one in numbers(dial, crossing)]
    assert found == [{0, 1}] * 80
    assert numbers(dial, crossing) == numbers(dial, crossing, segment_s=60.0)


def test_who_is_away_over_a_seam_comes_back_under_the_same_number(dial):
    def leaving(rgb):
        n = number_of(rgb)
        # Away from 1.5 to 2.5 s, over the seam at 2 s; another one comes at 4.5 s.
        first = [] if 15 <= n < 25 else [face_at(50, 80)]
        return first + ([face_at(300, 80)] if n >= 45 else [])

    found = numbers(dial, leaving)
    assert found[14] == (0,)
    assert found[20] == ()
    assert set(found[26:45]) == {(0,)}
    assert set(found[46:]) <= {(0,), (0, 1)}
    assert found[-1] == (0, 1)


def test_a_newcomer_at_a_seam_is_nobody_who_was_there(dial):
    def changing(rgb):
        return [face_at(20, 20)] if number_of(rgb) < 20 else [face_at(350, 200)]

    assert set(numbers(dial, changing)) == {(0,), (1,)}


def test_no_cut_lies_in_damage_which_is_counted_and_shown_once(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 96, 128, 3), np.uint8)
    path = with_zeros(write_clip(tmp_path / "v.mp4", list(noise), options={"g": "10"}), 0.37, 0.45)
    ends = [span.end_pts / 10240 for span in spans(path, SEGMENT_S)[:-1]]
    assert len(ends) >= 2
    assert not any(3.6 <= end <= 4.5 for end in ends)
    whole = analyzer(segment_s=60.0).analyze_video(path, 0.2)
    found = analyzer().analyze_video(path, 0.2)
    assert found.damaged_frames == pytest.approx(whole.damaged_frames, abs=2)
    assert [one.time_s for one in found.results] == pytest.approx([one.time_s for one in whole.results], abs=0.11)
    assert any(one.damaged for one in found.results)
    indices = [one.index for one in found.results]
    assert indices == sorted(set(indices))


def test_a_video_without_a_readable_frame_is_refused():
    joiner = Joiner([Span(None, 5, 0.0), Span(5, None, 0.0)], 0.2)
    parts = [empty_part(), empty_part()]
    joiner.join(parts[0])
    with pytest.raises(MediaError):
        joiner.join(parts[1])


def empty_part():
    """A segment of which nothing could be decoded."""
    from fer_core.segments import End, SegmentPart
    from fer_core.types import Chunk, VideoInfo

    return SegmentPart(Chunk((), VideoInfo(10, 10, 1.0, 5.0), damaged_frames=3), None, End(3, 0, 3, None, None))


def test_one_person_wanted_is_one_segment(lively):
    found = list(analyzer(moving, 2.0).stream_video(lively, 0.25, patient=1))
    assert {face.face.track for one in found for result in one.results for face in result.faces} == {1}


def test_what_the_last_release_left_is_begun_again(lively):
    """Its form, as it stands in the jobs of a clinic that was upgraded in the middle of an analysis."""
    before = {"segment": 0, "frames": 0, "decoded": 0, "damaged": 0, "samples": 0, "last": None, "tracks": {}}
    follower = {"searched_s": 10.0, "frames": 3, "tracker": {"next": 1, "tracks": []}}
    place = {"index": 40, "time_s": 10.0, "start_s": 0.0, "decoded": 41, "damaged": 0, "skipped": 0}
    inside = {"position": place, "crc32": 1, "samples": 41, "scale": 1.0, "follower": follower, "patient": None}
    old = {"segments": 2, "samples": 41, "done_s": 10.0, "inside": inside}
    old["before"] = before | {"tail": {"next": 0, "tracks": []}}
    with pytest.raises(BookmarkError):
        next(iter(analyzer(moving, 11.0).stream_video(lively, 0.25, resume=old)))


@pytest.fixture(scope="module", params=[20, 25, 30])
def jumping(request, tmp_path_factory):
    """6 s at 10 frames a second: another picture from a frame on, at a seam (20) or within a segment."""
    noise = np.random.default_rng(5).integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)
    walls = [one.repeat(40, 0).repeat(40, 1) for one in noise]
    pictures = [walls[int(n >= request.param)] for n in range(60)]
    path = write_clip(tmp_path_factory.mktemp("clip") / "v.mp4", pictures, options={"g": "10"})
    return path, request.param


def test_no_number_goes_over_a_cut_wherever_the_seams_are(jumping):
    path, at = jumping
    for segment_s in (SEGMENT_S, 60.0):
        found = numbers(path, lambda rgb: [face_at(100, 80)], segment_s)
        assert found == [(0,)] * at + [(1,)] * (60 - at)
        results = analyzer(segment_s=segment_s).analyze_video(path, 0.0).results
        assert [n for n, one in enumerate(results) if one.cut] == [at]
    assert len(spans(path, SEGMENT_S)) > 1
