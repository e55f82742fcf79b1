"""What the decoder does inside, where only its own process could be asked otherwise (see tests/fer_core/media)."""

import pytest

from fer_core.decoder import video
from fer_core.decoder.video import frames
from fer_core.errors import MediaError
from fer_core.media.passage import Bookmark, DecodeStats
from tests.media import moving_face, scene, write_clip


def test_a_size_that_grows_too_large_on_the_way_is_refused(tmp_path, monkeypatch):
    small = write_clip(tmp_path / "a.ts", [scene(side=100, size=(240, 160))] * 10).read_bytes()
    large = write_clip(tmp_path / "b.ts", moving_face(10), times_s=[1 + n / 10 for n in range(10)]).read_bytes()
    (tmp_path / "v.ts").write_bytes(small + large)
    monkeypatch.setattr("fer_core.decoder.decoding.MAX_PIXELS", 240 * 160)
    with pytest.raises(MediaError) as refusal:
        list(frames(tmp_path / "v.ts", 0))
    assert refusal.value.code == "too_large"


def test_times_that_go_back_or_are_missing_are_skipped_and_counted(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "v.mp4", moving_face(6))

    def out_of_order(*arguments):
        for number, frame in original(*arguments):
            frame.pts = {2: None, 4: 0}.get(number, frame.pts)
            yield number, frame

    original = video.decode
    monkeypatch.setattr(video, "decode", out_of_order)
    stats = DecodeStats()
    assert [frame.time_s for frame in frames(path, 0, stats=stats)] == pytest.approx([0.0, 0.1, 0.3, 0.5])
    assert stats.skipped == 2


def test_going_on_does_not_decode_from_the_beginning(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "v.mp4", moving_face(60), options={"g": "10"})
    mark = Bookmark.at(list(frames(path, 0))[50])
    decoded = []
    honest = video._number_at

    def counted(*arguments):
        decoded.append(honest(*arguments))
        return decoded[-1]

    monkeypatch.setattr(video, "_number_at", counted)
    assert next(frames(path, 0, after=mark)).index == 51
    assert len(decoded) == 1
    assert decoded[0] <= 20
