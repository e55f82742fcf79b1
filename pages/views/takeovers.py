"""Actions by which an administrator could reach the user's patients: shown until the user has read them."""

from __future__ import annotations

import streamlit as st

from clinic.access import Actor
from clinic.accounts import takeovers
from clinic.accounts.takeovers import Takeover
from clinic.audit_words import TAKEOVERS
from pages import actions, links
from pages.widgets import day, zone
from web.resources import resources


def show_takeovers(who: Actor) -> None:
    """Draw what was done since the last visit, until the user confirms having read it."""
    db = resources().db
    found = takeovers.unread(db, who)
    if not found:
        return
    lines = "\n".join(f"- {sentence(one)}" for one in found)
    st.warning(f"Since your last visit:\n{lines}\n\nIf you don't know why, please ask.", icon=":material/policy:")
    last = max(one.number for one in found)
    if actions.action("I know about this", "takeovers-read", str(last), wide=True):
        takeovers.read(db, who, last)
        st.rerun()


def sentence(one: Takeover) -> str:
    """Return what happened, in words."""
    by = links.plain_text(one.by) if one.by is not None else "The command line"
    account = "your account" if one.own else links.plain_text(one.account)
    patients = "1 patient" if one.patients == 1 else f"{one.patients} patients"
    return (
        f"{day(one.at.astimezone(zone()).date())}: "
        + TAKEOVERS[one.action].format(by=by, account=account, patients=patients, to=one.to)
        + "."
    )
