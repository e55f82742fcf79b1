"""The dialog of a report: its content, a preview, and the file, which a worker makes."""

from __future__ import annotations

import streamlit as st

from clinic.exchange.downloads import Kind
from clinic.jobs.progress import JobState
from clinic.patients.caseload import PatientDetail
from clinic.patients.fields import NOTE_MAX
from clinic.phrases import counted
from clinic.reports import report_jobs, reports
from clinic.reports.content import ReportScope
from clinic.reports.report_jobs import ReportStatus
from pages import actions, chooser, links
from pages.session import actor
from pages.views import download
from pages.widgets import clock, day_input, percent, show_errors
from web.resources import resources

KINDS = {Kind.PDF: "PDF", Kind.HTML: "web page"}
ABOUT = {"period": "A period", "recording": "One recording"}


@actions.dialog("Report for the file", width="large")
def report_dialog(patient: PatientDetail) -> None:
    """Ask for the report's content, show a preview, and have the file made."""
    with show_errors():
        st.markdown(chooser.whose(patient))
        asked = ask(patient)
        parts, who = resources(), actor()
        wanted = actions.action("Preview", "preview_report", patient.id, icon=":material/visibility:", opens=True)
        _follow(patient, asked)
        if wanted:
            # Below the buttons: two pages would push them far down.
            pages = reports.preview(parts.db, parts.settings, who, patient.id, asked, patient)
            for number, page in enumerate(pages, 1):
                st.image(page, width="stretch", alt=f"Page {number} of {len(pages)}, as it is printed")


@actions.part(run_every=1)
def _follow(patient: PatientDetail, asked: ReportScope) -> None:
    """Offer to have the file made, follow it, and offer what is done once."""
    with show_errors():
        parts, who = resources(), actor()
        found = report_jobs.standing(parts.db, parts.settings, who, patient.id)
        if found is not None and found.open:
            _running(patient.id, found)
            return
        if found is not None and found.state is JobState.FAILED:
            st.warning(links.plain_sentence(found.error or ""), icon=":material/info:")
        target = f"{patient.id}:{found.id if found else 'first'}"
        with st.container(horizontal=True):
            as_pdf = actions.action("Make the PDF", "report_pdf", target, "primary", ":material/picture_as_pdf:")
            as_html = actions.action("Make a web page", "report_html", target, icon=":material/html:")
        if as_pdf or as_html:
            report_jobs.ask(parts.db, who, patient.id, asked, Kind.PDF if as_pdf else Kind.HTML, patient)
            actions.draw_part_again()
        refused = download.follow(f"report:{patient.id}", patient.id, found.ticket if found is not None else None)
        if refused is not None:
            st.warning(links.plain_sentence(refused), icon=":material/info:")
        elif found is not None and found.ticket is not None:
            name = f"Download the {KINDS[found.kind]} of {clock(found.asked_at)}"
            st.link_button(name, f"/downloads/{found.ticket}", icon=":material/download:")
            st.caption("**It is not encrypted.** The download works once, within an hour.")


def _running(patient_id: str, found: ReportStatus) -> None:
    if found.state is JobState.QUEUED:
        behind = f", behind {counted(found.before, 'other report')}" if found.before else ""
        st.info(f"The report waits for its turn{behind}. You may leave this page.", icon=":material/hourglass_top:")
    else:
        st.progress(found.share, text=f"The report is being made: {percent(found.share)} done. It takes some seconds.")
    if actions.action("Cancel", "cancel_report", found.id, icon=":material/stop:"):
        report_jobs.cancel(resources().db, actor(), patient_id)
        actions.draw_part_again()


def ask(patient: PatientDetail) -> ReportScope:
    """Draw the questions and return what is asked for."""
    one = bool(patient.recordings) and chooser.switch("About", ABOUT, f"report_about:{patient.id}") == "recording"
    begin = end = recording_id = None
    if one:
        labels = {recording.id: chooser.visit(recording) for recording in patient.recordings}
        recording_id = chooser.choose(
            "Recording", labels, f"report_recording:{patient.id}", start=patient.recordings[0].id
        )
    else:
        left, right = st.columns(2)
        with left:
            begin = day_input("From (optional)", None, f"report_begin:{patient.id}")
        with right:
            end = day_input("To (optional)", None, f"report_end:{patient.id}")
    noted = {row.id: chooser.visit(row) for row in patient.recordings if row.note}
    notes = chooser.several("Notes to print", noted, [], f"report_notes:{patient.id}") if noted else []
    own = st.checkbox("Print the note on the patient", key=f"report_note:{patient.id}") if patient.note else False
    remark = st.text_area("Remark (optional)", max_chars=NOTE_MAX, height=80, key=f"report_remark:{patient.id}")
    return ReportScope(begin, end, recording_id, frozenset(notes), own, remark)
