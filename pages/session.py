"""Who acts in the browser whose page runs."""

from __future__ import annotations

import streamlit as st

from clinic.access import Actor, refusal
from clinic.accounts import sessions
from web import gate
from web.resources import database


def actor() -> Actor:
    """Return who acts in this browser. Raises Forbidden ``signed_out``, ``statement``."""
    found = sessions.actor_of(database(), token())
    if found is None:
        raise refusal("signed_out")
    if found.must_accept:
        raise refusal("statement")
    return found


def token() -> str | None:
    """Return the token of the browser whose page runs; the gate has checked it already."""
    cookies = st.context.cookies
    return gate.token_of(cookies, tls=True) or gate.token_of(cookies, tls=False)
