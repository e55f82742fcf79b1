"""What a page asks of the database when it is drawn again: a bounded number of statements, and who acts only once."""

from collections import Counter

import pytest

from clinic.patients import caseload
from tests.doors import statements
from tests.pages.test_pages import open_page, patients, who  # noqa: F401  fixtures
from web.resources import resources

MOST = {"caseload": 15, "patient": 14, "patient questionnaires": 15, "patient sharing": 13, "recording": 23}
"""The most statements of a rerun; lower them when a page asks less."""


@pytest.mark.parametrize("asked", MOST)
def test_a_rerun_asks_little(asked, who, patients):
    name, _, tab = asked.partition(" ")
    recording = caseload.get_patient(resources().db, who, patients[0].id).recordings[0]
    query = {"caseload": {}, "patient": {"patient": patients[0].id, "tab": tab}, "recording": {"id": recording.id}}
    page = open_page(name, **query[name])
    with statements(resources().db) as noted:
        page.run()
    assert not page.exception
    texts = [statement for statement, _ in noted]
    assert sum("token_sha256" in text for text in texts) == 1, "who acts is asked once in a run"
    assert len(texts) <= MOST[asked], Counter(text[:80] for text in texts).most_common(5)
