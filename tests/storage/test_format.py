"""The file format as docs/sealed-format.md says it: code that follows that page alone opens its test vectors."""

import hashlib
import re
import struct
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from storage.sealed import CHUNK_BYTES, open_bytes, seal_bytes
from storage.wrapping import Key

MANUAL = (Path(__file__).parents[2] / "docs" / "sealed-format.md").read_text("utf-8")
MASTER = bytes(range(32))
PLAIN = {"short": b"hello", "empty": b"", "passphrase": b"hello"}
VECTORS = {
    name: bytes.fromhex("".join(digits.split()))
    for name, digits in re.findall(r"`(\w+)`:\n\n```\n(.*?)```", MANUAL, re.DOTALL)
}


def key_of(name, sealed):
    if name != "passphrase":
        assert sealed[8:24] == hashlib.sha256(b"expression-history key id" + MASTER).digest()[:16]
        return MASTER
    return Scrypt(salt=sealed[8:24], length=32, n=131_072, r=8, p=1).derive(b"nine wet umbrellas")


def opened(sealed, key, context):
    """Open a sealed file as the manual says."""
    assert sealed[:8] == b"EXPHIST1"
    own = AESGCM(AESGCM(key).decrypt(sealed[24:36], sealed[36:84], sealed[:24] + context))
    body, plain, number = sealed[84:], b"", 0
    while body:
        record, body = body[: 12 + 262_144 + 16], body[12 + 262_144 + 16 :]
        plain += own.decrypt(record[:12], record[12:], struct.pack(">QB", number, not body) + context)
        number += 1
    return plain


def test_the_manual_has_all_vectors():
    assert set(VECTORS) == set(PLAIN)


@pytest.mark.parametrize("name", PLAIN)
def test_a_vector_is_opened_by_the_manual_and_by_the_program(name):
    sealed = VECTORS[name]
    key = key_of(name, sealed)
    assert opened(sealed, key, b"context") == PLAIN[name]
    wrapping = Key.of(MASTER) if name != "passphrase" else Key.of_passphrase("nine wet umbrellas", sealed[8:24])
    assert open_bytes(sealed, wrapping, b"context") == PLAIN[name]


@pytest.mark.parametrize("size", [CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_what_the_program_seals_is_opened_by_the_manual(size):
    plain = hashlib.shake_256(b"content").digest(size)
    assert opened(seal_bytes(plain, Key.of(MASTER), b"context"), MASTER, b"context") == plain


@pytest.mark.parametrize("place", [0, 8, 24, 40, 84, 97, -1])
def test_a_changed_byte_is_noticed(place):
    sealed = bytearray(VECTORS["short"])
    sealed[place] ^= 1
    with pytest.raises((InvalidTag, AssertionError)):
        opened(bytes(sealed), key_of("short", VECTORS["short"]), b"context")
