"""A choice of file opens an upload, or goes on with the one that this browser left."""

import os
from dataclasses import replace

import pytest

from clinic.recordings import incoming
from clinic.recordings.pieces import Piece
from fer_core.errors import FerError
from pages.views import uploader
from storage.sealed import CHUNK_BYTES
from web.resources import resources


@pytest.fixture(autouse=True)
def who(enter):
    """Who acts."""
    return enter()


def test_a_new_file_gets_an_upload_of_its_own(settings, who):
    first, second = (uploader._begin({"size": 5, "before": None}) for _ in range(2))
    assert first != second
    assert incoming.status(settings, first, who.account_id).length == 5


def left_of(settings, who, content, size):
    """The first bytes of a file of `size` bytes came in, then the page was left."""
    upload = incoming.begin(resources().db, settings, who, size)
    piece = Piece(settings, upload.id, 0, {}, who.account_id)
    piece.write(content)
    return piece.close()


def reported(upload, file):
    """What the browser says of a file that it chose, and of the upload that it remembers for it."""
    digest = incoming.digest_of([file[at : at + CHUNK_BYTES] for at in range(0, upload.offset, CHUNK_BYTES)])
    return {"size": len(file), "before": {"id": upload.id, "sent": upload.offset, "digest": digest}}


@pytest.mark.parametrize("sent", [1, 3, 16, 17, 40])
def test_a_file_that_was_left_goes_on(settings, who, sent):
    file = os.urandom(40 * CHUNK_BYTES)
    left = left_of(settings, who, file[: sent * CHUNK_BYTES], len(file))
    assert left.offset == sent * CHUNK_BYTES
    assert uploader._begin(reported(left, file)) == left.id
    assert incoming.status(settings, left.id, who.account_id).offset == left.offset, "nothing was lost"


@pytest.mark.parametrize("differs", [0, 17 * CHUNK_BYTES, 18 * CHUNK_BYTES - 1])
@pytest.mark.parametrize("sent", [18, 20])
def test_another_file_of_the_same_size_and_date_is_begun_again(settings, who, sent, differs):
    file = os.urandom(20 * CHUNK_BYTES)
    left = left_of(settings, who, file[: sent * CHUNK_BYTES], len(file))
    other = bytearray(file)
    other[differs] ^= 1
    assert uploader._begin(reported(left, bytes(other))) != left.id


def test_a_file_that_came_further_meanwhile_is_begun_again(settings, who):
    file = os.urandom(4 * CHUNK_BYTES)
    left = left_of(settings, who, file[: 2 * CHUNK_BYTES], len(file))
    shorter = replace(left, offset=CHUNK_BYTES)
    assert uploader._begin(reported(shorter, file)) != left.id


def test_two_files_of_one_choice_never_share_an_upload(settings, who):
    file = os.urandom(2 * CHUNK_BYTES)
    left = left_of(settings, who, file[:CHUNK_BYTES], len(file))
    first = uploader._begin(reported(left, file))
    assert first == left.id
    assert uploader._begin(reported(left, file), [first]) != left.id


def test_an_upload_of_which_nothing_is_there_is_not_shared_with_another_tab(settings, who):
    """A second tab with a file of the same size and date got it, and what was stored was a mixture of both."""
    left = left_of(settings, who, b"123", 5)
    assert left.offset == 0
    assert uploader._begin(reported(left, b"56789")) != left.id


@pytest.mark.parametrize("before", ["0" * 32, "../worker", "", 7])
def test_what_is_no_upload_of_this_file_is_begun_again(settings, who, before):
    other = incoming.begin(resources().db, settings, who, 6).id
    for named in (before, other):
        made = uploader._begin({"size": 5, "before": {"id": named, "sent": 0, "digest": incoming.digest_of([])}})
        assert made not in (before, other)


@pytest.mark.parametrize("settings", [{"FER_MAX_UPLOAD_GB": "0.000000004"}], indirect=True)
def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(settings, who):
    with pytest.raises(FerError) as refusal:
        uploader._begin({"size": 5, "before": None})
    assert refusal.value.code == "too_big"
