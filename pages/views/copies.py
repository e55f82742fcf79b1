"""A copy of a kept video with labels: requested, followed while a worker makes it, and downloaded."""

from __future__ import annotations

import streamlit as st

from clinic.exchange import video_copies
from clinic.exchange.video_copies import CopyStatus
from clinic.jobs import obstacles
from clinic.jobs.progress import JobState
from pages import actions, links
from pages.session import actor
from pages.views import download
from pages.widgets import percent, show_errors
from web.resources import resources

EXPLAINED = (
    "An MP4 video without sound. The patient's face has its box and label as analysed; everything else is made"
    " unrecognisable, or the whole picture if the patient's face was not found. **It is not encrypted**: keep it"
    " where nobody else reads it."
)
TAKES = "This takes about as long as an analysis. You may leave this page. Analyses are done first."


def show_video_copy(patient_id: str, recording_id: str) -> None:
    """Offer a copy of the recording's video, follow it, and offer what is done once."""
    st.write(EXPLAINED)
    _follow(patient_id, recording_id)


@actions.part(run_every=1)
def _follow(patient_id: str, recording_id: str) -> None:
    with show_errors():
        parts, who = resources(), actor()
        found = video_copies.standing(parts.db, parts.settings, who, recording_id)
        if found is not None and found.open:
            _running(recording_id, found)
            return
        name = f"copy:{recording_id}"
        ticket = found.ticket if found is not None else None
        refused = download.follow(name, patient_id, ticket)
        if ticket is not None and refused is None:
            st.link_button("Download the video", f"/downloads/{ticket}", icon=":material/download:")
            st.caption("The download works once, within an hour.")
            return
        if refused is not None:
            st.warning(links.plain_sentence(refused), icon=":material/info:")
        if found is not None and found.state is JobState.FAILED:
            st.warning(links.plain_sentence(found.error or ""), icon=":material/info:")
        target = actions.at(recording_id, 0) if found is None else found.id
        if actions.action("Make the video", "copy_video", target, "primary", ":material/movie:"):
            video_copies.ask(parts.db, parts.settings, who, recording_id)
            actions.draw_part_again()


def _running(recording_id: str, found: CopyStatus) -> None:
    waiting = found.state is JobState.QUEUED
    st.progress(found.share, text="Waiting for its turn" if waiting else f"{percent(found.share)} done")
    if waiting and (hindrance := obstacles.obstacle(resources().settings)) is not None:
        st.warning(links.plain_sentence(hindrance), icon=":material/info:")
    st.caption(TAKES)
    if actions.action("Cancel", "cancel_copy", found.id, icon=":material/stop:"):
        video_copies.cancel(resources().db, actor(), recording_id)
        actions.draw_part_again()
