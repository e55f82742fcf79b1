"""The axis of a patient's time: questionnaires above, expressions below, marks across both, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from clinic import model_in_use, words
from clinic.patients import events, recast
from clinic.patients.caseload import PatientDetail
from clinic.patients.summaries import UNCERTAIN
from clinic.patients.trends import BASELINE_MIN, Trend, TrendPoint
from clinic.phrases import counted, estimated, usable_percent
from clinic.questionnaires.answers import Answer
from fer_core.emotions import Emotion
from fer_core.model.model_card import ModelCard
from pages import actions, chooser, links
from pages.charts.axis import axis_figure
from pages.charts.figures import title
from pages.charts.heat import heat_figure
from pages.charts.trend import TrendDot
from pages.session import actor
from pages.views.convert import CHANGES, axis_marks, scale_panels, trend_dots
from pages.views.power import show_power
from pages.widgets import chart_of_recordings, percent, small_print, unfolded
from web.resources import resources

FIRST_SHOWN = (Emotion.HAPPY, Emotion.SAD)
LABELLED, ADJUSTED = "labelled", "adjusted"
NAMES = {**words.TREND_NAMES, recast.COMPOSITE: words.TOGETHER}
HEAT_FROM = 12
"""With so many recordings there is a strip of the whole history."""
ALT = "Totals of questionnaires and shares of expressions over time, with intervals and marks"


def show_axis(patient: PatientDetail, given: Sequence[Answer], labels: bool, movement: bool) -> None:
    """Draw the axis, below it what is to be seen on it, and how to read it; a click on a recording opens it.

    `labels`: whether there are any that may be read. `movement`: whether to show how much the face moved.
    """
    trend = patient.trend
    marks = events.marks(resources().db, actor(), patient.id)
    panels = scale_panels(given)
    if not trend.points and not panels:
        return
    # The choice stands below, so that a laptop's first screen has the axis.
    above = st.container()
    shown, basis = _chosen() if trend.points and labels else ([], LABELLED)
    changes = [(change.day, CHANGES[change.what]) for change in trend.changes]
    dots = trend_dots(_points(trend, shown) if basis == LABELLED else _adjusted(trend))
    labelled = [*shown, UNCERTAIN] if labels else []
    columns = labelled if basis == LABELLED else [column for column in shown if column < UNCERTAIN]
    figure = axis_figure(panels, dots, columns, NAMES, changes, axis_marks(marks), movement)
    with above:
        clicked = chart_of_recordings(figure, "trend", ALT)
    if clicked is not None:
        links.open_recording(clicked)
    small_print(" ".join(_how_to_read(patient, bool(panels), bool(marks), labels)))
    if movement:
        small_print(words.MOVEMENT)
    if not labels:
        return
    if basis == ADJUSTED:
        small_print(_adjusted_said(dots))
    if trend.building and trend.points:
        st.info(f"{title(trend.building)}. Until then no recording is called unusual.", icon=":material/hourglass:")
    if trend.baseline:
        with st.expander("What may be chance, and which change would be seen", key="folded:power"):
            show_power(trend, [Emotion(column) for column in shown if column < UNCERTAIN])
    if dots:
        _show_table(dots, columns)
    if len(dots) >= HEAT_FROM:
        _show_strip(patient)


def _chosen() -> tuple[list[int], str]:
    """Draw the choice of expressions and of what their shares are.

    Returns columns of `summaries.LABELS` or `recast.COMPOSITE`, and `LABELLED` or `ADJUSTED`.
    """
    columns = {emotion.label: emotion.value for emotion in Emotion} | {"together": recast.COMPOSITE}
    names = {emotion.label: title(words.EXPRESSIONS[emotion]) for emotion in Emotion} | {"together": "Four together"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = chooser.several("Expressions", names, [one.label for one in FIRST_SHOWN], "expressions_shown")
        bases = {LABELLED: "As labelled", ADJUSTED: "Adjusted"}
        basis = chooser.switch("Shares", bases, "shares_basis", help=f"{title(words.TOGETHER)}. {words.ADJUSTED_TREND}")
    return [column for label, column in columns.items() if label in picked], basis


def _points(trend: Trend, shown: Sequence[int]) -> Sequence[TrendPoint]:
    return recast.with_composite(trend.points) if recast.COMPOSITE in shown else trend.points


def _adjusted(trend: Trend) -> tuple[TrendPoint, ...]:
    card = ModelCard.load(model_in_use.card_path(resources().settings))
    given = np.array(card.given, np.float64) if card.given is not None else None
    return recast.adjusted(trend.points, card.sha256, given)


def _adjusted_said(dots: Sequence[TrendDot]) -> str:
    """Say what adjusted shares are, and how many recordings have them."""
    known = sum(dot.shares is not None for dot in dots)
    return f"{words.ADJUSTED_TREND} Given for {known} of {counted(len(dots), 'recording')}. [How](#how)"


def _how_to_read(patient: PatientDetail, panels: bool, marks: bool, labels: bool) -> list[str]:
    trend = patient.trend
    bar = ", its bar the 95 % interval" if labels else ""
    said = [f"Each point is one recording{bar}; a click opens it."] if trend.points else []
    if panels:
        said.append("Stripes behind a questionnaire show its published bands, or the clinic's own.")
    if marks:
        said.append("Vertical lines are marks: medication (diamond), sessions (circle), events (square).")
    if any(point.excluded for point in trend.points):
        said.append("Open circles do not count. Point at one to see the reason.")
    if any(point.usual_low for point in trend.points):
        said.append(words.USUAL_RANGE.format(count=BASELINE_MIN))
    if any(point.still for point in trend.points):
        said.append(words.STILL_TREND)
    if trend.changes:
        said.append("Recordings made in different ways are never joined: each line has its own baseline.")
    return said


@actions.part()
def _show_table(dots: Sequence[TrendDot], columns: Sequence[int]) -> None:
    with unfolded("The expressions of the axis as a table", "axis_table") as opened:
        if opened:
            st.dataframe(table_rows(dots, columns), hide_index=True, key="axis_table")


def table_rows(dots: Sequence[TrendDot], columns: Sequence[int]) -> list[dict[str, str]]:
    """Return what the axis draws of each recording in words, the newest first, with the 95 % interval of each share."""
    return [
        {"Recording": dot.called, "Usable face time": usable_percent(dot.usable)}
        | {title(NAMES[column]): _share(dot, column) for column in columns}
        | ({"Shares of the": dot.basis if dot.shares is not None else percent(None)} if columns else {})
        | {"Counts": "yes" if dot.excluded is None else f"no: {dot.excluded}"}
        for dot in reversed(dots)
    ]


def _share(dot: TrendDot, column: int) -> str:
    if dot.shares is None:
        return percent(None)
    outside = ", outside the usual range" if column in dot.outside else ""
    low, high = (end[column] if end is not None else None for end in (dot.low, dot.high))
    return estimated(dot.shares[column], low, high) + outside


@actions.part()
def _show_strip(patient: PatientDetail) -> None:
    """Draw the whole history as a strip, one column for each recording, once it is asked for."""
    with unfolded(f"The whole history, recording by recording ({len(patient.trend.points)})", "strip") as opened:
        if not opened:
            return
        figure = heat_figure(trend_dots(patient.trend.points), words.TREND_NAMES)
        clicked = chart_of_recordings(figure, "strip", "Shares of all expressions, a column for each recording")
        if clicked is not None:
            links.open_recording(clicked)
        lines = " A line stands where recordings can't be compared any more." if patient.trend.changes else ""
        st.caption(
            f"Columns stand side by side, however much time lies between them. Empty columns do not count.{lines}"
        )
