"""Saving an edit that somebody else may have overtaken: both texts are shown, and the person decides."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from clinic.conflicts import ConflictError
from pages.widgets import show_error


def saved(record: str, seen: int, store: Callable[[int], None]) -> bool:
    """Store an edit made on the revision `seen`, and return whether it was stored.

    After a conflict was shown, the next call stores it over what was shown then. `record`: kind and id.
    """
    key = f"conflict:{record}"
    shown: int = st.session_state.get(key, seen)
    try:
        store(max(seen, shown))
    except ConflictError as conflict:
        st.session_state[key] = conflict.revision
        show_error(conflict)
        st.caption("Press the button again to store yours instead, or close this window to keep what is stored.")
        return False
    st.session_state.pop(key, None)
    return True
