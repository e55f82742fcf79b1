"""One patient: expressions over the recordings, one recording over its own time, and the list of all recordings."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.access import Forbidden
from clinic.erasure import deletion
from clinic.patients import caseload
from clinic.patients.caseload import PatientDetail
from clinic.patients.trends import BASELINE_MIN
from fer_core.emotions import Emotion
from pages import links
from pages.charts.trend import title, trend_figure
from pages.session import actor
from pages.views.consent import show_consent
from pages.views.convert import CHANGES, trend_dots, usual_bands
from pages.views.power import show_power
from pages.views.recording import show_recording, title_of
from pages.views.sharing import show_history, show_readers, show_refusal
from pages.views.transfer import export_dialog, keep_receipt, show_receipt
from pages.widgets import calm, chart, clock, day, percent
from web.resources import resources

FIRST_SHOWN = (Emotion.HAPPY, Emotion.SAD, Emotion.NEUTRAL)


@st.dialog("Edit patient")
def edit(patient: PatientDetail) -> None:
    """Change name and note, or delete the patient."""
    with calm():
        parts, who = resources(), actor()
        with st.form("edit_patient", border=False):
            name = st.text_input("Name or code", value=patient.name, max_chars=200)
            note = st.text_area("Note", value=patient.note, max_chars=2000, height=100)
            if st.form_submit_button("Save", type="primary"):
                caseload.rename_patient(parts.db, who, patient.id, name, note)
                st.rerun()
        show_readers(patient.id)
        show_history(patient.id)
        with st.expander("Delete this patient"):
            sure = st.checkbox(f"Delete all {len(patient.recordings)} recordings and the patient for good")
            if st.button("Delete patient", disabled=not sure, icon=":material/delete:"):
                keep_receipt(deletion.delete_patient(parts.db, parts.settings, who, patient.id))
                st.session_state.pop("patient", None)
                st.switch_page(links.CASELOAD)


def show_header(patient: PatientDetail) -> None:
    """Draw who it is and what can be done."""
    name, export_button, edit_button = st.columns([4, 1, 1], vertical_alignment="bottom")
    name.title(links.plain_text(patient.name))
    if patient.writable and edit_button.button("Edit", icon=":material/edit:", width="stretch"):
        edit(patient)
    if patient.writable and export_button.button("Export", icon=":material/archive:", width="stretch"):
        export_dialog(patient.id)
    show_receipt()
    if patient.demo:
        st.badge("Invented patient: a demonstration, no real person", color="blue")
    if patient.note:
        st.markdown(links.plain_lines(patient.note))
    if patient.emergency_until is not None:
        st.warning(f"Emergency access, until {clock(patient.emergency_until)}.", icon=":material/emergency:")
    if show_consent(patient) and patient.writable:
        links.new_recording_link("Add a recording", patient.id)


def show_overview(patient: PatientDetail) -> None:
    """Draw the figures that a trend is to be read with: how much could be read comes first."""
    latest = next((recording for recording in patient.recordings if recording.samples is not None), None)
    columns = st.columns(4)
    columns[0].metric("Usable, latest recording", percent(latest.usable_share if latest else None))
    columns[1].metric("Latest recording", day(latest.recorded_on if latest else None))
    columns[2].metric("Recordings", len(patient.recordings))
    counting = sum(point.hollow is None for point in patient.trend.points)
    columns[3].metric("Counting in the trend", counting)


def show_trend(patient: PatientDetail, shown: list[Emotion]) -> None:
    """Draw the trend and say how to read it."""
    trend = patient.trend
    changes = [(change.day, CHANGES[change.what]) for change in trend.changes]
    figure = trend_figure(trend_dots(trend), shown, words.EXPRESSIONS, usual_bands(trend), changes)
    chart(figure, "trend", "Shares of expressions over the recordings, with intervals")
    said = ["Each point is one recording, its bar the 95 % interval."]
    if any(point.hollow for point in trend.points):
        said.append("Hollow points do not count, the reason appears under the pointer.")
    if trend.baseline:
        said.append(words.USUAL_RANGE.format(count=BASELINE_MIN))
    if trend.changes:
        said.append("Recordings that were made differently are never joined: a new line has a baseline of its own.")
    st.caption(" ".join(said))
    show_power(trend, shown)
    if trend.building:
        st.info(f"{title(trend.building)}. Until then no recording is called unusual.", icon=":material/hourglass:")


def show_table(patient: PatientDetail) -> None:
    """List all recordings."""
    rows = [
        {
            "Recorded on": recording.recorded_on.isoformat(),
            "Kind": recording.kind.capitalize(),
            "Usable": recording.usable_share * 100 if recording.usable_share is not None else None,
            "State": words.JOB_STATES[recording.state] if recording.state else "Stored",
            "Remark": recording.hollow or "",
            "Note": recording.note,
        }
        for recording in patient.recordings
    ]
    shown = ("Recorded on", "Kind", "State", "Note") if patient.closed else None
    usable = st.column_config.NumberColumn(format="%.0f %%")
    st.dataframe(rows, hide_index=True, column_config={"Usable": usable}, column_order=shown, key="recordings")


def show_patient(patient: PatientDetail) -> None:
    """Draw the whole page of one patient."""
    show_header(patient)
    if not patient.recordings:
        if not patient.closed:
            st.info("No recordings yet. Add a video of a session, or a few pictures.", icon=":material/videocam:")
        return
    if patient.closed:
        st.info(patient.closed, icon=":material/lock:")
        show_table(patient)
        return
    show_overview(patient)
    shown = st.pills(
        "Expressions",
        list(Emotion),
        selection_mode="multi",
        default=FIRST_SHOWN,
        format_func=lambda emotion: title(words.EXPRESSIONS[emotion]),
        key="expressions_shown",
    )
    shown = sorted(shown)
    if patient.trend.points:
        st.header("Over the recordings")
        show_trend(patient, shown)
    st.header("One recording")
    by_id = {recording.id: recording for recording in patient.recordings}
    asked = links.query_id("recording")
    chosen = st.selectbox(
        "Recording",
        list(by_id),
        index=list(by_id).index(asked) if asked in by_id else 0,
        format_func=lambda key: title_of(by_id[key]),
        label_visibility="collapsed",
    )
    show_recording(by_id[chosen], shown, patient.writable)
    st.header("All recordings")
    show_table(patient)


patient_id = links.query_id("patient") or st.session_state.get("patient")
if patient_id is None:
    st.title("Patient")
    st.info("Choose a patient on the caseload.", icon=":material/info:")
    st.page_link(links.CASELOAD, label="Go to the caseload", icon=":material/groups:")
else:
    st.session_state["patient"] = patient_id
    try:
        found = caseload.get_patient(resources().db, actor(), patient_id)
    except Forbidden as refused:
        st.session_state.pop("patient", None)
        show_refusal(refused, patient_id)
    else:
        show_patient(found)
