"""Confirms a permanent deletion: the patient's name or code is typed, and the way back stands first."""

from __future__ import annotations

import streamlit as st

from clinic.patients import fields
from pages import actions, chooser, links


def confirmed(label: str, what: str, target: str, patient: chooser.Person, disabled: bool = False) -> bool:
    """Ask for the patient's name or code and draw the buttons; return whether to go on.

    `what` and `target` as in `actions.action`: text typed for one record never confirms another.
    """
    st.caption(chooser.identity(patient))
    asked = " or ".join(f"**{links.plain_text(text)}**" for text in (patient.name, patient.code) if text)
    st.markdown(f"To confirm, type {asked}.")
    # A screen reader reads the label as it is written: no Markdown, and no name in which something looks like it.
    label_text = (
        "To confirm, type the patient's name or code" if patient.code else "To confirm, type the patient's name"
    )
    typed = st.text_input(label_text, key=f"typed:{what}:{target}", autocomplete="off", label_visibility="collapsed")
    with st.container(horizontal=True):
        back = actions.action("Keep everything", f"keep_{what}", target, opens=True)
        go_on = actions.action(label, what, target, icon=":material/delete:", disabled=disabled)
    if back:
        st.rerun()
    if go_on and not fields.is_name_of(typed, patient.name, patient.code):
        st.error("This is not the patient's name or code, so nothing was deleted.", icon=":material/info:")
        return False
    return go_on
