"""Buttons that change something: each is bound to what was on the screen when it was drawn.

A click reaches the program after the page has run again, perhaps with another list, another name or another choice.
A button's key holds the record's id and revision, so that the click counts for that record alone. Where the page
doesn't draw that button any more, nothing is done, and the page says so (`clicks`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, NoReturn, ParamSpec, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from pages import clicks, windows
from web import streamlit_protocol

Result = TypeVar("Result")
Asked = ParamSpec("Asked")

ONCE = "once"
_window = threading.local()
"""Whether a window above the page is being drawn by this thread."""


def dialog(
    title: str, width: Literal["small", "medium", "large"] = "small"
) -> Callable[[Callable[Asked, None]], Callable[Asked, None]]:
    """Let a function draw a window above the page, which stays until somebody closes it (`windows`).

    It says itself where a click in it met nothing: the page below doesn't run again with a window.
    """

    def made(draw: Callable[Asked, None]) -> Callable[Asked, None]:
        @wraps(draw)
        def drawn(*args: Asked.args, **kwargs: Asked.kwargs) -> None:
            _window.open = True
            try:
                draw(*args, **kwargs)
            except RerunException as left:
                if not left.rerun_data.is_fragment_scoped_rerun:
                    windows.closed()
                raise
            finally:
                _window.open = False

        opened = st.dialog(title, width=width, on_dismiss=windows.closed)(_accounted(drawn, in_window=True))

        @wraps(draw)
        def opening(*args: Asked.args, **kwargs: Asked.kwargs) -> None:
            same_args, same_kwargs = windows.opened(title, args, kwargs)
            opened(*same_args, **same_kwargs)

        return opening

    return made


def in_window() -> bool:
    """Return whether what is drawn now stands in a window above the page."""
    return getattr(_window, "open", False)


def part(run_every: float | None = None) -> Callable[[Callable[Asked, None]], Callable[Asked, None]]:
    """Let a function draw a part of a page that runs again alone, each `run_every` seconds if given.

    A part of a window is one of that window also when it runs alone.
    """

    def made(draw: Callable[Asked, None]) -> Callable[Asked, None]:
        @wraps(draw)
        def within(window: bool, *args: Asked.args, **kwargs: Asked.kwargs) -> None:
            before, _window.open = in_window(), window
            try:
                draw(*args, **kwargs)
            finally:
                _window.open = before

        alone = st.fragment(_accounted(within), run_every=run_every)

        @wraps(draw)
        def drawn(*args: Asked.args, **kwargs: Asked.kwargs) -> None:
            alone(in_window(), *args, **kwargs)

        return drawn

    return made


def _accounted(draw: Callable[Asked, None], in_window: bool = False) -> Callable[Asked, None]:
    """Let what is drawn say itself where a click in it met nothing, when it runs alone."""

    @wraps(draw)
    def drawn(*args: Asked.args, **kwargs: Asked.kwargs) -> None:
        alone, name = not clicks.running(), f"{draw.__module__}.{draw.__qualname__}"
        with clicks.run(name):
            draw(*args, **kwargs)
        if alone:
            clicks.show_notes(name, windows.buttons() if in_window else ())

    return drawn


def draw_part_again() -> NoReturn:
    """Draw the part of a page in which this is called again: by itself, or with the page where that is running."""
    st.rerun(scope="fragment" if streamlit_protocol.runs_part() else "app")


def action(
    label: str,
    what: str,
    target: str,
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    icon: str | None = None,
    disabled: bool = False,
    wide: bool = False,
    opens: bool = False,
    box: str | None = None,
) -> bool:
    """Draw a button and return whether it was clicked for this very `target`.

    `what`: the action, such as ``delete``. `target`: the record's id, with its revision where it has one (`at`).
    `opens`: it opens a window or leads to a page and stores nothing, so that it may be begun again where the run that
    began it was cut off. Its `target` has no revision: a window stays open when somebody edits what it is about.
    `box`: the key of the box whose text this click confirms (`clicks.typed`).
    """
    name = f"{what}:{target}"
    clicked = st.button(
        label,
        key=name,
        type=kind,
        icon=icon,
        disabled=disabled,
        width="stretch" if wide else "content",
        on_click=clicks.remember,
        args=(name, opens, box),
    )
    return _noted(clicked, name, label, disabled)


def submit(
    label: str,
    what: str,
    target: str,
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    needs: Mapping[str, object] | None = None,
) -> bool:
    """Draw the button of a form; see `action`. `needs`: the form's values that must be given, by what they are called.

    A click without one of them says so.
    """
    name = f"{what}:{target}"
    clicked = st.form_submit_button(label, key=name, type=kind, on_click=clicks.remember, args=(name,))
    if not _noted(clicked, name, label, disabled=False):
        return False
    missing = [called for called, value in (needs or {}).items() if value in (None, "")]
    if missing:
        st.error(f"Nothing was stored. Please give {' and '.join(missing)}.", icon=":material/info:")
        clicks.cross_out()
    return not missing


def at(record_id: str, revision: int | str) -> str:
    """Return the target of an action on a record as it was drawn."""
    return f"{record_id}:{revision}"


@dataclass(slots=True)
class Once:
    """What was carried out in a browser, each action once."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    results: dict[str, Any] = field(default_factory=dict)

    def carry_out(self, name: str, do: Callable[[], Result]) -> Result:
        """Return the result of `do`; of two simultaneous calls, the second gets the first one's result."""
        with self.lock:
            if name not in self.results:
                self.results[name] = do()
            result: Result = self.results[name]
            return result


def once(what: str, target: str, do: Callable[[], Result]) -> Result:
    """Carry out an action for this `target` once, and return its result to a repeated click too.

    A repeated click runs the page beside the first run, which is cut off where it next speaks to the browser: what it
    did would be done again, or its result lost. `target` as in `action`, or `opening` where nothing has a revision yet.
    `do` must not speak to the browser. After a refusal it may be repeated.
    """
    result = _once().carry_out(f"{what}:{target}", do)
    clicks.cross_out()
    return result


def open_dialog(what: str) -> None:
    """Say that a dialog is opened: what is asked for in it is another thing than the last time."""
    if windows.is_drawn_again() and f"opening:{what}" in st.session_state:
        return
    st.session_state[f"opening:{what}"] = secrets.token_hex(8)


def opening(what: str) -> str:
    """Return which opening of a dialog is drawn, as the target of what is asked for in it."""
    return str(st.session_state[f"opening:{what}"])


def forget_results() -> None:
    """Forget the results of actions, such as a password."""
    st.session_state.pop(ONCE, None)


def _once() -> Once:
    found: Once = st.session_state.setdefault(ONCE, Once())
    return found


def _noted(clicked: bool, name: str, label: str, disabled: bool) -> bool:
    # Before the first click, so that no two runs make one each.
    _once()
    clicks.note_drawn(name, label)
    if in_window():
        windows.note_button(name)
    if disabled:
        return False
    if clicks.is_due(name, clicked):
        windows.taken(name)
        return True
    return windows.stays(name)
