"""Buttons that change something: each is bound to what was on the screen when it was drawn.

A click reaches the program after the page has run again, perhaps with another list, another name or another choice.
A button's key holds the record's id and revision, so that the click counts for that record alone. Where the page
doesn't draw that button any more, nothing is done, and the page says so (`say_missed`).
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

CLICKED, CARRIED_OUT = "clicked", "carried_out"
MISSED = (
    "Nothing was done: what was on the screen has changed since, or is no longer there. Please look again, then repeat."
)


def action(
    label: str,
    what: str,
    target: str,
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    icon: str | None = None,
    disabled: bool = False,
    wide: bool = False,
) -> bool:
    """Draw a button and return whether it was clicked for this very `target`.

    `what`: the action, such as ``delete``. `target`: the record's id, with its revision where it has one (`at`).
    """
    name = f"{what}:{target}"
    clicked = st.button(
        label,
        key=name,
        type=kind,
        icon=icon,
        disabled=disabled,
        width="stretch" if wide else "content",
        on_click=_remember,
        args=(name,),
    )
    return _noted(clicked, name)


def submit(label: str, what: str, target: str, kind: Literal["primary", "secondary", "tertiary"] = "secondary") -> bool:
    """Draw the button of a form; see `action`."""
    name = f"{what}:{target}"
    clicked = st.form_submit_button(label, key=name, type=kind, on_click=_remember, args=(name,))
    return _noted(clicked, name)


def at(record_id: str, revision: int) -> str:
    """Return the target of an action on a record as it was drawn."""
    return f"{record_id}:{revision}"


def say_missed() -> None:
    """Say that a click met nothing, where the page that has run since drew no such button."""
    missed = st.session_state.pop(CLICKED, None)
    # The second half of a double click asks for what was just done.
    if missed is not None and missed != st.session_state.get(CARRIED_OUT):
        st.warning(MISSED, icon=":material/info:")


def _remember(name: str) -> None:
    st.session_state[CLICKED] = name


def _noted(clicked: bool, name: str) -> bool:
    if clicked:
        st.session_state.pop(CLICKED, None)
        st.session_state[CARRIED_OUT] = name
    return clicked
