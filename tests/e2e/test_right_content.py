"""What is shown is true: after the choice the patient alone, and the day is the clinic's, wherever the window is."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader
from sqlalchemy import select

from clinic.access import installation
from clinic.accounts import sessions
from clinic.accounts.accounts import grant
from clinic.jobs import jobs
from clinic.recordings import uploads
from clinic.settings import Settings
from db.models import Account, Patient, Sample
from pages.navigation import PLACES
from tests import consents, doors
from tests.e2e.conftest import settled
from tests.media import scene

pytestmark = pytest.mark.e2e

NAME = "Dr. Invented"
ON_A_NARROW_SHEET = """() => {
  const layer = document.querySelector(".js-plotly-plot .main-svg");
  const plot = document.querySelector(".js-plotly-plot");
  const sheet = document.querySelector("[data-testid=stMainBlockContainer]");
  const shape = () => {
    const { width, height } = layer.getBoundingClientRect();
    return { width, ratio: width / height, drawn: plot._fullLayout.width };
  };
  const screen = shape();
  window.dispatchEvent(new Event("beforeprint"));
  sheet.style.setProperty("width", "300px", "important");
  const paper = shape();
  sheet.style.width = "";
  window.dispatchEvent(new Event("afterprint"));
  return { screen, paper, after: shape(), kept: layer.getAttribute("viewBox") };
}"""
SHAPES = "[...document.querySelectorAll('.js-plotly-plot')].map(plot => (plot.layout.shapes || []).length)"


@pytest.fixture
def patient(account):
    """The id of a patient of the clinician's who agreed to everything."""
    with account.session() as session:
        stored = Patient(name="Invented Person", created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        grant(session, session.scalar(select(Account.id)), stored.id)
    consents.agree(account, stored.id)
    return stored.id


def two_people():
    """A PNG with two faces side by side."""
    picture = np.full((400, 900, 3), 70, np.uint8)
    picture[:, :450] = scene(90, 70, 260, (450, 400))
    picture[:, 450:] = scene(120, 120, 180, (450, 400))[:, ::-1]
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "PNG")
    return io.BytesIO(written.getvalue())


def test_after_the_choice_the_patient_alone_is_shown_and_stored(account, data, patient, window, server):
    settings = Settings.at(data)
    who = sessions.actor_of(account, sessions.sign_in(account, NAME, doors.PASSWORD))
    stored = uploads.store(account, settings, who, two_people(), "visit.png")
    recording = jobs.enqueue(account, settings, who, patient, [stored], date(2026, 5, 4)).recording_id
    page = window(at=f"record?recording={recording}")
    page.get_by_role("button", name="This is the patient").wait_for(timeout=120_000)
    assert page.get_by_role("heading", name="Invented Person").is_visible()
    assert page.locator(".js-plotly-plot").count() == 0, "while a face is to be chosen, nothing is drawn of anybody"
    faces = page.locator("label:has(input[type=checkbox])")
    faces.nth(1).wait_for()
    assert faces.count() == 2
    for face in (faces.first, faces.last):
        face.click()
        settled(page)
    page.get_by_role("button", name="This is the patient").click()
    page.get_by_text("they are different people").wait_for()
    faces.first.click()
    settled(page)
    page.get_by_role("button", name="This is the patient").click()
    page.get_by_text("Analysed.").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    assert sum(page.evaluate(SHAPES)) == 1, "one box, the patient's"
    with account.read() as session:
        assert len(set(session.scalars(select(Sample.track).where(Sample.recording_id == recording)))) == 1


TOO_MUCH_FOR_A_SHEET = """() => {
  const height = () => document.querySelector(".js-plotly-plot .svg-container").style;
  const found = {}, plot = document.querySelector(".js-plotly-plot"), usual = plot._fullLayout.height;
  for (const high of [600, 815, 1065]) {
    window.Plotly.relayout(plot, { height: high });
    window.dispatchEvent(new Event("beforeprint"));
    const [wide, shape] = ["--wide", "--shape"].map((name) => height().getPropertyValue(name));
    const [across, down] = shape.split("/").map(Number);
    found[high] = [parseFloat(wide), parseFloat(wide) * down / across];
    window.dispatchEvent(new Event("afterprint"));
  }
  window.Plotly.relayout(plot, { height: usual });
  return found;
}"""


def shrinks_on_paper(page):
    """A sheet that is narrower than the screen shows all of a chart, and afterwards the screen is as before."""
    usual = page.viewport_size
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.emulate_media(media="print")
    settled(page)
    seen = page.evaluate(ON_A_NARROW_SHEET)
    assert seen["screen"]["width"] > 1000, seen
    assert seen["paper"]["drawn"] == 680, "drawn for the sheet: letters stay as large as they are"
    assert 0 < seen["paper"]["width"] <= 300, "a smaller sheet has all of it too"
    height = seen["screen"]["width"] / seen["screen"]["ratio"]
    assert seen["paper"]["ratio"] == pytest.approx(680 / height, rel=0.01), seen
    assert (seen["after"], seen["kept"]) == (seen["screen"], None), seen
    for high, (wide, printed) in page.evaluate(TOO_MUCH_FOR_A_SHEET).items():
        wanted = {"600": 600, "815": 660, "1065": 940}[high]
        assert (wide, printed) == pytest.approx((680, wanted), abs=2), high
    page.emulate_media(media="screen")
    page.set_viewport_size(usual)


def what_is_to_be_filled_in_is_not_printed(page, address):
    page.goto(address)
    forms = page.locator("[data-testid=stForm]")
    forms.first.wait_for()
    page.emulate_media(media="print")
    expect(forms.first).to_be_hidden()
    page.emulate_media(media="screen")
    expect(forms.first).to_be_visible()


@pytest.mark.usefixtures("no_worker")
def test_the_browser_s_title_is_the_page_s_and_never_a_name(account, add_patient, add_recording, window, server):
    """Titles stand in the history, in the task bar and on every shared screen."""
    titles = {place.path: place.title for place in PLACES}
    xaver = add_patient("Xaver Zwiebel", code="ZW-77")
    recording = add_recording(xaver, "of the evening")
    page = window()
    opened = {f"patient?patient={xaver}", f"recording?id={recording}", f"record?recording={recording}"}
    opened |= {f"patient?patient={xaver}&tab=sharing", f"record?patient={xaver}", *titles}
    for address in sorted(opened):
        page.goto(f"{server}/{address}")
        page.locator("h1").first.wait_for()
        settled(page)
        title = titles[address.partition("?")[0]]
        assert re.fullmatch(rf"{title}( \(\d+\))?", page.title()), (address, page.title())
        # A new recording's patient stands in a list, whose choice is no text of the page.
        if "?" in address and not address.startswith("record?patient="):
            assert "Xaver Zwiebel" in page.locator("[data-testid=stMain]").inner_text(), address
    # A window above the page that is about the patient changes nothing of it.
    page.goto(f"{server}/patient?patient={xaver}")
    shrinks_on_paper(page)
    page.emulate_media(media="print")
    sheets = PdfReader(io.BytesIO(page.pdf(width="12cm", height="7cm"))).pages
    assert len(sheets) > 1
    assert all("Xaver Zwiebel · ZW-77" in sheet.extract_text() for sheet in sheets), "sheets come apart"
    page.emulate_media(media="screen")
    what_is_to_be_filled_in_is_not_printed(page, f"{server}/patient?patient={xaver}&tab=notes")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("dialog").wait_for()
    settled(page)
    assert page.title() == "Patient"


@pytest.mark.usefixtures("no_worker")
def test_the_day_is_the_clinic_s_wherever_the_window_is(account, patient, clock, window, server, clip):
    with account.session() as session:
        known = installation(session)
        known.zone, known.zone_confirmed = "Pacific/Auckland", True
    # Half past eight in the evening in UTC: in Auckland it is the next day, in Los Angeles noon of this one.
    now = datetime.now(UTC)
    evening = now.replace(hour=20, minute=30)
    evening += timedelta(days=0 if evening > now else 1)
    clock.move(evening - now)
    for zone in ("America/Los_Angeles", "Pacific/Auckland"):
        page = window(timezone_id=zone, at=f"record?patient={patient}")
        day = page.get_by_test_id("stDateInput").locator("input")
        day.wait_for()
        assert day.input_value() == "", "before a file is chosen no day is suggested"
        # The clip says nothing of when it was made.
        page.locator("input[type=file]").set_input_files(clip)
        page.get_by_text("Uploaded.").wait_for()
        settled(page)
        assert day.input_value() == str((evening + timedelta(days=1)).date())
