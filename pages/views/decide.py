"""The two buttons of a window that asks before something happens that can't be taken back with one click."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages import actions

KEEP = "Leave everything as it is"


def decide(label: str, what: str, do: Callable[[], object], icon: str | None = None, disabled: bool = False) -> None:
    """Draw the buttons, the way back first; carry out `do` once if it is wanted, and close the window.

    `what`: as in `actions.action`; the button that opens the window calls `actions.open_dialog` with the same.
    """
    target = actions.opening(what)
    with st.container(horizontal=True):
        back = actions.action(KEEP, f"keep_{what}", target, opens=True)
        wanted = actions.action(label, what, target, icon=icon, disabled=disabled)
    if wanted:
        actions.once(what, target, do)
    if back or wanted:
        st.rerun()
