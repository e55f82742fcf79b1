"""Where pages are and what is chosen on them. Only ids travel in addresses and in the session, never a name."""

from __future__ import annotations

import re
from typing import NoReturn

import streamlit as st

CASELOAD = "caseload.py"
RECORD = "record.py"
LIVE = "live.py"
PATIENT = "patient.py"
RECORDING = "recording.py"
ACTIVITY = "activity.py"
MODEL = "model.py"
TRAINING = "training.py"
ACCOUNTS = "accounts.py"
"""The pages' scripts, relative to the shell."""


def query_id(key: str) -> str | None:
    """Return an id from the page's address, or None for what is absent or no id."""
    value = st.query_params.get(key, "")
    return value if re.fullmatch(r"[0-9a-f]{32}", value) else None


def patient_link(label: str, patient_id: str, tab: str | None = None) -> None:
    """Draw a link to a patient's page, on which `tab` is open (a word of pages/patient.py)."""
    where = {"patient": patient_id} | ({"tab": tab} if tab else {})
    st.page_link(PATIENT, label=plain_text(label), query_params=where)


def new_recording_link(label: str, patient_id: str) -> None:
    """Draw a link to the form of a new recording of this patient."""
    st.page_link(RECORD, label=label, icon=":material/add:", query_params={"patient": patient_id})


def recording_link(label: str, recording_id: str, icon: str | None = None) -> None:
    """Draw a link to a recording's own page."""
    st.page_link(RECORDING, label=plain_text(label), icon=icon, query_params={"id": recording_id})


def open_recording(recording_id: str) -> NoReturn:
    """Go to a recording's own page, where a click chose it."""
    st.switch_page(RECORDING, query_params={"id": recording_id})


def analysis_link(label: str, recording_id: str) -> None:
    """Draw a link to where an analysis is followed."""
    st.page_link(RECORD, label=label, query_params={"recording": recording_id})


def open_analysis(recording_id: str) -> NoReturn:
    """Go to where an analysis is followed, where a click began it."""
    st.switch_page(RECORD, query_params={"recording": recording_id})


def plain_lines(text: str) -> str:
    """Return a note that someone typed as `plain_text` does, with its lines and indents kept."""
    kept = [re.sub(r"^\s+", lambda indent: "\u00a0" * len(indent.group()), line) for line in text.split("\n")]
    return "  \n".join(plain_text(line) if line.strip() else "\u00a0" for line in kept)


def plain_sentence(sentence: str) -> str:
    """Return a sentence of the program, in which typed text may stand, so that nothing within it is taken for Markdown.

    What `plain_text` escapes only where a line begins is left as it is.
    """
    return _unlinked(re.sub(r"([\\`*_{}\[\]<>~$|&^]|:(?=\S))", r"\\\1", sentence))


def plain_text(text: str) -> str:
    """Return text that someone typed so that no letter of it is taken for Markdown, an icon, a colour or an address."""
    return _unlinked(re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&])", r"\\\1", text))


def _unlinked(escaped: str) -> str:
    # Icons are replaced, and addresses become links, after Markdown was read: a backslash doesn't keep them off.
    return re.sub(r":(?=material|streamlit|//)|(?<=www)(?=\\?\.)|@", "\\g<0>\u2060", escaped, flags=re.IGNORECASE)
