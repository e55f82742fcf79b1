"""A prepared file's link in a window: it says itself when the file can't be fetched any more, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from clinic.consent import consent
from clinic.exchange import downloads
from clinic.exchange.exports import NEEDED
from fer_core.errors import FerError
from pages import actions, links
from pages.session import actor
from pages.widgets import show_errors
from web.resources import resources

OFFERED = "offered_downloads"
ASKED_EVERY_S = 3
USED = (
    "This file is not there any more: it was downloaded, the time for it is over, or something was deleted here, which"
    " removes all prepared files. Please prepare it again if you still need it."
)


@dataclass(slots=True)
class Offered:
    """A prepared file: its ticket, and why it can't be fetched any more, None while it can."""

    ticket: str
    refused: str | None = None


def prepare(name: str, make: Callable[[], str]) -> None:
    """Prepare a file unless the one of this `name` still waits. `name`: what the file is about, in every detail.

    `make` returns the ticket. Raises what it raises.
    """
    before = _offered().get(name)
    if before is not None and before.refused is None:
        return
    with st.spinner("Preparing…"):
        ticket = actions.once("prepare_file", f"{name}:{before.ticket if before else ''}", make)
    _offered()[name] = Offered(ticket)


def show(name: str, patient_id: str, label: str = "Download", within: str = "a quarter of an hour") -> None:
    """Draw the link of the file about a patient that was prepared under this name, if there is one."""
    if name in _offered():
        _show(name, patient_id, label, within)


def follow(name: str, patient_id: str, ticket: str | None) -> str | None:
    """Return why a file about a patient can't be fetched any more, None while it can or where there never was one.

    `ticket`: that of the file that waits under this name now, None where none does.
    """
    found = _offered().get(name)
    if ticket is not None and (found is None or found.ticket != ticket):
        found = _offered()[name] = Offered(ticket)
    if found is not None and found.refused is None:
        found.refused = _refusal(patient_id, found.ticket)
    return found.refused if found is not None else None


@actions.part(run_every=ASKED_EVERY_S)
def _show(name: str, patient_id: str, label: str, within: str) -> None:
    with show_errors():
        ticket = _offered()[name].ticket
        refused = follow(name, patient_id, ticket)
        if refused is not None:
            st.warning(links.plain_sentence(refused), icon=":material/info:")
            return
        st.link_button(label, f"/downloads/{ticket}", icon=":material/download:")
        st.caption(f"The download works once, within {within}.")


def _refusal(patient_id: str, ticket: str) -> str | None:
    parts, who = resources(), actor()
    try:
        downloads.take(parts.db, parts.settings, who, ticket).file.close()
    except FerError as refused:
        return _why_gone(patient_id) if refused.code == "download_unknown" else refused.message
    return None


def _why_gone(patient_id: str) -> str:
    """Return why a file is not there any more: a withdrawal removes it too, and so does the patient's deletion."""
    try:
        objection = consent.objection(resources().db, actor(), patient_id, *NEEDED)
    except FerError as refused:
        return refused.message
    return objection.message if objection is not None else USED


def _offered() -> dict[str, Offered]:
    found: dict[str, Offered] = st.session_state.setdefault(OFFERED, {})
    return found
