"""The frame around every page: navigation, the state of the installation, and one calm place for errors."""

from __future__ import annotations

import streamlit as st

from clinic import sign_ins, words
from clinic.health import read_health
from pages.ui import state
from pages.ui.resources import actor, resources
from pages.ui.widgets import calm

# A material icon would be fetched from another host for the tab; this one is drawn by the browser.
st.set_page_config(page_title="Expression History", page_icon="📈", layout="wide")

page = st.navigation(
    [
        st.Page(state.CASELOAD, title="Caseload", icon=":material/groups:", url_path="caseload", default=True),
        st.Page(state.RECORD, title="New recording", icon=":material/videocam:", url_path="record"),
        st.Page(state.PATIENT, title="Patient", icon=":material/person:", url_path="patient"),
        st.Page(state.ACTIVITY, title="Analyses", icon=":material/pending_actions:", url_path="activity"),
        st.Page(state.MODEL, title="Model", icon=":material/fact_check:", url_path="model"),
    ]
)

with st.sidebar, calm():
    who = actor()
    parts = resources()
    health = read_health(parts.settings)
    if parts.settings.demo:
        st.info("Demonstration: all patients are invented.", icon=":material/science:")
    if health is not None and health.sound is False:
        st.error("The installation is not sound, so nothing is analysed: see Analyses.", icon=":material/info:")
    st.caption(words.DISCLAIMER)
    if st.button("Sign out", icon=":material/logout:", width="stretch"):
        sign_ins.sign_out(parts.db, who)

with calm():
    page.run()
