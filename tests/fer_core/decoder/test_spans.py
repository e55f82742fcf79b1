"""A video is cut only where its parts together give what the whole gives."""

import pytest

from fer_core.decoder.spans import spans
from fer_core.media.passage import DecodeStats, due
from fer_core.media.video import frames
from tests.media import moving_face, write_clip

B_FRAMES = {"preset": "medium", "bf": "3"}
SEGMENT_S = 2.0


@pytest.mark.parametrize("every_s", [0.0, 0.25])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mp4", {"options": B_FRAMES | {"g": "12"}}),
        ("v.mp4", {"options": B_FRAMES | {"g": "12", "x264-params": "open-gop=1"}}),
        ("v.mkv", {"options": B_FRAMES | {"g": "12"}}),
        ("v.webm", {"codec": "libvpx-vp9", "options": {"g": "12"}}),
        ("v.avi", {"codec": "mpeg4"}),
        ("v.mp4", {"times_s": [n / 10 + (n % 7) / 100 for n in range(80)], "options": {"g": "12"}}),
    ],
    ids=["b-frames", "open gop", "mkv", "webm", "avi", "variable rate"],
)
def test_the_segments_hold_each_frame_of_the_whole_once(tmp_path, name, options, every_s):
    path = write_clip(tmp_path / name, moving_face(80), **options)
    whole = [(frame.index, frame.time_s, frame.rgb.tobytes()) for frame in frames(path, every_s, 64)]
    parts = spans(path, SEGMENT_S)
    assert len(parts) >= 2
    found, before = [], 0
    for span in parts:
        stats = DecodeStats()
        seen = list(frames(path, every_s, 64, stats, span=span))
        if found and not due(seen[0].time_s, found[-1][1], every_s):
            seen = seen[1:]
        found += [(before + frame.index, frame.time_s, frame.rgb.tobytes()) for frame in seen]
        before += stats.numbered
    assert found == whole


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.ts", {"options": {"g": "12"}}),
        ("v.mp4", {"options": {"g": "250"}}),
        ("v.mp4", {"options": {"g": "30", "intra-refresh": "1"}}),
    ],
    ids=["no index", "one key frame", "no key frame"],
)
def test_what_can_t_be_cut_is_one_segment(tmp_path, name, options):
    path = write_clip(tmp_path / name, moving_face(60), **options)
    [span] = spans(path, SEGMENT_S)
    assert (span.begin_pts, span.end_pts) == (None, None)
    assert len(list(frames(path, 0.0, span=span))) == 60


def test_a_short_video_is_one_segment(tmp_path):
    path = write_clip(tmp_path / "v.mp4", moving_face(39), options={"g": "5"})
    assert len(spans(path, SEGMENT_S)) == 1
    assert len(spans(path, 60.0)) == 1


def test_an_index_that_leads_elsewhere_is_not_followed(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "v.mp4", moving_face(80), options={"g": "10"})
    assert len(spans(path, SEGMENT_S)) > 2
    monkeypatch.setattr("fer_core.decoder.spans._sought_packet", lambda container, stream, pts: pts - 1)
    assert len(spans(path, SEGMENT_S)) == 1
