"""Whose faces pictures show, in a real browser: each is seen, and many are answered with few clicks."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from clinic.jobs import previews
from clinic.settings import Settings
from db.models import Job, JobState, Recording
from db.records import load_samples, save_results
from fer_core.types import Box
from tests.clinic.fakes import result
from tests.e2e.conftest import accessible, settled
from tests.e2e.test_right_content import patient as patient

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

MANY = 50


@pytest.fixture
def pictures(account, data, patient, server):
    """The id of a recording of many pictures with a face alone, and one with two, that waits for the choice."""
    now = datetime.now(UTC)
    sources = [{"id": f"{number:032}", "name": f"IMG_{number:04}.jpg"} for number in range(MANY + 1)]
    seen = [(number,) for number in range(MANY)] + [(MANY, MANY + 1)]
    with account.session() as session:
        stored = Recording(patient_id=patient, kind="pictures", recorded_on=date(2026, 5, 4), created_at=now)
        session.add(stored)
        session.flush()
        session.add(Job(recording_id=stored.id, state=JobState.CHOOSING.value, created_at=now, sources=sources))
        save_results(session, stored.id, [result(index, *tracks, every_s=1.0) for index, tracks in enumerate(seen)])
    for track in range(MANY + 2):
        picture = np.full((120, 160, 3), 40 + 3 * track, np.uint8)
        previews.write_thumbnail(Settings.at(data), stored.id, track, picture, Box(10, 10, 60, 70))
    return stored.id


def test_many_pictures_are_confirmed_with_few_clicks_and_the_exceptions_left_out(
    pictures, account, data, window, server
):
    page = window(at=f"record?recording={pictures}")
    page.get_by_role("heading", name="Whose faces are these?").wait_for()
    settled(page)
    shown = page.get_by_role("img", name="Face in picture")
    shown.nth(MANY + 1).wait_for()
    assert shown.count() == MANY + 2, "the face of every picture is shown"
    assert page.get_by_text("IMG_0007.jpg").is_visible()
    boxes = page.get_by_role("checkbox", name="Picture")
    assert (boxes.count(), page.get_by_role("checkbox", name="Picture", checked=True).count()) == (MANY + 2, 0)
    # A tick that was not sent yet stays when the others are ticked at once.
    second = page.get_by_role("checkbox", name=f"Picture {MANY + 1}, face 2 of 2")
    second.focus()
    page.keyboard.press("Space")
    everyone = page.get_by_role("button", name=f"All {MANY} pictures with one face show Invented Person")
    everyone.focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Picture 1", exact=True, checked=True).wait_for()
    settled(page)
    assert page.get_by_role("checkbox", name="Picture", checked=True).count() == MANY + 1
    accessible(page)
    page.get_by_role("checkbox", name="Picture 3", exact=True).focus()
    page.keyboard.press("Space")
    page.get_by_role("checkbox", name="Picture 3", exact=True, checked=False).wait_for()
    page.get_by_role("button", name="This is the patient").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Open the recording").wait_for()
    with account.read() as session:
        found = load_samples(session, pictures)
        choice = session.get_one(Recording, pictures).settings["face_choice"]
    assert found.track.tolist() == [0, 0, -1] + [0] * (MANY - 2)
    assert choice["tracks"] == [0, 1, *range(3, MANY), MANY + 1]
    assert not list(previews.work_dir(Settings.at(data), pictures).glob("track-*"))
