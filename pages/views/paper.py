"""Styles of the whole page: on paper without navigation and buttons, dark on white, no line or chart cut through."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).parent / "assets"

# Styles that are kept to the component would change nothing of the page.
_component = st.components.v2.component(
    "paper",
    css=(ASSETS / "paper.css").read_text("utf-8"),
    js=(ASSETS / "paper.js").read_text("utf-8"),
    isolate_styles=False,
)


def print_styles() -> None:
    """Add the styles for paper to the page; on the screen a few things become easier to see."""
    _component(key="paper", height=1)
