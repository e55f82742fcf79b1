"""Who else sees a patient, and what a user without access is shown."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.access import Forbidden
from clinic.audit_words import AUDIT_ACTIONS
from clinic.patients import sharing
from clinic.patients.caseload import PatientDetail
from clinic.patients.sharing import Reader
from pages import actions, chooser, links
from pages.session import actor
from pages.views.decide import decide
from pages.widgets import clock, instants, show_error, show_errors
from web.resources import resources


def show_readers(patient: PatientDetail) -> None:
    """Draw who sees the patient, and let others be added or taken away."""
    parts, who, patient_id, seen = resources(), actor(), patient.id, patient.sharing_revision
    target = actions.at(patient_id, seen)
    with st.expander("Who sees this patient", expanded=True, key=f"folded:readers:{patient_id}"):
        for reader in sharing.readers(parts.db, who, patient_id):
            name, button = st.columns([3, 1], vertical_alignment="center")
            until = f", emergency until {clock(reader.until)}" if reader.until else ""
            name.markdown(f"{links.plain_text(reader.name)} ({words.ROLES[reader.role].lower()}{until})")
            with button:
                remove = actions.action("Remove", "ask_unshare", f"{target}:{reader.account_id}", wide=True)
            if remove:
                actions.open_dialog("unshare")
                unshare(patient, reader)
        with st.form(f"share:{patient_id}", border=False, clear_on_submit=True):
            colleague = st.text_input(
                "Share with", placeholder="The name that the colleague signs in with", key=f"with:{patient_id}"
            )
            if actions.submit("Share", "share", target):
                actions.once("share", target, lambda: sharing.share(parts.db, who, patient_id, colleague, seen))
                st.rerun()


@actions.dialog("End the sharing")
def unshare(patient: PatientDetail, reader: Reader) -> None:
    """Say who will see the patient no more, and take the patient off that caseload if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(chooser.whose(patient))
        own = reader.account_id == who.account_id
        name = "You" if own else f"**{links.plain_text(reader.name)}**"
        sees = "see" if own else "sees"
        again = " A colleague who still does has to share the patient with you again." if own else ""
        st.markdown(
            f"{name} no longer {sees} this patient from then on, also where a page of the patient is open.{again}"
        )
        seen = patient.sharing_revision
        decide(
            "Remove",
            "unshare",
            lambda: sharing.unshare(parts.db, who, patient.id, reader.account_id, seen),
            icon=":material/person_remove:",
        )


def show_history(patient_id: str) -> None:
    """List who viewed the patient and what was done, from the audit."""
    when, shown = instants("When")
    with st.expander("Who looked, and what was done", expanded=True, key=f"folded:history:{patient_id}"):
        rows = [
            {
                when: event.at,
                "Who": event.name or "–",
                "What": AUDIT_ACTIONS[event.action].capitalize(),
                "Reason, or which": event.about,
            }
            for event in sharing.history(resources().db, actor(), patient_id)
        ]
        st.dataframe(rows, hide_index=True, column_config={when: shown}, key="history")


def show_refusal(refused: Forbidden, patient_id: str) -> None:
    """Say that the patient is on another caseload, and offer emergency access to users who may have it."""
    st.title("Patient")
    show_error(refused)
    if refused.code == "not_your_patient" and actor().writes:
        with st.expander("Emergency access", key=f"folded:emergency:{patient_id}"):
            _form(patient_id)


@actions.dialog("Emergency access")
def ask_for_emergency() -> None:
    """Ask for the exact name and the reason; nothing is listed or completed."""
    with show_errors():
        _form(None)


def _form(patient_id: str | None) -> None:
    st.write(words.EMERGENCY)
    with st.form("emergency", border=False):
        wanted = patient_id or st.text_input("Name or code, exactly as it was entered", max_chars=200)
        reason = st.text_area("Reason, without the patient's name", max_chars=sharing.REASON_MOST, height=80)
        if actions.submit("Open for one hour", "emergency", patient_id or "named", "primary"):
            found = sharing.open_in_emergency(resources().db, actor(), wanted, reason)
            st.switch_page(links.PATIENT, query_params={"patient": found})
