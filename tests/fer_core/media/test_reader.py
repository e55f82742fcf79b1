"""What a process without rights says is looked at before it is believed; nothing of it stays behind."""

import contextlib
import io
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fer_core.carry import to_json
from fer_core.errors import MediaError
from fer_core.media import process, reader, wire
from fer_core.media.frame_head import FrameHead
from fer_core.media.image import read_image, read_picture
from fer_core.media.passage import DecodeStats
from fer_core.media.sandbox import inspect_file
from fer_core.media.shots import HEIGHT, WIDTH, Shots
from fer_core.media.verdict import FileVerdict
from fer_core.media.video import frames, probe, spans
from fer_core.types import Position, VideoInfo
from tests.media import moving_face, write_clip

PICTURE = bytes(3 * 4 * 6)
SEEN = Shots("00" * WIDTH * HEIGHT)


class Liar:
    """In the place of a process: a thread that says what it is given on the socket."""

    def __init__(self, say):
        self._say = say

    def start(self, link, cpu_s, memory=None):
        far = link.dup()
        threading.Thread(target=self._speak, args=(far,)).start()
        return 1

    def _speak(self, far):
        with far, contextlib.suppress(OSError, EOFError):
            wire.receive(far)
            self._say(far)

    def end(self, process):
        return 0


@pytest.fixture
def lie(monkeypatch):
    return lambda say: monkeypatch.setattr(reader, "READERS", Liar(say))


def answers(reported, data=b""):
    return lambda far: wire.send(far, wire.ANSWER, reported, data)


def head(time_s=0.0, scale=1.0, luma=SEEN.luma, height=4, width=6, decoded=1):
    at = Position(0, time_s, 0.0, decoded, 0, 0)
    return to_json(FrameHead(height, width, scale, at, False, DecodeStats(shots=Shots(luma))))


def refused(work):
    with pytest.raises(MediaError) as refusal:
        work()
    return refusal.value.code


@pytest.mark.parametrize(
    "reported",
    [
        {},
        to_json(FileVerdict("program", 1, 1)),
        to_json(FileVerdict("image", 0, 1)),
        to_json(FileVerdict("image", 2**40, 1)),
        to_json(FileVerdict("image", 1, 1, warnings=("<script>",))),
        to_json(FileVerdict("video", 1, 1, math.nan)),
        to_json(FileVerdict("video", 1, 1, 1.0, media_type="text/html")),
        to_json(FileVerdict("video", 1, 1, 1.0, created="x" * 1000)),
        to_json(FileVerdict("video", 1, 1, 1.0, begins_s=math.inf)),
        to_json(FileVerdict("video", 1, 1, 10**400)),
    ],
)
def test_a_verdict_that_cannot_be_is_none(lie, reported):
    lie(answers(reported))
    assert refused(lambda: inspect_file(io.BytesIO(b"x"))) == "unreadable_file"


@pytest.mark.parametrize(
    "info",
    [
        VideoInfo(0, 1, 1.0, 25.0),
        VideoInfo(1, 1, math.inf, 25.0),
        VideoInfo(1, 1, 10**400, 25.0),
        VideoInfo(1, 1, 1.0, math.nan),
        VideoInfo(1, 1, 1.0, 25.0, "c" * 1000),
        VideoInfo(1, 1, 1.0, 25.0, "h264", "text/html"),
    ],
)
def test_a_video_that_cannot_be_is_none(lie, info):
    lie(answers(to_json(info)))
    assert refused(lambda: probe(io.BytesIO(b"x"))) == "unreadable_file"


@pytest.mark.parametrize("reported", [{"spans": []}, {"spans": [{"begin_pts": 0}]}, {"spans": 3}])
def test_parts_that_cannot_be_are_none(lie, reported):
    lie(answers(reported))
    assert refused(lambda: spans(io.BytesIO(b"x"), 60.0)) == "unreadable_file"


@pytest.mark.parametrize(
    "reported",
    [
        [head(math.nan)],
        [head(scale=0.0)],
        [head(scale=1.5)],
        [head(luma="zz" * WIDTH * HEIGHT)],
        [head(luma="")],
        [head(decoded=-1)],
        [head(decoded=10**400)],
        [head(10**400)],
        [head() | {"stats": to_json(DecodeStats(end_s=math.nan, shots=SEEN))}],
        [head() | {"stats": to_json(DecodeStats(numbered=2**64, shots=SEEN))}],
        [head(1.0), head(1.0)],
        [head(1.0), head(1.05)],
        [{}],
    ],
)
def test_a_frame_that_cannot_be_is_none(lie, reported):
    def say(far):
        for one in reported:
            wire.send(far, wire.FRAME, {"height": 4, "width": 6} | one, PICTURE)

    lie(say)
    assert refused(lambda: list(frames(io.BytesIO(b"x")))) == "unreadable_file"


def test_what_is_true_is_believed(lie):
    def say(far):
        wire.send(far, wire.FRAME, head(0.0), PICTURE)
        wire.send(far, wire.FRAME, head(0.2), PICTURE)
        wire.send(far, wire.ANSWER, to_json(DecodeStats(decoded=6)))

    lie(say)
    stats = DecodeStats()
    assert [one.time_s for one in frames(io.BytesIO(b"x"), stats=stats)] == [0.0, 0.2]
    assert stats.decoded == 6


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"A",
        b"\0" * 13,
        b"A" + b"\xff" * 12,
        b"A" + (10).to_bytes(4, "big") + bytes(8) + b"no JSON at",
        b"A" + (6000).to_bytes(4, "big") + bytes(8) + b"[" * 6000,
        b"A" + (2).to_bytes(4, "big") + (2**50).to_bytes(8, "big") + b"{}",
    ],
)
def test_what_is_no_message_ends_the_reading(lie, raw):
    lie(lambda far: far.sendall(raw))
    assert refused(lambda: read_image(io.BytesIO(b"x"))) == "unreadable_file"


@pytest.mark.parametrize(("height", "width"), [(0, 6), (-4, -6), (4, 7), ("4", 6), (None, None)])
def test_pixels_of_another_size_are_none(lie, height, width):
    lie(answers({"height": height, "width": width}, PICTURE))
    assert refused(lambda: read_image(io.BytesIO(b"x"))) == "unreadable_file"


@pytest.mark.parametrize(
    ("height_px", "width_px"), [(3, 6), (4, 5), (2**13, 2**14), (-8, -8), ("4", 6), (4.0, 6), (True, 6), (None, None)]
)
def test_a_picture_that_was_of_an_impossible_size_is_none(lie, height_px, width_px):
    lie(answers({"height": 4, "width": 6, "height_px": height_px, "width_px": width_px, "further": 0}, PICTURE))
    assert refused(lambda: read_image(io.BytesIO(b"x"))) == "unreadable_file"


@pytest.mark.parametrize("further", [-1, 2**31, "1", 1.0, True, None])
def test_a_number_of_further_pictures_that_cannot_be_is_none(lie, further):
    sizes = {"height": 4, "width": 6, "height_px": 4, "width_px": 6}
    lie(answers(sizes | {"further": further}, PICTURE))
    assert refused(lambda: read_image(io.BytesIO(b"x"))) == "unreadable_file"
    lie(answers(sizes | {"further": 3}, PICTURE))
    assert read_picture(io.BytesIO(b"x")).further == 3


@pytest.mark.parametrize("place", [6, 2**62, 2**63, 2**64, -1, 1.5, "1", None])
def test_outside_of_the_file_there_is_nothing_wherever_the_process_asks(tmp_path, lie, place):
    got = []

    def say(far):
        for reported in ({"place": place, "length": 100}, {"place": 1, "length": 100}):
            wire.send(far, wire.RANGE, reported)
            message = wire.receive(far)
            got.append(bytes(wire.exactly(far, message.size)))
        wire.send(far, wire.REFUSED, {"code": "no code"})

    (tmp_path / "file").write_bytes(b"bytes")
    lie(say)
    assert refused(lambda: inspect_file(tmp_path / "file")) == "unreadable_file"
    assert got == [b"", b"ytes"]


class Failing(io.BytesIO):
    def read(self, size=-1):
        raise MediaError("The stored file was changed.", "file_damaged")


def test_a_failure_to_read_the_file_is_raised_as_it_is():
    assert refused(lambda: inspect_file(Failing(b"content"))) == "file_damaged"


def test_an_open_file_is_looked_at_like_a_path(tmp_path):
    clip = write_clip(tmp_path / "v.mp4", moving_face(10))
    with clip.open("rb") as file:
        assert inspect_file(file) == inspect_file(clip)


def test_a_process_that_is_started_by_itself_says_the_same(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "v.mp4", moving_face(3))
    expected = [frame.rgb for frame in frames(clip, 0)]
    alone = process.Alone()
    monkeypatch.setattr(reader, "READERS", alone)
    found = [frame.rgb for frame in frames(clip, 0)]
    assert len(found) == 3
    assert all((one == other).all() for one, other in zip(found, expected, strict=True))
    assert not alone._running


def running(server):
    """The processes that a server has started and that are still there, ended ones that nobody waited for too."""
    pid = server._process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.skipif(sys.platform != "linux", reason="counted in /proc")
def test_nothing_stays_behind_after_two_hundred_files(tmp_path):
    clip = write_clip(tmp_path / "v.mp4", [picture[::8, ::8].copy() for picture in moving_face(3)])
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:300])
    inspect_file(clip)
    before = len(os.listdir("/proc/self/fd"))
    in_memory = set(Path("/dev/shm").glob("*fer*"))
    of_server = len(os.listdir(f"/proc/{reader.READERS._process.pid}/fd"))
    for _ in range(50):
        assert len(list(frames(clip, 0))) == 3
        next(frames(clip, 0))
        inspect_file(clip)
        assert refused(lambda: probe(tmp_path / "broken.mp4"))
    assert running(reader.READERS) == []
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(os.listdir(f"/proc/{reader.READERS._process.pid}/fd")) == of_server
    assert set(Path("/dev/shm").glob("*fer*")) <= in_memory


@pytest.mark.skipif(sys.platform != "linux", reason="counted in /proc")
def test_a_reader_does_not_outlive_its_caller(tmp_path):
    clip = write_clip(tmp_path / "v.mp4", moving_face(30))
    program = (
        "import sys, time; from pathlib import Path; from fer_core.media import reader, video;"
        "passing = video.frames(Path(sys.argv[1]), 0); next(passing); server = reader.READERS._process.pid;"
        "print(server, Path(f'/proc/{server}/task/{server}/children').read_text(), flush=True); time.sleep(60)"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", program, str(clip)], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    )
    with asking:
        server, child = map(int, asking.stdout.readline().split())
        asking.kill()
    until = time.monotonic() + 20
    while any(alive(one) for one in (server, child)):
        assert time.monotonic() < until
        time.sleep(0.01)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
