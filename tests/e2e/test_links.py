"""Each address, opened directly on a server that has just started: `st.navigation` alone says which pages exist.

What axe-core finds serious on a page, light or dark, is found here too.
"""

from __future__ import annotations

import pytest

from pages.navigation import PLACES
from tests.e2e.conftest import ROOT, accessible, settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

NO_PAGES = sorted({path.stem for path in (ROOT / "pages").glob("*.py")} - {place.path for place in PLACES})


def test_a_link_opens_its_page_and_no_other_file_of_pages_is_one(sign_in, account, page, server):
    sign_in(at=PLACES[-1].path)
    for place in reversed(PLACES):
        page.goto(f"{server}/{place.path}")
        page.get_by_role("heading", name=place.title, exact=True).wait_for()
        settled(page)
        accessible(page)
        listed = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
        assert [name.split("\n")[-1] for name in listed] == [other.title for other in PLACES]
    page.emulate_media(color_scheme="dark")
    page.goto(f"{server}/caseload")
    page.get_by_role("button", name="Add patient").wait_for()
    settled(page)
    accessible(page)
    for name in NO_PAGES:
        assert page.goto(f"{server}/{name}").status == 404


PLACES_ELSEWHERE = (
    "www.a.example https://b.example ![i](http://c.example/c.png) <img src=http://d.example> [l](http://e.example)"
    " f@g.example mailto:h@i.example <https://j.example>"
)


@pytest.mark.attack("a patient's name, code and note with addresses: links that lead out, or that carry the name")
def test_nothing_that_was_typed_is_a_link(sign_in, account, add_patient, page, server, attack):
    """An archive may hold any text, and a link beside a heading would carry the name into the address."""
    patient_id = add_patient(PLACES_ELSEWHERE, code=PLACES_ELSEWHERE[:60], note=PLACES_ELSEWHERE)
    sign_in(at=f"patient?patient={patient_id}")
    page.get_by_role("heading", name="b.example").hover()
    settled(page)

    def links():
        found = page.locator("a[href]").evaluate_all("all => all.map(one => one.href)")
        return [one for one in found if not one.startswith(server) or "example" in one]

    attack(links, [])
