"""Uploading a recording: its files are checked and its analysis queued, once; then the page shows the progress."""

from __future__ import annotations

import streamlit as st

from clinic.intake import uploaded
from clinic.jobs.jobs import Enqueued
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from fer_core.errors import FerError
from pages import actions
from pages.session import actor
from pages.views.uploader import Kind, Sent, close_uploader, give_up, refuse_upload
from pages.widgets import show_error
from web.resources import resources


def hand_in(patient: PatientSummary, kind: Kind, files: Sent, said: RecordingFields, every_s: float) -> None:
    """Check the files, queue the analysis and show its progress."""
    parts, who = resources(), actor()
    names = {file.upload_id: file.name for file in files.files}

    def queue() -> Enqueued:
        return uploaded.hand_in(parts.db, parts.settings, who, patient.id, names, said, every_s, seen=patient.revision)

    with st.spinner("Checking the file…"):
        try:
            queued = actions.once("hand_in", repr((patient.id, files.ids, said, every_s)), queue)
        except FerError as error:
            if error.code == "disk_full":
                show_error(error)
                return
            give_up(files.ids)
            refuse_upload(kind, error)
            show_error(error)
            return
    close_uploader(kind)
    st.session_state["queued"] = queued
    st.query_params.from_dict({"recording": queued.recording_id})
    st.rerun()
