"""Handing in a recording: its files are checked and its analysis queued, once, and the page goes on to its progress."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from clinic.access import Actor
from clinic.jobs import jobs
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from clinic.recordings import incoming, uploads
from fer_core.errors import FerError
from pages import actions
from pages.session import actor
from pages.views.uploader import Sent, close_uploader, refuse_upload
from pages.widgets import show_error
from web.resources import Resources, resources


def hand_in(patient: PatientSummary, files: Sent | list[UploadedFile], said: RecordingFields, every_s: float) -> None:
    """Check the files, queue the analysis and go on to its progress."""
    names = files.upload_id if isinstance(files, Sent) else tuple(file.file_id for file in files)
    parts, who = resources(), actor()

    def enqueue() -> jobs.Enqueued:
        return jobs.enqueue(
            parts.db,
            parts.settings,
            who,
            patient.id,
            _take_in(parts, who, files),
            said.recorded_on,
            said.note,
            every_s,
            recorded_time=said.recorded_time,
            seen=patient.revision,
        )

    with st.spinner("Checking the file…"):
        try:
            queued = actions.once("hand_in", repr((patient.id, names, said, every_s)), enqueue)
        except FerError as error:
            if isinstance(files, Sent):
                refuse_upload(error)
            show_error(error)
            return
    close_uploader()
    st.session_state["queued"] = queued
    st.query_params.from_dict({"recording": queued.recording_id})
    st.rerun()


def _take_in(parts: Resources, who: Actor, files: Sent | list[UploadedFile]) -> list[uploads.Upload]:
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
