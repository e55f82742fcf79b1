"""One recording on the patient's page: how usable it was, its timeline, and deleting it."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.erasure import deletion
from clinic.patients import caseload
from clinic.patients.caseload import RecordingRow
from clinic.recordings import readings
from fer_core.emotions import Emotion
from pages import links
from pages.charts.timeline import cell_length_s, cells, pictures_figure, runs_of, timeline_figure
from pages.session import actor
from pages.views.convert import moments
from pages.views.player import has_video, show_video
from pages.views.reading import show_episodes, show_light, show_reading
from pages.views.transfer import keep_receipt
from pages.widgets import calm, chart, day, duration, percent
from web.resources import resources


def title_of(recording: RecordingRow) -> str:
    """Return what a recording is called in lists: its day, its kind, and its state where it has no result."""
    kind = "Video" if recording.kind == "video" else "Pictures"
    length = f", {duration(recording.duration_s)}" if recording.duration_s else ""
    open_state = f" · {words.JOB_STATES[recording.state]}" if recording.samples is None and recording.state else ""
    return f"{day(recording.recorded_on)} · {kind}{length}{open_state}"


def show_recording(recording: RecordingRow, shown: list[Emotion], writable: bool) -> None:
    """Draw what is known of one recording: first how much of it could be read, then the timeline."""
    if recording.note:
        st.markdown(f"Note: {links.plain_text(recording.note)}")
    if recording.samples is None:
        st.info(words.JOB_STATES[recording.state] if recording.state else "No result.", icon=":material/info:")
        if writable:
            links.recording_link("Show the analysis", recording.id)
    else:
        recording = _version(recording)
        _show_usable(recording)
        if recording.kind == "video":
            _show_video(recording, shown)
        else:
            _show_pictures(recording)
    if writable and st.button("Delete this recording", icon=":material/delete:"):
        confirm_delete(recording)


def _version(recording: RecordingRow) -> RecordingRow:
    """Return the version to show: the current one, unless another is asked for where there are several."""
    found = caseload.versions(resources().db, actor(), recording.id)
    if len(found) < 2:
        return recording
    chosen = st.selectbox("Result of", found, format_func=_version_name, key=f"version_{recording.id}")
    return chosen if chosen is not None else recording


def _version_name(version: RecordingRow) -> str:
    made = version.analysed_at.date() if version.analysed_at is not None else None
    return f"model {(version.model_sha256 or 'unknown')[:8]}, analysed {day(made)}"


def _show_usable(recording: RecordingRow) -> None:
    """Draw how much could be read, and why the rest could not."""
    columns = st.columns(4)
    columns[0].metric(
        "Usable face time" if recording.kind == "video" else "Usable pictures", percent(recording.usable_share)
    )
    columns[1].metric("Samples" if recording.kind == "video" else "Pictures", f"{recording.samples:,}")
    if recording.kind == "video":
        columns[2].metric("Usable", duration(recording.usable_s))
        columns[3].metric("Longest gap", duration(recording.longest_gap_s))
    if recording.reasons:
        parts = [f"{words.STATUSES[status]} ({percent(share)})" for status, share in recording.reasons.items()]
        st.caption(f"Not usable: {'; '.join(parts)}.")
    if recording.hollow:
        st.warning(f"Does not count in the trend: {recording.hollow}.", icon=":material/info:")
    if recording.damaged_frames:
        st.caption(f"{recording.damaged_frames:,} frames were damaged or had no usable time, and were left out.")
    others = len(recording.face_choice.get("left_out", ()))
    if others:
        st.caption(f"{others} other {'face was' if others == 1 else 'faces were'} seen; nothing of them was kept.")


def _show_video(recording: RecordingRow, shown: list[Emotion]) -> None:
    """Draw what a video says as a whole, then its samples over the recording's own time."""
    smooth_s = st.session_state.get(f"smooth_{recording.id}", 0.0)
    told = readings.tell(resources().db, actor(), recording.id, smooth_s)
    if told.reading is None:
        return
    show_light(told.reading)
    show_reading(told, recording.id)
    st.segmented_control(
        "Smoothing",
        readings.SMOOTHINGS_S,
        default=0.0,
        required=True,
        format_func=lambda width_s: f"{width_s:g} s" if width_s else "Off",
        help=words.SMOOTHING,
        key=f"smooth_{recording.id}",
    )
    gathered = cells(moments(told.series))
    figure = timeline_figure(gathered, shown, words.EXPRESSIONS, words.STATUSES)
    place = st.container()
    if has_video(recording):
        video, place = st.columns([2, 3])
        with video:
            show_video(recording, runs_of(gathered, words.EXPRESSIONS, words.STATUSES))
    with place:
        chart(figure, f"timeline_{recording.id}", "Labels and model output over time")
    st.caption(
        f"Each point stands for {duration(cell_length_s(gathered))}. Hatched: no usable face; there the curves have a "
        "gap. The model output is not the chance that someone feels something."
    )
    show_episodes(told, recording.id)


def _show_pictures(recording: RecordingRow) -> None:
    """Draw the model's output picture by picture."""
    told = readings.tell(resources().db, actor(), recording.id)
    if told.reading is not None:
        figure = pictures_figure(moments(told.series), words.EXPRESSIONS, words.STATUSES)
        chart(figure, f"timeline_{recording.id}", "Model output for each picture")


@st.dialog("Delete this recording?")
def confirm_delete(recording: RecordingRow) -> None:
    """Ask once more, then delete."""
    with calm():
        st.write(f"{title_of(recording)}. Its results are deleted for good; this can't be undone.")
        if st.button("Delete", type="primary"):
            parts = resources()
            keep_receipt(deletion.delete_recording(parts.db, parts.settings, actor(), recording.id))
            st.query_params.pop("recording", None)
            st.rerun()
