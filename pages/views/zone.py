"""The clinic's time zone: taken from the first administrator's browser, and asked for until somebody confirms it."""

from __future__ import annotations

import streamlit as st

from clinic.access import Actor
from clinic.admin import zones
from pages import actions, chooser
from web.resources import resources


def ask_for_zone(who: Actor) -> None:
    """Take the browser's zone where the clinic has none, and ask an administrator whether it is the right one."""
    parts = resources()
    found = zones.chosen(parts.db)
    if found is None:
        zones.adopt(parts.db, who, st.context.timezone)
        found = zones.chosen(parts.db)
    if found is not None and found.confirmed:
        return
    st.info(_question(found.name if found is not None else None), icon=":material/schedule:")
    if found is not None and actions.action("That is right", "confirm-zone", found.name, wide=True):
        zones.choose(parts.db, who, found.name, zones.shown(found))
        st.rerun()
    # In a window of its own, so that the list of all zones is not part of every page.
    with st.popover("Choose the time zone", width="stretch", key="menu:zone"):
        zone_form(who, "sidebar")


def _question(name: str | None) -> str:
    if name is None:
        return "In which time zone is the clinic? It decides which day it is, for everybody."
    return f"Is the clinic in the time zone {name}? It decides which day it is, for everybody."


def zone_form(who: Actor, place: str) -> None:
    """Draw the choice of the clinic's time zone. `place`: where on the screen, which may have two of them."""
    parts = resources()
    if parts.settings.timezone is not None:
        st.caption(f"The clinic's time zone is {parts.settings.timezone}. It was set when the program was installed.")
        return
    found = zones.chosen(parts.db)
    # Where another administrator has set it since, this is another form, and the click is refused.
    seen = zones.shown(found)
    target = f"{place}:{''.join(seen)}"
    with st.form(f"zone:{target}", border=False):
        labels = {name: name for name in zones.names()}
        name = chooser.choose("Time zone", labels, f"zone:{target}", found.name if found else None)
        if actions.submit("Set the time zone", "set-zone", target, needs={"the time zone": name}) and name:
            zones.choose(parts.db, who, name, seen)
            st.rerun()
