"""Locks say who works on a data folder, and go with their process, however it ends."""

import fcntl
import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from clinic import clock
from fer_core.errors import FerError
from storage import at_work

OPEN_PAGES = """
import sys
from pathlib import Path
from storage import at_work

at_work.hold_pages(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def pages(tmp_path):
    """A function that starts a process with pages open on the folder."""
    started = []

    def start():
        command = [sys.executable, "-c", OPEN_PAGES, str(tmp_path)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert started[-1].stdout.readline() == b"open\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def refused(folder):
    with pytest.raises(FerError) as refusal, at_work.nobody(folder):
        pass
    return refusal.value.code


def test_pages_without_a_worker_are_at_work_until_they_end(tmp_path, pages):
    first, second = pages(), pages()
    assert refused(tmp_path) == "already_running"
    first.kill()
    first.wait()
    assert refused(tmp_path) == "already_running", "the second one is open still"
    second.kill()
    second.wait()
    with at_work.nobody(tmp_path):
        pass


@pytest.mark.parametrize("number", [1, 2, 70])
def test_a_worker_is_at_work_whatever_its_number(tmp_path, number):
    with at_work.alone(tmp_path, number):
        assert refused(tmp_path) == "already_running"
        with pytest.raises(FerError, match="Another worker"), at_work.alone(tmp_path, number):
            pass
    with at_work.nobody(tmp_path):
        pass


def test_nobody_begins_while_a_command_works(tmp_path, pages):
    pages().communicate()
    with at_work.alone(tmp_path):
        pass
    with at_work.nobody(tmp_path):
        with pytest.raises(FerError) as refusal:
            at_work.hold_pages(tmp_path)
        assert refusal.value.code == "changing"
        with pytest.raises(FerError), at_work.alone(tmp_path):
            pass


def test_where_the_program_never_ran_nobody_begins_either(tmp_path):
    """A restore on a new computer: systemd starts pages and worker again and again, and a user another command."""
    with at_work.nobody(tmp_path):
        assert refused(tmp_path) == "changing"
        for begin in (at_work.beginning, at_work.alone, lambda folder: at_work.alone(folder, 2)):
            with pytest.raises(FerError) as refusal, begin(tmp_path):
                pass
            assert refusal.value.code == "changing"
        with pytest.raises(FerError) as refusal:
            at_work.hold_pages(tmp_path)
        assert refusal.value.code == "changing"
    with at_work.beginning(tmp_path):
        assert refused(tmp_path) == "changing"
    assert [path.name for path in tmp_path.iterdir()] == [at_work.CHANGING]
    with at_work.nobody(tmp_path):
        pass


def test_a_folder_that_is_not_there_stays_so(tmp_path):
    with at_work.nobody(tmp_path / "none"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_each_number_is_one_worker_s(tmp_path):
    with at_work.alone(tmp_path), at_work.alone(tmp_path, 2):
        for number in (at_work.FIRST_WORKER, 2):
            with pytest.raises(FerError) as refusal, at_work.alone(tmp_path, number):
                pass
            assert refusal.value.code == "already_running"


def test_whether_pages_are_open_is_seen_without_disturbing_them(tmp_path, pages):
    assert at_work.pages_since(tmp_path) is None
    before = clock.now()
    started = pages()
    os.utime(tmp_path / at_work.PAGES, (0, 0))
    second = pages()
    assert before - timedelta(seconds=1) < at_work.pages_since(tmp_path) < clock.now() + timedelta(seconds=1)
    for process in (started, second):
        assert at_work.pages_since(tmp_path) is not None
        process.kill()
        process.wait()
    assert at_work.pages_since(tmp_path) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [at_work.CHANGING, at_work.PAGES]


def test_who_asks_whether_pages_are_open_keeps_none_from_starting(tmp_path, pages):
    pages().communicate()
    asking = os.open(tmp_path / at_work.PAGES, os.O_RDWR)
    fcntl.flock(asking, fcntl.LOCK_EX)
    release = threading.Timer(at_work.ASKED_WITHIN_S / 4, os.close, [asking])
    release.start()
    at_work.hold_pages(tmp_path)
    release.join()
