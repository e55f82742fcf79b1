"""How every number on the page is made: docs/statistics.md, in an expander."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages import actions
from pages.widgets import unfolded

TEXT = Path(__file__).parents[2] / "docs" / "statistics.md"
TITLE = "How these numbers are made"


def show_numbers() -> None:
    """Draw the formulas, inputs and sources under a heading that captions and help texts link to."""
    st.header(TITLE, anchor="how")
    _show_text()


@actions.part()
def _show_text() -> None:
    with unfolded("Formulas, inputs, sources, and the limits of each number", "numbers") as opened:
        if opened:
            st.markdown(folded(TEXT.read_text(encoding="utf-8")))


def folded(text: str) -> str:
    """Return a document as it stands on a page: without its title, its headings small."""
    lines = text.splitlines()[1:]
    return "\n".join(f"#### {line.lstrip('# ')}" if line.startswith("## ") else line for line in lines)
