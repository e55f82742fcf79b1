"""One patient: expressions over the recordings, and the list of them, each with a page of its own."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.access import Forbidden
from clinic.erasure import deletion
from clinic.jobs import progress
from clinic.patients import caseload, edits, fields
from clinic.patients.caseload import PatientDetail
from clinic.patients.fields import PatientFields
from clinic.phrases import counted
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Answer
from fer_core.emotions import Emotion
from pages import actions, chooser, links
from pages.charts.trend import title
from pages.session import actor
from pages.views.axis import show_axis
from pages.views.confirm import confirmed
from pages.views.conflict import saved
from pages.views.consent import show_consent
from pages.views.numbers import show_numbers
from pages.views.questionnaires import show_questionnaires, show_watched
from pages.views.recording import title_of
from pages.views.report import report_dialog
from pages.views.sharing import show_history, show_readers, show_refusal
from pages.views.transfer import export_dialog, keep_receipt, show_receipt
from pages.widgets import (
    DAY_COLUMN,
    clock,
    day,
    day_input,
    duration,
    percent,
    show_errors,
    table_of_recordings,
)
from web.resources import resources

FIRST_SHOWN = (Emotion.HAPPY, Emotion.SAD, Emotion.NEUTRAL)


@st.dialog("Edit patient")
def edit(patient: PatientDetail) -> None:
    """Change what is said of the patient, who sees it, or delete the patient."""
    with show_errors():
        st.markdown(chooser.whose(patient))
        edit_fields(patient)
        show_readers(patient)
        show_history(patient.id)
        with st.expander("Delete this patient"):
            delete(patient)


def edit_fields(patient: PatientDetail) -> None:
    """Draw the form of name, code, date of birth and note."""
    with st.form(f"edit:{patient.id}", border=False):
        name = st.text_input("Name or code", patient.name, max_chars=fields.NAME_MAX, key=f"name:{patient.id}")
        left, right = st.columns(2)
        code = left.text_input(
            "Code (optional)", patient.code, max_chars=fields.CODE_MAX, help=words.CODE, key=f"code:{patient.id}"
        )
        with right:
            born_on = day_input("Date of birth (optional)", patient.born_on, f"born:{patient.id}")
        note = st.text_area("Note", patient.note, max_chars=fields.NOTE_MAX, height=100, key=f"note:{patient.id}")
        wanted = actions.submit("Save", "save_patient", actions.at(patient.id, patient.revision), kind="primary")
    said = PatientFields(name, note, code, born_on)
    db, who = resources().db, actor()
    if saved(patient.id, patient.revision, wanted, lambda seen: edits.edit_patient(db, who, patient.id, seen, said)):
        st.rerun()


def delete(patient: PatientDetail) -> None:
    """Ask for the name, then delete the patient."""
    count = len(patient.recordings)
    st.write(f"Deletes the patient and {counted(count, 'recording')} for good. This can't be undone.")
    target = actions.at(patient.id, patient.revision)
    if confirmed("Delete patient", "delete_patient", target, patient):
        parts, who = resources(), actor()

        def carry_out() -> deletion.Receipt:
            return deletion.delete_patient(parts.db, parts.settings, who, patient.id, patient.revision, count)

        keep_receipt(actions.once("delete_patient", target, carry_out))
        st.session_state.pop("patient", None)
        st.switch_page(links.CASELOAD)


def show_header(patient: PatientDetail) -> None:
    """Draw who it is and what can be done."""
    name, report_button, export_button, edit_button = st.columns([4, 1, 1, 1], vertical_alignment="bottom")
    name.title(links.plain_text(patient.name))
    if patient.writable:
        with edit_button:
            if actions.action("Edit", "edit", patient.id, icon=":material/edit:", wide=True):
                edit(patient)
        with report_button:
            shown = bool(patient.recordings) and patient.closed is None
            if shown and actions.action("Report", "report", patient.id, icon=":material/description:", wide=True):
                report_dialog(patient)
        with export_button:
            if actions.action("Export", "export", patient.id, icon=":material/archive:", wide=True):
                actions.open_anew("export")
                export_dialog(patient)
    show_receipt()
    if patient.demo:
        st.badge("Invented patient: a demonstration, no real person", color="blue")
    st.caption(chooser.identity(patient))
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
    if latest is not None:
        with columns[1]:
            links.recording_link("Open it", latest.id)
    columns[2].metric("Recordings", len(patient.recordings))
    # As many as the baseline is told of: recordings of an earlier line are not compared with those of this one.
    newest = len(patient.trend.changes)
    counting = sum(point.excluded is None and point.segment == newest for point in patient.trend.points)
    columns[3].metric("Counting in the newest line" if newest else "Counting in the trend", counting)


def show_table(patient: PatientDetail) -> None:
    """List all recordings; each opens on its own page."""
    labels = {recording.id: title_of(recording) for recording in patient.recordings}
    chosen = chooser.choose(
        "Open a recording", labels, f"open:{patient.id}", placeholder="Choose a recording, or tick its row"
    )
    rows = [
        {
            "No.": recording.visit_number,
            "Recorded on": recording.recorded_on,
            "Time": f"{recording.recorded_time:%H:%M}" if recording.recorded_time else "",
            "Kind": recording.kind.capitalize(),
            "Length": duration(recording.duration_s) if recording.kind == "video" else "",
            "Usable": recording.usable_share * 100 if recording.usable_share is not None else None,
            "State": recording.standing.sentence,
            "Note": recording.note,
        }
        for recording in patient.recordings
    ]
    shown = ("No.", "Recorded on", "Time", "Kind", "State", "Note") if patient.closed else None
    config = {"Usable": st.column_config.NumberColumn(format="%.0f %%"), "Recorded on": DAY_COLUMN}
    ids = [recording.id for recording in patient.recordings]
    ticked = table_of_recordings(rows, ids, "recordings", column_config=config, column_order=shown)
    if chosen is not None or ticked is not None:
        links.open_recording(chosen or ticked or "")


@st.fragment(run_every=2)
def show_under_way(patient_id: str, before: int) -> None:
    """Say which analyses of the patient are not over; the page is drawn again when one is. Only this part runs again.

    `before`: how many there were when the page was drawn.
    """
    with show_errors():
        parts = resources()
        found = progress.active(parts.db, parts.settings, actor(), patient_id)
        if len(found) != before:
            st.rerun()
        for job in found:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"{chooser.visit(job.subject)}: {job.status.standing.sentence}", width="stretch")
                if job.status.writable:
                    links.analysis_link("Show", job.status.recording_id)


def show_patient(patient: PatientDetail, given: list[Answer]) -> None:
    """Draw the whole page of one patient."""
    show_header(patient)
    parts = resources()
    under_way = progress.active(parts.db, parts.settings, actor(), patient.id)
    if under_way:
        show_under_way(patient.id, len(under_way))
    if not patient.recordings:
        if not patient.closed:
            st.info("No recordings yet. Add a video of a session, or a few pictures.", icon=":material/videocam:")
        return
    if patient.closed:
        st.info(patient.closed, icon=":material/lock:")
        show_table(patient)
        return
    show_overview(patient)
    expressions = {emotion.label: title(words.EXPRESSIONS[emotion]) for emotion in Emotion}
    picked = chooser.several("Expressions", expressions, [one.label for one in FIRST_SHOWN], "expressions_shown")
    shown = [emotion for emotion in Emotion if emotion.label in picked]
    if patient.trend.points:
        st.header("Over the recordings")
        show_axis(patient, given, shown)
    st.header("All recordings")
    show_table(patient)
    show_numbers()


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
    try:
        found = caseload.get_patient(resources().db, actor(), patient_id)
    except Forbidden as refused:
        st.session_state.pop("patient", None)
        show_refusal(refused, patient_id)
    else:
        given = answers.listed(resources().db, actor(), patient_id)
        show_watched(given)
        show_patient(found, given)
        st.header("Questionnaires")
        show_questionnaires(found, given)
