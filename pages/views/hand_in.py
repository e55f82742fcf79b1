"""Uploading a recording: its files are checked and its analysis queued, once; then the page shows the progress."""

from __future__ import annotations

import streamlit as st

from clinic.access import Actor
from clinic.jobs import jobs
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from clinic.recordings import incoming, uploads
from fer_core.errors import FerError
from pages import actions
from pages.session import actor
from pages.views.uploader import Kind, Sent, close_uploader, give_up, refuse_upload
from pages.widgets import show_error
from web.resources import Resources, resources


def hand_in(patient: PatientSummary, kind: Kind, files: Sent, said: RecordingFields, every_s: float) -> None:
    """Check the files, queue the analysis and show its progress."""
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
            queued = actions.once("hand_in", repr((patient.id, files.ids, said, every_s)), enqueue)
        except FerError as error:
            refuse_upload(kind, error)
            show_error(error)
            return
    close_uploader(kind)
    st.session_state["queued"] = queued
    st.query_params.from_dict({"recording": queued.recording_id})
    st.rerun()


def _take_in(parts: Resources, who: Actor, files: Sent) -> list[uploads.Upload]:
    """Check the files and keep all or none; no widget is drawn meanwhile, because a run is interrupted there."""
    stored: list[uploads.Upload] = []
    try:
        for file in files.files:
            stored.append(incoming.complete(parts.settings, file.upload_id, file.name, who.account_id))
    except FerError:
        uploads.discard(parts.settings, [upload.id for upload in stored])
        give_up(files.ids)
        raise
    return stored
