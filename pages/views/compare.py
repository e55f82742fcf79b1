"""Another recording of the same patient beside this one, on the same scales."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.subject import RecordingKind
from clinic.patients.trends import TrendPoint
from clinic.phrases import usable_percent
from clinic.recordings import readings
from clinic.recordings.readings import AnalysisResult
from fer_core.reading.reading import Reading
from pages import chooser
from pages.charts.compare import compare_curves, compare_figure
from pages.charts.figures import title
from pages.charts.timeline import cells
from pages.session import actor
from pages.views.conditions import holding_on
from pages.views.convert import moments
from pages.views.player import FIRST_SHOWN
from pages.widgets import chart, percent
from web.resources import resources

CELLS = 120
"""Points of each curve: more could not be distinguished in half the width of the page."""


def show_compare(patient: PatientDetail, recording: RecordingRow, result: AnalysisResult) -> None:
    """Offer the patient's other recordings, and draw the one that is chosen beside this one."""
    others = [row for row in patient.recordings if row.visit_id != recording.visit_id and row.shares is not None]
    reading = result.reading
    if not others or reading is None or not reading.shares:
        return
    st.header("Beside another recording")
    labels = {row.id: chooser.visit(row) for row in others}
    chosen = chooser.choose("Compare with", labels, f"compare:{recording.id}", placeholder="Choose a recording")
    if chosen is None:
        return
    beside = next(row for row in others if row.id == chosen)
    if holding_on(patient.id, beside.recorded_on):
        st.info(words.NOT_INTERPRETED_THEN, icon=":material/info:")
        return
    other_result = readings.analysis_result(resources().db, actor(), chosen, result.smooth_s)
    other = other_result.reading
    if other is None or not other.shares:
        return
    if not alike(patient.trend.points, recording, chosen):
        st.warning(words.NOT_COMPARABLE, icon=":material/info:")
    both = {chooser.visit(recording): reading, labels[chosen]: other}
    chart(compare_figure(both, words.TREND_NAMES), f"compare_{recording.id}", "Shares of two recordings side by side")
    if recording.kind == beside.kind == RecordingKind.VIDEO:
        curves = {
            called: cells(moments(one.series), CELLS) for called, one in zip(both, (result, other_result), strict=True)
        }
        figure = compare_curves(curves, words.EXPRESSIONS, FIRST_SHOWN)
        chart(figure, f"compare_curves_{recording.id}", "Curves of two recordings on the same scales")
    st.dataframe(_rows(both), hide_index=True, key=f"compared_{recording.id}")
    st.caption(words.COMPARED)


def alike(points: tuple[TrendPoint, ...], recording: RecordingRow, other_id: str) -> bool:
    """Return whether two recordings stand in one line of the trend, so that they may be compared."""
    lines = {point.recording_id: point.segment for point in points}
    return recording.id in lines and lines.get(recording.id) == lines.get(other_id)


def _rows(both: dict[str, Reading]) -> list[dict[str, str]]:
    rows = []
    for column, name in words.TREND_NAMES.items():
        rows.append({"Label": title(name)} | {called: _share(reading, column) for called, reading in both.items()})
    rows.append(
        {"Label": "Usable"} | {called: usable_percent(reading.usable_share) for called, reading in both.items()}
    )
    return rows


def _share(reading: Reading, column: int) -> str:
    share = percent(reading.shares[column])
    if not reading.interval_known:
        return share
    return f"{share} ({percent(reading.low[column])} to {percent(reading.high[column])})"
