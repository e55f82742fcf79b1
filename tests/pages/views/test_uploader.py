"""A choice of file opens an upload, or goes on with the one that this browser left."""

import pytest

from clinic.recordings import incoming
from fer_core.errors import FerError
from pages.views import uploader
from web.resources import resources


@pytest.fixture(autouse=True)
def who(enter):
    """Who acts."""
    return enter()


def test_a_new_file_gets_an_upload_of_its_own(settings, who):
    first, second = (uploader._begin({"size": 5, "before": None}) for _ in range(2))
    assert first != second
    assert incoming.status(settings, first, who.account_id).length == 5


def test_a_file_that_was_left_goes_on(settings, who):
    left = incoming.begin(resources().db, settings, who, 5).id
    assert uploader._begin({"size": 5, "before": left}) == left


@pytest.mark.parametrize("before", ["0" * 32, "../worker", "", 7])
def test_what_is_no_upload_of_this_file_is_begun_again(settings, who, before):
    other = incoming.begin(resources().db, settings, who, 6).id
    for reported in (before, other):
        made = uploader._begin({"size": 5, "before": reported})
        assert made not in (before, other)


@pytest.mark.parametrize("settings", [{"FER_MAX_UPLOAD_GB": "0.000000004"}], indirect=True)
def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(settings, who):
    with pytest.raises(FerError) as refusal:
        uploader._begin({"size": 5, "before": None})
    assert refusal.value.code == "too_big"
