"""A real server, a real browser, and a clip made in code."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select

from clinic.accounts.accounts import grant
from clinic.admin import demo
from clinic.settings import Settings
from db.engine import open_database
from db.models import Account, Job, JobState, Patient, Role, Sample
from storage import keys
from tests import consents, doors
from tests.e2e import serving

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 60
END_WITHIN_S = 20
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Six seconds of a face that moves slowly, 480 x 360, H.264."""
    import av
    from skimage.data import astronaut

    face = astronaut()[0:300, 80:380]
    path = tmp_path_factory.mktemp("media") / "visit.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 480, 360, "yuv420p"
        for number in range(60):
            rgb = np.full((360, 480, 3), 60, np.uint8)
            left = 40 + 2 * number
            rgb[40:340, left : left + 300] = face
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def data(tmp_path):
    """The server's data folder, empty."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def account(data, sqlite_at_head):
    """A clinician's account in the server's database; `sign_in` fills in the form."""
    shutil.copyfile(sqlite_at_head, data / "clinic.db")
    database = open_database(f"sqlite:///{data / 'clinic.db'}")
    doors.add_account(database, role=Role.ADMINISTRATOR)
    yield database
    database.close()


@dataclass(frozen=True)
class Clock:
    """The wall clock of the server and of all that it starts; see `movable_clock/sitecustomize.py`."""

    file: Path

    def move(self, by: timedelta):
        """Let the server's clock differ by so much from this computer's from now on."""
        part = self.file.with_suffix(".part")
        part.write_text(str(by.total_seconds()), encoding="ascii")
        part.replace(self.file)


@pytest.fixture
def clock(tmp_path):
    """The server's clock, to be moved; a test that doesn't ask for it has a server with an ordinary one."""
    return Clock(tmp_path / "clock_offset_s")


@pytest.fixture
def slow_disk(tmp_path):
    """A file from whose making on the server's disk is slow; see `slow_disk/sitecustomize.py`."""
    return tmp_path / "slow"


@pytest.fixture
def window(browser, server):
    """Return a function that opens a window of its own in which somebody is signed in: another computer, in effect.

    Two people are two windows: ``ada, ben = window("Ada"), window("Ben", timezone_id="Pacific/Auckland")``. The
    accounts have to be there. `at`: the address that is opened, the caseload where none is given; each opening of the
    program costs a browser a second, so none is opened on the way. `prepare`: what is done to the page before.
    Options are those of Playwright's contexts.
    """
    contexts = []

    def enter(name="Dr. Invented", password=doors.PASSWORD, at="", prepare=lambda page: None, **options):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        post_sign_in(opened, server, name, password)
        prepare(opened)
        opened.goto(f"{server}/{at}")
        opened.get_by_role("button", name="Sign out").wait_for()
        return opened

    yield enter
    for context in contexts:
        context.close()


def fill_in_sign_in(page, server, name, password):
    """Sign in and wait until the first page is drawn."""
    page.goto(server)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def post_sign_in(page, server, name="Dr. Invented", password=doors.PASSWORD):
    """Send what the form of the sign-in sends, and keep the cookie in the page's context; no page is opened."""
    answer = page.context.request.post(f"{server}/sign-in", form={"name": name, "password": password}, max_redirects=0)
    assert (answer.status, answer.headers["location"]) == (303, "/"), answer.text()


def settled(page):
    """Wait until the page's script has run to its end: what is on the screen is what the server drew last."""
    page.get_by_test_id("stApp").and_(page.locator("[data-test-script-state=notRunning]")).wait_for()


def accessible(page):
    """Fail where axe-core finds something serious, or a level of headings left out, and say what."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical") or one["id"] == "heading-order"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in serious] == []


@pytest.fixture
def sign_in(page, server):
    """Return a function that signs in on the test's page: with the form, or, with `at`, on the way to that address."""

    def enter(name="Dr. Invented", password=doors.PASSWORD, at=None):
        if at is None:
            fill_in_sign_in(page, server, name, password)
            return
        post_sign_in(page, server, name, password)
        page.goto(f"{server}/{at}")
        page.get_by_role("button", name="Sign out").wait_for()

    return enter


@pytest.fixture
def agreed(account):
    """Return a function that lets every patient who was added have consented to everything."""

    def agree():
        with account.read() as session:
            patients = list(session.scalars(select(Patient.id)))
        for patient_id in patients:
            consents.agree(account, patient_id)

    return agree


@pytest.fixture
def add_patient(account):
    """Return a function that adds a patient who agreed to everything, on everybody's caseload."""

    def add(name, **values):
        with account.session() as session:
            stored = Patient(name=name, created_at=datetime.now(UTC), **values)
            session.add(stored)
            session.flush()
            for account_id in session.scalars(select(Account.id)).all():
                grant(session, account_id, stored.id)
        consents.agree(account, stored.id)
        return stored.id

    return add


@pytest.fixture
def add_recording(account):
    """Return a function that adds an analysed recording of two minutes."""

    def add(patient_id, note, happy=0.2, seed=1):
        visit = demo.InventedVisit(0, happy, 0.2, minutes=2.0, note=note)
        recording, table = demo._recording(patient_id, visit, np.random.default_rng(seed))
        recording.recorded_on = date(2026, 11, 20)
        with account.session() as session:
            session.add(recording)
            session.flush()
            session.add(Job(recording_id=recording.id, state=JobState.DONE.value, created_at=datetime.now(UTC)))
            session.execute(insert(Sample), demo._rows(recording.id, table))
        return recording.id

    return add


def accept_statement(page):
    """Accept the intended use, which is asked before anything else opens."""
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Accept and go on").click()


@dataclass(frozen=True)
class Web:
    """A running server: its process, its address and where it writes what it says."""

    process: subprocess.Popen[bytes] | serving.Copy
    address: str
    log: Path

    def end(self):
        """Ask it to end and wait until it has; one that doesn't says what each thread is at, and is a failure."""
        self.process.terminate()
        try:
            self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            pytest.fail(f"the server did not end within {END_WITHIN_S} s of being asked to:\n{self.log.read_text()}")


@pytest.fixture
def no_worker():
    """A test that asks for it has a server without a worker, which takes as long to start as the server."""


@pytest.fixture
def web(request, tmp_path, data):
    """Start the app on a free port with its data folder, and end it with everything that it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"FER_OWN_WORKER": "0" if "no_worker" in request.fixturenames else "1"}
    environment |= {"FER_DATA_DIR": str(data), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONFAULTHANDLER": "1"}
    for name in ("FER_DATABASE_URL", "FER_DEMO", "FER_BEHIND_TLS", "FER_MEDIA_URL", "FER_KEY_DIR", "FER_MASTER_KEY"):
        environment.pop(name, None)
    if "clock" in request.fixturenames:
        environment["TEST_CLOCK_FILE"] = str(request.getfixturevalue("clock").file)
        environment["PYTHONPATH"] = str(Path(__file__).parent / "movable_clock")
    if "slow_disk" in request.fixturenames:
        environment["TEST_SLOW_DISK"] = str(request.getfixturevalue("slow_disk"))
        environment["PYTHONPATH"] = str(Path(__file__).parent / "slow_disk")
    # A test may have added accounts already, and a clinic with accounts gets no new key.
    keys.make(Settings.at(data))
    log = tmp_path / "server.log"
    process = _started(["run", "streamlit_app.py", "--server.port", str(port)], environment, log)
    running = Web(process, f"http://127.0.0.1:{port}", log)
    try:
        _wait_for(f"{running.address}/_stcore/health", process, log)
        yield running
    finally:
        running.end()


def _started(arguments, environment, log):
    """Start `streamlit`: anew where Python itself starts in another way, else as a copy of what is loaded."""
    if "PYTHONPATH" not in environment:
        return serving.Copy(arguments, environment, log)
    with log.open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "streamlit", *arguments], cwd=ROOT, env=environment, stdout=said, stderr=said
        )


@pytest.fixture
def server(web):
    """The address of the app, which is started for the test."""
    return web.address


@pytest.fixture(scope="session")
def open_chromium():
    """Return a function that opens Chromium or Chrome, whichever is installed, with more flags: one Playwright for all.

    Two of them can't run in one thread.
    """
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("neither Chromium nor Chrome is installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        yield lambda *flags: playwright.chromium.launch(executable_path=found, args=[*BROWSER_FLAGS, *flags])


@pytest.fixture(scope="session")
def browser(open_chromium):
    """One browser for all tests; each takes a context of its own."""
    with open_chromium() as opened:
        yield opened


@pytest.fixture
def page(browser):
    """A fresh page of 1280 x 900 px that refuses every address but this machine's."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def _wait_for(url, process, log):
    """Wait until the address answers; fail with the server's own words if it ends or takes too long."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text()}")
