"""Keys, and the headers that hold a file's own key."""

import pytest

from storage.sealed import open_bytes, seal_bytes
from storage.wrapping import HEADER_BYTES, Key, SealError, rewrap_bytes


def test_a_passphrase_makes_the_same_key_again():
    key = Key.of_passphrase("correct horse battery staple")
    assert Key.of_passphrase("correct horse battery staple", key.id) == key
    assert Key.of_passphrase("another one", key.id).secret != key.secret
    assert "secret" not in repr(key)


def test_another_key_opens_what_is_rewrapped_and_no_sealed_byte_changes():
    old, new = Key.of(bytes(range(32))), Key.of(bytes(range(1, 33)))
    before = seal_bytes(b"a secret", old, b"context")
    after = rewrap_bytes(before, old, new, b"context")
    assert after[HEADER_BYTES:] == before[HEADER_BYTES:]
    assert open_bytes(after, new, b"context") == b"a secret"
    assert rewrap_bytes(after, old, new, b"context") == after
    with pytest.raises(SealError):
        open_bytes(after, old, b"context")
