"""A campaign is sound only if every job ended with equal results, and no kill cost more than a chunk."""

from dataclasses import replace

import pytest

from benchmarks.kills import Campaign
from fer_core.looking import CHUNK_S

SOUND = Campaign(kills=5, jobs=2, ended_well=2, equal=2, chunks_once=2, lost_s=[0.0, 9.5])


def test_all_equal_is_sound():
    assert SOUND.sound
    assert SOUND.table().endswith("\nsound")


@pytest.mark.parametrize(
    "fault", [{"ended_well": 1}, {"equal": 1}, {"chunks_once": 1}, {"lost_s": [0.0, 2 * CHUNK_S]}], ids=str
)
def test_anything_else_is_not(fault):
    found = replace(SOUND, **fault)
    assert not found.sound
    assert found.table().endswith("NOT SOUND")
