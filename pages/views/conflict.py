"""Saving an edit that somebody else may have overtaken: both texts are shown, and the person decides."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from clinic.conflicts import ConflictError
from pages import actions
from pages.widgets import show_error


def saved(record: str, seen: int, wanted: bool, store: Callable[[int], None]) -> bool:
    """Store an edit made on the revision `seen` where it is `wanted`, and return whether it was stored.

    After a conflict a box has to be ticked first: the second half of a double click decides nothing. Call it in each
    run that draws the form. `record`: kind and id.
    """
    key = f"conflict:{record}"
    met: ConflictError | None = st.session_state.get(key)
    if met is not None and met.revision <= seen:
        # The form was drawn again with what is stored now.
        del st.session_state[key]
        met = None
    ticked = met is not None and _ask(key, met)
    if not wanted or (met is not None and not ticked):
        return False
    revision = met.revision if met is not None else seen
    try:
        # A repeated click finds its own edit stored, and that is no conflict.
        actions.once("store", actions.at(record, revision), lambda: store(revision))
    except ConflictError as conflict:
        st.session_state[key] = conflict
        _ask(key, conflict)
        return False
    st.session_state.pop(key, None)
    return True


def _ask(key: str, conflict: ConflictError) -> bool:
    """Show what differs, and return whether the person wants theirs to take its place."""
    show_error(conflict)
    return st.checkbox(
        "Store mine instead of what is stored now, at the next click on the button",
        key=f"{key}:{conflict.revision}",
        help="Close this window to keep what is stored.",
    )
