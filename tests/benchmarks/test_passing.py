"""Pictures pass a long video only if the slowest of them was in time, and the video went on."""

import pytest

from benchmarks.passing import ANSWERED_WITHIN_S, Waits


def test_all_in_time_is_sound():
    found = Waits([0.2, 0.3, ANSWERED_WITHIN_S], 40.0)
    assert found.sound
    assert found.table().endswith("\nsound")


@pytest.mark.parametrize("found", [Waits([0.2, ANSWERED_WITHIN_S + 0.1], 40.0), Waits([0.2], 0.0)], ids=str)
def test_anything_else_is_not(found):
    assert not found.sound
    assert found.table().endswith("NOT SOUND")
