"""Saving an edit that somebody else may have overtaken: both texts are shown, and the person decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from clinic.conflicts import ConflictError
from pages import actions, chooser
from pages.widgets import show_error

Seen = TypeVar("Seen", int, frozenset[str])
"""A revision, or the ids of what was on the screen."""


@contextmanager
def drawn_again(form: str) -> Iterator[None]:
    """If a store inside meets another user's entry, draw the page again with that entry and say so here.

    `form`: names the form and what it is about.
    """
    key = f"met:{form}"
    met: ConflictError | None = st.session_state.pop(key, None)
    if met is not None:
        show_error(met)
    try:
        yield
    except ConflictError as conflict:
        st.session_state[key] = conflict
        st.rerun()


def saved(record: str, seen: Seen, wanted: bool, store: Callable[[Seen], None]) -> bool:
    """Store an edit made on what was `seen` where it is `wanted`, and return whether it was stored.

    After a conflict a box has to be ticked first: the second half of a double click decides nothing. Call it in each
    run that draws the form. `record`: kind and id.
    """
    key = f"conflict:{record}"
    met: ConflictError | None = st.session_state.get(key)
    stored: Seen = met.revision if met is not None else seen  # type: ignore[assignment]  # of the kind of `seen`
    if met is not None and stored <= seen:
        # The form was drawn again with what is stored now.
        del st.session_state[key]
        met = None
    # Two places: a browser lets what a later container in the same place doesn't replace stand.
    shown, newer = st.empty(), st.empty()
    ticked = met is not None and _ask(shown, key, met)
    if not wanted or (met is not None and not ticked):
        return False
    revision = stored if met is not None else seen
    try:
        # A repeated click finds its own edit stored, and that is no conflict.
        actions.once("store", f"{record}:{_named(revision)}", lambda: store(revision))
    except ConflictError as conflict:
        st.session_state[key] = conflict
        # What an earlier comparison calls stored is stored no more.
        shown.empty()
        _ask(newer, key, conflict)
        return False
    st.session_state.pop(key, None)
    shown.empty()
    return True


def _ask(at: DeltaGenerator, key: str, conflict: ConflictError) -> bool:
    """Show what differs, and return whether the person wants theirs to take its place, or to stand beside it."""
    with at.container():
        show_error(conflict)
        way = "Replace what is stored with my version" if isinstance(conflict.revision, int) else "Store mine too"
        return st.checkbox(
            f"{way} at the next click on the button",
            key=f"{key}:{_named(conflict.revision)}",
            help="Close this window to keep the stored version.",
        )


def _named(revision: int | frozenset[str]) -> str:
    return str(revision) if isinstance(revision, int) else chooser.digest(sorted(revision))
