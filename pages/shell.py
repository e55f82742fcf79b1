"""The frame around every page: navigation, the state of the installation, and one place for errors."""

from __future__ import annotations

import streamlit as st

from clinic import clock_watch, words
from clinic.access import Actor, Role
from clinic.accounts import sessions
from clinic.clock import TOLERANCE
from clinic.jobs.obstacles import STORE_AWAY
from clinic.patients import needs
from clinic.worker_health import read_health
from pages import actions, clicks, links, windows
from pages.navigation import PageEntry, places_of
from pages.session import acting
from pages.views.paper import print_styles
from pages.views.takeovers import show_takeovers
from pages.views.zone import ask_for_zone
from pages.widgets import day, duration, show_errors, today
from web.paths import CHANGE_PASSWORD, INTENDED_USE, YOUR_ACCOUNT
from web.resources import resources


def show_sidebar(who: Actor) -> None:
    """Draw what every page shows, and who is signed in."""
    parts = resources()
    health = read_health(parts.settings)
    if parts.settings.demo:
        st.info("Demonstration: all patients are invented.", icon=":material/science:")
    if who.role is Role.ADMINISTRATOR:
        show_clock(who)
        ask_for_zone(who)
    show_takeovers(who)
    if health is not None and health.alive and health.store_away:
        st.error(STORE_AWAY, icon=":material/info:")
    elif health is not None and health.sound is False:
        st.error("The installation is not sound, so nothing is analysed. See Analyses.", icon=":material/info:")
    st.caption(words.DISCLAIMER)
    with st.popover(links.plain_text(who.name), icon=":material/account_circle:", width="stretch", key="menu:account"):
        st.caption(words.ROLES[who.role])
        # Other addresses of this program, and no pages of Streamlit's: no password and no secret passes through a page.
        st.link_button("Your account", YOUR_ACCOUNT, icon=":material/security:", width="stretch")
        st.link_button("Change password", CHANGE_PASSWORD, icon=":material/key:", width="stretch")
        st.link_button("Intended use", INTENDED_USE, icon=":material/policy:", width="stretch")
    if actions.action("Sign out", "sign_out", "browser", icon=":material/logout:", wide=True):
        sessions.sign_out(parts.db, who)
        # The gate sends the window away within a second; until then nothing more is drawn.
        st.stop()


def show_clock(who: Actor) -> None:
    """Say that the computer's clock was set, until an administrator confirms that it is right now."""
    jump = clock_watch.unseen(resources().db)
    if jump is not None:
        way = "back" if jump.by.total_seconds() < 0 else "forward"
        by = f"{way} by {duration(abs(jump.by.total_seconds()))}"
        cause = f"The computer's clock was set {by if abs(jump.by) > TOLERANCE else 'and set back again'}"
        if jump.by > clock_watch.LONGEST_PAUSE:
            cause += ", or the program did not run for so long"
        st.warning(
            f"{cause}. It says that today is {day(today())}. Please check that the clock is right. Until then nothing"
            " is deleted because of its age.",
            icon=":material/schedule:",
        )
        if actions.action("The clock is right", "confirm-clock", jump.at.isoformat(), wide=True):
            clock_watch.confirm(resources().db, who)
            st.rerun()


def titled(place: PageEntry, who: Actor) -> str:
    """Return a page's title; the caseload's says how many patients need attention."""
    if place.script != links.CASELOAD or not who.writes:
        return place.title
    count = needs.count(resources().db, who)
    return f"{place.title} ({count})" if count else place.title


# The tab's title is the page's, and no name. A material icon would be fetched from another host.
st.set_page_config(page_icon="📈", layout="wide")

with show_errors(), acting() as who:
    # A window that comes back after the network was gone may meet another person's sign-in.
    if st.session_state.setdefault("account", who.account_id) != who.account_id:
        st.session_state.clear()
    first, *others = places_of(who.role)
    page = st.navigation(
        [
            # Its address is always "/"; a hidden page opens it by its name too.
            st.Page(first.script, title=titled(first, who), icon=first.icon, url_path="start", default=True),
            *(st.Page(place.script, title=place.title, icon=place.icon, url_path=place.path) for place in others),
            st.Page(first.script, title=first.title, url_path=first.path, visibility="hidden"),
        ]
    )
    with clicks.run():
        with st.sidebar, show_errors():
            show_sidebar(who)
        print_styles()
        said = st.container()
        with show_errors():
            page.run()
        windows.account()
    with said:
        clicks.show_notes()
