"""How a page looks on paper: without navigation and buttons, dark on white, no line cut through."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "paper", css=(Path(__file__).parent / "assets" / "paper.css").read_text("utf-8")
)


def print_styles() -> None:
    """Add the styles for paper to the page; on the screen they change nothing."""
    _component(key="paper", height=1)
