"""A file lent to another process: what it asks for is what the file holds, and a failure is not swallowed."""

import io
import os
import socket
import struct

import pytest

from fer_core.errors import MediaError
from fer_core.media.ranges import RemoteRanges, serving
from fer_core.media.sandbox import inspect_file
from tests.media import moving_face, write_clip


def test_the_other_side_reads_what_is_there():
    content = os.urandom(700_000)
    with (
        serving(io.BytesIO(content)) as link,
        io.BufferedReader(RemoteRanges(socket.socket(fileno=os.dup(link)))) as far,
    ):
        assert far.read() == content
        far.seek(-5, os.SEEK_END)
        assert far.read(10) == content[-5:]
        far.seek(300_000)
        assert far.read(300_000) == content[300_000:600_000]


@pytest.mark.parametrize("place", [6, 2**62, 2**63, 2**64 - 1])
def test_behind_the_end_there_is_nothing_however_far_the_process_asks(place):
    with serving(io.BytesIO(b"bytes")) as link, socket.socket(fileno=os.dup(link)) as far:
        assert far.recv(8, socket.MSG_WAITALL) == struct.pack(">Q", 5)
        far.sendall(struct.pack(">QI", place, 100))
        assert far.recv(4, socket.MSG_WAITALL) == struct.pack(">I", 0)
        far.sendall(struct.pack(">QI", 1, 100))
        assert far.recv(8, socket.MSG_WAITALL) == struct.pack(">I", 4) + b"ytes"


def test_a_real_file_is_not_asked_for_an_impossible_place(tmp_path):
    (tmp_path / "file").write_bytes(b"bytes")
    with (tmp_path / "file").open("rb") as file, serving(file) as link, socket.socket(fileno=os.dup(link)) as far:
        far.recv(8, socket.MSG_WAITALL)
        far.sendall(struct.pack(">QI", 2**63, 100))
        assert far.recv(4, socket.MSG_WAITALL) == struct.pack(">I", 0)


class Failing(io.BytesIO):
    def read(self, size=-1):
        raise MediaError("The stored file was changed.", "file_damaged")


def test_a_failure_to_read_comes_before_what_the_process_says():
    with pytest.raises(MediaError) as refusal:
        inspect_file(Failing(b"content"))
    assert refusal.value.code == "file_damaged"


def test_an_open_file_is_looked_at_like_a_path(tmp_path):
    clip = write_clip(tmp_path / "v.mp4", moving_face(10))
    with clip.open("rb") as file:
        assert inspect_file(file) == inspect_file(clip)


def test_the_process_gets_no_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('the environment came through')")
    clip = write_clip(tmp_path / "v.mp4", moving_face(10))
    assert inspect_file(clip).kind == "video"
