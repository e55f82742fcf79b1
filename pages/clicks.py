"""Every click on a button that reaches the program is carried out, or a sentence says that it may not have been.

Streamlit reports a click to only one run of the page. It is lost if that run is cut off by another one before it
comes to the button, or if the server has drawn another page while the click was on its way. So each click is
stored at the start of the run that brings it, and removed at the end of the run that carried it out.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from pages.links import plain_sentence
from web import streamlit_protocol

CLICKS, CARRIED_OUT, DRAWN, SAID, RUNS = "clicks", "carried_out", "buttons_drawn", "said_of_clicks", "runs"
OPENED = "opened"
PLACES = "places_of_notes"
"""In which part of the page each sentence stands, by its id: the page itself is the part without a name."""
PAGE = "page_of_notes"
"""Which page was drawn last, with the record that it is about: the sentences are about what was done there."""
WAITS_S = 60.0
"""How long a click waits for a run that comes to its button."""
SAID_S = 600.0
DRAWN_MOST = 400
MISSED = (
    "Nothing was done: what was on the screen has changed since, or is no longer there."
    " Please look again. If it is still to be done, {again}."
)
CUT_OFF = "The page was drawn again while {click} was being carried out. Please check whether it was done."

WINDOW = "window"
"""Whose sentence it is that a window was closed; the sentence on a click in that window takes its place."""
CLOSE = "close_note:"
"""What the keys of the buttons of the sentences begin with."""

_run = threading.local()
"""The run that this thread is at: a new object for each."""


@dataclass(slots=True)
class Click:
    """A click that has not been carried out to the end yet.

    `opens`: it changes nothing stored. `typed`: what stood in the box that it confirms, None where there is none.
    """

    name: str
    opens: bool = False
    typed: str | None = None
    at_s: float = field(default_factory=time.monotonic)
    brought_by: object | None = None
    taken_by: object | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence on a click, which stays until somebody closes it or goes on.

    That is: opens another page or record, or clicks a button that is called the same or changes the same record.
    `button`: what it is called, `name`: its key. `drawn_by`: the run that drew the sentence where the click was made.
    """

    button: str
    sentence: str
    name: str
    drawn_by: object | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    at_s: float = field(default_factory=time.monotonic)


@contextmanager
def run(part: str = "") -> Iterator[None]:
    """Account, at the end of a run of the page or of a `part` of it alone, for the clicks that it was to carry out.

    Streamlit runs several parts one after the other for one request, such as a timer's and that of a click: only after
    the last one it is known that a click met nothing. A run that is cut off leaves by Streamlit's StopException, and
    its clicks wait for the next one. A part that is drawn within a run belongs to that run.
    """
    if getattr(_run, "at", None) is not None:
        yield
        return
    _run.at = _run.last = object()
    _run.part = part
    parts = streamlit_protocol.parts_of_run()
    if parts is not getattr(_run, "parts", None) or not parts:
        _run.parts, _run.drawn = parts, 0
    _run.drawn += 1
    if not parts:
        st.session_state[RUNS] = number() + 1
        _run.began_s, _run.about = time.monotonic(), ""
    try:
        for name in streamlit_protocol.clicked():
            if name not in _clicks() and not name.startswith(CLOSE):
                _clicks()[name] = Click(name, brought_by=_run.parts)
        try:
            yield
        except RerunException:
            _cross_out_components()
            cross_out()
            raise
        _cross_out_components()
        cross_out()
        if _run.drawn >= len(parts):
            _account()
    finally:
        _run.at = None


def waiting() -> set[str]:
    """Return the buttons whose clicks are to be carried out."""
    return {name for name in _clicks() if not name.startswith(streamlit_protocol.COMPONENT)}


def number() -> int:
    """Return which run of the whole page this window is at."""
    return int(st.session_state.get(RUNS, 0))


def about(record_id: str | None) -> None:
    """Say which record the page is about, where its address does not."""
    _run.about = record_id or ""


def running() -> bool:
    """Return whether this is within a run."""
    return _now() is not None


def remember(name: str, opens: bool = False, box: str | None = None) -> None:
    """Write down that a button was clicked, and what stood then in the box of this key."""
    _clicks()[name] = Click(name, opens, str(st.session_state.get(box, "")) if box is not None else None)
    st.session_state[OPENED] = opened() + opens


def opened() -> int:
    """Return how often something was opened: a menu with this in its key closes where a window opens above it."""
    return int(st.session_state.get(OPENED, 0))


def typed(name: str) -> str | None:
    """Return what stood in the box when the button was clicked, None where that is not known."""
    click = _clicks().get(name)
    return click.typed if click is not None else None


def note_drawn(name: str, label: str) -> None:
    """Write down what a button is called, for the sentence on a click that meets nothing."""
    labels = _labels()
    labels.pop(name, None)
    labels[name] = label
    for oldest in list(labels)[:-DRAWN_MOST]:
        labels.pop(oldest, None)


def is_due(name: str, clicked: bool) -> bool:
    """Return whether the click on this button is to be carried out by this run, which has drawn it.

    That is so where no run has come to the button since it was clicked: one click is judged once, by what was on the
    screen then, also where Streamlit reports it again. What only opens something is begun again where the run that
    began it was cut off.
    """
    if not running():
        # Nobody would cross it out.
        _clicks().pop(name, None)
        return clicked
    click = _clicks().get(name)
    if click is None or (click.taken_by is not None and not click.opens):
        return False
    if clicked or time.monotonic() - click.at_s < WAITS_S:
        click.taken_by = _now()
        st.session_state[SAID] = [note for note in _notes() if note.button != _called(name)]
        return True
    return False


def met(name: str) -> None:
    """Say that a table of which a row was clicked is drawn by this run."""
    _clicks().pop(name, None)


def cross_out() -> None:
    """Say that what this run took up is carried out."""
    for click in list(_clicks().values()):
        if click.taken_by is not None and click.taken_by is _now():
            _clicks().pop(click.name, None)
            st.session_state[CARRIED_OUT] = click.name
            if not click.opens:
                _forget_of_record(click.name)


def show_notes(part: str = "", in_window: Collection[str] = ()) -> None:
    """Draw what is to be said of clicks, with a way to close it.

    `part`: which part of the page runs alone: it leaves out what stands elsewhere on the page already. `in_window`: the
    keys of the buttons of that part where it is a window, which hides the page.
    """
    places = _places()
    if not part:
        _forget_of_other_page()
    for note in _notes():
        if not part:
            places[note.id] = part
        elif places.setdefault(note.id, part) != part and note.name not in in_window:
            continue
        if note.drawn_by is not None and note.drawn_by is getattr(_run, "last", None):
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(plain_sentence(note.sentence), icon=":material/info:", width="stretch")
            # Not one of `actions`: a click on it that is lost leaves the sentence where it is.
            st.button("Close", key=f"{CLOSE}{note.id}", type="tertiary", on_click=_close, args=(note.id,))


def _cross_out_components() -> None:
    """Cross out the clicks in components, such as a player, that were drawn in the run that brought them."""
    unmet = {name for name, drawn in streamlit_protocol.clicked().items() if not drawn}
    for click in list(_clicks().values()):
        if (
            click.name.startswith(streamlit_protocol.COMPONENT)
            and click.brought_by is _run.parts
            and click.name not in unmet
        ):
            _clicks().pop(click.name, None)


def _account() -> None:
    """Say of the clicks that this run had to carry out and did not."""
    for click in list(_clicks().values()):
        _clicks().pop(click.name, None)
        label = _labels().get(click.name)
        if click.taken_by is None or click.opens:
            # The second half of a double click asks for what was just done.
            if click.name != st.session_state.get(CARRIED_OUT):
                again = "choose the row again" if click.name.startswith(streamlit_protocol.ROWS) else "repeat"
                say(MISSED.format(again=f"click “{label}” again" if label else again), click.name)
        else:
            say(CUT_OFF.format(click=f"“{label}”" if label else "your click"), click.name)


def say(sentence: str, name: str) -> None:
    """Let the page show a sentence on a click on this button, until it is closed."""
    _keep(Note(_called(name), sentence, name))


def refused(sentence: str) -> None:
    """Keep the sentence with which the click that this run carries out was refused, and which it has drawn.

    Without it, it would go with the next run: in a part that runs each second, before anybody could read it.
    """
    for click in list(_clicks().values()):
        if click.taken_by is not None and click.taken_by is _now():
            _clicks().pop(click.name, None)
            note = Note(_called(click.name), sentence, click.name, _now())
            _keep(note)
            _places()[note.id] = _run.part


def _keep(note: Note) -> None:
    others = [one for one in _notes() if one.button not in (note.button, WINDOW)]
    st.session_state[SAID] = [*others, note]


def _forget_of_record(name: str) -> None:
    """Forget the sentences on a record that somebody read, and then went on with it by another button."""
    st.session_state[SAID] = [
        note
        for note in _notes()
        if _record(note.name) != _record(name) or note.id not in _places() or note.drawn_by is _now()
    ]


def _forget_of_other_page() -> None:
    """Forget the sentences on what was done on another page than this one, or when it was about another record.

    On a page about no record those stay that nobody may have seen yet: a refusal was drawn where the click was made.
    """
    record = getattr(_run, "about", "")
    page = f"{streamlit_protocol.page_address()}:{record}"
    if st.session_state.get(PAGE) == page:
        return
    began_s, general = getattr(_run, "began_s", 0.0), not record and not st.query_params
    kept = [note for note in _notes() if note.at_s >= began_s or (general and note.drawn_by is None)]
    st.session_state[SAID], st.session_state[PAGE] = kept, page


def _record(name: str) -> str:
    """Return the record of a button's key (`actions.action`); the key itself where it has none."""
    return name.split(":", 2)[1] if ":" in name else name


def _called(name: str) -> str:
    """Return what a button is called: also the one that took its place, for another record or edition, is called so."""
    return _labels().get(name, name)


def _close(note_id: str) -> None:
    st.session_state[SAID] = [note for note in _notes() if note.id != note_id]


def _notes() -> list[Note]:
    return [note for note in st.session_state.get(SAID, ()) if time.monotonic() - note.at_s < SAID_S]


def _clicks() -> dict[str, Click]:
    found: dict[str, Click] = st.session_state.setdefault(CLICKS, {})
    return found


def _places() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(PLACES, {})
    return found


def _labels() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(DRAWN, {})
    return found


def _now() -> object | None:
    return getattr(_run, "at", None)
