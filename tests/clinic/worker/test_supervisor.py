"""The supervisor: one child, again after a death, none after the end."""

import os
import signal
import sys

import pytest

from clinic.worker import supervisor as module
from clinic.worker.supervisor import Supervisor
from tests.clinic.fakes import eventually

CHILD = """
import os, pathlib, sys, time
folder = pathlib.Path(os.environ["FER_DATA_DIR"])
(folder / f"child-{os.getpid()}").write_text(os.environ["OMP_WAIT_POLICY"] + os.environ["FER_DATABASE_URL"])
time.sleep(60)
"""


@pytest.fixture
def supervisor(settings, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    watched = Supervisor(settings, [sys.executable, "-c", CHILD])
    yield watched
    watched.stop()


def children(settings):
    return sorted(int(path.name.removeprefix("child-")) for path in settings.data_dir.glob("child-*"))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_child_gets_the_settings_and_is_the_only_one(supervisor, settings):
    for _ in range(5):
        supervisor.ensure()
    eventually(lambda: children(settings))
    (pid,) = children(settings)
    assert pid == supervisor.pid
    reported = eventually((settings.data_dir / f"child-{pid}").read_text)
    assert reported == "PASSIVE" + settings.database_url
    assert os.getpgid(pid) == pid, "a process group of its own"


def test_a_dead_child_is_replaced(supervisor, settings):
    supervisor.ensure()
    (first,) = eventually(lambda: children(settings))
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(children(settings)) == 2)
    assert supervisor.pid not in (None, first)


def test_stop_ends_the_child_for_good(supervisor, settings):
    supervisor.ensure()
    (pid,) = eventually(lambda: children(settings))
    supervisor.stop()
    assert not alive(pid)
    supervisor.ensure()
    assert supervisor.pid is None


def test_stop_without_a_child_is_quiet(supervisor):
    supervisor.stop()
    assert supervisor.pid is None


def test_a_child_that_waits_for_the_disk_does_not_hold_up_the_end(supervisor, settings, monkeypatch):
    """Such a process doesn't end by SIGKILL before the disk answers: here the signals don't reach it at all."""
    supervisor.ensure()
    (pid,) = eventually(lambda: children(settings))
    with monkeypatch.context() as patched:
        patched.setattr(module, "_signal_group", lambda child, number: None)
        patched.setattr(module, "KILLED_WITHIN_S", 0.01)
        supervisor.stop(0.01)
        assert alive(pid)
    os.killpg(pid, signal.SIGKILL)
