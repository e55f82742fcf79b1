"""The live view with a camera that plays a film: a face is chosen, labelled, leaves; consent ends it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import av
import numpy as np
import pytest
from sqlalchemy import select

from clinic import clock
from clinic.consent.consent import Scope
from clinic.recordings import uploads
from clinic.settings import Settings
from db.models import AuditRow, Job, Recording
from fer_core.media import video
from tests import consents, doors
from tests.e2e.conftest import settled
from tests.media import scene

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

RATE, THERE_S, AWAY_S = 10, 20, 6
"""So many pictures a second are enough: each costs the browser and the server their time."""
LIVE = "[data-part=live]"
RUNNING = f"{LIVE}[data-state=running]"
SAID = f"{LIVE} [data-part=said]"
LAPTOP_PX = 620
"""So high is a page in the browser of a small laptop (1366 x 768)."""
LIGHT = "element => element.querySelector('video').srcObject?.active ?? false"


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A camera's film in which a face is there for a while, moves a little, and leaves for a while; it begins again."""
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    empty = planes(np.full((360, 640, 3), 70, np.uint8))
    shown = [planes(scene(left=150 + abs(step - 15), top=30, side=300, size=(640, 360))) for step in range(30)]
    with path.open("wb") as written:
        written.write(f"YUV4MPEG2 W640 H360 F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(RATE * THERE_S):
            written.write(b"FRAME\n" + shown[number % len(shown)])
        written.write((b"FRAME\n" + empty) * (RATE * AWAY_S))
    yield path
    path.unlink()


def planes(rgb):
    """The bytes of a picture as uncompressed video has them."""
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p").to_ndarray().tobytes()


@pytest.fixture(scope="module")
def browser(film, open_chromium):
    """Chromium with that camera, which asks nobody whether it may use it."""
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with open_chromium(*flags, f"--use-file-for-fake-video-capture={film}") as opened:
        yield opened


@pytest.fixture
def live(account, server, window, add_patient):
    """The page of the live view with a patient who agreed to everything, before the camera is started."""
    patient_id = add_patient("Zed Zulu")
    page = window(at=f"live?patient={patient_id}")
    page.get_by_role("button", name="Start the camera").wait_for()
    settled(page)
    page.patient_id = patient_id
    return page


def start(page):
    page.get_by_role("button", name="Start the camera").click()
    page.locator(RUNNING).wait_for()


def choose(page):
    """Choose the face that is seen, again where a busy computer lost it, and wait until it is labelled."""
    offered, labelled = page.locator("[data-part=faces] button"), page.locator(SAID).filter(has_text="happy-like")
    for _ in range(5):
        offered.or_(labelled).first.wait_for()
        if labelled.count():
            return
        with suppress(sync_api.TimeoutError):
            offered.first.click(timeout=5_000)
            labelled.wait_for(timeout=20_000)


def test_a_face_is_chosen_labelled_and_leaves_and_the_light_goes_off(live, account):
    start(live)
    assert live.locator(LIVE).evaluate(LIGHT)
    choose(live)
    said = live.locator(SAID).bounding_box()
    assert said["y"] + said["height"] < LAPTOP_PX, "what is said of the face is seen without scrolling"
    live.locator(SAID).filter(has_text="The chosen face left").wait_for()
    choose(live)
    stream = live.locator(LIVE).evaluate_handle("element => element.querySelector('video').srcObject")
    live.get_by_role("link", name="Caseload").first.click()
    live.get_by_role("heading", name="Caseload").wait_for()
    live.wait_for_function("stream => !stream.active", arg=stream)
    with account.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == "live_viewed")).all()
        assert [row.patient_id for row in rows] == [live.patient_id]
        assert session.scalars(select(Recording)).all() == []


def test_withdrawn_consent_ends_it(live, account):
    start(live)
    choose(live)
    consents.revoke(account, live.patient_id, Scope.ANALYSE)
    live.locator(f"{LIVE}[data-state=ended]").wait_for()
    assert "was withdrawn" in live.locator(SAID).inner_text()
    assert not live.locator(LIVE).evaluate(LIGHT)


WRONG_CLOCK = """() => {
  const right = Date, wrong = () => right.now() - 30 * 3600 * 1000;
  window.Date = class extends right {
    constructor(...given) { given.length ? super(...given) : super(wrong()); }
    static now() { return wrong(); }
  };
}"""
"""A computer whose clock is 30 hours behind."""


RECORDED_S = """element => {
    const [, minutes, seconds] = /([0-9]+):([0-9]+)/.exec(element.querySelector('[data-part=clock]').textContent);
    return 60 * Number(minutes) + Number(seconds);
}"""


def test_what_is_recorded_becomes_a_job_of_the_patient_also_across_an_interruption(live, account, data):
    live.evaluate(WRONG_CLOCK)
    line = Line()
    live.route_web_socket("**/camera*", line.connect)
    start(live)
    live.get_by_role("button", name="Record", exact=True).click()
    live.locator("[data-part=clock]").filter(has_text="0:03").wait_for()
    line.broken = True
    line.opened[-1].close(code=3000)
    live.locator(SAID).filter(has_text="Connecting again").wait_for()
    view = live.locator(LIVE).element_handle()
    cut_s = view.evaluate(RECORDED_S)
    live.wait_for_function(f"([view, least]) => ({RECORDED_S})(view) >= least", arg=[view, cut_s + 3])
    back_s = view.evaluate(RECORDED_S)
    line.broken = False
    live.locator(SAID).filter(has_not_text="Connecting again").wait_for()
    live.get_by_role("button", name="End the recording").click()
    live.get_by_text("Uploaded.", exact=True).wait_for()
    settled(live)
    live.get_by_role("button", name="Start analysis").click()
    live.wait_for_url("**/record?recording=*")
    with account.read() as session:
        (recording,) = session.scalars(select(Recording)).all()
        assert (recording.patient_id, recording.kind) == (live.patient_id, "video")
        zone = clock.zone(session)
        recorded_at = datetime.combine(recording.recorded_on, recording.recorded_time, zone)
        assert timedelta(0) <= clock.now() - recorded_at < timedelta(minutes=15), "the server's clock counts"
        (job,) = session.scalars(select(Job)).all()
    with uploads.open_stored(Settings.at(data), job.sources[0]["id"]) as file:
        times = [frame.time_s for frame in video.frames(file, 0.2)]
    assert sum(cut_s < at_s < back_s for at_s in times) >= 5, "the recording went on while the line was broken"
    assert not list(Settings.at(data).data_dir.rglob("*.webm"))


def test_a_second_recording_waits_until_the_first_is_stored_or_dropped(live):
    record = live.get_by_role("button", name="Record", exact=True)
    waits = live.locator(f"{LIVE} [data-part=waits]")
    start(live)
    record.click()
    live.locator("[data-part=clock]").filter(has_text="0:02").wait_for()
    live.get_by_role("button", name="End the recording").click()
    live.get_by_text("Uploaded.").wait_for()
    live.get_by_text("The day and the time at which it began.").wait_for()
    assert "not stored yet" in waits.inner_text()
    assert waits.bounding_box()["y"] < LAPTOP_PX, "it is said where the person looks"
    assert not record.is_visible()
    live.get_by_role("button", name="Cancel").click()
    record.wait_for()
    assert not waits.is_visible()


def test_of_nobody_nothing_is_kept_and_everyone_in_view_is_asked(account, server, window):
    page = window(at="live")
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="Nobody").click()
    page.get_by_text("Everyone in view knows").click()
    start(page)
    choose(page)
    assert not page.get_by_role("button", name="Record", exact=True).is_visible()


REFUSED = """name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); }; }"""


def test_why_the_camera_does_not_start_or_was_taken_away_is_said(live):
    start(live)
    live.locator(LIVE).evaluate(
        "element => element.querySelector('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    live.locator(SAID).filter(has_text="The camera was disconnected.").wait_for()
    for name, says in (
        ("NotAllowedError", "The browser may not use the camera."),
        ("NotReadableError", "The camera is used by another program."),
        ("AbortError", "Perhaps another program uses it."),
        ("NotFoundError", "No camera was found."),
    ):
        live.evaluate(REFUSED, name)
        live.get_by_role("button", name="Start the camera").click()
        live.locator(SAID).filter(has_text=says).wait_for()
        assert not live.locator(LIVE).evaluate(LIGHT)


class Line:
    """A network between the page and the server: it lets everything through, holds answers back, or is broken."""

    def __init__(self):
        self.broken = self.silent = False
        self.opened = []

    def connect(self, route):
        if self.broken:
            route.close(code=3000)
            return
        self.opened.append(route)
        server = route.connect_to_server()
        server.on_message(lambda message: None if self.silent else route.send(message))


def test_a_silent_or_broken_connection_is_said_and_comes_back(live):
    line = Line()
    live.route_web_socket("**/camera*", line.connect)
    start(live)
    choose(live)
    line.silent = True
    live.locator(SAID).filter(has_text="What is seen here is no longer live.").wait_for()
    assert live.locator(LIVE).evaluate(LIGHT)
    # After so long a silence the page gives the connection up by itself, and the next one answers.
    live.locator(SAID).filter(has_text="Connecting again").wait_for()
    line.silent = False
    choose(live)
    line.broken = True
    line.opened[-1].close(code=3000)
    live.locator(SAID).filter(has_text="Connecting again").wait_for()
    line.broken = False
    choose(live)
    line.broken = True
    line.opened[-1].close(code=3000)
    live.locator(SAID).filter(has_text="The connection ended, and with it the live view.").wait_for()
    assert not live.locator(LIVE).evaluate(LIGHT)


def test_two_people_watch_beside_each_other(account, server, window, add_patient):
    doors.add_account(account, "Ben")
    patients = {name: add_patient(f"{name}'s patient") for name in ("Dr. Invented", "Ben")}
    pages = []
    for name, patient_id in patients.items():
        pages.append(window(name, at=f"live?patient={patient_id}"))
        settled(pages[-1])
        start(pages[-1])
    for page in pages:
        choose(page)
    consents.revoke(account, patients["Ben"], Scope.ANALYSE)
    pages[1].locator(f"{LIVE}[data-state=ended]").wait_for()
    still = pages[0].locator(LIVE).evaluate_handle("element => element")
    before = still.evaluate("element => element.figures().answers")
    pages[0].wait_for_function("([element, before]) => element.figures().answers > before", arg=[still, before])
    with account.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == "live_viewed")).all()
        assert sorted(row.patient_id for row in rows) == sorted(patients.values())
