"""One patient: who it is, what the newest recording says, one axis of time, and everything else in tabs."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.access import Forbidden
from clinic.jobs import progress
from clinic.patients import caseload, visibility
from clinic.patients.caseload import PatientDetail
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Answer
from pages import actions, chooser, links
from pages.session import actor
from pages.views.consent import show_consent
from pages.views.doubles import show_others
from pages.views.imported import show_imported
from pages.views.notes import show_notes
from pages.views.overview import show_overview
from pages.views.patient_edit import edit
from pages.views.questionnaires import show_questionnaires, show_watched
from pages.views.recordings_table import show_table, show_under_way
from pages.views.report import report_dialog
from pages.views.sharing import show_history, show_readers, show_refusal
from pages.views.stays import while_open
from pages.views.transfer import export_dialog, show_receipt
from pages.widgets import clock
from web.resources import resources

TABS = {
    "overview": "Overview",
    "recordings": "Recordings",
    "questionnaires": "Questionnaires",
    "notes": "Notes and events",
    "sharing": "Consent and sharing",
    "history": "History",
}
"""By the word in the address."""


def show_header(patient: PatientDetail) -> None:
    """Draw who it is, what can be done, and how the consent stands."""
    name, add, report, export, change = st.columns([3.4, 1.9, 1.2, 1.2, 1.1], vertical_alignment="bottom")
    name.title(links.plain_text(patient.name), anchor=False)
    if patient.writable:
        with change:
            if actions.action("Edit", "edit", patient.id, icon=":material/edit:", wide=True, opens=True):
                edit(patient)
        with report:
            # Also without a recording: questionnaires and marks go to the file too.
            if patient.closed is None and actions.action(
                "Report", "report", patient.id, icon=":material/description:", wide=True, opens=True
            ):
                report_dialog(patient)
        with export:
            if actions.action("Export", "export", patient.id, icon=":material/archive:", wide=True, opens=True):
                actions.open_dialog("export")
                export_dialog(patient)
    show_receipt()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # On paper the edge of each sheet repeats what has such a key (pages/views/assets/paper.js).
        with st.container(key="whose", width="content"):
            st.caption(chooser.identity(patient), width="content")
        if patient.demo:
            st.badge("Invented patient: a demonstration, no real person", color="blue")
        may_analyse = show_consent(patient)
    if patient.note:
        first, _, rest = patient.note.partition("\n")
        st.caption(links.plain_text(first + (" …" if rest else "")))
    if patient.emergency_until is not None:
        st.warning(f"Emergency access, until {clock(patient.emergency_until)}.", icon=":material/emergency:")
    if may_analyse and patient.writable:
        with add:
            if actions.action(
                "Add a recording", "add_recording", patient.id, "primary", ":material/add:", wide=True, opens=True
            ):
                st.switch_page(links.RECORD, query_params={"patient": patient.id})


def show_patient(patient: PatientDetail, given: list[Answer]) -> None:
    """Draw the whole page of one patient; of the tabs, the open one alone."""
    show_header(patient)
    show_others(patient.id)
    show_watched(patient, given)
    parts = resources()
    under_way = progress.active(parts.db, parts.settings, actor(), patient.id)
    if under_way:
        show_under_way(patient.id, len(under_way))
    names = list(TABS.values()) if patient.writable else [*TABS.values()][:4]
    asked = TABS.get(st.query_params.get("tab", ""), names[0])
    start = asked if asked in names else names[0]
    for tab, name in zip(st.tabs(names, default=start, key=f"tab:{patient.id}", on_change="rerun"), names, strict=True):
        if tab.open:
            with tab:
                show_tab(name, patient, given)


def show_tab(name: str, patient: PatientDetail, given: list[Answer]) -> None:
    """Draw what stands in one tab."""
    if name == TABS["overview"]:
        show_overview(patient, given)
    elif name == TABS["recordings"]:
        if patient.closed:
            st.info(patient.closed, icon=":material/lock:")
        show_table(patient)
        show_imported(patient)
    elif name == TABS["questionnaires"]:
        show_questionnaires(patient, given)
    elif name == TABS["notes"]:
        show_notes(patient)
    elif name == TABS["sharing"]:
        st.caption(words.CONSENT_IS_ABOVE)
        show_readers(patient)
    else:
        show_history(patient.id)


asked = links.query_id("recording")
if asked is not None:
    # An address from before recordings had pages of their own.
    links.open_recording(asked)
patient_id = links.query_id("patient") or st.session_state.get("patient")
if patient_id is None:
    st.title("Patient")
    st.info("Choose a patient on the caseload.", icon=":material/info:")
    st.page_link(links.CASELOAD, label="Go to the caseload", icon=":material/groups:")
else:
    st.session_state["patient"] = patient_id
    # When opened by the navigation, or on the way back from a recording, the address still names the patient shown.
    if links.query_id("patient") is None:
        st.query_params.from_dict({"patient": patient_id})
    try:
        before = visibility.state(resources().db, actor(), patient_id)
        drawn = visibility.states(resources().db, actor(), [patient_id])
        found = caseload.get_patient(resources().db, actor(), patient_id)
    except Forbidden as refused:
        st.session_state.pop("patient", None)
        show_refusal(refused, patient_id)
    else:
        while_open(actor(), patient_id, None, before, drawn)
        show_patient(found, answers.listed(resources().db, actor(), patient_id))
