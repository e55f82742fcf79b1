"""The faces of a recording of pictures, each to be looked at: alone in its picture, or beside others in one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from clinic import words
from clinic.jobs import pictures
from clinic.jobs.candidates import Candidate
from clinic.patients.subject import Subject
from clinic.phrases import counted, day
from pages import actions, links
from pages.widgets import jpeg_uri

CELL_PX, FACE_PX = 140, 106
MOST_FACES = 1000
"""A page of these takes half a minute to draw; one of twice as many sends more than `streamlit_protocol` takes."""


def ask(recording_id: str, found: Sequence[Candidate], subject: Subject, seen: str) -> None:
    """Draw the question, and the buttons that tick all faces that are alone in their picture, or none of them."""
    patient = links.plain_text(subject.name)
    st.header(words.WHOSE_FACES, anchor=False)
    st.write(words.CHOOSE_PICTURES.format(patient=f"**{patient}**"))
    st.caption(f"{counted(len({_number(one) for one in found}), 'picture')} with faces, of {day(subject.recorded_on)}.")
    alone = [one for one in found if not one.met]
    if len(alone) < 2:
        return
    with st.container(horizontal=True):
        at = actions.at(recording_id, seen)
        label = f"All {len(alone)} pictures with one face show {patient}"
        if actions.action(label, "tick_all", at, icon=":material/check_box:", opens=True):
            _set(at, alone, True)
        if actions.action("Untick these", "untick_all", at, icon=":material/check_box_outline_blank:", opens=True):
            _set(at, alone, False)


def too_many(found: Sequence[Candidate]) -> bool:
    """Return whether there are more faces than a page can ask about, and say so."""
    if len(found) <= MOST_FACES:
        return False
    faces = counted(len(found), "face")
    st.header(words.WHOSE_FACES, anchor=False)
    st.warning(words.TOO_MANY_FACES.format(faces=faces, most=f"{MOST_FACES:,}"), icon=":material/info:")
    return True


def ticked(at: str, found: Sequence[Candidate]) -> list[int]:
    """Draw every face with its box to tick; return those that are ticked. `at`: the target of the choice."""
    alone = [one for one in found if not one.met]
    chosen: list[int] = []
    if alone:
        st.markdown(f"**{words.ALONE_IN_PICTURES}**")
        with st.container(horizontal=True):
            chosen += [one.track for one in alone if _face(at, one, f"Picture {_number(one)}", one.name)]
    together = [one for one in found if one.met]
    if together:
        st.markdown(f"**{words.TOGETHER_IN_PICTURES}**")
    for number, of_picture in groupby(together, _number):
        faces = list(of_picture)
        name = links.plain_text(faces[0].name)
        with st.container(border=True):
            st.markdown(f"Picture {number} · {name}" if name else f"Picture {number}")
            with st.container(horizontal=True):
                for place, one in enumerate(faces, start=1):
                    if _face(at, one, f"Picture {number}, face {place} of {len(faces)}", ""):
                        chosen.append(one.track)
    return chosen


def _face(at: str, one: Candidate, label: str, name: str) -> bool:
    with st.container(border=True, width=CELL_PX):
        if one.thumbnail is not None:
            st.image(jpeg_uri(one.thumbnail), width=FACE_PX, alt=f"Face in {label[:1].lower()}{label[1:]}")
        else:
            st.caption("The small picture of this face was not kept.")
        chosen = st.checkbox(label, key=_key(at, one))
        if name:
            st.caption(links.plain_text(name))
    return chosen


def _number(one: Candidate) -> int:
    """Return which picture a face is in, from 1."""
    return pictures.number_at(one.first_s)


def _set(at: str, among: Sequence[Candidate], to: bool) -> None:
    for one in among:
        st.session_state[_key(at, one)] = to


def _key(at: str, one: Candidate) -> str:
    return f"track:{at}:{one.track}"
