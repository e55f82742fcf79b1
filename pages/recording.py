"""One recording: the findings, how far to trust them, and the moments themselves."""

from __future__ import annotations

import streamlit as st

from clinic.access import Forbidden
from clinic.patients import caseload, visibility
from clinic.patients.caseload import PatientDetail, RecordingRow
from fer_core.errors import FerError
from pages import actions, chooser, links
from pages.session import actor
from pages.views.numbers import show_numbers
from pages.views.recording import show_recording
from pages.views.stays import while_open
from pages.widgets import duration, show_error
from web.resources import resources


def show_header(patient: PatientDetail, recording: RecordingRow) -> None:
    """Draw whose recording it is and its day, with links to the previous and the next one."""
    name, before, after = st.columns([5, 1.2, 1], vertical_alignment="bottom")
    name.title(links.plain_text(patient.name), anchor=False)
    earlier, later = neighbours(patient, recording)
    # Buttons and no links: a link to the page that is open leaves the address at the recording before.
    with before:
        if earlier is not None and actions.action(
            "Previous", "open", earlier.id, icon=":material/chevron_left:", opens=True
        ):
            links.open_recording(earlier.id)
    with after:
        if later is not None and actions.action("Next", "open", later.id, icon=":material/chevron_right:", opens=True):
            links.open_recording(later.id)
    # On paper the edge of each sheet repeats what has such a key (pages/views/assets/paper.js).
    with st.container(key="whose_visit"):
        st.header(f"Recording of {chooser.visit(recording)}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        length = f" · {duration(recording.duration_s)}" if recording.duration_s else ""
        with st.container(key="whose_person"):
            st.markdown(f"{chooser.identity(patient)}{length}", width="stretch")
        if patient.demo:
            st.badge("Invented patient: a demonstration, no real person", color="blue")
        with st.container(width="content"):
            links.patient_link("All recordings of this patient", patient.id, "recordings")


def neighbours(patient: PatientDetail, recording: RecordingRow) -> tuple[RecordingRow | None, RecordingRow | None]:
    """Return the recordings before and after this one, in the order of time, None where there is none."""
    visits = [other.visit_id for other in patient.recordings]
    if recording.visit_id not in visits:
        return None, None
    place = visits.index(recording.visit_id)
    # The list has the newest first.
    earlier = patient.recordings[place + 1] if place + 1 < len(visits) else None
    return earlier, patient.recordings[place - 1] if place else None


def show_page(recording_id: str) -> None:
    """Draw the whole page of one recording."""
    db, who = resources().db, actor()
    recording = caseload.get_recording(db, who, recording_id)
    before = visibility.state(db, who, recording.patient_id, recording_id)
    drawn = visibility.states(db, who, [recording.patient_id])
    patient = caseload.get_patient(db, who, recording.patient_id)
    st.session_state["patient"] = patient.id
    while_open(who, patient.id, recording_id, before, drawn)
    show_header(patient, recording)
    if patient.closed:
        st.info(patient.closed, icon=":material/lock:")
        return
    show_recording(patient, recording)
    show_numbers()


recording_id = links.query_id("id") or st.session_state.get("recording")
if recording_id is None:
    st.title("Recording")
    st.info("Choose a recording on its patient's page.", icon=":material/info:")
    st.page_link(links.CASELOAD, label="Go to the caseload", icon=":material/groups:")
else:
    st.session_state["recording"] = recording_id
    # When opened by the navigation, the page still gets the address of the recording that it shows.
    if links.query_id("id") is None:
        st.query_params["id"] = recording_id
    try:
        show_page(recording_id)
    except (Forbidden, FerError) as refused:
        st.session_state.pop("recording", None)
        st.title("Recording")
        show_error(refused)
