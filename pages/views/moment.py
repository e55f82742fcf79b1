"""The day and the time of a new recording: the file suggests them, and what a person chose stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from clinic import phrases
from clinic.patients import fields
from clinic.recordings import incoming
from clinic.recordings.moment import Taken, earliest, past
from clinic.recordings.taken import names_a_day, suggestion
from pages import links
from pages.session import actor
from pages.views.uploader import Sent, SentFile
from pages.widgets import day, day_input, today, zone
from web.resources import resources

MOST_NAMED = 3
"""Days of the chosen files, and files of a day, that are named one by one."""
Suggested = TypeVar("Suggested", date | None, time | None)


def ask_for_moment(
    files: Sent | None,
    place: DeltaGenerator,
    time_place: DeltaGenerator,
    born_on: date | None = None,
    as_said: str | None = None,
) -> tuple[date | None, time | None]:
    """Ask for the day and the time of the recording. Before a file is chosen nothing is suggested.

    `born_on`: the patient's birth: of names with dates it is none of a recording. `as_said`: what stands where the day
    is the suggested one, by default that the file says so.
    """
    found = _taken_at(files, born_on)
    unclear = files is not None and _is_unclear(files, found)
    taken = _the_one(found) if not unclear else None
    mute = files is not None and not unclear and not any(found)
    with place:
        suggested = taken.day if taken is not None else _chosen_on(files) if files and mute else None
        key, offered = _offered_first("recorded_on", suggested)
        recorded_on = day_input("Recorded on", offered, key, _touched, ("recorded_on", key))
        if files is not None and (files.done or not mute):
            suggested_one = as_said is not None and taken is not None and recorded_on == taken.day
            st.caption(as_said if suggested_one else _explained(files, found, unclear, recorded_on))
        if files is not None and any(one is not None and one.inside is not None for one in found):
            st.warning(_contradicted(files, found), icon=":material/event_busy:")
    with time_place:
        # Another day than the file's is not the file's time either. Boxes hold whole minutes.
        at = taken.time if taken is not None and recorded_on == taken.day else None
        key, offered_time = _offered_first("recorded_time", at.replace(second=0, microsecond=0) if at else None)
        args = ("recorded_time", key)
        recorded_time = st.time_input("Time (optional)", offered_time, key=key, on_change=_touched, args=args)
        say_twice(recorded_on, recorded_time)
        if taken is not None and taken.left_out and recorded_on == taken.day and recorded_time is None:
            st.caption(taken.left_out)
        return recorded_on, recorded_time


def _is_unclear(files: Sent, found: Sequence[Taken | None]) -> bool:
    """Return whether a name says a day that isn't understood."""
    return any(_name_is_unclear(file, taken) for file, taken in zip(files.files, found, strict=True))


def _name_is_unclear(file: SentFile, taken: Taken | None) -> bool:
    return taken is None and names_a_day(file.name)


def _the_one(found: Sequence[Taken | None]) -> Taken | None:
    """Return the day that the files say, with the earliest time of it; None where they say none or several."""
    said = [taken for taken in found if taken is not None]
    if len({taken.day for taken in said}) != 1:
        return None
    return earliest(said)


def _explained(files: Sent, found: Sequence[Taken | None], unclear: bool, recorded_on: date | None) -> str:
    """Return what the chosen files say of the day."""
    days = sorted({taken.day for taken in found if taken is not None})
    the = "The file" if len(found) == 1 else "The files"
    if len(days) > 1:
        which = phrases.all_of(_by_day(files, found)[:MOST_NAMED])
        more = f", and {phrases.counted(len(days) - MOST_NAMED, 'other day')}" if len(days) > MOST_NAMED else ""
        return f"The files say different days: {which}{more}. One recording has one day."
    if unclear:
        named = [file.name for file, taken in zip(files.files, found, strict=True) if _name_is_unclear(file, taken)]
        return f"The day is not clear from the name {_some(named)}."
    if not days:
        guessed = recorded_on == _chosen_on(files)
        chosen = ": this is the day on which you chose " + ("it" if len(found) == 1 else "them")
        return f"{the} say{'s' if len(found) == 1 else ''} no day{chosen if guessed else ''}."
    mute = sum(taken is None for taken in found)
    if mute:
        return f"{len(found) - mute} of {len(found)} files say {day(days[0])}; the others say no day."
    if recorded_on == days[0]:
        differ = any(taken is not None and taken.inside is not None for taken in found)
        said_by = ("its name" if len(found) == 1 else "their names") if differ else the.lower()
        return f"As {said_by} say{'s' if len(found) == 1 else ''}."
    return f"{the} say{'s' if len(found) == 1 else ''} {day(days[0])}."


def _contradicted(files: Sent, found: Sequence[Taken | None]) -> str:
    """Return in which files another day is written than their names say."""
    both = [
        f"{day(taken.inside)} is written in {links.plain_text(file.name)}, whose name says {day(taken.day)}"
        for file, taken in zip(files.files, found, strict=True)
        if taken is not None and taken.inside is not None
    ]
    more = len(both) - MOST_NAMED
    which = "; ".join([*both[:MOST_NAMED], *([f"so in {phrases.counted(more, 'other file')}"] if more > 0 else [])])
    return f"{which}. One of them may be the day of a copy or an edit. Please check the day of the recording."


def _by_day(files: Sent, found: Sequence[Taken | None]) -> list[str]:
    """Return each day that files say with their names, the day of the fewest files first: it is the one to look at."""
    names: dict[date, list[str]] = {}
    for file, taken in zip(files.files, found, strict=True):
        if taken is not None:
            names.setdefault(taken.day, []).append(file.name)
    fewest = sorted(names, key=lambda one: (len(names[one]), one))
    return [f"{day(one)} ({_some(names[one])})" for one in fewest]


def _some(names: Sequence[str]) -> str:
    """Return the names of files, of many the first ones and how many more there are."""
    shown = [links.plain_text(name) for name in names[:MOST_NAMED]]
    more = len(names) - len(shown)
    return phrases.all_of([*shown, phrases.counted(more, "other")] if more else shown)


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


def _taken_at(files: Sent | None, born_on: date | None) -> list[Taken | None]:
    """Return when each chosen file was recorded, as its name says, or else what is written in it.

    What is written is read in each case, since the two may be different days.
    What was suggested when the files were chosen, or when all of them had come, stays: later "today" and "now" are
    others.
    """
    if files is None:
        return []
    # Each file is opened in a process of its own: 200 pictures take about 20 s.
    with st.spinner("Reading when it was recorded…", show_time=False):
        return [_taken_of(files, file, born_on) for file in files.files]


def _taken_of(files: Sent, file: SentFile, born_on: date | None) -> Taken | None:
    if not files.done:
        return _suggested_once(files, file, None, born_on)
    known: dict[str, str | None] = st.session_state.setdefault("created", {})
    if file.upload_id not in known:
        known[file.upload_id] = incoming.created(resources().settings, file.upload_id, actor().account_id)
    return _suggested_once(files, file, known[file.upload_id], born_on)


def _suggested_once(files: Sent, file: SentFile, created: str | None, born_on: date | None) -> Taken | None:
    known: dict[tuple[str, str, str | None, date | None], Taken | None]
    known = st.session_state.setdefault("suggested", {})
    asked = file.upload_id, file.name, created, born_on
    if asked not in known:
        found = suggestion(file.name, created, zone(), _chosen_on(files), born_on)
        known[asked] = past(found, zone()) if found is not None else None
    return known[asked]
