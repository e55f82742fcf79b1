"""A recording over its own time: exact times, gaps, and reasons in words."""

from __future__ import annotations

import pytest

from fer_core.emotions import Emotion
from fer_core.types import Status
from pages.charts.palette import COLORS, UNCERTAIN, UNUSABLE
from pages.charts.timeline import LabelRun, Moment, cell_length_s, cells, pictures_figure, runs_of, timeline_figure

NAMES = {emotion: f"{emotion.label}-like" for emotion in Emotion}
REASONS = {status: f"because {status.value}" for status in Status}
HAPPY = (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02)


def moment(time_s: float, status: Status = Status.OK) -> Moment:
    return Moment(time_s, status, HAPPY if status.usable else None)


def curve(figure, name):
    (trace,) = [trace for trace in figure.data if trace.name == name and trace.type == "scatter"]
    return trace


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


def test_a_stretch_without_a_face_is_a_gap_in_the_curve_and_has_its_reason():
    statuses = [Status.OK, Status.OK, Status.NO_FACE, Status.DARK, Status.OK, Status.OK]
    figure = timeline_figure(
        cells([moment(i * 0.5, status) for i, status in enumerate(statuses)]), [Emotion.HAPPY], NAMES, REASONS
    )
    assert curve(figure, "Happy-like").y == (0.88, 0.88, None, None, 0.88, 0.88)
    (grey,) = [trace for trace in figure.data if trace.name == "No usable face"]
    assert [said[0] for said in grey.customdata] == ["Because no_face, 1.0 to 1.5 s", "Because dark, 1.5 to 2.0 s"]


def test_the_strip_beside_a_video_has_the_same_stretches():
    statuses = [Status.OK, Status.OK, Status.NO_FACE, Status.UNCERTAIN]
    found = runs_of(cells([moment(i * 0.5, status) for i, status in enumerate(statuses)]), NAMES, REASONS)
    assert found == [
        LabelRun(0.0, 1.0, "Happy-like", "Happy-like, 0.0 to 1.0 s", COLORS[Emotion.HAPPY]),
        LabelRun(1.0, 1.5, "No usable face", "Because no_face, 1.0 to 1.5 s", UNUSABLE),
        LabelRun(1.5, 2.0, "Uncertain", "Because uncertain, 1.5 to 2.0 s", UNCERTAIN),
    ]


def test_a_hole_in_the_samples_breaks_the_curve_and_the_strip():
    figure = timeline_figure(cells([moment(t) for t in (0, 1, 2, 10, 11)]), [Emotion.HAPPY], NAMES, REASONS)
    assert curve(figure, "Happy-like").y == (0.88, 0.88, 0.88, None, 0.88, 0.88)
    (strip,) = [trace for trace in figure.data if trace.type == "bar"]
    assert list(strip.base) == [0, 10]
    assert list(strip.x) == [3, 2]


def test_an_uncertain_sample_has_a_curve_but_no_label():
    figure = timeline_figure(cells([moment(0, Status.UNCERTAIN), moment(1)]), [Emotion.HAPPY], NAMES, REASONS)
    assert {trace.name for trace in figure.data if trace.type == "bar"} == {"Uncertain", "Happy-like"}
    assert curve(figure, "Happy-like").y == (0.88, 0.88)


def test_a_single_picture_is_one_cell_with_a_visible_dot():
    figure = timeline_figure(cells([moment(0.0)]), [Emotion.HAPPY], NAMES, REASONS)
    assert [trace.y for trace in figure.data if trace.type == "scatter" and trace.mode == "markers"] == [(0.88,)]


def test_a_long_recording_has_an_axis_in_minutes():
    figure = timeline_figure(cells([moment(float(i)) for i in range(600)]), [Emotion.HAPPY], NAMES, REASONS)
    assert figure.layout.xaxis2.ticktext[1] == "1:00"


def test_no_samples_make_an_empty_figure():
    assert timeline_figure([], [Emotion.HAPPY], NAMES, REASONS).data[0].y == ()


def test_pictures_stand_side_by_side_and_an_unreadable_one_says_why():
    figure = pictures_figure([moment(0), moment(1, Status.NO_FACE)], NAMES, REASONS)
    (happy,) = [trace for trace in figure.data if trace.name == "Happy-like"]
    (unread,) = [trace for trace in figure.data if trace.name == "No usable face"]
    assert happy.y == (0.88, None)
    assert list(unread.x) == ["Picture 2"]
    assert unread.customdata[0][0] == "because no_face"
