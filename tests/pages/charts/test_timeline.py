"""A recording gathered for a table, and pictures side by side: exact times, and reasons in words."""

from __future__ import annotations

import pytest

from fer_core.emotions import Emotion
from fer_core.types import Status
from pages.charts.timeline import TimelineSample, cell_length_s, cells, pictures_figure

NAMES = {emotion: f"{emotion.label}-like" for emotion in Emotion}
REASONS = {status: f"because {status.value}" for status in Status}
HAPPY = (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02)


def moment(time_s: float, status: Status = Status.OK) -> TimelineSample:
    return TimelineSample(time_s, status, HAPPY if status.usable else None)


def test_a_short_recording_keeps_every_sample_at_its_own_time():
    times = [0.0, 0.21, 0.4, 0.63]
    gathered = cells([moment(time) for time in times])
    assert [cell.begin_s for cell in gathered] == times
    assert cell_length_s(gathered) == pytest.approx(0.21, abs=0.03)


def test_an_hour_is_gathered_into_few_cells_with_the_mean_of_the_usable_samples():
    moments = [moment(i * 0.2, Status.OK if i % 4 else Status.NO_FACE) for i in range(18_000)]
    gathered = cells(moments)
    assert 500 <= len(gathered) <= 601
    assert gathered[-1].end_s == pytest.approx(3600)
    assert all(cell.probabilities == pytest.approx(HAPPY) for cell in gathered)


def test_pictures_stand_side_by_side_and_an_unreadable_one_says_why():
    figure = pictures_figure([moment(0), moment(1, Status.NO_FACE)], NAMES, REASONS)
    (happy,) = [trace for trace in figure.data if trace.name == "Happy-like"]
    (unread,) = [trace for trace in figure.data if trace.name == "No usable face"]
    assert happy.y == (0.88, None)
    assert list(unread.x) == ["Picture 2"]
    assert unread.customdata[0][0] == "because no_face"
