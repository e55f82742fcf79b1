"""The recording's own page: the curve and the video are one time, and what people mark of it is kept."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, select

from clinic.accounts.accounts import grant
from clinic.admin import demo
from clinic.jobs import previews
from clinic.recordings import uploads
from clinic.settings import Settings
from db.models import Account, AuditRow, Job, JobState, Patient, Recording, RecordingMark, Role, Sample, new_id
from db.records import load_samples, save_results
from fer_core.types import Box
from storage import keys
from tests import consents, doors
from tests.clinic.fakes import result
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

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
def video(data, tmp_path, server):
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
def striped(data, tmp_path, server):
    """The source of a job whose kept video has narrow stripes everywhere, so that what is made coarse has none."""
    path = tmp_path / "striped.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.bit_rate = 2_000_000
        stripes = np.where(np.arange(320) // 4 % 2, 220, 30).astype(np.uint8)
        rgb = np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (180, 320, 3)))
        for _ in range(200):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    with path.open("rb") as file:
        stored = uploads.take_in(Settings.at(data), file, "striped.webm", new_id())
    return {"id": stored.id, "name": stored.name, "sha256": stored.sha256, "media_type": stored.media_type}


@pytest.fixture
def faces(monkeypatch, data):
    """Sources of a job: small pictures of the face at three moments, on a server that keeps them."""
    monkeypatch.setenv("FER_KEEP_FACES", "1")
    settings = Settings.at(data)
    keys.make(settings)
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(picture, "JPEG")
    made = [uploads.take_in(settings, io.BytesIO(picture.getvalue()), "face.jpg", new_id()) for _ in range(3)]
    at_s = (2.0, 15.0, 15.2)
    return [one.as_source() | {"kind": uploads.FACE, "at_s": at} for one, at in zip(made, at_s, strict=True)]


@pytest.fixture
def add_recording(account, patient):
    """Return a function that adds an analysed recording; returns its id."""

    def add(minutes=20 / 60, sources=(), note="", on=date(2026, 11, 20)):
        visit = demo.InventedVisit(0, 0.3, 0.2, minutes=minutes, note=note, usable=1.0)
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


def opened(window, recording_id, name="Dr. Invented"):
    """Return a window with the page of a recording."""
    page = window(name, at=f"recording?id={recording_id}")
    ready(page)
    return page


def open_recording(page, server, recording_id):
    page.goto(f"{server}/recording?id={recording_id}")
    ready(page)


def ready(page):
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


CONTRAST = """root => {
    const shadow = [...document.querySelectorAll('*')].map(e => e.shadowRoot).find(one => one?.querySelector('video'));
    const over = shadow.querySelector('[data-part=over]'), pen = over.getContext('2d');
    const spread = (left, top, wide, high) => {
        const grey = pen.getImageData(over.width * left, over.height * top, over.width * wide, over.height * high).data
            .filter((_, place) => place % 4 === 0);
        return Math.max(...grey) - Math.min(...grey);
    };
    const drawn = pen.getImageData(over.width / 2, over.height * 0.9, 1, 1).data[3];
    return drawn ? [spread(0.05, 0.3, 0.15, 0.3), spread(0.43, 0.4, 0.12, 0.2)] : null;
}"""


@pytest.mark.parametrize("blind", [False, True])
def test_nobody_but_the_patient_can_be_recognised_in_the_player(
    striped, add_recording, account, patient, window, server, blind
):
    recording_id = add_recording(sources=[striped])
    with account.session() as session:
        row = session.get_one(Recording, recording_id)
        row.settings = {**row.settings, "face_choice": {"how": "clinician", "tracks": [0], "left_out": [0.4]}}
    page = window(at=f"recording?id={recording_id}")
    page.locator(READY).wait_for()
    if blind:
        page.get_by_text("Blind first").click()
        page.locator("[data-part=player][data-blind=yes]").wait_for()
    settled(page)
    assert page.locator("video").evaluate("video => getComputedStyle(video).opacity") == "0"
    around, patients = page.wait_for_function(CONTRAST).json_value()
    assert around < 30, "stripes around the face"
    assert patients > 100, "the face itself is made coarse"


def test_a_click_in_the_curves_moves_the_video_there(video, add_recording, window, server):
    recording = add_recording(sources=[video])
    page = opened(window, recording)
    page.locator("video").evaluate(
        "v => v.readyState >= 1 || new Promise(done => v.addEventListener('loadedmetadata', done))"
    )
    page.locator(".u-over").scroll_into_view_if_needed()
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
    page = opened(window, add_recording(sources=[video]))
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
    page = opened(window, second)
    page.get_by_role("button", name="Previous").click()
    page.get_by_text("Note: FIRST").wait_for()
    assert page.url == f"{server}/recording?id={first}"
    page.reload()
    page.get_by_text("Note: FIRST").wait_for()
    page.go_back()
    page.get_by_text("Note: SECOND").wait_for()
    assert page.url == f"{server}/recording?id={second}"


def select_stretch(page, begin, end):
    """Drag over the curves, from one share of their width to another."""
    page.locator(".u-over").scroll_into_view_if_needed()
    over = page.locator(".u-over").bounding_box()
    page.mouse.move(over["x"] + over["width"] * begin, over["y"] + 60)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * end, over["y"] + 60, steps=5)
    page.mouse.up()


def pick(page, label, option):
    page.get_by_role("dialog").get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_a_stretch_is_marked_left_out_and_still_there_after_a_reload(add_recording, account, window, server):
    recording = add_recording()
    page = opened(window, recording)
    select_stretch(page, 0.25, 0.5)
    page.get_by_text("Selected: 0:05.0 to 0:10.0").wait_for()
    page.locator("[data-part=player]").press("m")
    pick(page, "What do you say about it?", "Can't be interpreted")
    page.get_by_role("dialog").get_by_label("Note").fill("a mask")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    page.get_by_text("Marks (1)").wait_for()
    settled(page)
    select_stretch(page, 0.75, 0.9)
    page.locator("[data-part=player]").press("x")
    pick(page, "Why", "Camera moved or covered")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    page.get_by_text("Marks (2)").wait_for()
    page.reload()
    page.get_by_text("Marks (2)").wait_for()
    with account.read() as session:
        stored = session.scalars(select(RecordingMark).order_by(RecordingMark.number)).all()
        assert [(mark.verdict, mark.reason, mark.note) for mark in stored] == [
            ("unclear", None, "a mask"),
            ("exclude", "camera", ""),
        ]
        assert (stored[0].begin_s, stored[0].end_s) == (pytest.approx(5.0, abs=0.1), pytest.approx(10.0, abs=0.1))


def test_blind_first_shows_the_video_alone_until_it_is_over(video, add_recording, account, window, server):
    recording = add_recording(sources=[video])
    page = opened(window, recording)
    page.get_by_text("Blind first").click()
    page.locator("[data-part=player][data-blind=yes]").wait_for()
    settled(page)
    assert page.locator("video").is_visible()
    assert not page.locator("[data-part=plots]").is_visible()
    assert page.get_by_text("the model labelled").count() == 0
    assert page.locator("[data-part=said]").inner_text() == ""
    page.locator("[data-part=player]").press("m")
    pick(page, "Label", "Sad-like")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    page.get_by_text("Own impression, before the labels were shown: Sad-like").wait_for()
    with account.read() as session:
        (stored,) = session.scalars(select(RecordingMark))
        assert (stored.verdict, stored.label) == ("impression", "sad")
        assert stored.model_label is not None, "what the model had said is kept beside it"
    page.get_by_text("Blind first").click()
    page.get_by_text("the model labelled").wait_for()


def test_two_people_who_mark_at_once_see_each_other_s_mark(add_recording, account, window, server):
    recording = add_recording()
    one, other = opened(window, recording), opened(window, recording, "Ben")
    for page in (one, other):
        select_stretch(page, 0.25, 0.5)
        page.locator("[data-part=player]").press("x")
        pick(page, "Why", "Interruption")
    one.get_by_role("dialog").get_by_role("button", name="Keep").click()
    one.get_by_text("Marks (1)").wait_for()
    # In haste: the second half of a double click decides nothing.
    other.get_by_role("dialog").get_by_role("button", name="Keep").dblclick()
    other.get_by_text("Another user changed this stretch after you opened it").wait_for()
    settled(other)
    with account.read() as session:
        assert len(session.scalars(select(RecordingMark)).all()) == 1
    other.get_by_role("dialog").get_by_text("Store mine too").click()
    settled(other)
    other.get_by_role("dialog").get_by_role("button", name="Keep").click()
    other.get_by_text("Marks (2)").wait_for()
    with account.read() as session:
        assert len({mark.recorded_by for mark in session.scalars(select(RecordingMark))}) == 2


def test_a_window_with_something_typed_stays_when_a_colleague_s_mark_changes_the_results(
    add_recording, account, window, server
):
    """The recording was drawn again with the colleague's mark, and the window was gone with what was typed in it."""
    recording = add_recording()
    one, other = window(), window("Ben")
    for page, note in ((one, "a stranger"), (other, "somebody else")):
        open_recording(page, server, recording)
        select_stretch(page, 0.25, 0.5)
        page.locator("[data-part=player]").press("m")
        pick(page, "What do you say about it?", "Not the patient")
        page.get_by_role("dialog").get_by_label("Note").fill(note)
    one.get_by_role("dialog").get_by_role("button", name="Keep").click()
    one.get_by_text("Marks (1)").wait_for()
    other.get_by_role("dialog").get_by_role("button", name="Keep").click()
    other.get_by_text("Another user changed this stretch after you opened it").wait_for()
    assert other.get_by_role("dialog").get_by_label("Note").input_value() == "somebody else"
    with account.read() as session:
        assert session.scalars(select(RecordingMark.note)).all() == ["a stranger"]


def test_the_chart_is_stacked_and_saved_as_a_picture_which_is_written_down(
    faces, add_recording, account, window, server
):
    recording = add_recording(sources=faces)
    page = opened(window, recording)
    shown = page.locator("[data-part=faces] img")
    assert [shown.nth(place).is_visible() for place in range(3)] == [True, True, False], "the third one is too near"
    assert shown.first.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 64
    shown.nth(1).click()
    assert page.locator("[data-part=plots]").evaluate(CURSOR_TIME) == pytest.approx(15.0)
    page.get_by_role("button", name="Review all").click()
    page.locator("[data-part=review]").filter(has_text="1 of ").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("[data-part=review]").inner_text() == ""
    in_charts = page.get_by_test_id("stPlotlyChart").locator(".ytick text").first
    assert in_charts.evaluate("text => getComputedStyle(text).fill === getComputedStyle(text).color"), "too pale"
    page.get_by_role("button", name="Stacked").click()
    assert page.locator("[data-part=chips] [aria-pressed=true]").count() == 7
    for kind, begin in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Chart as {kind}").click()
        saved = Path(waiting.value.path()).read_bytes()
        assert saved.startswith(begin)
        settled(page)
    assert b"Happy-like" in saved
    page.get_by_role("button", name="Stacked").click()
    assert page.locator("[data-part=chips] [aria-pressed=true]").count() == 3
    with account.read() as session:
        details = session.scalars(select(AuditRow.details).where(AuditRow.recording_id == recording)).all()
    assert {one["kind"] for one in details if "kind" in one} == {"chart_png", "chart_svg"}


def test_a_picture_that_begins_after_the_sound_is_shown_where_the_cursor_is(video, add_recording, window, server):
    page = opened(window, add_recording(sources=[video | {"begins_s": 3.0}]))
    page.locator("video").evaluate(
        "v => v.readyState >= 1 || new Promise(done => v.addEventListener('loadedmetadata', done))"
    )
    player = page.locator("[data-part=player]")
    player.focus()
    player.press("Home")
    player.press("Control+ArrowRight")
    picture, cursor = times(page)
    assert (picture, cursor) == (pytest.approx(13.0, abs=0.05), pytest.approx(10.0, abs=0.05))


@pytest.fixture
def two_faces(account, data, patient, server):
    """The id of a recording of four seconds in which one of two faces turns into somebody else at two seconds."""
    with account.session() as session:
        visit = demo.InventedVisit(0, 0.3, 0.2, minutes=4 / 60)
        recording, _ = demo._recording(patient, visit, np.random.default_rng(3))
        recording.summary, recording.settings = None, {"every_s": 0.2}
        session.add(recording)
        session.flush()
        now = datetime.now(UTC)
        session.add(Job(recording_id=recording.id, state=JobState.CHOOSING.value, created_at=now))
        seen = [(0,)] * 10 + [(0, 1)] * 10
        save_results(session, recording.id, [result(index, *tracks) for index, tracks in enumerate(seen)])
    for track, at_s in ((0, 0.2), (0, 3.0), (1, 3.0)):
        picture = np.full((90, 160, 3), 90 + 50 * track, np.uint8)
        previews.write_thumbnail(Settings.at(data), recording.id, track, picture, Box(10, 10, 60, 60), at_s)
    return recording.id


def test_a_face_is_split_and_its_first_part_joined_with_another(two_faces, account, window, server):
    page = window(at=f"record?recording={two_faces}")
    page.get_by_role("button", name="The patient is not there").wait_for()
    settled(page)
    page.get_by_text("One of these faces is two people").click()
    page.get_by_role("button", name="Split this face").wait_for()
    page.get_by_label("Another person from second").fill("2")
    page.get_by_label("Another person from second").press("Enter")
    settled(page)
    page.get_by_role("button", name="Split this face").click()
    page.get_by_role("checkbox", name="Face 3").wait_for()
    settled(page)
    for face in ("Face 1", "Face 2"):
        page.get_by_test_id("stCheckbox").filter(has_text=face).locator("label").click()
        settled(page)
    page.get_by_role("button", name="This is the patient").click()
    page.get_by_text("Open the recording").wait_for()
    with account.read() as session:
        assert load_samples(session, two_faces).track.tolist() == [0] * 20
    open_recording(page, server, two_faces)
    page.get_by_text("Another person is taken for the patient").click()
    page.get_by_label("To second").fill("1")
    page.get_by_label("To second").press("Enter")
    settled(page)
    page.get_by_role("button", name="This is not the patient").click()
    page.get_by_text("Marked as not the patient: 0:00.0 to 0:01.0.").wait_for()
    with account.read() as session:
        assert load_samples(session, two_faces).status.tolist()[:6] == ["not_patient"] * 5 + ["ok"]


def test_samples_are_exported_and_a_copy_of_the_video_is_asked_for_and_dropped(video, add_recording, window, server):
    page = opened(window, add_recording(sources=[video]))
    page.get_by_role("button", name="Export this recording").click()
    page.get_by_role("button", name="Prepare the file").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"PK")
    page.get_by_role("dialog").get_by_text("Video with labels").click()
    page.get_by_role("button", name="Make the video").click()
    page.get_by_text("Waiting for its turn").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Make the video").wait_for()
