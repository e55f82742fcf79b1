"""Wherever a video is damaged, what was read, damaged and skipped is together what the file holds."""

import random

import av
import numpy as np
import pytest

from fer_core.decoder.decoding import LAST_PACKETS
from fer_core.decoder.video import frames
from fer_core.media.passage import DecodeStats
from tests.media import write_clip

COUNT = 18
SLOW = {"preset": "medium", "g": "8", "bf": "2"}
CODECS = {
    "h264": ("libx264", "v.mp4", {"preset": "ultrafast", "g": "8"}),
    "h264 with B-frames": ("libx264", "v.mp4", SLOW),
    "hevc": ("libx265", "v.mp4", {"preset": "ultrafast", "x265-params": "keyint=8:log-level=none"}),
    "mpeg4": ("mpeg4", "v.mp4", {"g": "8"}),
    "vp9": ("libvpx-vp9", "v.webm", {"deadline": "realtime", "cpu-used": "8", "g": "8"}),
    "av1": ("libsvtav1", "v.mp4", {"preset": "10", "g": "8"}),
}


def pictures(count):
    noise = np.random.default_rng(0).integers(0, 256, (count, 8, 12, 3), np.uint8)
    return [np.kron(one, np.ones((8, 8, 1), np.uint8)) for one in noise]


def packets(path):
    with av.open(str(path)) as container:
        return [(one.pos, one.size) for one in container.demux(video=0) if one.size]


def damaged(path, place, to):
    """Write a copy in which the packet at a place in the file holds noise; of a block of WebM the head stays."""
    pos, size = packets(path)[place]
    head = 8 if path.suffix == ".webm" else 0
    data = bytearray(path.read_bytes())
    data[pos + head : pos + size] = random.Random(place).randbytes(size - head)
    to.write_bytes(data)
    return to


def passed(path, every_s=0.0):
    stats = DecodeStats()
    return [frame.time_s for frame in frames(path, every_s, stats=stats)], stats


@pytest.mark.parametrize("codec", CODECS)
def test_read_damaged_and_skipped_pictures_are_together_those_of_the_file(codec, tmp_path):
    encoder, name, options = CODECS[codec]
    path = write_clip(tmp_path / name, pictures(COUNT), codec=encoder, options=options)
    whole, stats = passed(path)
    assert (len(whole), stats.damaged, stats.skipped) == (COUNT, 0, 0)
    for place in range(COUNT):
        times, stats = passed(damaged(path, place, tmp_path / f"damaged-{name}"))
        assert len(times) + stats.damaged + stats.skipped == COUNT, place
        assert len(times) == stats.decoded


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_pictures_behind_a_damage_near_the_end_are_read(codec, tmp_path):
    encoder, name, _ = CODECS[codec]
    path = write_clip(tmp_path / name, pictures(COUNT), codec=encoder, options={"g": "1"})
    for place in range(COUNT - 6, COUNT):
        times, stats = passed(damaged(path, place, tmp_path / f"damaged-{name}"))
        assert (len(times), stats.damaged, stats.skipped) == (COUNT - 1, 1, 0)


def test_samples_behind_a_damage_near_the_end_are_taken(tmp_path):
    count = 2 * LAST_PACKETS - 6  # at 60 pictures a second the last sample is the last picture but one
    path = write_clip(tmp_path / "v.mp4", pictures(count), rate=60, options={"preset": "medium", "g": "1"})
    whole, _ = passed(path, 0.2)
    assert whole[-1] == pytest.approx(2.0)
    for place in range(count - 4, count):
        sampled, stats = passed(damaged(path, place, tmp_path / "damaged.mp4"), 0.2)
        assert sampled[-1] >= 2.0
        assert stats.damaged == 1


def test_pictures_whose_times_go_back_at_the_beginning_are_counted_once(tmp_path):
    """Some programs that join clips write the times of a clip with B-frames over pictures that have none."""
    plain = write_clip(tmp_path / "plain.mp4", pictures(COUNT), rate=25, options={"preset": "ultrafast", "g": "1"})
    whole = {"options": {"use_editlist": "0"}}  # an edit list would hide the first pictures
    with av.open(str(plain)) as source, av.open(str(tmp_path / "v.mp4"), "w", **whole) as joined:
        taken = source.streams.video[0]
        stream = joined.add_stream_from_template(taken)
        for place, packet in enumerate(one for one in source.demux(taken) if one.size):
            step = packet.duration
            packet.pts, packet.dts = step * [2, 1, 3, 5, 4][place] if place < 5 else step * (place + 1), step * place
            packet.stream = stream
            joined.mux(packet)
    times, stats = passed(tmp_path / "v.mp4")
    assert (len(times), stats.damaged, stats.skipped) == (COUNT - 2, 0, 2)
