"""A patient's way out and in: exported, erased with a receipt, not taken back here, but elsewhere."""

from __future__ import annotations

import re
import zipfile

import pytest

pytestmark = pytest.mark.e2e

NAME = "Quentin Invented"


def import_file(page, file):
    page.get_by_role("button", name="Import").first.click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text(file.name).wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Import").click()


def test_exported_erased_and_brought_back_where_nobody_erased_it(account, agreed, sign_in, page, tmp_path):
    sign_in()
    page.get_by_role("button", name="Add patient").first.click()
    page.get_by_label("Name or code").fill(NAME)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name=NAME).wait_for()
    agreed()

    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Prepare the archive").click()
    link = page.get_by_role("link", name="Download")
    assert re.fullmatch(r"/downloads/[0-9a-f]{32}", link.get_attribute("href"))
    # In this window: a file that opens a window of its own is hard to catch.
    link.evaluate("link => link.removeAttribute('target')")
    with page.expect_download() as fetched:
        link.click()
    assert fetched.value.suggested_filename == "patient-export.zip"
    archive = tmp_path / "archive.zip"
    fetched.value.save_as(archive)
    assert NAME in zipfile.ZipFile(archive).read("patient.json").decode()
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Edit").click()
    page.get_by_text("Delete this patient").click()
    page.get_by_label("To confirm, type").fill(NAME.upper())
    page.get_by_role("button", name="Delete patient").click()
    page.get_by_text("Permanently erased: 1 patient.").wait_for()
    receipt = page.locator("code").first.inner_text()
    assert re.match(r"receipt [0-9a-f]{32}\nerased  \d{1,2} \w{3} \d{4}, \d{2}:\d{2} ", receipt)
    assert "Quentin" not in receipt

    import_file(page, archive)
    page.get_by_text("Error code: patient_erased").wait_for()
    # Another installation has another list of what was erased.
    (tmp_path / "data-keys" / "erased.jsonl").unlink()
    page.reload()
    page.get_by_role("button", name="Close", exact=True).click()
    import_file(page, archive)
    page.get_by_role("button", name="Open the patient").click()
    page.get_by_role("heading", name=NAME).wait_for()
