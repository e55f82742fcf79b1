"""The main job in a real browser: a new patient, a clip, its analysis, the trend."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.e2e

NAME = "Quentin Invented"


def test_from_an_empty_caseload_to_a_trend(account, agreed, sign_in, page, clip):
    seen, said = [], []
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    sign_in()
    page.get_by_role("button", name="Add patient").first.click()
    page.get_by_label("Name or code").fill(NAME)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name=NAME).wait_for()
    agreed()
    page.reload()

    page.get_by_role("button", name="Add a recording").click()
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_text("Uploaded.").wait_for()
    page.get_by_role("button", name="Start analysis").click()
    page.get_by_role("heading", name=NAME).wait_for()
    page.get_by_role("heading", name="Recorded on").wait_for()
    page.get_by_text("It does not count in the trend").wait_for(timeout=180_000)
    assert page.get_by_role("heading", name=NAME).is_visible()
    assert page.title() == "New recording"

    page.get_by_role("link", name="Open the patient's page").click()
    page.get_by_role("heading", name=NAME).wait_for()
    page.get_by_text("Usable face time").first.wait_for()
    assert page.get_by_text("not feelings or a diagnosis").first.is_visible()
    assert page.get_by_text("Something went wrong").count() == 0

    assert re.fullmatch(r"/patient\?.*", urlsplit(page.url).path + "?" + urlsplit(page.url).query)
    assert not any("quentin" in url.lower() for url in seen), "a name stood in an address"
    assert "Quentin" not in page.title()
    hosts = {urlsplit(url).hostname for url in seen if url.startswith("http")}
    assert hosts == {"127.0.0.1"}, f"other hosts were asked: {hosts}"
    violations = [text for text in said if "Content Security Policy" in text]
    assert not violations, f"the policy is too tight: {violations}"
    media = [url for url in seen if urlsplit(url).path.startswith("/media/")]
    assert not media, f"media were served to whoever asks: {media}"
