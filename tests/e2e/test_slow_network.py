"""Over a slow line, with an impatient person: each click counts once, for what was on the screen, or is refused."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db.models import Patient, PatientEvent, QuestionnaireAnswer, Recording
from tests import consents
from tests.clinic.fakes import eventually
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

SLOW = {"offline": False, "latency": 600, "downloadThroughput": 150_000, "uploadThroughput": 20_000}
"""Milliseconds and bytes a second: a line worse than a bad telephone's."""


@pytest.fixture
def slow(window):
    """A window whose line is slow once the first page is there."""
    page = window()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    return page


def test_impatient_clicks_on_a_slow_line_store_each_thing_once(account, add_patient, add_recording, slow, server):
    first, second = (add_patient("Anna Twin", code=f"T-{number}") for number in range(2))
    recordings = [add_recording(first, f"visit {number}", seed=number) for number in range(2)]

    slow.goto(f"{server}/patient?patient={second}&tab=questionnaires", timeout=120_000)
    boxes = slow.get_by_label("1. ", exact=False)
    boxes.first.wait_for(timeout=120_000)
    settled(slow)
    slow.get_by_text("Total", exact=True).first.click()
    slow.get_by_label("Total (0 to 27)").fill("9")
    slow.keyboard.press("Tab")
    for _ in range(3):
        slow.get_by_role("button", name="Save questionnaire").click(delay=20, no_wait_after=True)
    # The sentence may go with a run that the next click cut off; the score stays.
    slow.get_by_text("was saved").or_(slow.get_by_text("of 27 ·")).first.wait_for(timeout=120_000)
    settled(slow)

    slow.goto(f"{server}/patient?patient={second}&tab=notes", timeout=120_000)
    slow.get_by_label("What", exact=True).fill("100 mg")
    for _ in range(3):
        slow.get_by_role("button", name="Add a mark").click(delay=20, no_wait_after=True)
    slow.get_by_text("Marked by mistake").wait_for(timeout=120_000)
    settled(slow)

    with account.read() as session:
        assert [one.patient_id for one in session.scalars(select(QuestionnaireAnswer))] == [second]
        assert [one.patient_id for one in session.scalars(select(PatientEvent))] == [second]

    # Open one recording, go on to the other at once, and delete what is on the screen.
    slow.goto(f"{server}/recording?id={recordings[1]}", timeout=120_000)
    slow.get_by_text("Note: visit 1").wait_for(timeout=120_000)
    slow.get_by_role("button", name="Previous").click(no_wait_after=True)
    slow.get_by_text("Note: visit 0").wait_for(timeout=120_000)
    settled(slow)
    slow.get_by_role("button", name="Delete this recording").click()
    dialog = slow.get_by_role("dialog")
    # Two patients have that name, so the code is asked for.
    dialog.get_by_role("textbox").fill("T-0")
    for _ in range(2):
        dialog.get_by_role("button", name="Delete", exact=True).click(delay=20, no_wait_after=True)
    slow.get_by_text("Permanently erased: 1 recording").wait_for(timeout=120_000)
    assert eventually(lambda: len(notes(account)) == 1)
    assert notes(account) == ["visit 1"]


class Line:
    """The line between a window and the server: each way can be held up, and what was sent arrives later."""

    def __init__(self, page):
        self.held, self.waiting = set(), {"up": [], "down": []}
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, window):
        server = window.connect_to_server()
        self.ways = {"up": server.send, "down": window.send}
        window.on_message(lambda message: self._pass("up", message))
        server.on_message(lambda message: self._pass("down", message))

    def _pass(self, way, message):
        if way in self.held:
            self.waiting[way].append(message)
        else:
            self.ways[way](message)

    def hold(self, way):
        self.held.add(way)

    def let_go(self):
        for way, messages in self.waiting.items():
            # What comes meanwhile waits behind what waits already.
            while messages:
                self.ways[way](messages.pop(0))
            self.held.discard(way)

    def has_waiting(self, page, said):
        """Return whether the server has sent some bytes that have not arrived."""
        page.wait_for_timeout(500)
        return any(said in message for message in self.waiting["down"])

    def is_still(self, page):
        """Return whether the server has answered, and says nothing more."""
        before = len(self.waiting["down"])
        page.wait_for_timeout(2_000)
        return 0 < before == len(self.waiting["down"])


@pytest.fixture
def held(window):
    """Return a function that opens an address over a line that can be held up; gives the window and the line."""

    def enter(at):
        lines = []
        page = window(at=at, prepare=lambda page: lines.append(Line(page)))
        return page, *lines

    return enter


def test_a_click_on_what_the_server_has_taken_away_meanwhile_is_reported(
    account, add_patient, add_recording, held, server
):
    anna = add_patient("Anna A")
    second = [add_recording(anna, f"visit {number}", seed=number) for number in range(2)][1]
    page, line = held(f"recording?id={second}")
    page.get_by_text("Note: visit 1").wait_for()
    settled(page)
    # The server goes on to the other recording, and this window doesn't hear of it yet.
    line.hold("down")
    page.get_by_role("button", name="Previous").click(no_wait_after=True)
    eventually(lambda: line.is_still(page), within_s=60)
    page.get_by_role("button", name="Delete this recording").click(no_wait_after=True)
    page.wait_for_timeout(1_000)
    line.let_go()
    # It is asked for the recording that was clicked, or nothing is done, and that is said.
    dialog = page.get_by_role("dialog")
    missed = page.get_by_text("click “Delete this recording” again")
    dialog.or_(missed).first.wait_for()
    assert dialog.count() == 0 or "Note: visit 1" in dialog.inner_text()
    assert sorted(notes(account)) == ["visit 0", "visit 1"]


def test_a_click_in_a_window_that_is_closed_meanwhile_is_reported(account, add_patient, add_recording, held, server):
    anna = add_patient("Anna A")
    recording = add_recording(anna, "visit 0")
    page, line = held(f"recording?id={recording}")
    page.get_by_role("button", name="Edit day and note").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("seen late")
    settled(page)
    # A colleague ends the consent: the page is drawn again without the window, which this person still sees.
    line.hold("down")
    consents.expire(account, anna)
    eventually(lambda: line.has_waiting(page, b"Please record its renewal"), within_s=60)
    dialog.get_by_role("button", name="Save").click(no_wait_after=True)
    page.wait_for_timeout(1_000)
    line.let_go()
    page.get_by_text("click “Save” again").wait_for()
    assert notes(account) == ["visit 0"]
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_text("Nothing was done").wait_for(state="detached")


def test_what_is_left_before_it_was_carried_out_is_stored_or_reported(account, add_patient, held, server):
    anna = add_patient("Anna A")
    page, line = held(f"patient?patient={anna}&tab=notes")
    page.get_by_label("What", exact=True).fill("100 mg")
    page.keyboard.press("Tab")
    settled(page)
    # Both clicks arrive together: the second one cuts off what the first one began.
    line.hold("up")
    page.get_by_role("button", name="Add a mark").click(no_wait_after=True)
    page.get_by_role("link", name="Caseload").first.click(no_wait_after=True)
    page.wait_for_timeout(1_000)
    line.let_go()
    page.get_by_role("heading", name="Caseload").wait_for()
    settled(page)
    # Whoever goes on at once reads it on the next page.
    page.get_by_role("link", name="Model").first.click()
    page.get_by_role("heading", name="Model").first.wait_for()
    settled(page)
    with account.read() as session:
        stored = [one.patient_id for one in session.scalars(select(PatientEvent))]
    missed = page.get_by_text("Nothing was done").count()
    # What was cut off in the middle may be stored or not: the sentence says so, and is true of both.
    cut_off = page.get_by_text("while “Add a mark” was being carried out. Please check whether it was done.").count()
    assert (stored, missed) == ([anna], 0) if stored else missed + cut_off == 1


def test_a_button_that_is_drawn_again_under_the_pointer_says_that_the_click_was_dropped(account, window):
    page = window()
    settled(page)
    button = page.get_by_role("button", name="Add patient")
    box = button.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    button.evaluate("(element) => element.replaceWith(element.cloneNode(true))")
    page.mouse.up()
    said = page.get_by_role("alert").get_by_text("The page changed while you clicked, so nothing was done.")
    said.wait_for()
    page.mouse.down()
    said.wait_for(state="detached")


def notes(account):
    with account.read() as session:
        assert session.scalar(select(Patient.id).limit(1)) is not None
        return list(session.scalars(select(Recording.note)))
