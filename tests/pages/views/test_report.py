"""A report is requested, followed and downloaded once; it can be cancelled, and a failure says why."""

import pytest
from streamlit.testing.v1 import AppTest

from clinic.consent.consent import Scope
from clinic.exchange.downloads import Kind
from clinic.patients import caseload
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from clinic.reports import report_jobs
from clinic.reports.content import ReportScope
from clinic.worker import reporting
from db.models import JobState
from tests import consents
from tests.clinic.patients.test_digests import FIRST, add
from web.resources import resources


def follow_page():
    import streamlit as st

    from clinic.patients import caseload
    from clinic.reports.content import ReportScope
    from pages.session import actor
    from pages.views.report import _follow
    from web.resources import resources

    _follow(caseload.get_patient(resources().db, actor(), st.session_state["patient"]), ReportScope())


@pytest.fixture
def who(enter):
    return enter()


@pytest.fixture
def page(who):
    db = resources().db
    patient_id = caseload.add_patient(db, who, "Ada Example")
    consents.agree(db, patient_id)
    add(db, patient_id, 2)
    page = AppTest.from_function(follow_page, default_timeout=60)
    page.session_state["patient"] = patient_id
    return page.run()


def header_page():
    import streamlit as st

    from clinic.patients import caseload
    from pages import clicks
    from pages.patient import show_header
    from pages.session import actor
    from web.resources import resources

    with clicks.run():
        show_header(caseload.get_patient(resources().db, actor(), st.session_state["patient"]))


def test_a_patient_without_a_recording_has_a_report_of_the_questionnaires(who):
    parts = resources()
    patient_id = caseload.add_patient(parts.db, who, "Ada Example")
    consents.agree(parts.db, patient_id)
    answers.record(parts.db, who, patient_id, Given("phq9", FIRST, total=12))
    page = AppTest.from_function(header_page, default_timeout=60)
    page.session_state["patient"] = patient_id
    press(page.run(), "Report")
    assert "One recording" not in [option for one in page.get("button_group") for option in one.options]
    press(page, "Preview")
    assert not page.error


def press(page, label):
    next(one for one in page.button if one.label == label).click().run()
    assert not page.exception


def labels(page):
    return [one.label for one in page.button]


def made(page):
    """Let a worker make it, then draw the page again."""
    parts = resources()
    reporting.make(parts.db, parts.settings, report_jobs.claim(parts.db))
    page.run()


def test_it_is_followed_until_it_can_be_downloaded(page):
    press(page, "Make a web page")
    assert "waits for its turn" in page.info[0].value
    assert labels(page) == ["Cancel"]
    made(page)
    [link] = page.get("link_button")
    assert link.proto.label.startswith("Download the web page of ")
    assert link.proto.url.startswith("/downloads/")
    assert labels(page) == ["Make the PDF", "Make a web page"]


def test_what_is_done_and_what_comes_before_is_said(page, who):
    parts, patient_id = resources(), page.session_state["patient"]
    other = caseload.add_patient(parts.db, who, "Ben Example")
    consents.agree(parts.db, other)
    add(parts.db, other, 2)
    report_jobs.ask(parts.db, who, other, ReportScope(), Kind.HTML)
    press(page, "Make the PDF")
    assert "behind 1 other report" in page.info[0].value
    report_jobs.claim(parts.db)
    claimed = report_jobs.claim(parts.db)
    assert claimed.patient_id == patient_id
    assert report_jobs.progress(parts.db, claimed, 0.3)
    page.run()
    [bar] = page.get("progress")
    assert (bar.proto.value, "30 %" in bar.proto.text) == (30, True)
    press(page, "Cancel")
    assert not report_jobs.progress(parts.db, claimed, 0.9), "the worker stops"


def test_a_cancelled_one_is_offered_again(page, who):
    press(page, "Make the PDF")
    press(page, "Cancel")
    assert labels(page) == ["Make the PDF", "Make a web page"]
    parts, patient_id = resources(), page.session_state["patient"]
    assert report_jobs.standing(parts.db, parts.settings, who, patient_id).state is JobState.CANCELLED
    assert report_jobs.claim(parts.db) is None


def test_a_failure_is_said(page):
    press(page, "Make the PDF")
    consents.expire(resources().db, page.session_state["patient"], Scope.EXPORT)
    made(page)
    assert "consent" in page.warning[0].value
    assert not page.get("link_button")
