"""How imports ended, on the caseload."""

from dataclasses import replace

from streamlit.testing.v1 import AppTest

from clinic import words
from clinic.exchange import import_queue
from clinic.exchange.import_queue import ImportStanding, JobState
from pages import links

ENDED = ImportStanding("1" * 32, JobState.DONE, 1.0, "2" * 32, (), False, "", "")


def ended_page():
    from pages import clicks
    from pages.views.importing import show_imports

    with clicks.run():
        show_imports()


def test_a_like_patient_is_named_beside_the_imported_one(monkeypatch, settings, enter):
    enter()
    said = "Ünal =1+1 · ID abcdef has the same *name*."
    monkeypatch.setattr(import_queue, "standings", lambda *_: [replace(ENDED, doubles=(said,))])
    page = AppTest.from_function(ended_page, default_timeout=60).run()
    assert not page.exception
    assert "was imported" in page.success[0].value
    assert page.warning[0].value.endswith(links.plain_text(words.MAYBE_ONE_PERSON))
    assert r"\*name\*" in page.warning[0].value
    monkeypatch.setattr(import_queue, "standings", lambda *_: [ENDED])
    assert not page.run().warning
