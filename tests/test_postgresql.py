"""The PostgreSQL server of the tests: it outlives nobody."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import postgresql
from tests.clinic.fakes import eventually

ROOT = Path(__file__).parents[1]
HOLD = """
from tests import postgresql
with postgresql.server(postgresql.CARELESS) as folder:
    print(folder, flush=True)
    input()
"""


@pytest.mark.skipif(postgresql.why_not() is not None, reason=str(postgresql.why_not()))
def test_a_killed_run_leaves_no_server():
    run = subprocess.Popen([sys.executable, "-c", HOLD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    folder = Path(run.stdout.readline().decode().strip())
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    run.send_signal(signal.SIGKILL)
    run.communicate()
    eventually(lambda: not folder.exists())
    # A container's first process may never ask for what has ended.
    assert not psutil.pid_exists(server) or psutil.Process(server).status() == psutil.STATUS_ZOMBIE
