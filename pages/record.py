"""Hand in a recording, watch it being analysed, and say which face is the patient's where there are several."""

from __future__ import annotations

from datetime import date

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from clinic.consent import consent
from clinic.jobs import jobs, progress
from clinic.patients import caseload
from clinic.recordings import incoming, uploads
from fer_core.errors import FerError
from pages import links
from pages.session import actor
from pages.views.follow import follow
from pages.views.uploader import Sent, close_uploader, refuse_upload, video_uploader
from pages.widgets import calm, day, show_error
from web.resources import resources

VIDEO_TYPES = ["mp4", "mov", "m4v", "mkv", "webm", "avi", "3gp"]
PICTURE_TYPES = ["jpg", "jpeg", "png", "webp"]
KINDS = ["A video", "Pictures"]
SAMPLING = {"Standard: 5 times a second": 0.2, "Coarse: once a second": 1.0, "Every frame": 0.0}


@st.fragment(run_every=2)
def show_running() -> None:
    """List what is not over yet, so that one who left the page finds it again; only this part runs again."""
    with calm():
        parts = resources()
        for job in progress.active(parts.db, parts.settings, actor()):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{links.plain_text(job.patient_name)}** · {day(job.recorded_on)}", width="stretch")
                st.caption(job.status.standing.sentence, width="content")
                links.recording_link("Show", job.status.recording_id)


def show_form(patients: list[caseload.PatientSummary]) -> None:
    """Draw the form of a new recording and hand it in."""
    by_id = {patient.id: patient for patient in patients}
    asked = links.query_id("patient")
    left, right = st.columns(2)
    patient_id = left.selectbox(
        "Patient",
        list(by_id),
        index=list(by_id).index(asked) if asked in by_id else None,
        format_func=lambda key: by_id[key].name,
        placeholder="Choose a patient",
    )
    if patient_id is not None and not may_be_analysed(patient_id):
        return
    recorded_on = right.date_input("Recorded on", value="today", max_value="today", format="YYYY-MM-DD")
    kind = st.segmented_control("What was recorded", KINDS, default=KINDS[0], required=True)
    video, pictures = None, []
    if kind == KINDS[0]:
        video = video_uploader(VIDEO_TYPES)
    else:
        pictures = st.file_uploader("One or more pictures", type=PICTURE_TYPES, accept_multiple_files=True)
    st.caption(f"The file lies encrypted until it is analysed, and {afterwards(patient_id)} then. Sound is never read.")
    note = st.text_input("Note (optional)", max_chars=2000, placeholder="For example: seated, camera at eye level")
    sampling = st.segmented_control(
        "How often a video is looked at", list(SAMPLING), default=next(iter(SAMPLING)), required=True
    )
    ready = patient_id is not None and (video.done if video else bool(pictures))
    if st.button("Start analysis", type="primary", icon=":material/play_arrow:", disabled=not ready) and patient_id:
        hand_in(patient_id, video or pictures, recorded_on, note, SAMPLING[sampling])
    if not ready:
        st.caption("Choose a patient and a file first." if not video else "The video is still on its way.")


def may_be_analysed(patient_id: str) -> bool:
    """Return whether the patient consented to it; where not, say so and lead to where it is recorded."""
    refusal = consent.objection(resources().db, actor(), patient_id, *consent.ANALYSIS)
    if refusal is None:
        return True
    st.warning(refusal.message, icon=":material/contract_edit:")
    st.caption(f"Code: {refusal.code}")
    links.patient_link("Open the patient's page", patient_id)
    return False


def afterwards(patient_id: str | None) -> str:
    """Return what becomes of the file after the analysis."""
    parts = resources()
    if patient_id is None or not parts.settings.keep_files:
        return "is deleted"
    agreed = consent.objection(parts.db, actor(), patient_id, consent.Scope.KEEP_VIDEO) is None
    return "is kept" if agreed else "is deleted"


def hand_in(patient_id: str, files: Sent | list[UploadedFile], recorded_on: date, note: str, every_s: float) -> None:
    """Check the files, queue the analysis and go on to its progress."""
    parts, who = resources(), actor()
    with st.spinner("Checking the file…"):
        stored: list[uploads.Upload] = []
        try:
            if isinstance(files, Sent):
                stored.append(incoming.complete(parts.settings, files.upload_id, files.name, who.account_id))
            else:
                for file in files:
                    stored.append(uploads.store(parts.db, parts.settings, who, file, file.name))
        except FerError as error:
            uploads.discard(parts.settings, [upload.id for upload in stored])
            if isinstance(files, Sent):
                refuse_upload(error)
            show_error(error)
            return
        queued = jobs.enqueue(parts.db, parts.settings, who, patient_id, stored, recorded_on, note, every_s)
    close_uploader()
    st.session_state["queued"] = queued
    st.query_params.from_dict({"recording": queued.recording_id})
    st.rerun()


def show_form_page() -> None:
    """Draw the page of someone who has nothing to follow yet."""
    show_running()
    patients = [found for found in caseload.list_patients(resources().db, actor()) if found.emergency_until is None]
    if not patients:
        st.info("A recording belongs to a patient. Add the first one on the caseload.", icon=":material/info:")
        st.page_link(links.CASELOAD, label="Go to the caseload", icon=":material/groups:")
        return
    show_form(patients)


st.title("New recording")
recording_id = links.query_id("recording")
if recording_id is None:
    show_form_page()
else:
    follow(recording_id)
