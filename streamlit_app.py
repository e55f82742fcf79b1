"""The door: `streamlit run streamlit_app.py` starts the app, unless its settings are unsafe."""

from __future__ import annotations

import streamlit as st

from clinic.routes import routes
from clinic.settings import Settings
from pages.ui.safety import refuse_unsafe
from pages.ui.widgets import on_script_error

refuse_unsafe()
app = st.App("pages/ui/shell.py", routes=routes(Settings.from_environment), on_script_error=on_script_error)
