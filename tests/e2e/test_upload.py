"""A large video in a real browser: refused, interrupted, gone on with after the page was left, handed in."""

from __future__ import annotations

import os

import pytest

from storage.media import MARK
from tests.clinic.fakes import eventually
from tests.e2e.conftest import post_sign_in, settled

pytestmark = pytest.mark.e2e

PIECE = 16 * 1024 * 1024


@pytest.fixture
def large(clip, tmp_path):
    """The clip with 40 MB behind it that players skip."""
    path = tmp_path / "large.mp4"
    padding = 40_000_000
    path.write_bytes(clip.read_bytes() + (padding + 8).to_bytes(4, "big") + b"free" + bytes(padding))
    return path


def other_of(large):
    """Another file of the same size and date, whose last bytes are the same too."""
    other = large.with_name("other.mp4")
    content = bytearray(large.read_bytes())
    content[PIECE // 2] ^= 1
    other.write_bytes(content)
    os.utime(other, ns=(large.stat().st_atime_ns, large.stat().st_mtime_ns))
    return other


@pytest.fixture
def open_form(add_patient, page, server):
    """Return a function that opens the form of a new recording, of another patient each time, for one sign-in."""
    post_sign_in(page, server)

    def enter():
        page.goto(f"{server}/record?patient={add_patient('Quentin Invented')}")
        page.get_by_text("What was recorded").wait_for()

    return enter


def test_an_upload_survives_what_happens_to_it(open_form, page, large, tmp_path):
    sent, broken = [], []

    def watch(route, request):
        if request.method == "PATCH":
            offset = int(request.headers["upload-offset"])
            if broken and offset >= PIECE:
                route.abort()
                return
            sent.append(offset)
        route.continue_()

    page.route("**/uploads/*", watch)
    open_form()

    (tmp_path / "letter.mp4").write_text("This is a letter.")
    page.locator("input[type=file]").set_input_files(tmp_path / "letter.mp4")
    page.get_by_text("Uploaded.").wait_for()
    page.get_by_role("button", name="Start analysis").click()
    page.get_by_text("(Error code: not_a_video)").wait_for()

    sent.clear()
    broken.append(True)
    # Of another patient, with the same size and date: its part is not taken for the beginning of the next file.
    page.locator("input[type=file]").set_input_files(other_of(large))
    page.get_by_text("The connection was interrupted").wait_for()
    assert sent == [0]
    open_form()
    sent.clear()
    page.locator("input[type=file]").set_input_files(large)
    page.get_by_text("The connection was interrupted").wait_for()
    assert sent == [0]
    page.get_by_role("link", name="Model").click()
    page.get_by_role("heading", name="Model").first.wait_for()
    broken.clear()
    sent.clear()
    open_form()
    page.locator("input[type=file]").set_input_files(large)
    page.get_by_text("Uploaded.").wait_for()
    assert sent == [PIECE, 2 * PIECE], "what was there was not sent again"
    assert page.get_by_role("button", name="Cancel").is_visible()
    page.get_by_role("button", name="Start analysis").click()
    page.get_by_text("It does not count in the trend").wait_for(timeout=120_000)
    assert len(list((tmp_path / "data" / "uploads").iterdir())) == 2, "the part of the other file alone is left"
    assert [path.name for path in (tmp_path / "data" / "media").iterdir()] == [MARK]


@pytest.mark.usefixtures("no_worker")
def test_a_cancelled_upload_is_gone(open_form, page, large, tmp_path):
    page.route("**/uploads/*", lambda route, request: route.abort() if request.method == "PATCH" else route.continue_())
    open_form()
    page.locator("input[type=file]").set_input_files(large)
    page.get_by_role("button", name="Pause").click()
    # Also where it is pressed before the program has answered.
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("The connection was interrupted").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").wait_for()
    assert len(list((tmp_path / "data" / "uploads").iterdir())) == 2
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Choose a video").wait_for()
    assert eventually(lambda: not list((tmp_path / "data" / "uploads").iterdir()))


@pytest.mark.usefixtures("no_worker")
def test_an_upload_goes_on_where_a_full_disk_stopped_it(open_form, page, large, tmp_path):
    """The page said that what has arrived stays, and sent all of it again: the part filled the disk for another day."""
    sent, full = [], [True]

    def watch(route, request):
        offset = int(request.headers.get("upload-offset", 0))
        if full and offset >= PIECE:
            route.fulfill(status=507, json={"code": "disk_full", "message": "Too little free space."})
            return
        if request.method == "PATCH":
            sent.append(offset)
        route.continue_()

    page.route("**/uploads/*", watch)
    open_form()
    page.locator("input[type=file]").set_input_files(large)
    page.get_by_text("Too little free space.").wait_for()
    full.clear()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("Uploaded.").wait_for()
    assert sent == [0, PIECE, 2 * PIECE], "what was there was not sent again"
    assert len(list((tmp_path / "data" / "uploads").iterdir())) == 2, "no part of an upload that nobody goes on with"


CONTRAST = """button => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = colours => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(
      value => value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = [];
  for (let one = button; one; one = one.parentElement) behind.unshift(getComputedStyle(one).backgroundColor);
  const text = getComputedStyle(button.querySelector('p')).color;
  const [paler, darker] = [light(behind), light([...behind, text])].sort((a, b) => b - a);
  return (paler + 0.05) / (darker + 0.05);
}"""


def test_a_filled_button_can_be_read_before_and_when_it_can_be_pressed(open_form, page):
    """axe-core doesn't look at disabled buttons."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        open_form()
        start = page.get_by_role("button", name="Start analysis")
        start.wait_for()
        settled(page)
        assert start.is_disabled()
        assert start.evaluate(CONTRAST) >= 4.5
        start.evaluate("button => { button.disabled = false; }")
        assert start.evaluate(CONTRAST) >= 4.5
