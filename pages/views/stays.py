"""Clears a patient from the screen within seconds after the user loses the right to see it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from clinic.access import Actor
from clinic.patients import visibility
from fer_core.errors import FerError
from pages import actions
from pages.widgets import show_errors
from web.resources import resources

ASKED_EVERY_S = 3


@actions.part(run_every=ASKED_EVERY_S)
def while_open(who: Actor, patient_id: str, recording_id: str | None, before: frozenset[str]) -> None:
    """Draw the page again once consent, sharing or the record no longer allow everything that was drawn.

    What opens meanwhile doesn't: that would close a window in which somebody types. `before`: `visibility.state` as it
    was then. That the sign-in of `who` still lives is the gate's to see.
    """
    with show_errors():
        try:
            now = visibility.state(resources().db, who, patient_id, recording_id)
        except FerError:
            # The page shows the reason.
            now = frozenset()
        if not before <= now:
            st.rerun()


@actions.part(run_every=ASKED_EVERY_S)
def while_listed(who: Actor, before: Mapping[str, bool]) -> None:
    """Draw the list again once one of its patients is closed or removed. `before`: `visibility.states` as it was."""
    with show_errors():
        now = visibility.states(resources().db, who, list(before))
        if any(one not in now or (opened and not now[one]) for one, opened in before.items()):
            st.rerun()
