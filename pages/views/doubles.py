"""A patient who is added or renamed and may be there already: a hint, and the choice to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from clinic import words
from clinic.patients.doubles import LikeError
from pages import chooser, links

OTHERS = "like_patients"


@contextmanager
def hint(form: str) -> Iterator[Sequence[str]]:
    """Show like patients whom the store inside meets, with a box to go on; yield what was shown and ticked before.

    `form`: names the form and what it is about. Enter it in each run that draws the form.
    """
    # Two places: a browser lets what a later container in the same place doesn't replace stand.
    key, place, newer = f"like:{form}", st.empty(), st.empty()
    said: Sequence[str] = st.session_state.get(key, ())
    with place.container():
        ticked = bool(said) and _ask(key, said)
    try:
        yield said if ticked else ()
    except LikeError as met:
        st.session_state[key] = met.sentences
        if met.sentences != said:
            place.empty()
            with newer.container():
                _ask(key, met.sentences)


def keep_others(patient_id: str, sentences: Sequence[str]) -> None:
    """Keep what is known of like patients on other caseloads until the patient's page is drawn."""
    if sentences:
        st.session_state[OTHERS] = patient_id, sentences


def show_others(patient_id: str) -> None:
    """Show on a patient's page what `keep_others` kept for it, once."""
    whose, sentences = st.session_state.pop(OTHERS, ("", ()))
    if whose == patient_id:
        _show(sentences)


def _ask(key: str, sentences: Sequence[str]) -> bool:
    _show(sentences)
    box = f"{key}:{chooser.digest(sentences)}"
    return st.checkbox("This is somebody else: go on at the next click on the button", key=box)


def _show(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        st.warning(links.plain_text(f"{sentence} {words.MAYBE_ONE_PERSON}"), icon=":material/content_copy:")
