"""The dialog of a report: its content, a preview, and the file to download."""

from __future__ import annotations

import streamlit as st

from clinic.exchange.downloads import Kind
from clinic.patients.caseload import PatientDetail
from clinic.patients.fields import NOTE_MAX
from clinic.reports import reports
from clinic.reports.content import Asked
from pages import actions, chooser, links
from pages.session import actor
from pages.views import download
from pages.widgets import day_input, show_errors
from web.resources import resources

ABOUT = {"period": "A period", "recording": "One recording"}


@actions.dialog("Report for the file", width="large")
def report_dialog(patient: PatientDetail) -> None:
    """Ask for the report's content, show a preview, and make the file."""
    with show_errors():
        st.markdown(f"**{links.plain_text(patient.name)}** · {chooser.identity(patient)}")
        asked = ask(patient)
        # Asked for otherwise, it is another file.
        details = [asked.begin, asked.end, asked.recording_id, sorted(asked.notes), asked.patient_note, asked.remark]
        about = f"report:{patient.id}:{chooser.digest(details)}"
        parts, who = resources(), actor()
        with st.container(horizontal=True):
            preview = actions.action("Preview", "preview_report", patient.id, icon=":material/visibility:", opens=True)
            as_pdf = actions.action("Make the PDF", "report_pdf", patient.id, "primary", ":material/picture_as_pdf:")
            as_html = actions.action("Make a web page", "report_html", patient.id, icon=":material/html:")
        st.caption("The file is **not encrypted**: keep it where nobody else reads it.")
        if preview:
            for page in reports.preview(parts.db, parts.settings, who, patient.id, asked, patient):
                st.image(page, width="stretch")
        if as_pdf or as_html:
            kind = Kind.PDF if as_pdf else Kind.HTML
            download.prepare(
                f"{about}:{kind}",
                lambda: reports.prepare(parts.db, parts.settings, who, patient.id, asked, kind, patient),
            )
        download.show(f"{about}:{Kind.PDF}", "Download the PDF")
        download.show(f"{about}:{Kind.HTML}", "Download the web page")


def ask(patient: PatientDetail) -> Asked:
    """Draw the questions and return what is asked for."""
    one = chooser.switch("About", ABOUT, f"report_about:{patient.id}") == "recording"
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
    return Asked(begin, end, recording_id, frozenset(notes), own, remark)
