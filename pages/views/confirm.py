"""Confirms a permanent deletion: the patient's name or code is typed, and the way back stands first."""

from __future__ import annotations

import streamlit as st

from clinic.patients import caseload, fields
from pages import actions, chooser, clicks, links
from pages.session import actor
from web.resources import resources


def confirmed(label: str, what: str, target: str, patient: chooser.Person, disabled: bool = False) -> bool:
    """Ask for the patient's name or code and draw the buttons; return whether to go on.

    The window says above who the patient is (`chooser.whose`).
    `what` and `target` as in `actions.action`: text typed for one record never confirms another. A click is judged
    once, by what stood in the box when it was made.
    """
    # A name that somebody else on the caseload has too says nothing of who is meant.
    names = fields.names_of(patient, caseload.list_patients(resources().db, actor()))
    st.markdown("To confirm, type " + " or ".join(f"**{links.plain_text(text)}**" for text in names) + ".")
    # A screen reader reads the label as it is written: no Markdown, and no name in which something looks like it.
    kinds = {patient.code: "code", patient.name: "name"}
    label_text = "To confirm, type the patient's " + " or ".join(kinds.get(text, "ID") for text in names)
    box = f"typed:{what}:{target}"
    now = st.text_input(label_text, key=box, autocomplete="off", label_visibility="collapsed")
    with st.container(horizontal=True):
        back = actions.action("Keep everything", f"keep_{what}", target, opens=True)
        go_on = actions.action(label, what, target, icon=":material/delete:", disabled=disabled, box=box)
    if back:
        st.rerun()
    if not go_on:
        return False
    typed = clicks.typed(f"{what}:{target}")
    if fields.is_one_of(now if typed is None else typed, names):
        return True
    st.error("This is not what is to be typed, so nothing was deleted.", icon=":material/info:")
    # It was said: nothing else is to be said of this click, and nothing done.
    clicks.cross_out()
    return False
