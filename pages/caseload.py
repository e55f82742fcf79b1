"""All patients: search, last recording, how usable it was, small trends; and a form for a new one."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.patients import caseload, fields
from clinic.patients.caseload import PatientSummary
from fer_core.emotions import Emotion
from pages import chooser, links
from pages.charts.palette import COLORS
from pages.charts.trend import spark_svg
from pages.session import actor
from pages.views.sharing import ask_for_emergency
from pages.views.transfer import import_dialog, show_receipt
from pages.widgets import day, day_input, percent, show_errors
from web.resources import resources

SHOWN_AT_ONCE = 25
SPARKS = (Emotion.HAPPY, Emotion.SAD)
WIDTHS = [3.2, 1.8, 1.6, 1.7, 1.7]


@st.dialog("New patient")
def add_patient() -> None:
    """Ask for a new patient, and go on to that patient's page."""
    with show_errors(), st.form("add_patient", border=False):
        name = st.text_input("Name or code", max_chars=fields.NAME_MAX)
        left, right = st.columns(2)
        code = left.text_input("Code (optional)", max_chars=fields.CODE_MAX, help=words.CODE)
        with right:
            born_on = day_input("Date of birth (optional)", None, "born_on")
        note = st.text_area("Note (optional)", max_chars=fields.NOTE_MAX, height=100)
        if st.form_submit_button("Add", type="primary"):
            patient_id = caseload.add_patient(resources().db, actor(), name, note, code=code, born_on=born_on)
            st.switch_page(links.PATIENT, query_params={"patient": patient_id})


def show_list(patients: list[PatientSummary]) -> None:
    """Draw one line for each patient, the first ones at once and the others on demand."""
    sparks = [f"{words.EXPRESSIONS[emotion].capitalize()} over time" for emotion in SPARKS]
    titles = ["Patient", "Last recording", "Usable face time", *sparks]
    for column, title in zip(st.columns(WIDTHS), titles, strict=True):
        column.caption(title)
    shown = st.session_state.get("patients_shown", SHOWN_AT_ONCE)
    for patient in patients[:shown]:
        show_line(patient)
    if len(patients) > shown and st.button(f"Show {min(SHOWN_AT_ONCE, len(patients) - shown)} more"):
        st.session_state["patients_shown"] = shown + SHOWN_AT_ONCE
        st.rerun()


def show_line(patient: PatientSummary) -> None:
    """Draw one patient's line."""
    with st.container(border=True):
        name, last, usable, *sparks = st.columns(WIDTHS, vertical_alignment="center")
        with name:
            links.patient_link(patient.name, patient.id)
            st.caption(chooser.identity(patient))
            if patient.demo:
                st.badge("Invented", color="blue")
            if patient.emergency_until is not None:
                st.badge("Emergency access", color="orange")
            if patient.closed:
                st.badge("No consent" if not patient.recordings else "Closed: no consent", color="gray")
        with last:
            if patient.last_recording_id is not None:
                links.recording_link(day(patient.last_recorded_on), patient.last_recording_id)
            else:
                st.write(day(patient.last_recorded_on))
        last.caption("1 recording" if patient.recordings == 1 else f"{patient.recordings} recordings")
        usable.write(percent(patient.last_usable_share))
        for column, emotion in zip(sparks, SPARKS, strict=True):
            svg = spark_svg([shares[emotion] if shares else None for shares in patient.shares], COLORS[emotion])
            if svg:
                column.image(svg)
            else:
                column.write("–")


who = actor()
title, import_button, button = st.columns([3.5, 1, 1], vertical_alignment="bottom")
title.title("Caseload")
if who.writes and import_button.button("Import", icon=":material/unarchive:", width="stretch"):
    import_dialog()
if who.writes and button.button("Add patient", type="primary", icon=":material/person_add:", width="stretch"):
    add_patient()
show_receipt()
search = st.text_input("Search", placeholder="Search by name, code or note", label_visibility="collapsed", key="search")
found = caseload.list_patients(resources().db, who, search)
if found:
    show_list(found)
    st.caption(words.DISCLAIMER)
elif search:
    st.info("No patient matches this search.", icon=":material/search:")
elif who.writes:
    with st.container(border=True):
        st.subheader("Welcome")
        st.write(words.FIRST_STEPS)
else:
    st.info(words.NOTHING_SHARED, icon=":material/info:")
if who.writes and st.button("Emergency access to a patient of others", icon=":material/emergency:", type="tertiary"):
    ask_for_emergency()
