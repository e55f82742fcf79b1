"""The user of the browser whose page runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from clinic.access import Actor, refusal
from clinic.accounts import sessions
from web import headers
from web.resources import database

_run = threading.local()
"""The user of the run in this thread, while there is one."""


@contextmanager
def acting() -> Iterator[Actor]:
    """Yield the user, whom `actor` then returns until the end: a page asks in many places within one run.

    The gate sees a sign-in that ends meanwhile; what is read or changed checks the account again itself.
    All that the page reads is of one moment of the database. A part that runs again alone (a fragment) is outside, so
    it asks again. Raises Forbidden ``signed_out``, ``statement``.
    """
    with database().moment():
        _run.who = _known()
        try:
            yield _run.who
        finally:
            del _run.who


def actor() -> Actor:
    """Return the user of this browser. Raises Forbidden ``signed_out``, ``statement``."""
    who: Actor | None = getattr(_run, "who", None)
    return who or _known()


def _known() -> Actor:
    found = sessions.actor_of(database(), token())
    if found is None:
        raise refusal("signed_out")
    if found.must_accept:
        raise refusal("statement")
    return found


def token() -> str | None:
    """Return the token of the browser whose page runs; the gate has checked it already."""
    cookies = st.context.cookies
    return headers.token_of(cookies, tls=True) or headers.token_of(cookies, tls=False)
