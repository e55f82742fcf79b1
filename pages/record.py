"""Hand in a recording, watch it being analysed, and say which face is the patient's where there are several."""

from __future__ import annotations

import threading
from datetime import date, time
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from clinic.access import Actor
from clinic.consent import consent
from clinic.jobs import jobs, progress
from clinic.patients import caseload, fields
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from clinic.recordings import incoming, uploads
from clinic.recordings.taken import Taken, suggestion
from fer_core.errors import FerError
from fer_core.media.kinds import PICTURE_SUFFIXES
from pages import actions, chooser, links
from pages.session import actor
from pages.views.follow import follow
from pages.views.uploader import Sent, close_uploader, refuse_upload, video_uploader
from pages.widgets import day, day_input, show_error, show_errors, today, zone
from web.resources import Resources, resources

Suggested = TypeVar("Suggested")

KINDS = {"video": "A video", "pictures": "Pictures"}
SAMPLING = {"0.2": "Standard: 5 times a second", "1.0": "Coarse: once a second", "0.0": "Every frame"}
"""Seconds between the samples of a video, and what that is called."""


@st.fragment(run_every=2)
def show_running() -> None:
    """List what is not over yet, so that one who left the page finds it again; only this part runs again."""
    with show_errors():
        parts = resources()
        for job in progress.active(parts.db, parts.settings, actor()):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{links.plain_text(job.patient_name)}** · {day(job.recorded_on)}", width="stretch")
                st.caption(job.status.standing.sentence, width="content")
                links.analysis_link("Show", job.status.recording_id)


def show_form(patients: list[PatientSummary]) -> None:
    """Draw the form of a new recording and hand it in."""
    by_id = {patient.id: patient for patient in patients}
    asked = links.query_id("patient")
    labels = chooser.patient_labels(patients)
    left, middle, right = st.columns([2, 1, 1])
    with left:
        chosen = chooser.choose("Patient", labels, f"whose:{asked}", start=asked, placeholder="Choose a patient")
    patient = by_id[chosen] if chosen is not None else None
    if patient is not None and not may_be_analysed(patient.id):
        return
    day_field, time_field = middle.container(), right.container()
    kind = chooser.switch("What was recorded", KINDS, "recorded_kind")
    video, pictures = None, []
    if kind == "video":
        video = video_uploader()
    else:
        pictures = st.file_uploader("One or more pictures", type=list(PICTURE_SUFFIXES), accept_multiple_files=True)
    st.caption(f"The file lies encrypted until it is analysed, and {afterwards(chosen)} then. Sound is never read.")
    recorded_on, recorded_time = ask_for_moment(taken_at(video, pictures), day_field, time_field)
    objection = fields.day_objection(recorded_on, patient.born_on if patient is not None else None, today())
    if objection is not None:
        show_error(objection)
    note = st.text_input("Note (optional)", max_chars=2000, placeholder="For example: seated, camera at eye level")
    sampling = chooser.switch("How often a video is looked at", SAMPLING, "recorded_sampling")
    ready = patient is not None and objection is None and (video.done if video else bool(pictures))
    if patient is not None and objection is None:
        at = f", {recorded_time:%H:%M}" if recorded_time else ""
        st.markdown(
            f"To be stored for **{links.plain_text(labels[patient.id])}**, recorded on **{day(recorded_on)}{at}**."
        )
    target = actions.at(patient.id, patient.revision) if patient is not None else "nobody"
    start = actions.action("Start analysis", "start", target, "primary", ":material/play_arrow:", disabled=not ready)
    if start and ready and patient is not None and recorded_on is not None:
        said = RecordingFields(recorded_on, recorded_time, note)
        hand_in(patient, video or pictures, said, float(sampling))
    if not ready and objection is None:
        st.caption(what_is_missing(patient is not None, video))


def what_is_missing(patient: bool, video: Sent | None) -> str:
    """Return why an analysis can't be started yet."""
    if not patient:
        return "Choose a patient first."
    return "The video is still on its way." if video is not None and not video.done else "Choose a file first."


def ask_for_moment(
    taken: Taken | None, place: DeltaGenerator, time_place: DeltaGenerator
) -> tuple[date | None, time | None]:
    """Ask for the day and the time of the recording; the file may suggest them, and says so."""
    suggested = taken.day if taken is not None else today()
    with place:
        key, offered = offered_first("recorded_on", suggested)
        recorded_on = day_input("Recorded on", offered, key)
        if taken is not None and recorded_on == suggested:
            st.caption("As the file says.")
        elif taken is not None:
            st.caption(f"The file says {day(suggested)}.")
    with time_place:
        # Another day than the file's is not the file's time either. Boxes hold whole minutes.
        at = taken.time if taken is not None and recorded_on == taken.day else None
        key, offered_time = offered_first("recorded_time", at.replace(second=0, microsecond=0) if at else None)
        return recorded_on, st.time_input("Time (optional)", offered_time, key=key)


def offered_first(what: str, suggested: Suggested) -> tuple[str, Suggested]:
    """Return the key of a box and what stands in it first: a suggestion replaces another, and never what was typed."""
    key, offered = st.session_state.get(f"{what}_drawn", (f"{what}:{suggested}", suggested))
    if key not in st.session_state or st.session_state[key] == offered:
        key, offered = f"{what}:{suggested}", suggested
        st.session_state[f"{what}_drawn"] = (key, offered)
    return key, offered


def taken_at(video: Sent | None, pictures: list[UploadedFile]) -> Taken | None:
    """Return when the chosen file was recorded, as its name says, or else the container of a video."""
    name = video.name if video else pictures[0].name if pictures else ""
    said = suggestion(name, None, zone(), today())
    if said is not None or video is None or not video.done:
        return said
    known: dict[str, str | None] = st.session_state.setdefault("created", {})
    if video.upload_id not in known:
        known[video.upload_id] = incoming.created(resources().settings, video.upload_id, actor().account_id)
    return suggestion(name, known[video.upload_id], zone(), today())


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


def hand_in(patient: PatientSummary, files: Sent | list[UploadedFile], said: RecordingFields, every_s: float) -> None:
    """Check the files, queue the analysis and go on to its progress."""
    # A second click repeats this run beside the first one: it waits, and finds what was handed in already.
    handed_in: dict[Any, jobs.Enqueued] = st.session_state.setdefault("handed_in", {})
    one_at_a_time: threading.Lock = st.session_state.setdefault("hand_in", threading.Lock())
    names = files.upload_id if isinstance(files, Sent) else tuple(file.file_id for file in files)
    parts, who, asked = resources(), actor(), (patient.id, names, said, every_s)
    with st.spinner("Checking the file…"):
        try:
            with one_at_a_time:
                if asked not in handed_in:
                    stored = take_in(parts, who, files)
                    handed_in[asked] = jobs.enqueue(
                        parts.db,
                        parts.settings,
                        who,
                        patient.id,
                        stored,
                        said.recorded_on,
                        said.note,
                        every_s,
                        recorded_time=said.recorded_time,
                        seen=patient.revision,
                    )
        except FerError as error:
            if isinstance(files, Sent):
                refuse_upload(error)
            show_error(error)
            return
    queued = handed_in[asked]
    close_uploader()
    st.session_state["queued"] = queued
    st.query_params.from_dict({"recording": queued.recording_id})
    st.rerun()


def take_in(parts: Resources, who: Actor, files: Sent | list[UploadedFile]) -> list[uploads.Upload]:
    """Check the files and keep them, or none; no widget is asked meanwhile, for that is where a run is interrupted."""
    if isinstance(files, Sent):
        return [incoming.complete(parts.settings, files.upload_id, files.name, who.account_id)]
    stored: list[uploads.Upload] = []
    try:
        for file in files:
            stored.append(uploads.store(parts.db, parts.settings, who, file, file.name))
    except FerError:
        uploads.discard(parts.settings, [upload.id for upload in stored])
        raise
    return stored


def show_form_page() -> None:
    """Draw the page of someone who has nothing to follow yet."""
    show_running()
    patients = [found for found in caseload.list_patients(resources().db, actor()) if found.emergency_until is None]
    if not patients:
        st.info("A recording belongs to a patient. Add the first one on the caseload.", icon=":material/info:")
        st.page_link(links.CASELOAD, label="Go to the caseload", icon=":material/groups:")
        return
    show_form(patients)


recording_id = links.query_id("recording")
if recording_id is None:
    st.title("New recording")
    show_form_page()
else:
    follow(recording_id)
