"""The collector of garbage passes over the program, and still frees what comes after it."""

import gc
import weakref

import pytest

from web import collector


class Page:
    """Something that a run of a page leaves, which only the collector frees: it holds itself."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def thawed():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_what_was_there_is_passed_over_and_what_comes_later_is_freed():
    collector.pass_over_program()
    assert len(gc.get_objects()) < 0.01 * gc.get_freeze_count()
    left = weakref.ref(Page())
    assert left() is not None
    gc.collect()
    assert left() is None
