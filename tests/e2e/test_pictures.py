"""Pictures in a real browser: they come in by the sealed route alone, also several at once."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tests.e2e.test_upload import open_form as open_form

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]


@pytest.fixture
def pictures(tmp_path):
    """Two pictures of more than 1 MB, from where Streamlit's own way would have laid them down in clear."""
    paths = [tmp_path / f"visit-{number}.png" for number in range(2)]
    for path in paths:
        noise = np.random.default_rng(len(path.name)).integers(0, 256, (700, 700, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        assert path.stat().st_size > 1 << 20
    return paths


@pytest.mark.attack("pictures over 1 MB: by which ways they come in")
def test_pictures_come_in_sealed(open_form, server, page, pictures, tmp_path, attack):
    sent = []
    page.on("request", lambda request: request.method in ("PATCH", "PUT", "POST") and sent.append(request.url))
    open_form()
    page.get_by_text("Pictures", exact=True).click()
    page.get_by_label("Choose pictures").set_input_files(pictures)
    page.get_by_text("Uploaded.").wait_for()
    assert page.get_by_text("2 files").is_visible()
    ways = {url.removeprefix(server).split("/")[1] for url in sent}
    attack(lambda: ways, {"uploads"})
    parts = list((tmp_path / "data" / "uploads").glob("*.part"))
    assert len(parts) == 2
    marker = pictures[0].read_bytes()[1000:1100]
    assert not any(marker in part.read_bytes() for part in parts)
    page.get_by_role("button", name="Start analysis").click()
    page.wait_for_url(re.compile("recording=[0-9a-f]{32}"))
