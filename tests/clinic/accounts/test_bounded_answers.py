"""An answer that lasts longer than it may, or is larger, ends in an error of the client's own kind."""

import httpx2
import pytest

from clinic import clock
from clinic.accounts import bounded_answers


def answer(parts):
    found = httpx2.Response(200, stream=parts, request=httpx2.Request("GET", "http://provider.test"))
    bounded_answers.bound(found)
    return found


class Parts(httpx2.SyncByteStream):
    """Two parts, between which `meanwhile` is called."""

    def __init__(self, meanwhile, part=b"1"):
        self.meanwhile, self.part, self.closed = meanwhile, part, False

    def __iter__(self):
        yield self.part
        self.meanwhile()
        yield self.part

    def close(self):
        self.closed = True


def test_an_ordinary_answer_is_read():
    parts = Parts(lambda: None)
    assert answer(parts).read() == b"11"
    assert parts.closed


def test_an_answer_that_takes_too_long_ends(monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr(clock, "steady_s", lambda: seconds[0])
    parts = Parts(lambda: seconds.append(seconds.pop() + bounded_answers.LONGEST_S + 1))
    with pytest.raises(httpx2.ReadError):
        answer(parts).read()
    assert parts.closed


def test_an_answer_that_is_too_large_ends():
    with pytest.raises(httpx2.ReadError):
        answer(Parts(lambda: None, b" " * (bounded_answers.MOST_BYTES // 2 + 1))).read()
