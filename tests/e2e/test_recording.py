"""The recording's own page: the curve and the video are one time, and what people mark of it is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime

import av
import numpy as np
import pytest
from sqlalchemy import insert, select

from clinic.accounts.accounts import grant
from clinic.admin import demo
from clinic.recordings import uploads
from clinic.settings import Settings
from db.models import Account, Job, JobState, Patient, Role, Sample, new_id
from tests import consents, doors
from tests.e2e.conftest import settled

pytestmark = pytest.mark.e2e

READY = "[data-part=player][data-ready=yes]"
PICTURE_TIME = "video => video.currentTime"
CURSOR_TIME = "element => Number(element.getAttribute('aria-valuenow'))"


@pytest.fixture
def patient(account):
    """The id of a patient on everybody's caseload who agreed to everything."""
    doors.add_account(account, "Ben", Role.CLINICIAN)
    with account.session() as session:
        stored = Patient(name="Zed Zulu", created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        for account_id in session.scalars(select(Account.id)).all():
            grant(session, account_id, stored.id)
    consents.agree(account, stored.id)
    return stored.id


@pytest.fixture
def video(data, tmp_path):
    """The source of a job whose video is kept: twenty seconds that browsers play."""
    path = tmp_path / "visit.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(200):
            rgb = np.full((180, 320, 3), number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    with path.open("rb") as file:
        stored = uploads.take_in(Settings.at(data), file, "visit.webm", new_id())
    return {"id": stored.id, "name": stored.name, "sha256": stored.sha256, "media_type": stored.media_type}


@pytest.fixture
def add_recording(account, patient):
    """Return a function that adds an analysed recording; returns its id."""

    def add(minutes=20 / 60, sources=(), note="", on=date(2026, 11, 20)):
        visit = demo.Visit(0, 0.3, 0.2, minutes=minutes, note=note, usable=1.0)
        recording, table = demo._recording(patient, visit, np.random.default_rng(3))
        recording.recorded_on = on
        with account.session() as session:
            session.add(recording)
            session.flush()
            job = Job(recording_id=recording.id, state=JobState.DONE.value, created_at=datetime.now(UTC))
            job.sources = list(sources)
            session.add(job)
            session.execute(insert(Sample), demo._rows(recording.id, table))
        return recording.id

    return add


def open_recording(page, server, recording_id):
    page.goto(f"{server}/recording?id={recording_id}")
    page.locator(READY).wait_for()
    settled(page)


def times(page):
    """Return where the video is and where the cursor over the curves is, in seconds, read together."""
    return page.evaluate(
        """() => {
            const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot)
                .find(shadow => shadow?.querySelector('video'));
            const cursor = root.querySelector('[data-part=plots]').getAttribute('aria-valuenow');
            return [root.querySelector('video').currentTime, Number(cursor)];
        }"""
    )


def test_a_click_in_the_curves_moves_the_video_there(video, add_recording, window, server):
    recording = add_recording(sources=[video])
    page = window()
    open_recording(page, server, recording)
    page.locator("video").evaluate(
        "v => v.readyState >= 2 || new Promise(done => v.addEventListener('loadeddata', done))"
    )
    over = page.locator(".u-over").bounding_box()
    page.mouse.click(over["x"] + over["width"] * 0.5, over["y"] + 40)
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('video')?.currentTime > 1)"""
    )
    picture, cursor = times(page)
    assert picture == pytest.approx(10.0, abs=0.1)
    assert cursor == pytest.approx(picture, abs=0.01)
    # A kept file is asked for by its parts, and the address says no more than the recording's id.
    assert page.url == f"{server}/recording?id={recording}"


def test_the_cursor_runs_with_the_video_and_keys_move_both(video, add_recording, window, server):
    page = window()
    open_recording(page, server, add_recording(sources=[video]))
    player = page.locator("[data-part=player]")
    player.focus()
    player.press("Space")
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('video')?.currentTime > 1)"""
    )
    assert page.get_by_role("button", name="Pause").is_visible()
    picture, cursor = times(page)
    assert cursor == pytest.approx(picture, abs=0.15)
    player.press("Space")
    player.press("Home")
    player.press("Control+ArrowRight")
    player.press("Shift+ArrowRight")
    assert player.locator("[data-part=plots]").evaluate(CURSOR_TIME) == pytest.approx(11.0, abs=0.01)
    assert page.locator("video").evaluate(PICTURE_TIME) == pytest.approx(11.0, abs=0.01)
    player.press("]")
    assert page.locator("video").evaluate("video => video.playbackRate") == 1.5


def test_the_page_survives_reload_and_back(add_recording, window, server):
    first, second = add_recording(note="FIRST", on=date(2026, 11, 19)), add_recording(note="SECOND")
    page = window()
    open_recording(page, server, second)
    page.get_by_role("button", name="Previous").click()
    page.get_by_text("Note: FIRST").wait_for()
    assert page.url == f"{server}/recording?id={first}"
    page.reload()
    page.get_by_text("Note: FIRST").wait_for()
    page.go_back()
    page.get_by_text("Note: SECOND").wait_for()
    assert page.url == f"{server}/recording?id={second}"
