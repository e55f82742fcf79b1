"""A window above a page stays open until somebody closes it, whatever draws the page again meanwhile.

Streamlit shows a window as long as no run of the whole page leaves it out: a value that a chart sends late, or a line
that was lost and came back, would close it without a word. So the session remembers which button opened the window;
where a run draws that button again, it draws the window again too, with what it was opened with. Where the button is
gone, because the record was edited or may not be seen any more, the window closes and the page says so.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages import clicks
from web import streamlit_protocol

OPEN = "open_window"
CLOSED = (
    "The window “{title}” was closed: what it was about was changed meanwhile, or is no longer there."
    " What was typed in it is not stored."
)

_run = threading.local()
"""The button whose click this thread carries out now, and whether it only draws that button's window again."""


@dataclass(slots=True)
class Window:
    """An open window: the button that opened it, the page below, and which run of that page drew it last.

    `arguments`: what it was opened with; a button in it counts for that, as when only the window runs again.
    `buttons`: the keys of the buttons in it.
    """

    opener: str
    title: str
    arguments: tuple[tuple[Any, ...], dict[str, Any]]
    page: str
    drawn_in: int
    buttons: set[str] = field(default_factory=set)


def is_open() -> bool:
    """Return whether a window is open above the page."""
    return OPEN in st.session_state


def taken(opener: str) -> None:
    """Note that this run carries out the click on a button, or in a component, which may open a window."""
    _run.opener, _run.again = opener, False


def stays(opener: str) -> bool:
    """Return whether this run of the page has to draw the window of this button again, without a click."""
    window = _window()
    if window is None or window.opener != opener or streamlit_protocol.runs_part() or not clicks.running():
        return False
    if window.drawn_in == clicks.number():
        return False
    if not clicks.waiting() <= window.buttons:
        # A click on the page below: the window was closed before.
        closed()
        return False
    _run.opener, _run.again = opener, True
    return True


def is_drawn_again() -> bool:
    """Return whether the click that is carried out finds its window open already."""
    window = _window()
    return window is not None and window.opener == getattr(_run, "opener", None)


def opened(title: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Note that a window is drawn, and return what it is to be drawn with."""
    window = _window()
    if window is not None and getattr(_run, "again", False) and window.title == title:
        window.drawn_in = clicks.number()
        return window.arguments
    arguments = (args, kwargs)
    opener = getattr(_run, "opener", "")
    st.session_state[OPEN] = Window(opener, title, arguments, streamlit_protocol.page_address(), clicks.number())
    return arguments


def note_button(name: str) -> None:
    """Note that a button stands in the open window."""
    window = _window()
    if window is not None:
        window.buttons.add(name)


def buttons() -> set[str]:
    """Return the keys of the buttons that stand, or stood, in the open window."""
    window = _window()
    return window.buttons if window is not None else set()


def closed() -> None:
    """Forget the window: it was closed by hand, or by what was done in it."""
    st.session_state.pop(OPEN, None)


def account() -> None:
    """At the end of a run of the page: say that the window is closed where this run could not draw it again."""
    window = _window()
    if window is None or window.drawn_in == clicks.number():
        return
    closed()
    if window.page == streamlit_protocol.page_address():
        clicks.say(CLOSED.format(title=window.title), clicks.WINDOW)


def _window() -> Window | None:
    found: Window | None = st.session_state.get(OPEN)
    return found
