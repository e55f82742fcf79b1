"""The day and the time of a new recording: the file suggests them, and what a person chose stays."""

from __future__ import annotations

from datetime import date, time
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from clinic.patients import fields
from clinic.recordings import incoming
from clinic.recordings.taken import Taken, names_a_day, suggestion
from pages.session import actor
from pages.views.uploader import Sent
from pages.widgets import day, day_input, today, zone
from web.resources import resources

Suggested = TypeVar("Suggested", date | None, time | None)


def ask_for_moment(
    files: Sent | None, place: DeltaGenerator, time_place: DeltaGenerator, born_on: date | None = None
) -> tuple[date | None, time | None]:
    """Ask for the day and the time of the recording. Before a file is chosen nothing is suggested.

    `born_on`: the patient's birth: of names with dates it is none of a recording.
    """
    taken = _taken_at(files, born_on)
    unclear = taken is None and files is not None and names_a_day(files.first.name)
    suggested = taken.day if taken is not None else _chosen_on(files) if files and not unclear else None
    with place:
        key, offered = _offered_first("recorded_on", suggested)
        recorded_on = day_input("Recorded on", offered, key, _touched, ("recorded_on", key))
        if taken is not None and recorded_on == taken.day:
            st.caption("As the file says.")
        elif taken is not None:
            st.caption(f"The file says {day(taken.day)}.")
        elif unclear:
            st.caption("The file's name does not say the day clearly.")
    with time_place:
        # Another day than the file's is not the file's time either. Boxes hold whole minutes.
        at = taken.time if taken is not None and recorded_on == taken.day else None
        key, offered_time = _offered_first("recorded_time", at.replace(second=0, microsecond=0) if at else None)
        args = ("recorded_time", key)
        recorded_time = st.time_input("Time (optional)", offered_time, key=key, on_change=_touched, args=args)
        say_twice(recorded_on, recorded_time)
        return recorded_on, recorded_time


def _chosen_on(files: Sent) -> date:
    """Return the day on which the files were chosen: at midnight no day on the screen becomes another one."""
    known: dict[str, date] = st.session_state.setdefault("chosen_on", {})
    return known.setdefault(files.first.upload_id, today())


def say_twice(recorded_on: date | None, recorded_time: time | None) -> None:
    """Say which of two is meant where clocks went back and the time came twice."""
    twice = fields.twice(recorded_on, recorded_time, zone())
    if twice is not None:
        st.caption(twice)


def _offered_first(what: str, suggested: Suggested) -> tuple[str, Suggested]:
    """Return the key of a box and what stands in it first: a suggestion replaces another, and never a person's choice.

    A choice may equal the earlier suggestion, so its value does not show that it is one.
    """
    key, offered = st.session_state.get(f"{what}_drawn", (what, suggested))
    if key not in st.session_state or st.session_state.get(f"{what}_touched") != key:
        key, offered = f"{what}:{suggested}", suggested
        st.session_state[f"{what}_drawn"] = (key, offered)
        st.session_state.pop(f"{what}_touched", None)
    return key, offered


def _touched(what: str, key: str) -> None:
    st.session_state[f"{what}_touched"] = key


def _taken_at(files: Sent | None, born_on: date | None) -> Taken | None:
    """Return when the chosen file was recorded, as its name says, or else what is written in it.

    What was suggested when the file was chosen, or when all of it had come, stays: later "today" and "now" are others.
    """
    if files is None:
        return None
    said = _suggested_once(files, None, born_on)
    if said is not None or not files.done:
        return said
    known: dict[str, str | None] = st.session_state.setdefault("created", {})
    first = files.first
    if first.upload_id not in known:
        known[first.upload_id] = incoming.created(resources().settings, first.upload_id, actor().account_id)
    return _suggested_once(files, known[first.upload_id], born_on)


def _suggested_once(files: Sent, created: str | None, born_on: date | None) -> Taken | None:
    first = files.first
    known: dict[tuple[str, str, str | None, date | None], Taken | None]
    known = st.session_state.setdefault("suggested", {})
    asked = first.upload_id, first.name, created, born_on
    if asked not in known:
        known[asked] = _past(suggestion(first.name, created, zone(), _chosen_on(files), born_on))
    return known[asked]


def _past(taken: Taken | None) -> Taken | None:
    """Return a suggestion without a time that is still to come: it is that of a clock that is wrong."""
    if taken is None or fields.time_objection(taken.day, taken.time, zone()) is None:
        return taken
    return Taken(taken.day)
