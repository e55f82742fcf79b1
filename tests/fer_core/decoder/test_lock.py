"""Whoever takes over the process that reads a file gets nothing by it: each attempt is made, and fails."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_core.decoder import lock
from fer_core.errors import MediaError
from fer_core.media import reader, wire
from fer_core.media.process import ENVIRONMENT, Server
from fer_core.media.sandbox import inspect_file
from fer_core.media.video import frames, spans
from tests.media import interlaced, moving_face, scene, write_clip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
KILLED = "killed"


@pytest.fixture(scope="module")
def taken_over():
    """A server of processes that do what the file says, after they have given up their rights."""
    server = Server("from tests.planted import main; main({link})")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def unlocked():
    """The same without giving up any right, to see that the attempts are real."""
    server = Server("from tests.planted import main; main({link}, locked=False)")
    yield server
    server.stop()


@pytest.fixture
def targets(tmp_path):
    """What there is to be had: a key, a folder, a port that listens, and a process."""
    (tmp_path / "key").write_text("secret")
    (tmp_path / "clinic.db").write_text("patients")
    sleeper = subprocess.Popen(["sleep", "60"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield {
            "KEY": str(tmp_path / "key"),
            "DATABASE": str(tmp_path / "clinic.db"),
            "FOLDER": str(tmp_path),
            "NEW": str(tmp_path / "new"),
            "PORT": listener.getsockname()[1],
            "PROCESS": sleeper.pid,
        }
    sleeper.kill()
    sleeper.wait()


def outcome(server, monkeypatch, tried, *arguments, cpu_s=20):
    """Read a file that tries this, and return how it ended."""
    monkeypatch.setattr(reader, "READERS", server)
    file = io.BytesIO(json.dumps({"try": tried, "with": arguments}).encode())
    try:
        with contextlib.closing(reader.heard(file, {"do": "examine"}, cpu_s)) as messages:
            return next(one.fields["outcome"] for one in messages if one.kind == wire.ANSWER)
    except MediaError as error:
        return KILLED if error.code == "hostile_file" else error.code


REFUSED = ("EPERM", "EACCES", "EMFILE")
ATTEMPTS = [
    ("the master key", "read", ["KEY"], REFUSED),
    ("the database", "read", ["DATABASE"], REFUSED),
    ("the list of a folder", "list", ["FOLDER"], REFUSED),
    ("the environment of the process itself", "read", ["/proc/self/environ"], REFUSED),
    ("a new file", "write", ["NEW"], REFUSED),
    ("a change of the database", "write", ["DATABASE"], REFUSED),
    ("the deletion of the database", "delete", ["DATABASE"], REFUSED),
    ("the rights of the key", "chmod", ["KEY"], REFUSED),
    ("another name for the key", "rename", ["KEY"], REFUSED),
    ("a connection to this computer", "connect", ["127.0.0.1", "PORT"], KILLED),
    ("a connection to another computer", "connect", ["192.0.2.1", 80], KILLED),
    ("a datagram", "datagram", ["PORT"], KILLED),
    ("a copy of the process", "fork", [], KILLED),
    # From Python 3.13 on by posix_spawn, to which a descriptor above the limit of none is a bad one.
    ("another program", "program", [], (*REFUSED, "EBADF", KILLED)),
    ("another program in its place", "exec", [], KILLED),
    ("another process, as a debugger", "attach", ["PROCESS"], KILLED),
    ("another process's memory, through /proc", "read", ["/proc/{PROCESS}/mem"], REFUSED),
    ("another process's memory, by a call", "read memory blindly", ["PROCESS"], KILLED),
    ("a signal to another process", "signal", ["PROCESS"], KILLED),
    ("a handle of another process", "hold", ["PROCESS"], KILLED),
    ("a ring of calls that no filter sees", "ring", [], KILLED),
    ("memory to run code of its own", "code", [], REFUSED),
    ("eight gigabytes of memory", "map memory", [], ("ENOMEM",)),
]
REAL = [
    row for row in ATTEMPTS if row[0] not in ("a connection to another computer", "a ring of calls that no filter sees")
]


def filled(arguments, targets):
    return [
        targets.get(one, one.format(**targets)) if isinstance(one, str) and not one.startswith("{") else one
        for one in arguments
    ]


@pytest.mark.attack("code planted in a picture, which then tries to reach more than the picture")
@pytest.mark.parametrize(("what", "tried", "arguments", "expected"), ATTEMPTS, ids=[row[0] for row in ATTEMPTS])
def test_planted_code_reaches_nothing(taken_over, monkeypatch, targets, attack, what, tried, arguments, expected):
    found = outcome(taken_over, monkeypatch, tried, *filled(arguments, targets))
    assert found in (expected if isinstance(expected, tuple) else (expected,))
    answer = "the reader is ended at once" if found == KILLED else f"refused ({found})"
    attack(lambda: f"{what}: {answer}", f"{what}: {answer}")
    assert Path(targets["KEY"]).read_text() == "secret"
    assert Path(targets["DATABASE"]).read_text() == "patients"
    assert not Path(targets["NEW"]).exists()
    assert Path(targets["KEY"]).stat().st_mode & 0o077 == 0o044


@pytest.mark.attack("code planted in a picture, which then takes more of the computer: its limits")
def test_planted_code_has_hard_limits(taken_over, monkeypatch, attack):
    threads, files, written, core, cpu_s = json.loads(outcome(taken_over, monkeypatch, "limits"))
    assert 0 < threads <= lock.MOST_THREADS
    assert 0 < cpu_s <= reader.ANSWER_CPU_S
    limits = f"files: {files}; bytes written: {written}; bytes of a core dump: {core}"
    attack(lambda: limits, "files: 1; bytes written: 0; bytes of a core dump: 0")


@pytest.mark.parametrize(("what", "tried", "arguments", "expected"), REAL, ids=[row[0] for row in REAL])
def test_the_same_code_reaches_all_of_it_where_no_right_was_given_up(
    unlocked, monkeypatch, targets, what, tried, arguments, expected
):
    del what, expected
    if tried == "read memory blindly":
        tried = "read memory"
    if arguments and str(arguments[0]).endswith("mem"):
        arguments = [arguments[0].replace("mem", "environ")]
    found = outcome(unlocked, monkeypatch, tried, *filled(arguments, targets))
    # A program that takes the process's place says nothing more.
    assert found == ("unreadable_file" if tried == "exec" else "done")


def test_nothing_of_the_environment_comes_through(taken_over, monkeypatch):
    monkeypatch.setenv("FER_MASTER_KEY", "secret")
    taken_over.stop()
    there = json.loads(outcome(taken_over, monkeypatch, "environment"))
    assert set(there) - {"LC_CTYPE"} == set(ENVIRONMENT)


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ("segfault", "unreadable_file"),
        ("loop", "unreadable_file"),
        ("memory", "too_large"),
        ("exit", "unreadable_file"),
    ],
)
def test_a_reader_that_dies_costs_its_file_and_nothing_else(taken_over, monkeypatch, tmp_path, tried, expected):
    with monkeypatch.context() as broken:
        assert outcome(taken_over, broken, tried, cpu_s=1) == expected
        assert outcome(taken_over, broken, "environment")
    assert inspect_file(write_clip(tmp_path / "v.mp4", moving_face(3))).kind == "video"


def test_a_reader_that_says_nothing_is_not_waited_for(taken_over, monkeypatch):
    monkeypatch.setattr(reader, "SILENT_S", 0.2)
    assert outcome(taken_over, monkeypatch, "sleep") == "unreadable_file"


def test_a_server_that_was_ended_is_started_again(taken_over, monkeypatch):
    assert outcome(taken_over, monkeypatch, "environment")
    os.kill(taken_over._process.pid, signal.SIGKILL)
    taken_over._process.wait()
    assert outcome(taken_over, monkeypatch, "environment")


def test_all_that_this_kernel_knows_is_taken():
    held = reader.protection()
    assert held.limits
    assert held.seccomp
    lists = Path("/sys/kernel/security/lsm")
    if lists.exists() and "landlock" in lists.read_text():
        assert held.landlock
        assert held.whole


def pictures(folder):
    """Pictures of rare kinds, which make Pillow load what it loads late."""
    plain = Image.fromarray(scene(side=60, size=(80, 80)))
    grey = plain.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2026:05:04 10:11:12"
    plain.save(folder / "dated.jpg", exif=exif)
    plain.convert("CMYK").save(folder / "cmyk.jpg", progressive=True)
    plain.save(folder / "two.mpo", save_all=True, append_images=[plain])
    plain.convert("LAB").save(folder / "lab.tif")
    plain.convert("P").save(folder / "palette.png", transparency=0)
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(folder / "deep.png")
    plain.save(folder / "moving.gif", save_all=True, append_images=[plain.rotate(90)])
    plain.convert("RGBA").save(folder / "clear.webp")
    grey.save(folder / "grey.bmp")
    damaged = bytearray((folder / "dated.jpg").read_bytes())
    damaged[30:60] = bytes(30)
    (folder / "damaged.jpg").write_bytes(damaged)


def videos(folder):
    """Videos of every kind of container that FFmpeg writes here, one of them interlaced."""
    for name in ("v.mp4", "v.mkv", "v.avi", "v.ts", "v.flv"):
        write_clip(folder / name, moving_face(12), options={"g": "4"})
    interlaced(folder / "interlaced.mp4")


def test_nothing_is_loaded_after_the_rights_are_gone(tmp_path, monkeypatch):
    pictures(tmp_path)
    videos(tmp_path)
    server = Server("from tests.planted import strict; strict({link})")
    monkeypatch.setattr(reader, "READERS", server)
    seen = set()
    for path in sorted(tmp_path.iterdir()):
        kind = inspect_file(path).kind
        seen.add(kind)
        assert kind == "image" or list(frames(path, 0.2)), path.name
        assert kind == "image" or spans(path, 0.4), path.name
    server.stop()
    assert seen == {"image", "video"}
