"""The simulated queue, against what can be worked out by hand."""

import pytest

from benchmarks.simulate import Clinic, simulate

ONE = Clinic(clinicians=1, a_day=1, length_s=3000, rush=0.0, hours=8)
MANY = Clinic(clinicians=100, a_day=4, length_s=3000, rush=0.5, hours=8)


def test_one_recording_a_day_waits_for_nobody():
    found = simulate(ONE, workers=1, pace=5.0)
    assert found.begun_s == [0.0] * 5
    assert all(300 <= waited <= 900 for waited in found.done_s)
    assert found.busy == pytest.approx(sum(found.done_s) / (5 * 24 * 3600))


def test_with_a_worker_for_each_nobody_waits():
    assert set(simulate(MANY, workers=2000, pace=5.0).begun_s) == {0.0}


def test_one_worker_is_busy_from_the_first_recording_to_the_last():
    found = simulate(MANY, workers=1, pace=5.0)
    work_s = sum(end - begin for begin, end in zip(found.begun_s, found.done_s, strict=True))
    assert found.done_s[-1] == pytest.approx(work_s - 4 * 24 * 3600, abs=12 * 3600)


def test_more_workers_shorten_all_waits():
    waits = [simulate(MANY, workers, pace=5.0).done_s for workers in (10, 20, 40)]
    medians = [one[len(one) // 2] for one in waits]
    assert medians == sorted(medians, reverse=True)
    assert medians[0] > medians[-1]


def test_the_row_tells_minutes():
    row = simulate(ONE, workers=1, pace=5.0).row(1)
    assert [float(figure) for figure in row.split()[1:4]] == [0.0, 0.0, 0.0]
