"""A clinic after years, opened in a browser: how long its pages take to settle, and what they cost the server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from benchmarks.simulated_patients import MIX
from clinic import clock, words
from clinic.access import Actor
from clinic.accounts import accounts, passwords
from clinic.admin import keyring
from clinic.consent import consent, giving
from clinic.patients import caseload, listing, needs
from clinic.patients.listing import CaseloadQuery
from clinic.patients.summaries import LABELS, Summary
from clinic.settings import Settings
from db.engine import migrate, open_database
from db.models import Access, Account, Job, JobState, Patient, Recording, Role, TrendDigest, new_id
from storage import keys

ROOT = Path(__file__).parents[1]
NAME, PASSWORD = "Dr. Invented", "seven dry umbrellas"
LAST_DAY = date(2026, 11, 16)
LONG = "Zz Long history"
QUIET_MS = 1000
SETTLED = """
([begun, quiet]) => new Promise((resolve) => {
  let last = performance.now();
  const watch = new MutationObserver(() => { last = performance.now(); });
  watch.observe(document.body, { childList: true, subtree: true, characterData: true });
  const timer = setInterval(() => {
    const idle = document.querySelector("[data-test-script-state=notRunning]");
    if (idle && performance.now() - last > quiet) {
      clearInterval(timer); watch.disconnect(); resolve(last - begun);
    }
  }, 50);
})
"""
"""Resolves to the milliseconds from `begun` to the last change of the page, when nothing changed for a while."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page took: seconds until nothing changed any more, and CPU-seconds of the server meanwhile."""

    page: str
    settled_s: float
    cpu_s: float


def fill(folder: Path, patients: int, recordings: int, longest: int) -> str:
    """Make a clinic in a folder: so many patients with so many recordings each, and one with `longest`; its id."""
    settings = Settings(folder, f"sqlite:///{folder / 'clinic.db'}", key_dir=folder / "keys")
    keys.make(settings)
    migrate(settings.database_url)
    db = open_database(settings.database_url)
    # While the clinic is empty: later a missing key is taken for a lost one.
    keyring.settle(db, settings)
    rng = np.random.default_rng(20)
    with db.session() as session:
        stored = passwords.hash_password(PASSWORD)
        account = accounts.insert_account(session, NAME, Role.CLINICIAN, stored, must_change=False)
        account.statement, account.accepted_at = words.STATEMENT_VERSION, clock.now()
        for number in range(patients):
            _add_patient(session, account.id, f"Invented {number:04d}", recordings, rng)
        long_id = _add_patient(session, account.id, LONG, longest, rng)
    db.close()
    return long_id


def _add_patient(session: Session, account_id: str, name: str, count: int, rng: np.random.Generator) -> str:
    patient = Patient(name=name, code=name[-4:], demo=True, created_at=clock.now())
    session.add(patient)
    session.flush()
    session.add(Access(account_id=account_id, patient_id=patient.id, created_at=clock.now()))
    giving.add(session, patient.id, tuple(consent.Scope), LAST_DAY - timedelta(days=7 * count))
    own = rng.dirichlet(40 * MIX)
    first = (session.scalar(select(func.max(Recording.number))) or 0) + 1
    days = [LAST_DAY - timedelta(days=7 * (count - 1 - place)) for place in range(count)]
    rows = [
        _recording(patient.id, first + place, day, own, rng) | {"visit_number": place + 1}
        for place, day in enumerate(days)
    ]
    patient.visits = count
    session.execute(insert(Recording), rows)
    jobs = [_job(row["id"], row["number"]) for row in rows]
    session.execute(insert(Job), jobs)
    return patient.id


def _recording(patient_id: str, number: int, day: date, own: Any, rng: np.random.Generator) -> dict[str, Any]:
    shares = rng.dirichlet(60 * own + 0.05)
    by_label = {label: round(float(value), 6) for label, value in zip(LABELS, shares, strict=True)}
    usable = float(rng.uniform(0.4, 0.98))
    summary = Summary(
        kind="video",
        samples=1500,
        usable_samples=round(1500 * usable),
        usable_share=usable,
        usable_s=300 * usable,
        longest_gap_s=12.0,
        reasons={"no_face": (1 - usable) / 2, "profile": (1 - usable) / 2},
        shares=by_label,
        low={label: max(0.0, value - 0.03) for label, value in by_label.items()},
        high={label: min(1.0, value + 0.03) for label, value in by_label.items()},
        sizes=dict.fromkeys(LABELS, 40.0),
        halves=[by_label, by_label],
        face_px=240.0,
        sharpness=120.0,
        brightness=130.0,
    )
    return {
        "id": new_id(), "number": number, "patient_id": patient_id, "kind": "video", "recorded_on": day,
        "source_name": "invented.mp4", "duration_s": 300.0, "width_px": 1280, "height_px": 720,
        "model_sha256": "invented", "settings": {"every_s": 0.2, "uncertain_below": 0.5}, "summary": asdict(summary),
        "current": True, "created_at": _at(day), "analysed_at": _at(day),
    }  # fmt: skip


def _job(recording_id: str, number: int) -> dict[str, Any]:
    return {
        "recording_id": recording_id, "number": number, "state": JobState.DONE, "sources": [],
        "created_at": clock.now(),
    }  # fmt: skip


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=clock.now().tzinfo)


def measure(patients: int, recordings: int, longest: int, rounds: int) -> Iterator[Cost]:
    """Yield what each page costs, the best of `rounds`: opened by its address, and from within the program."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long_id = fill(folder, patients, recordings, longest)
        yield from asked_for(folder, long_id, rounds)
        with serving(folder) as (address, process), browsing(address) as page:
            # What is made once after an update: each patient's trend in short.
            yield _best("caseload, the first time", process, page, lambda: page.goto(f"{address}/"), 1, cold=True)
            opened = {
                "caseload, by its address": f"{address}/",
                "new recording, by its address": f"{address}/record",
                f"patient with {longest} recordings, by its address": f"{address}/patient?patient={long_id}",
            }
            for what, url in opened.items():
                yield _best(what, process, page, lambda url=url: page.goto(url), rounds, cold=True)
            for title in ("Caseload", "New recording"):
                away, there = _going(page, "Model"), _going(page, title)
                yield _best(f"{title.lower()}, within", process, page, there, rounds, away)


def asked_for(folder: Path, long_id: str, rounds: int) -> Iterator[Cost]:
    """Yield what the functions behind the pages cost in this process, without a server and a browser."""
    db = open_database(f"sqlite:///{folder / 'clinic.db'}")
    with db.read() as session:
        account = session.scalars(select(Account)).one()
    who = Actor(account.id, "", account.name, Role.CLINICIAN)
    listing.page(db, who, CaseloadQuery())
    functions: dict[str, Callable[[], object]] = {
        "function: a page of the caseload": lambda: listing.page(db, who, CaseloadQuery()),
        "function: the count of who needs somebody": lambda: needs.count(db, who),
        "function: all patients of a choice": lambda: caseload.list_patients(db, who),
        "function: the longest patient": lambda: caseload.get_patient(db, who, long_id),
    }
    for what, function in functions.items():
        found = []
        for _ in range(rounds):
            begun, cpu = time.perf_counter(), time.process_time()
            function()
            found.append(Cost(what, time.perf_counter() - begun, time.process_time() - cpu))
        yield Cost(what, min(one.settled_s for one in found), min(one.cpu_s for one in found))
    # So that the server meets a clinic that was never listed.
    with db.session() as session:
        session.execute(delete(TrendDigest))
    db.close()


def _going(page: Any, title: str) -> Callable[[], None]:
    """Return a function that goes to a page by the navigation; without the wait, a slow server would look settled."""

    def go() -> None:
        page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
        page.get_by_role("heading", name=title, exact=True).wait_for()

    return go


def _best(what: str, process: Any, page: Any, act: Any, rounds: int, before: Any = None, cold: bool = False) -> Cost:
    found = []
    for _ in range(rounds):
        if before is not None:
            before()
            page.evaluate(SETTLED, [0, QUIET_MS])
        begun = 0.0 if cold else page.evaluate("performance.now()")
        cpu = cpu_s(process)
        act()
        settled_s = page.evaluate(SETTLED, [begun, QUIET_MS]) / 1000
        found.append(Cost(what, settled_s, cpu_s(process) - cpu))
    return Cost(what, min(one.settled_s for one in found), min(one.cpu_s for one in found))


def cpu_s(process: Any) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Any]]:
    import psutil

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"FER_DATA_DIR": str(folder), "FER_KEY_DIR": str(folder / "keys")}
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_stcore/health")
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str) -> None:
    ends = time.monotonic() + 180
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 the server that was started here
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the server did not start")


@contextmanager
def browsing(address: str) -> Iterator[Any]:
    with browsers(address, 1) as pages:
        yield pages[0]


@contextmanager
def browsers(address: str, count: int, flags: tuple[str, ...] = ()) -> Iterator[list[Any]]:
    """Yield a page that is signed in of each of so many browsers, and close them."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright, ExitStack() as opened:
        pages = []
        for _ in range(count):
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", *flags])
            opened.callback(browser.close)
            pages.append(browser.new_context(viewport={"width": 1280, "height": 800}).new_page())
            _sign_in(pages[-1], address)
        yield pages


def _sign_in(page: Any, address: str) -> None:
    page.set_default_timeout(60_000)
    page.goto(f"{address}/model")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def table(costs: Iterator[Cost]) -> Iterator[str]:
    """Yield the figures for people."""
    yield f"{'page':<50}{'settled s':>10}{'server CPU-s':>14}"
    for cost in costs:
        yield f"{cost.page:<50}{cost.settled_s:>10.2f}{cost.cpu_s:>14.2f}"
