"""Large uploads: in pieces, interrupted, gone on with, within their limits, and read as they were sent."""

import errno
import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from clinic.jobs import jobs
from clinic.recordings import incoming, uploads
from clinic.recordings.pieces import Piece
from fer_core.errors import FerError, MediaError
from storage.media import open_store
from storage.sealed import CHUNK_BYTES, SealedWriter
from tests import doors
from tests.media import scene, write_clip


def send(settings, upload_id, content, offset, digests, owner):
    piece = Piece(settings, upload_id, offset, digests, owner)
    try:
        for place in range(0, len(content), 100_000):
            piece.write(content[place : place + 100_000])
    finally:
        reached = piece.close()
    return reached


def read(settings, upload_id):
    """What was sent, before it is looked at."""
    media = open_store(settings)
    media.adopt(uploads.part_path(settings, upload_id), upload_id)
    with media.open(upload_id) as file:
        return file.read()


def png():
    written = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES, 1_500_000])
@pytest.mark.parametrize("remembered", [True, False])
def test_pieces_of_any_size_make_the_file(db, settings, who, size, remembered):
    content, digests, pieces = os.urandom(size), {}, iter([1, 300_000, 5, CHUNK_BYTES, 700_000] * 20)
    upload = incoming.begin(db, settings, who, size)
    while upload.sha256 is None:
        step = next(pieces) if upload.offset + 1_000_000 < size or size < CHUNK_BYTES else size
        upload = send(
            settings, upload.id, content[upload.offset : upload.offset + step], upload.offset, digests, who.account_id
        )
        assert incoming.status(settings, upload.id, who.account_id).offset == upload.offset
        if not remembered:
            digests.clear()
    assert upload.sha256 == hashlib.sha256(content).hexdigest()
    assert read(settings, upload.id) == content


def test_only_whole_chunks_count_and_the_rest_is_sent_again(db, settings, who):
    content, digests = os.urandom(3 * CHUNK_BYTES), {}
    upload = incoming.begin(db, settings, who, len(content))
    upload = send(settings, upload.id, content[: CHUNK_BYTES + 100], 0, digests, who.account_id)
    assert upload.offset == CHUNK_BYTES
    send(settings, upload.id, content[CHUNK_BYTES:], CHUNK_BYTES, digests, who.account_id)
    assert read(settings, upload.id) == content


def test_a_piece_at_the_wrong_place_changes_nothing(db, settings, who):
    content, digests = os.urandom(3 * CHUNK_BYTES), {}
    upload = incoming.begin(db, settings, who, len(content))
    send(settings, upload.id, content[: 2 * CHUNK_BYTES], 0, digests, who.account_id)
    for offset in (0, CHUNK_BYTES, 2 * CHUNK_BYTES + 1, len(content)):
        with pytest.raises(FerError) as refusal:
            send(settings, upload.id, b"x", offset, digests, who.account_id)
        assert refusal.value.code == "upload_offset"
    send(settings, upload.id, content[2 * CHUNK_BYTES :], 2 * CHUNK_BYTES, digests, who.account_id)
    with pytest.raises(FerError) as refusal:
        send(settings, upload.id, b"x", len(content), digests, who.account_id)
    assert refusal.value.code == "upload_offset"
    assert read(settings, upload.id) == content


def test_a_piece_beyond_the_length_is_refused_and_the_rest_stays(db, settings, who):
    upload = incoming.begin(db, settings, who, CHUNK_BYTES + 10)
    with pytest.raises(FerError) as refusal:
        send(settings, upload.id, bytes(CHUNK_BYTES + 200_000), 0, {}, who.account_id)
    assert refusal.value.code == "too_big"
    assert incoming.status(settings, upload.id, who.account_id).sha256 is None


def test_the_end_of_another_file_is_refused_where_the_hash_was_announced(db, settings, who):
    file, other = os.urandom(2 * CHUNK_BYTES), os.urandom(2 * CHUNK_BYTES)
    for end, kept in ((file, True), (other, False)):
        upload = incoming.begin(db, settings, who, len(file), hashlib.sha256(file).hexdigest())
        upload = send(settings, upload.id, file[:CHUNK_BYTES], 0, {}, who.account_id)
        if kept:
            assert send(settings, upload.id, end[CHUNK_BYTES:], CHUNK_BYTES, {}, who.account_id).sha256
            continue
        with pytest.raises(FerError) as refusal:
            send(settings, upload.id, end[CHUNK_BYTES:], CHUNK_BYTES, {}, who.account_id)
        assert refusal.value.code == "upload_differs"
        with pytest.raises(FerError):
            incoming.status(settings, upload.id, who.account_id)


def test_two_pieces_at_once_do_not_mix(db, settings, who):
    upload = incoming.begin(db, settings, who, 1000)
    first = Piece(settings, upload.id, 0, {}, who.account_id)
    with pytest.raises(FerError) as refusal:
        Piece(settings, upload.id, 0, {}, who.account_id)
    assert refusal.value.code == "upload_busy"
    first.write(bytes(1000))
    assert first.close().sha256 == hashlib.sha256(bytes(1000)).hexdigest()


def test_a_process_that_was_killed_at_the_end_loses_the_last_chunk_alone(db, settings, who):
    """The file was ended, but it was not yet written down that it was."""
    content, digests = os.urandom(2 * CHUNK_BYTES), {}
    upload = incoming.begin(db, settings, who, len(content))
    state = uploads.uploads_dir(settings) / f"{upload.id}.json"
    before = state.read_bytes()
    send(settings, upload.id, content, 0, digests, who.account_id)
    state.write_bytes(before)
    assert incoming.status(settings, upload.id, who.account_id).offset == CHUNK_BYTES
    assert send(settings, upload.id, content[CHUNK_BYTES:], CHUNK_BYTES, digests, who.account_id).sha256
    assert read(settings, upload.id) == content


def test_what_is_complete_is_looked_at_and_stored_once(db, settings, who):
    content = png()
    upload = incoming.begin(db, settings, who, len(content))
    with pytest.raises(FerError) as refusal:
        incoming.complete(settings, upload.id, "visit.png", who.account_id)
    assert refusal.value.code == "upload_unfinished"
    send(settings, upload.id, content, 0, {}, who.account_id)
    made = incoming.complete(settings, upload.id, "C:\\someone\\visit.png", who.account_id)
    assert (made.name, made.kind, made.size) == ("visit.png", "image", len(content))
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    with uploads.open_stored(settings, made.id) as file:
        assert file.read() == content
    assert list(uploads.uploads_dir(settings).iterdir()) == []
    with pytest.raises(FerError):
        incoming.complete(settings, upload.id, "visit.png", who.account_id)


def test_of_requests_that_hand_in_one_upload_at_once_one_is_taken(db, settings, who):
    content = png()
    upload = incoming.begin(db, settings, who, len(content))
    send(settings, upload.id, content, 0, {}, who.account_id)

    def hand_in(_):
        try:
            return incoming.complete(settings, upload.id, "visit.png", who.account_id).id
        except FerError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(hand_in, range(4)))
    assert answers.count(upload.id) == 1
    assert set(answers) <= {upload.id, "upload_busy", "upload_unknown"}


def test_the_container_says_when_a_video_was_recorded(db, settings, who, tmp_path):
    path = write_clip(
        tmp_path / "a.mp4", [scene(size=(64, 48))] * 4, metadata={"creation_time": "2026-04-05T10:20:30Z"}
    )
    content = path.read_bytes()
    upload = incoming.begin(db, settings, who, len(content))
    assert incoming.created(settings, upload.id, who.account_id) is None, "it is not there yet"
    send(settings, upload.id, content, 0, {}, who.account_id)
    assert datetime.fromisoformat(incoming.created(settings, upload.id, who.account_id)).date() == date(2026, 4, 5)
    assert incoming.status(settings, upload.id, who.account_id).sha256 is not None, "it may still be handed in"


def test_a_file_of_no_use_is_refused_and_gone(db, settings, who):
    upload = incoming.begin(db, settings, who, 9)
    send(settings, upload.id, b"some text", 0, {}, who.account_id)
    with pytest.raises(FerError) as refusal:
        incoming.complete(settings, upload.id, "visit.mp4", who.account_id)
    assert refusal.value.code == "not_a_video"
    assert list(uploads.uploads_dir(settings).iterdir()) == []
    assert list(open_store(settings).files()) == []


def test_a_cancelled_upload_leaves_nothing(db, settings, who):
    upload = incoming.begin(db, settings, who, 10)
    incoming.cancel(settings, upload.id, who.account_id)
    assert list(uploads.uploads_dir(settings).iterdir()) == []
    with pytest.raises(FerError) as refusal:
        incoming.status(settings, upload.id, who.account_id)
    assert refusal.value.code == "upload_unknown"


def test_an_upload_that_is_cancelled_while_its_last_piece_comes_stays_gone(db, settings, who):
    upload = incoming.begin(db, settings, who, 10)
    piece = Piece(settings, upload.id, 0, {}, who.account_id)
    piece.write(bytes(10))
    incoming.cancel(settings, upload.id, who.account_id)
    with pytest.raises(FerError) as refusal:
        piece.close()
    assert refusal.value.code == "upload_unknown"
    assert list(uploads.uploads_dir(settings).iterdir()) == []


@pytest.mark.parametrize("guessed", ["0" * 32, "../worker", "", "a" * 31])
def test_a_guessed_id_is_unknown(db, settings, who, guessed):
    with pytest.raises(FerError) as refusal:
        incoming.status(settings, guessed, who.account_id)
    assert refusal.value.code == "upload_unknown"


def test_an_upload_is_its_owner_s(db, settings, who):
    upload = incoming.begin(db, settings, who, 10)
    for use in (incoming.status, incoming.cancel):
        with pytest.raises(FerError) as refusal:
            use(settings, upload.id, "bob")
        assert refusal.value.code == "upload_unknown"
    assert incoming.status(settings, upload.id, who.account_id).length == 10


@pytest.mark.parametrize(
    ("limits", "length", "code"),
    [
        ({}, 0, "empty"),
        ({"max_upload_bytes": 1000}, 1001, "too_big"),
        ({"min_free_bytes": 1 << 62}, 1, "disk_full"),
        ({"quota_bytes": 1000}, 1001, "quota"),
    ],
)
def test_limits_are_reported_before_anything_is_sent(db, settings, who, limits, length, code):
    with pytest.raises(FerError) as refusal:
        incoming.begin(db, replace(settings, **limits), who, length)
    assert refusal.value.code == code
    assert list(uploads.uploads_dir(settings).iterdir()) == []


def test_open_uploads_count_against_the_quota_and_are_few(db, settings, who, monkeypatch):
    monkeypatch.setattr(incoming, "SMALL_BYTES", 0)
    tight = replace(settings, quota_bytes=1000)
    first = incoming.begin(db, tight, who, 600)
    with pytest.raises(FerError) as refusal:
        incoming.begin(db, tight, who, 600)
    assert refusal.value.code == "quota"
    incoming.cancel(tight, first.id, who.account_id)
    others = [doors.actor(db, f"Colleague {number}") for number in range(incoming.MOST_AT_ONCE // incoming.MOST_OF_ONE)]
    for number in range(incoming.MOST_AT_ONCE):
        incoming.begin(db, settings, others[number % len(others)], 1)
    with pytest.raises(FerError) as refusal:
        incoming.begin(db, settings, who, 1)
    assert refusal.value.code == "too_many_uploads"
    for path in uploads.uploads_dir(settings).glob("*.json"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - incoming.BUSY_S))
    assert incoming.begin(db, settings, who, 1).length == 1, "abandoned ones are in nobody's way"


def test_a_disk_that_fills_up_meanwhile_stops_the_upload(db, settings, who):
    upload = incoming.begin(db, settings, who, 1000)
    with pytest.raises(FerError) as refusal:
        send(replace(settings, min_free_bytes=1 << 62), upload.id, bytes(1000), 0, {}, who.account_id)
    assert refusal.value.code == "disk_full"


def test_an_abandoned_upload_is_swept(db, settings, who):
    upload = incoming.begin(db, settings, who, 1000)
    for path in uploads.uploads_dir(settings).iterdir():
        os.utime(path, (0, 0))
    young = incoming.begin(db, settings, who, 1000)
    uploads.sweep(settings, db)
    assert incoming.status(settings, young.id, who.account_id).length == 1000
    with pytest.raises(FerError):
        incoming.status(settings, upload.id, who.account_id)


@pytest.mark.attack("one account that takes all places for uploads, or the whole quota")
def test_one_account_leaves_room_for_others(db, settings, who, patient, an_upload, attack, monkeypatch):
    monkeypatch.setattr(incoming, "SMALL_BYTES", 0)
    colleague = doors.actor(db, "Colleague")
    small = replace(settings, quota_bytes=4000, max_upload_bytes=600)
    made = [incoming.begin(db, settings, who, 1) for _ in range(incoming.MOST_OF_ONE)]
    attack(lambda: incoming.begin(db, settings, who, 1), "too_many_own")
    assert incoming.begin(db, settings, colleague, 1)
    for upload in made:
        incoming.cancel(settings, upload.id, who.account_id)
    jobs.enqueue(db, settings, who, patient, [an_upload(content=bytes(500))], date(2026, 1, 1), model_sha256="m")
    attack(lambda: incoming.begin(db, small, who, 501), "own_quota")
    assert incoming.begin(db, small, who, 500)
    assert incoming.begin(db, small, colleague, 600)


def test_pictures_take_no_place_but_are_bounded(db, settings, who, monkeypatch):
    monkeypatch.setattr(incoming, "MOST_FILES", incoming.MOST_OF_ONE + 1)
    for _ in range(incoming.MOST_FILES):
        incoming.begin(db, settings, who, 1)
    with pytest.raises(FerError) as refusal:
        incoming.begin(db, settings, who, 1)
    assert refusal.value.code == "too_many_own"


def test_what_is_whole_can_be_read_and_what_is_not_cannot(db, settings, who):
    upload = incoming.begin(db, settings, who, 5)
    with pytest.raises(FerError) as refusal:
        incoming.opened(settings, upload.id, who.account_id)
    assert refusal.value.code == "upload_unfinished"
    send(settings, upload.id, b"hello", 0, {}, who.account_id)
    with incoming.opened(settings, upload.id, who.account_id) as file:
        assert file.read() == b"hello"
    with pytest.raises(FerError):
        incoming.opened(settings, upload.id, "0" * 32)


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_disk_that_fills_up_meanwhile_is_said_and_what_came_stays(db, settings, who, monkeypatch, at_the_end):
    """It was an error without a word, and the page advised to choose the file again for ever."""
    content = bytes(2 * CHUNK_BYTES + 5)
    begun = incoming.begin(db, settings, who, len(content))
    first = Piece(settings, begun.id, 0, {}, who.account_id)
    first.write(content[: CHUNK_BYTES + 1])
    first.close()
    reached = incoming.status(settings, begun.id, who.account_id).offset
    full = OSError(errno.ENOSPC, "No space left on device")
    piece = Piece(settings, begun.id, reached, {}, who.account_id)
    with monkeypatch.context() as patched:
        patched.setattr(SealedWriter, "finish" if at_the_end else "write", Mock(side_effect=full))
        if at_the_end:
            piece.write(content[reached:])
        with pytest.raises(MediaError, match="too little free space") as refused:
            piece.close() if at_the_end else piece.write(content[reached:])
    piece._file.close()
    assert refused.value.code == "disk_full"
    assert incoming.status(settings, begun.id, who.account_id).offset >= reached > 0
