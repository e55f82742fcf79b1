"""A choice of file opens an upload, or goes on with the one that this browser left."""

from dataclasses import replace

import pytest

from clinic import incoming
from clinic.settings import Settings
from fer_core.errors import FerError
from pages.ui import uploader


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "data").mkdir()
    return replace(Settings.at(tmp_path / "data"), min_free_bytes=0)


def test_a_new_file_gets_an_upload_of_its_own(settings):
    first, second = (uploader._begin(settings, {"size": 5, "before": None}) for _ in range(2))
    assert first != second
    assert incoming.status(settings, first).length == 5


def test_a_file_that_was_left_goes_on(settings):
    left = incoming.begin(settings, 5).id
    assert uploader._begin(settings, {"size": 5, "before": left}) == left


@pytest.mark.parametrize("before", ["0" * 32, "../worker", "", 7])
def test_what_is_no_upload_of_this_file_is_begun_anew(settings, before):
    other = incoming.begin(settings, 6).id
    for told in (before, other):
        made = uploader._begin(settings, {"size": 5, "before": told})
        assert made not in (before, other)


def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(settings):
    with pytest.raises(FerError) as refusal:
        uploader._begin(replace(settings, max_upload_bytes=4), {"size": 5, "before": None})
    assert refusal.value.code == "too_big"
