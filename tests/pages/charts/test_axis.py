"""One axis: questionnaires, shares, marks, and recordings of one day beside each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fer_core.emotions import Emotion
from pages.charts.axis import AxisMark, ScaleDot, ScalePanel, axis_figure, ms
from pages.charts.heat import heat_figure
from tests.pages.charts.test_trend import NAMES, dot

PHQ9 = ScalePanel(
    "PHQ-9",
    0,
    27,
    [(0, "minimal"), (5, "mild"), (10, "moderate"), (15, "moderately severe"), (20, "severe")],
    [ScaleDot(date(2026, 3, 1), 17, "17"), ScaleDot(date(2026, 3, 29), 0, "0")],
)
COLUMNS = {**NAMES, len(Emotion): "uncertain"}


def test_bands_lie_where_the_scale_has_them_and_are_named():
    figure = axis_figure([PHQ9], [], [], NAMES)
    stripes = sorted((shape.y0, shape.y1) for shape in figure.layout.shapes)
    assert [round(low) for low, _ in stripes[1:]] == [5, 10, 15, 20]
    assert stripes[0][0] < 0, "room for a marker at 0"
    assert stripes[-1][1] > 27
    assert {"minimal", "severe"} <= {annotation.text for annotation in figure.layout.annotations}
    assert list(figure.data[0].y) == [17, 0]


def test_a_long_name_of_a_band_is_in_lines():
    """It was cut at the right edge of a page of 1280 px."""
    long = replace(PHQ9, bands=[(0, "at or below the published cut-off of 50"), (10, "a < b")])
    texts = [one.text for one in axis_figure([long], [], [], NAMES).layout.annotations]
    assert {"at or below the<br>published cut-off<br>of 50", "a &lt; b"} <= set(texts)


def test_numbers_beside_a_scale_do_not_overprint_each_other():
    close = replace(PHQ9, highest=40, bands=[(0, "low"), (3, "some"), (25, "middle"), (34, "high")])
    axis = next(axis_figure([close], [], [], NAMES).select_yaxes())
    assert list(axis.tickvals) == [0, 25, 40]
    assert list(next(axis_figure([PHQ9], [], [], NAMES).select_yaxes()).tickvals) == [0, 5, 10, 15, 20, 27]


HALF_A_MARKER_PX = 6
"""Half a marker of 9 px with its outline."""


def inside_px(figure):
    margin = figure.layout.margin
    return figure.layout.height - margin.t - margin.b


def of_panels(figure):
    """What is drawn, without the brush."""
    return [trace for trace in figure.data if trace.xaxis != "x90"]


def test_markers_at_both_ends_are_not_cut():
    full = dot(1, shares=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0))
    figure = axis_figure([PHQ9, PHQ9], [full, dot(5)], [Emotion.HAPPY, Emotion.SAD, Emotion.ANGRY], NAMES)
    for axis, highest in zip(list(figure.select_yaxes())[:-1], (27, 27, 1, 1, 1, 1), strict=True):
        (low, high), (begin, end) = axis.range, axis.domain
        a_unit_px = (end - begin) * inside_px(figure) / (high - low)
        assert min(-low, high - highest) * a_unit_px >= HALF_A_MARKER_PX


def test_no_marker_is_cut_at_an_edge_of_a_panel_or_of_the_brush():
    """A panel draws a marker at its edge whole; the brush cuts there, so it has room for half of one."""
    moved = [replace(dot(day, shares=None), movement=0.3, excluded="a condition") for day in (1, 5)]
    for figure in (
        axis_figure([PHQ9], [dot(1), dot(5)], [Emotion.HAPPY], NAMES),
        axis_figure([PHQ9], moved, [], NAMES, movement=True),
        axis_figure([PHQ9], [], [], NAMES),
    ):
        assert all(trace.cliponaxis is False for trace in of_panels(figure) if "markers" in trace.mode)
        low, high = figure.layout.yaxis90.range
        a_unit_px = figure.layout.xaxis90.rangeslider.thickness * inside_px(figure) / (high - low)
        assert min(-low, high - 1) * a_unit_px >= HALF_A_MARKER_PX


def test_a_recording_is_drawn_at_its_own_time():
    evening = replace(dot(10), shift_ms=18 * 3_600_000)
    figure = axis_figure([], [dot(1), dot(10), evening, dot(28)], [Emotion.SAD], NAMES)
    drawn = {at for trace in figure.data if trace.customdata is not None for at in trace.x}
    assert drawn == {ms(date(2026, 3, 1)), ms(date(2026, 3, 10)), evening.at_ms, ms(date(2026, 3, 28))}


def test_a_change_within_a_day_stands_between_its_recordings():
    morning, evening = (replace(dot(10), shift_ms=hour * 3_600_000) for hour in (9, 18))
    dots = [dot(1), morning, replace(evening, model="b"), dot(28, model="b")]
    figure = axis_figure([], dots, [Emotion.SAD], NAMES, [(date(2026, 3, 10), "another model")])
    assert {shape.x0 for shape in figure.layout.shapes if shape.x0 == shape.x1} == {(morning.at_ms + evening.at_ms) / 2}


def test_a_point_gives_the_id_of_its_recording_and_a_questionnaire_gives_none():
    figure = axis_figure([PHQ9], [replace(dot(1), recording_id="r1")], [Emotion.SAD], NAMES)
    ids = {row[0] for trace in figure.data if trace.customdata is not None for row in trace.customdata}
    assert ids == {"", "r1"}


def test_marks_go_through_all_panels_and_their_text_is_no_markup():
    marks = [AxisMark(date(2026, 3, 3), "medication", "<b>50 mg</b> & more"), AxisMark(date(2026, 3, 9), "event", "x")]
    figure = axis_figure([PHQ9], [dot(1), dot(20)], [Emotion.SAD], NAMES, marks=marks)
    lines = [shape for shape in figure.layout.shapes if shape.x0 == shape.x1 and shape.x0 is not None]
    assert len(lines) == 2 * 3, "two marks, three panels"
    [drawn] = [trace for trace in figure.data if trace.name == "medication"]
    assert "&lt;b&gt;50 mg&lt;/b&gt; &amp; more" in drawn.customdata[0][1]


def test_a_questionnaire_s_name_is_no_markup():
    typed = '<a href="https://a.example">Sign in</a> %{x}'
    figure = axis_figure([replace(PHQ9, name=typed)], [dot(1)], [Emotion.SAD], NAMES)
    drawn = [one.text or "" for one in figure.layout.annotations] + [trace.name or "" for trace in figure.data]
    assert sum("Sign in" in one for one in drawn) == 2
    assert not any("<a" in one or "%{" in one for one in drawn)


def test_ranges_can_be_chosen_and_the_brush_stands_above_all_panels():
    """Below six panels it was not on a laptop's first screen."""
    figure = axis_figure([PHQ9], [dot(1), dot(20)], [Emotion.SAD], NAMES)
    assert [button.label for button in figure.layout.xaxis.rangeselector.buttons] == ["3 months", "12 months", "All"]
    assert figure.layout.xaxis.rangeselector.y > 1, "the buttons stand in the margin above the dates"
    *panels, brush = figure.select_yaxes()
    highest = max(axis.domain[1] for axis in panels)
    strip_px = figure.layout.xaxis90.rangeslider.thickness * inside_px(figure)
    # Plotly leaves 15 px free above a brush; a title and the symbols of marks need 24 px below it.
    assert (brush.domain[0] - highest) * inside_px(figure) >= 15 + strip_px + 24
    assert [axis.rangeslider.visible for axis in figure.select_xaxes()] == [None, None, None, True]
    drawn = [tuple(trace.x) for trace in figure.data if trace.xaxis == "x90"]
    assert drawn == [(ms(date(2026, 3, 1)), ms(date(2026, 3, 29))), (ms(date(2026, 3, 1)), ms(date(2026, 3, 20)))]


def test_the_ranges_count_back_from_the_last_recording():
    """From the middle of an empty margin, "3 months" of a history of six years showed five weeks, or none."""
    last = date(2026, 11, 16)
    dots = [replace(dot(1), recorded_on=last - timedelta(7 * n)) for n in range(300)]
    axis = axis_figure([], dots[::-1], [Emotion.SAD], NAMES).layout.xaxis
    assert axis.range[1] == ms(last + timedelta(7))
    assert axis.autorangeoptions.clipmax == axis.range[1]
    assert axis.autorangeoptions.clipmin < ms(dots[-1].recorded_on)


def test_without_labels_movement_alone_is_drawn():
    dots = [replace(dot(1), movement=0.2), replace(dot(5), movement=0.3, model="b"), dot(9)]
    figure = axis_figure([], dots, [], NAMES, movement=True)
    assert {trace.name for trace in of_panels(figure)} == {None, "movement"}
    assert of_panels(figure)[-1].y == (0.2, None, 0.3, None, None)


def test_movement_stands_below_labels_in_a_panel_of_its_own():
    held = replace(dot(9, shares=None), movement=0.2, excluded="a condition of the face")
    figure = axis_figure([PHQ9], [dot(1), dot(5), held], [Emotion.SAD], NAMES, movement=True)
    titles = [one.text for one in figure.layout.annotations if one.text in ("Usable face time", "Movement of the face")]
    assert titles == ["Usable face time", "Movement of the face"]
    last = of_panels(figure)[-1]
    assert (last.name, last.yaxis, last.y[-1]) == ("movement", "y4", 0.2)


def test_a_history_of_three_hundred_is_a_strip_with_holes():
    dots = [replace(dot(1), recorded_on=date(2024, 1, 1) + timedelta(3 * n), recording_id=str(n)) for n in range(300)]
    dots[7] = replace(dots[7], excluded="no usable face", shares=None)
    dots = [replace(one, shares=(*one.shares, 0.0) if one.shares else None) for one in dots]
    strip, cells = heat_figure(dots, COLUMNS).data
    assert (len(strip.z), len(strip.z[0])) == (8, 300)
    assert strip.z[0][7] is None
    assert list(strip.y)[3] == "Happy-like"
    # A click on a cell opens its recording.
    at = {(x, y): given for x, y, given in zip(cells.x, cells.y, cells.customdata, strict=True)}
    assert len(at) == 8 * 300
    assert at[299, "Happy-like"] == ["299", f"300: {dots[299].called}", f"{strip.z[3][299]:.0%}"]
    assert at[7, "Happy-like"][2] == "does not count"


def test_the_strip_has_a_line_where_comparison_ends_and_no_space_beside_its_columns():
    dots = [dot(day, model="a" if day < 9 else "b") for day in range(1, 13)]
    figure = heat_figure(dots, NAMES)
    assert [shape.x0 for shape in figure.layout.shapes] == [7.5], "between the eighth and the ninth column"
    assert figure.layout.xaxis.range == (-0.5, 11.5)


@pytest.mark.parametrize("panels", [[], [PHQ9]])
def test_nothing_to_draw_is_an_empty_figure_or_one_panel(panels):
    assert len(of_panels(axis_figure(panels, [], [Emotion.SAD], NAMES))) == len(panels)
