"""A run under load is sound only if each file is stored once, and every result is equal."""

from dataclasses import replace

import pytest

from benchmarks.load import Found, table

SOUND = Found(
    small=[0.02, 0.01, 0.3],
    memory_mb=[200.0, 260.0],
    ends=[1.2, 2.0],
    worker_after=[3.0],
    handed_in={"a": "0" * 64, "b": "1" * 64},
    stored=2,
    ended_well=2,
    equal=2,
)


def test_figures_are_those_that_were_measured():
    said = "\n".join(table(SOUND))
    assert "median 20 ms, p95 300 ms, longest 0.30 s" in said
    assert "200 MB at first, 260 MB at most" in said
    assert said.endswith("nothing lost, nothing doubled")


@pytest.mark.parametrize("fault", [{"stored": 3}, {"ended_well": 1}, {"equal": 1}, {"handed_in": {"a": ""}}], ids=str)
def test_what_is_lost_doubled_or_different_is_not_sound(fault):
    assert list(table(replace(SOUND, **fault)))[-1] == "NOT SOUND"
