"""Every choice of the program: options are ids, labels are unique, and what was chosen outlives a change of the list.

Streamlit's choices send the label of the option that was clicked, and start again where the list changes. So two equal
labels would be one option, and a colleague's edit would move the choice to somebody else. No page calls them directly
(tests/test_forbidden.py).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import streamlit as st

from clinic.phrases import SHORT_ID
from clinic.phrases import Person as Person
from clinic.phrases import identity_text as identity_text
from clinic.phrases import short_id as short_id
from clinic.phrases import visit as visit
from pages.links import plain_text
from pages.widgets import day

GONE = "What was chosen is no longer there. Please choose again."


def choose(
    label: str,
    labels: Mapping[str, str],
    key: str,
    start: str | None = None,
    placeholder: str | None = None,
    label_visibility: Literal["visible", "collapsed"] = "visible",
) -> str | None:
    """Draw a choice and return the id that is chosen, None before one is.

    `labels`: what each id is called; equal ones are made distinct here. `key`: names the choice, and with it what it is
    about. `start`: what is chosen at first, never after a user has chosen.
    """
    labels = unique(labels)
    before = _before(key, start)
    if before is not None and before not in labels:
        st.warning(GONE, icon=":material/info:")
        before = None
    ids = list(labels)
    drawn = f"{key}:{digest(sorted(labels.items()))}"
    st.session_state[f"drawn:{key}"] = drawn
    return st.selectbox(
        label,
        ids,
        index=ids.index(before) if before is not None else None,
        format_func=labels.__getitem__,
        key=drawn,
        placeholder=placeholder,
        label_visibility=label_visibility,
    )


def switch(label: str, labels: Mapping[str, str], key: str, **look: str) -> str:
    """Draw a choice between a few fixed options, the first at first; return the id that is chosen."""
    ids = list(unique(labels))
    return st.segmented_control(
        label, ids, default=ids[0], required=True, format_func=labels.__getitem__, key=key, help=look.get("help")
    )


def several(label: str, labels: Mapping[str, str], start: Sequence[str], key: str) -> list[str]:
    """Draw a choice of any number of fixed options; return the ids that are chosen, in the order of `labels`."""
    ids = list(unique(labels))
    chosen = st.pills(label, ids, selection_mode="multi", default=start, format_func=labels.__getitem__, key=key)
    return [one for one in ids if one in chosen]


def patient_labels(patients: Iterable[Person]) -> dict[str, str]:
    """Return what each patient is called in a choice: name, code and year of birth, and a short id if need be."""
    return unique({patient.id: person(patient) for patient in patients})


def person(patient: Person) -> str:
    """Return a patient's name with what distinguishes people of the same name."""
    parts = [patient.name, patient.code, f"born {day(patient.born_on)}" if patient.born_on is not None else ""]
    return " · ".join(part for part in parts if part)


def identity(patient: Person) -> str:
    """Return what distinguishes patients of the same name: code, date of birth, and always a short id."""
    return plain_text(identity_text(patient))


def whose(patient: Person) -> str:
    """Return in Markdown who a patient is: the name, and what no other patient shares; for titles and dialogs."""
    return f"**{plain_text(patient.name)}** · {identity(patient)}"


def whose_text(patient: Person) -> str:
    """Return who a patient is as `whose` does, without Markdown, for what is escaped where it is drawn."""
    return f"{patient.name} · {identity_text(patient)}"


def unique(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels of which no two look alike: equal ones get as much of the id as distinguishes them."""
    count = Counter(_plain(label) for label in labels.values())
    length = SHORT_ID
    while True:
        made = {
            key: f"{label} · {key[:length]}" if count[_plain(label)] > 1 else label for key, label in labels.items()
        }
        if len({_plain(label) for label in made.values()}) == len(made) or length > max(map(len, labels), default=0):
            return made
        length += SHORT_ID


def forget(key: str) -> None:
    """Let a choice start from nothing: what was chosen is gone, as the user wanted it."""
    st.session_state.pop(f"drawn:{key}", None)


def _before(key: str, start: str | None) -> str | None:
    """Return what the choice was at when it was drawn last on this page, also where its list was another one then."""
    drawn = st.session_state.get(f"drawn:{key}")
    if drawn is None or drawn not in st.session_state:
        return start
    chosen = st.session_state[drawn]
    return chosen if chosen is None else str(chosen)


def digest(shown: Iterable[object]) -> str:
    """Return a short name for what is shown, for the key of what depends on it."""
    return hashlib.sha256(repr(tuple(shown)).encode()).hexdigest()[:16]


def _plain(label: str) -> str:
    """Return a label as eyes compare it."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())
