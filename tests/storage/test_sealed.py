"""Sealed files: read whole and in ranges, and refused when a bit of them was changed."""

import io
import os
import random

import pytest

from storage.sealed import CHUNK_BYTES, RECORD_BYTES, SealedWriter, open_sealed, sealing
from storage.wrapping import HEADER_BYTES, Key, SealError

KEY = Key.of(bytes(range(32)))
CONTEXT = b"a" * 32
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 77]


def sealed(content, key=KEY, context=CONTEXT):
    file = io.BytesIO()
    with sealing(file, key, context) as writer:
        for place in range(0, len(content), 100_003):
            writer.write(content[place : place + 100_003])
    return file.getvalue()


def opened(stored, key=KEY, context=CONTEXT):
    return open_sealed(io.BytesIO(bytes(stored)), key, context)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_is_read(size):
    content = os.urandom(size)
    stored = sealed(content)
    with opened(stored) as file:
        assert file.read() == content
        assert file.seek(0, os.SEEK_END) == size


def test_any_range_can_be_read():
    content = os.urandom(3 * CHUNK_BYTES + 77)
    dice = random.Random(5)
    with opened(sealed(content)) as file:
        for _ in range(200):
            place, length = dice.randrange(len(content) + 10), dice.randrange(2 * CHUNK_BYTES)
            file.seek(place)
            assert file.read(length) == content[place : place + length]


def test_nothing_of_the_content_can_be_seen_and_no_two_are_alike():
    content = b"Quentin Invented " * 40_000
    first, second = sealed(content), sealed(content)
    assert b"Quentin" not in first
    assert first[HEADER_BYTES:] != second[HEADER_BYTES:]


@pytest.mark.parametrize("place", [0, 9, 30, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 5, -1, -CHUNK_BYTES])
def test_a_flipped_bit_is_noticed(place):
    stored = bytearray(sealed(os.urandom(2 * CHUNK_BYTES + 9)))
    stored[place] ^= 1
    with pytest.raises(SealError):
        opened(stored).read()


def chunk(stored, number):
    return stored[HEADER_BYTES + number * RECORD_BYTES : HEADER_BYTES + (number + 1) * RECORD_BYTES]


def test_chunks_cannot_be_swapped_cut_doubled_or_taken_from_elsewhere():
    stored, other = sealed(os.urandom(4 * CHUNK_BYTES)), sealed(os.urandom(4 * CHUNK_BYTES))
    head, parts = stored[:HEADER_BYTES], [chunk(stored, number) for number in range(4)]
    changed = [
        head + parts[1] + parts[0] + parts[2] + parts[3],
        head + parts[0] + parts[1] + parts[2],
        head + parts[0] + parts[1] + parts[3],
        head + parts[0] + parts[1] + parts[2] + parts[3][:-1],
        head + b"".join(parts) + parts[3],
        head + b"".join(parts) + b"x",
        head + parts[0] + chunk(other, 1) + parts[2] + parts[3],
        other[:HEADER_BYTES] + b"".join(parts),
        head,
        head[:-1],
        b"",
    ]
    for stored in changed:
        with pytest.raises(SealError) as refusal:
            opened(stored).read()
        assert refusal.value.code == "file_damaged"


def test_a_file_under_another_name_or_key_is_refused():
    stored = sealed(b"content")
    with pytest.raises(SealError) as refusal:
        opened(stored, context=b"b" * 32)
    assert refusal.value.code == "file_damaged"
    with pytest.raises(SealError) as refusal:
        opened(stored, key=Key.of(bytes(32)))
    assert refusal.value.code == "wrong_key"


@pytest.mark.parametrize("cut", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 5, 2 * CHUNK_BYTES])
def test_an_unfinished_file_is_resumed_behind_its_last_whole_chunk(tmp_path, cut):
    content = os.urandom(3 * CHUNK_BYTES + 5)
    path = tmp_path / "part"
    with path.open("w+b") as file:
        writer = SealedWriter(file, KEY, CONTEXT)
        writer.write(content[:cut])
        writer.pause()
    with path.open("ab") as file:
        file.write(b"the rest of a write that was killed")
    if cut == 0:
        with pytest.raises(SealError):
            opened(path.read_bytes())
    with path.open("r+b") as file:
        writer = SealedWriter.resume(file, KEY, CONTEXT)
        assert writer.written == cut // CHUNK_BYTES * CHUNK_BYTES
        writer.write(content[writer.written :])
        writer.finish()
    assert opened(path.read_bytes()).read() == content
