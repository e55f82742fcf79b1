"""Watch a camera live: of a patient who agreed, or of nobody, where nothing is kept."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.accounts import sessions
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import caseload, fields
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from pages import actions, chooser, links
from pages.session import actor
from pages.views.agreed import may_be
from pages.views.camera import camera
from pages.views.hand_in import hand_in
from pages.views.moment import ask_for_moment
from pages.views.uploader import LIVE, uploader
from pages.widgets import day, duration, show_error, today, zone
from web.resources import resources

NOBODY = "nobody"
EVERY_S = 0.2
"""Seconds between the samples of a recording, as on the page of a new recording."""


def show_recorded(patient: PatientSummary) -> None:
    """Draw what was recorded of the patient on its way up, and hand it in."""
    files = uploader(LIVE)
    if files is None:
        return
    left, right = st.columns(2)
    recorded_on, recorded_time = ask_for_moment(files, left, right)
    objection = fields.day_objection(recorded_on, patient.born_on, today())
    objection = objection or fields.time_objection(recorded_on, recorded_time, zone())
    if objection is not None:
        show_error(objection)
    note = st.text_input("Note (optional)", max_chars=2000)
    st.markdown(f"To be stored for {chooser.whose(patient)}, recorded on **{day(recorded_on)}**.")
    ready = files.done and objection is None and recorded_on is not None
    target = actions.at(patient.id, patient.revision)
    start = actions.action(
        "Start analysis", "start-live", target, "primary", ":material/play_arrow:", disabled=not ready
    )
    if start and ready and recorded_on is not None:
        hand_in(patient, LIVE, files, RecordingFields(recorded_on, recorded_time, note), EVERY_S)


def show_patient(patient: PatientSummary) -> None:
    """Draw the live view of a patient who agreed to it."""
    if not may_be(patient.id, Scope.ANALYSE):
        return
    st.markdown(f"Live: {chooser.whose(patient)}")
    may_record = consent.objection(resources().db, actor(), patient.id, *consent.ANALYSIS) is None
    st.caption(
        "Nothing is kept unless you record. Sound is neither heard nor recorded. After"
        f" {duration(sessions.IDLE.total_seconds())} without a click here you are signed out, also while it records;"
        " before that you are asked whether you go on."
    )
    camera(patient.id, may_record)
    if may_record:
        show_recorded(patient)


def show_nobody() -> None:
    """Draw the live view of nobody in particular, of which nothing is kept."""
    st.caption("Nothing of it is kept: no picture, no label, no recording. Sound is not heard.")
    if st.checkbox("Everyone in view knows of the camera and agrees", key="in_view_agree"):
        camera(None, may_record=False)


recording_id = links.query_id("recording")
if recording_id is not None:
    links.open_analysis(recording_id)
st.title("Live view")
patients = [found for found in caseload.list_patients(resources().db, actor()) if found.emergency_until is None]
by_id = {patient.id: patient for patient in patients}
labels = {NOBODY: "Nobody: nothing is kept"} | chooser.patient_labels(patients)
asked = links.query_id("patient")
chosen = chooser.choose("Whose face", labels, f"live:{asked}", start=asked, placeholder="Choose a patient, or nobody")
if chosen is None:
    st.caption(words.DISCLAIMER)
elif chosen == NOBODY:
    show_nobody()
else:
    show_patient(by_id[chosen])
