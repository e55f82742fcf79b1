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
    for path in ("live", "caseload"):
        page.goto(f"{server}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        settled(page)
        accessible(page)
    for name in NO_PAGES:
        assert page.goto(f"{server}/{name}").status == 404
