"""Importing a patient: an archive is uploaded, a worker reads it, and the caseload shows the progress."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.exchange import import_queue
from clinic.exchange.import_queue import ImportStanding, JobState
from clinic.jobs.obstacles import obstacle
from pages import actions, links
from pages.session import actor
from pages.views.uploader import ARCHIVE, close_uploader, uploader
from pages.widgets import show_errors
from web.resources import resources


@actions.dialog("Import a patient")
def import_dialog() -> None:
    """Upload an archive and queue its import."""
    with show_errors():
        st.write("An archive that this program exported, here or elsewhere. The whole patient is added, or nothing.")
        sent = uploader(ARCHIVE)
        target = actions.opening("import")
        ready = sent is not None and sent.done
        if actions.action("Import", "import", target, "primary", disabled=not ready) and ready and sent is not None:
            parts, who, upload_id = resources(), actor(), sent.first.upload_id
            actions.once("import", target, lambda: import_queue.begin(parts.db, parts.settings, who, upload_id))
            close_uploader(ARCHIVE)
            st.rerun()


def show_imports() -> None:
    """Show how far the account's imports are, and how they ended, until that is dismissed."""
    found = import_queue.standings(resources().db, actor())
    if any(one.under_way for one in found):
        _watch(len([one for one in found if one.under_way]))
    for one in (one for one in found if not one.under_way):
        _ended(one)


@actions.part(run_every=1)
def _watch(were: int) -> None:
    with show_errors():
        found = [one for one in import_queue.standings(resources().db, actor()) if one.under_way]
        if len(found) < were:
            st.rerun()
        for one in found:
            shown, button = st.columns([4, 1], vertical_alignment="center")
            said = obstacle(resources().settings) or "Importing a patient…"
            shown.progress(one.share, text="Stopping…" if one.stopping else said)
            with button:
                _cancel("Cancel", one, disabled=one.stopping)


def _ended(one: ImportStanding) -> None:
    shown, button = st.columns([4, 1], vertical_alignment="center")
    with shown:
        if one.state is JobState.DONE:
            st.success("The patient was imported.", icon=":material/check:")
            for sentence in one.doubles:
                st.warning(links.plain_text(f"{sentence} {words.MAYBE_ONE_PERSON}"), icon=":material/group:")
        elif one.state is JobState.CANCELLED:
            st.info("The import was cancelled. Nothing was added.", icon=":material/info:")
        else:
            st.error(links.plain_sentence(f"{one.sentence} (Error code: {one.code})"), icon=":material/info:")
    with button:
        if one.state is not JobState.DONE:
            _cancel("Close", one)
        elif actions.action("Open the patient", "open_imported", one.id, "primary"):
            import_queue.cancel(resources().db, actor(), one.id)
            st.switch_page(links.PATIENT, query_params={"patient": one.patient_id or ""})


def _cancel(label: str, one: ImportStanding, disabled: bool = False) -> None:
    if actions.action(label, "cancel_import", one.id, disabled=disabled):
        actions.once(
            "cancel_import", f"{one.id}:{one.state}", lambda: import_queue.cancel(resources().db, actor(), one.id)
        )
        st.rerun()
