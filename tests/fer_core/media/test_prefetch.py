"""Items taken ahead come in order, with their errors, and the thread ends with its reader."""

import threading

import pytest

from fer_core.media.prefetch import prefetch


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_order_is_kept_and_the_thread_ends():
    assert list(prefetch(range(100), depth=3)) == list(range(100))
    assert threads() == []


def test_an_error_comes_at_its_place():
    def items():
        yield 1
        raise LookupError("gone")

    found = prefetch(items())
    assert next(found) == 1
    with pytest.raises(LookupError, match="gone"):
        next(found)
    assert threads() == []


def test_no_more_than_depth_is_taken_ahead_and_closing_stops():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    found = prefetch(items(), depth=2)
    next(found)
    found.close()
    assert threads() == []
    assert len(taken) <= 5
