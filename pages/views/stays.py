"""Clears a patient from the screen within seconds after the user loses the right to see it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from clinic.access import Actor
from clinic.patients import visibility
from clinic.patients.visibility import PatientState
from fer_core.errors import FerError
from pages import actions, windows
from pages.widgets import show_errors
from web.resources import resources

ASKED_EVERY_S = 3


@actions.part(run_every=ASKED_EVERY_S)
def while_open(
    who: Actor, patient_id: str, recording_id: str | None, before: frozenset[str], drawn: Mapping[str, PatientState]
) -> None:
    """Draw the page again once not all of what was drawn may be seen or interpreted any more, or somebody edited it.

    What opens meanwhile doesn't, and an edit or a mark doesn't while a window is open: somebody may be typing in it.
    `before`: `visibility.state` as it was then, `drawn`: `visibility.states` of the patient. That the sign-in of `who`
    still lives is the gate's to see.
    """
    with show_errors():
        db = resources().db
        try:
            now = visibility.state(db, who, patient_id, recording_id)
        except FerError:
            # The page shows the reason.
            now = frozenset()
        if not before <= now or _changed(drawn, visibility.states(db, who, list(drawn))):
            st.rerun()


@actions.part(run_every=ASKED_EVERY_S)
def while_listed(who: Actor, before: Mapping[str, PatientState]) -> None:
    """Draw the list again once one of its patients is closed, taken away or edited; as in `while_open`."""
    with show_errors():
        now = visibility.states(resources().db, who, list(before))
        gone = any(one not in now or (was.opened and not now[one].opened) for one, was in before.items())
        if gone or _changed(before, now):
            st.rerun()


@actions.part(run_every=ASKED_EVERY_S)
def while_offered(who: Actor, before: Mapping[str, tuple[int, ...]]) -> None:
    """Draw the page again once a patient whom it offers to choose is taken away or edited; as in `while_open`.

    `before`: `visibility.offered` as it was then. Patients who come to the caseload meanwhile don't matter.
    """
    with show_errors():
        now = visibility.offered(resources().db, who)
        edited = any(now.get(one) != was for one, was in before.items())
        if not before.keys() <= now.keys() or (edited and not windows.is_open()):
            st.rerun()


def _changed(drawn: Mapping[str, PatientState], now: Mapping[str, PatientState]) -> bool:
    """Return whether what was drawn is to be drawn again: it isn't the patient's, or of an older edition.

    Not while a window is open: a busy browser loses what is typed in it and not sent yet. Closing it draws the page.
    """
    return not windows.is_open() and any(
        one not in now or (now[one].edition, now[one].left_out) != (was.edition, was.left_out)
        for one, was in drawn.items()
    )
