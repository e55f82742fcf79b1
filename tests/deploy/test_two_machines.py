"""Two machines on one database: pages and a worker on both, started at once, and one sign-in for both.

Network namespaces stand for the machines: each has a host name, a network and a loopback of its own. A folder that both
see stands for the shared disk, and PostgreSQL is reached over the network. Needs root, iproute2 and PostgreSQL.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import create_engine, select, text

from clinic.accounts import sessions
from db.engine import open_database
from db.models import Job, JobState, Patient, Role
from tests import consents, doors, postgresql
from tests.media import scene

ROOT = Path(__file__).parents[2]
HERE, NETWORK = "10.231.47.254", "10.231.47.0/24"
MACHINES = {"fer-one": "10.231.47.1", "fer-two": "10.231.47.2"}
WITHIN_S = 300
ASK = """
import http.client, sys
path, cookie = sys.argv[1:]
asked = http.client.HTTPConnection("127.0.0.1", 8501, timeout=10)
asked.request("GET", path, headers={"Cookie": cookie})
print(asked.getresponse().status)
"""

pytestmark = pytest.mark.machines


def call(*command):
    subprocess.run(command, check=True, capture_output=True)


def eventually(condition):
    until = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < until, condition.__name__
        time.sleep(0.5)


@pytest.fixture
def network():
    """A bridge of this machine, and a namespace for each of the two with an address on it."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("networks need root and iproute2")
    with ExitStack() as left:
        if subprocess.run(
            ["ip", "link", "add", "fer-bridge", "type", "bridge"], capture_output=True, check=False
        ).returncode:
            pytest.skip("no network can be made here")
        left.callback(call, "ip", "link", "delete", "fer-bridge")
        call("ip", "address", "add", f"{HERE}/24", "dev", "fer-bridge")
        call("ip", "link", "set", "fer-bridge", "up")
        for name, address in MACHINES.items():
            call("ip", "netns", "add", name)
            left.callback(call, "ip", "netns", "delete", name)
            call("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            call("ip", "link", "set", name, "master", "fer-bridge", "up")
            call("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                call("ip", "-n", name, "link", "set", device, "up")
        yield


@pytest.fixture
def url(network, tmp_path):
    """An empty database on a PostgreSQL that listens on the network."""
    reason = postgresql.why_not()
    if reason:
        pytest.skip(reason)
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    allowed = tmp_path / "pg_hba.conf"
    allowed.write_text(f"local all all trust\nhost all all {NETWORK} trust\n")
    for folder in (allowed, *tmp_path.parents[:3], tmp_path):
        folder.chmod(folder.stat().st_mode | 0o055)
    options = {"listen_addresses": HERE, "port": str(port), "hba_file": str(allowed)}
    with postgresql.server({**postgresql.CARELESS, **options}):
        there = f"postgresql+psycopg://{postgresql.OWNER}@{HERE}:{port}"
        engine = create_engine(f"{there}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE clinic ENCODING 'UTF8' TEMPLATE template0"))
        engine.dispose()
        yield f"{there}/clinic"


class Machines:
    """The two machines' programs."""

    def __init__(self, folder, url):
        self._folder = folder
        reported = {
            "FER_DATA_DIR": folder / "data",
            "FER_DATABASE_URL": url,
            "HOME": folder,
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        self._settings = {name: value for name, value in os.environ.items() if not name.startswith("FER_")}
        self._settings |= {name: str(value) for name, value in reported.items()}
        self.web = {}

    def _on(self, name, *command):
        inside = ["sh", "-c", f'hostname {name}; exec "$@"', "sh", *command]
        return ["ip", "netns", "exec", name, "unshare", "--uts", *inside]

    def start(self, name):
        command = self._on(name, sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", "8501")
        with (self._folder / f"{name}.log").open("w") as log:
            self.web[name] = subprocess.Popen(command, cwd=ROOT, env=self._settings, stdout=log, stderr=log)

    def end(self, name):
        self.web[name].terminate()
        self.web.pop(name).wait(60)

    def run(self, name, *arguments):
        command = self._on(name, sys.executable, "-m", "clinic", *arguments)
        return subprocess.run(command, cwd=ROOT, env=self._settings, capture_output=True, text=True, check=False)

    def answer(self, name, path, cookie=""):
        command = self._on(name, sys.executable, "-c", ASK, path, cookie)
        done = subprocess.run(command, env=self._settings, capture_output=True, text=True, check=False)
        return done.stdout.strip()


@pytest.fixture
def machines(tmp_path, url):
    running = Machines(tmp_path, url)
    yield running
    for name in list(running.web):
        running.end(name)


@pytest.fixture
def database(url):
    opened = open_database(url)
    yield opened
    opened.close()


def test_two_machines_share_a_clinic(machines, database, tmp_path):
    for name in MACHINES:
        machines.start(name)
    for name in MACHINES:
        eventually(lambda name=name: machines.answer(name, "/healthz") == "200")
    assert len(list((tmp_path / "data-keys").glob("master.key*"))) == 1, "both start at once and make one key"

    token = doors.sign_in(database, role=Role.ADMINISTRATOR)
    cookie = f"sign_in={token}"
    for name in MACHINES:
        assert machines.answer(name, "/", cookie) == "200"
        assert machines.answer(name, "/", "sign_in=another") == "401"
    sessions.sign_out(database, sessions.actor_of(database, token))
    for name in MACHINES:
        eventually(lambda name=name: machines.answer(name, "/", cookie) == "401")

    with database.session() as session:
        session.add(Patient(id="f" * 32, name="Invented", created_at=doors.now()))
    consents.agree(database, "f" * 32)
    (tmp_path / "in").mkdir()
    Image.fromarray(scene()).save(tmp_path / "in" / "2026-03-01.png")
    machines.end("fer-one")
    taken = machines.run("fer-two", "import-folder", str(tmp_path / "in"), "--patient", "Invented")
    assert taken.returncode == 0, taken.stderr

    def analysed():
        with database.read() as session:
            job = session.scalars(select(Job)).one()
            assert job.state != JobState.FAILED.value, job.error_code
            return job.state == JobState.DONE.value

    eventually(analysed)
    found = machines.run("fer-two", "doctor", "--json")
    assert json.loads(found.stdout)["sound"], found.stdout
