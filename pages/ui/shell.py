"""The frame around every page: navigation, the state of the installation, and one calm place for errors."""

from __future__ import annotations

import streamlit as st

from clinic import words
from pages.ui import state
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

with st.sidebar:
    st.caption(words.DISCLAIMER)

with calm():
    page.run()
