"""The door: `streamlit run streamlit_app.py` starts the app."""

from __future__ import annotations

import streamlit as st

from pages.ui.widgets import on_script_error

app = st.App("pages/ui/shell.py", on_script_error=on_script_error)
