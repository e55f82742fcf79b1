"""A process that crashes leaves nothing of its memory on the disk."""

import os
import resource
import subprocess
import sys

import pytest

from fer_core import core_files

BEGIN = (
    "import resource; resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.getrlimit(resource.RLIMIT_CORE)[1]));"
)
SHOW = "print(core_files.may_leave(), resource.getrlimit(resource.RLIMIT_CORE))"
only_with_limits = pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="this system allows no core files"
)


def said(code):
    whole = f"{BEGIN} from fer_core import core_files; {code}"
    return subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stdout.split("\n")


@only_with_limits
@pytest.mark.attack("a crash of a process with patients' data, where core files are allowed: what it may leave")
def test_nothing_is_left_of_the_memory(attack):
    assert said(SHOW)[0].startswith("True (4096,")
    attack(lambda: said(f"core_files.leave_none(); {SHOW}")[0], "False (0, 0)")


@only_with_limits
def test_what_it_starts_leaves_nothing_either():
    child = f"subprocess.run([sys.executable, '-c', 'import resource; from fer_core import core_files; {SHOW}'])"
    assert said(f"import subprocess, sys; core_files.leave_none(); {child}")[0] == "False (0, 0)"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of other processes")
@only_with_limits
def test_another_process_is_asked_for_its_limit():
    waits = f"{BEGIN} print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert core_files.may_leave(process.pid)
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
        assert core_files.may_leave(process.pid) is False
        process.communicate(b"\n")
    assert core_files.may_leave(process.pid) is None
    assert core_files.may_leave(os.getpid()) is not None
