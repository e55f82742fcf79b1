"""Watch a camera live: of a patient who agreed, or of nobody, where nothing is kept."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.accounts import sessions
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients import caseload, fields, visibility
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from pages import actions, chooser, clicks, links
from pages.session import actor
from pages.views.agreed import may_be
from pages.views.camera import camera, is_recording
from pages.views.conditions import holding_on, named
from pages.views.hand_in import hand_in
from pages.views.moment import ask_for_moment
from pages.views.stays import while_offered
from pages.views.uploader import drop, holds_files, live_of, uploader
from pages.widgets import day, duration, show_error, today, zone
from web.resources import resources

NOBODY = "nobody"
LOST = (
    "The patient whose live view this was is no longer on your caseload. The live view ended, and what was recorded and"
    " not stored yet is not kept."
)
NO_LONGER_AGREED = (
    "The patient's consent to it has ended. What was recorded in the live view and not stored yet is deleted: the"
    " recording of {patient}."
)
RECORDED_OF = "recorded_of"
"""Whose recording ran, or was not stored yet, when the page was drawn last."""
RECORDED_NOW = "The day and the time at which it began."
EVERY_S = 0.2
"""Seconds between the samples of a recording, as on the page of a new recording."""


def show_recorded(patient: PatientSummary) -> None:
    """Draw what was recorded of the patient on its way up, and hand it in."""
    files = uploader(live_of(patient.id))
    if files is None:
        return
    left, right = st.columns(2)
    recorded_on, recorded_time = ask_for_moment(files, left, right, patient.born_on, as_said=RECORDED_NOW)
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
        hand_in(patient, live_of(patient.id), files, RecordingFields(recorded_on, recorded_time, note), EVERY_S)


def show_patient(patient: PatientSummary) -> None:
    """Draw the live view of a patient who agreed to it."""
    if not may_be(patient.id, Scope.ANALYSE):
        return
    st.markdown(f"Live: {chooser.whose(patient)}")
    holding = holding_on(patient.id, today())
    if holding:
        why = links.plain_text(words.NOT_INTERPRETED_LIVE.format(why=named(holding)))
        st.info(why, icon=":material/visibility_off:")
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


def choose(patients: list[PatientSummary]) -> str | None:
    """Ask whose face it is, and let the address say it; a recording that is not stored yet keeps its patient."""
    asked = NOBODY if st.query_params.get("patient") == NOBODY else links.query_id("patient")
    by_id = {patient.id: patient for patient in patients}
    runs = asked is not None and _was_recorded(asked)
    # The camera may learn before the page that the patient's live view ends, and then it records no more.
    ran = asked is not None and st.session_state.get(RECORDED_OF) == asked
    st.session_state[RECORDED_OF] = asked if runs else None
    if asked is not None and asked not in (NOBODY, *by_id) and (runs or ran):
        drop(live_of(asked))
        clicks.say(LOST, f"recording of {asked}")
    if asked in by_id and (runs or ran) and _may_be_stored(by_id[asked]) and runs:
        st.markdown(f"Whose face: {chooser.whose(by_id[asked])}")
        st.caption("Another patient can be chosen once the recording is stored or dropped.")
        return asked
    labels = {NOBODY: "Nobody: nothing is kept"} | chooser.patient_labels(patients)
    placeholder = "Choose a patient, or nobody"
    chosen = chooser.choose("Whose face", labels, f"live:{asked}", start=asked, placeholder=placeholder)
    if chosen is not None and chosen != asked:
        st.query_params["patient"] = chosen
        st.rerun()
    return chosen


def _may_be_stored(patient: PatientSummary) -> bool:
    """Return whether the patient still agrees to what was recorded; where not, delete it, and say so."""
    if consent.objection(resources().db, actor(), patient.id, *consent.ANALYSIS) is None:
        return True
    drop(live_of(patient.id))
    clicks.say(NO_LONGER_AGREED.format(patient=chooser.whose_text(patient)), f"recording of {patient.id}")
    return False


def _was_recorded(patient_id: str) -> bool:
    """Return whether a recording of this patient runs, or is not stored yet."""
    return is_recording(patient_id) or holds_files(live_of(patient_id))


recording_id = links.query_id("recording")
if recording_id is not None:
    links.open_analysis(recording_id)
st.title("Live view")
while_offered(actor(), visibility.offered(resources().db, actor()))
patients = [found for found in caseload.list_patients(resources().db, actor()) if found.emergency_until is None]
chosen = choose(patients)
if chosen is None:
    st.caption(words.DISCLAIMER)
elif chosen == NOBODY:
    show_nobody()
else:
    show_patient(next(patient for patient in patients if patient.id == chosen))
