"""Entering a questionnaire by keyboard: a digit and Tab for each question, or the total alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import streamlit as st

from clinic.questionnaires import answers, sentences
from clinic.questionnaires.answers import Answer, Given
from clinic.questionnaires.published import Scale
from fer_core.errors import FerError
from pages import actions, chooser, links
from pages.session import actor
from pages.views.conflict import drawn_again
from pages.widgets import day, day_input, show_errors, today
from web.resources import resources

ROUND = "entry_round"
"""Counts what was saved in this window: the boxes after it are new, and empty."""


def show_entry(patient_id: str, offered: Mapping[str, Scale], given: Sequence[Answer]) -> str | None:
    """Draw the entry, and return what was saved, in a sentence, None where nothing was.

    `given`: what the patient answered already, so that a questionnaire that two people enter is noticed.
    """
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    with left:
        names = {key: f"{scale.name} ({scale.about})" for key, scale in offered.items()}
        chosen = chooser.choose("Enter a questionnaire", names, f"entry_scale:{patient_id}", start=next(iter(names)))
    if chosen is None:
        return None
    scale = offered[chosen]
    entry = f"{patient_id}:{chosen}:{st.session_state.get(ROUND, 0)}"
    with middle:
        answered_on = day_input("Answered on", today(), f"answered_on:{entry}")
    with right:
        ways = {"items": "Answers", "total": "Total"} if scale.items else {"total": "Total"}
        way = chooser.switch("Entered as", ways, f"way:{entry}")
    same_day = [one for one in given if (one.scale.key, one.answered_on) == (chosen, answered_on)]
    with show_errors(), drawn_again(entry):
        return _boxes(patient_id, scale, entry, way, answered_on, same_day)
    return None


@actions.part()
def _live(scale: Scale, entry: str) -> None:
    """Draw a box for each question, with the total so far: this part alone runs again at each answer."""
    st.caption(f"{scale.lead} {_legend(scale)} An empty box is a missing answer. Tab moves to the next question.")
    for number, question in enumerate(scale.items):
        text, box = st.columns([9, 1], vertical_alignment="center")
        text.markdown(f"{number + 1}. {question}")
        box.text_input(f"{number + 1}. {question}", key=_key(entry, number), max_chars=1, label_visibility="collapsed")
    items, wrong = _read(scale, entry)
    if wrong:
        st.warning(wrong, icon=":material/info:")
    elif any(item is not None for item in items):
        score = answers.score_of(scale, items, None)
        st.markdown(f"**{links.plain_sentence(sentences.score_sentence(scale, score))}**")
        if score.watched:
            st.warning(sentences.WATCHED_NOW, icon=":material/front_hand:")
    else:
        st.markdown("**No answer yet.**")


def _boxes(
    patient_id: str, scale: Scale, entry: str, way: str, answered_on: date | None, same_day: Sequence[Answer]
) -> str | None:
    total = None
    if way == "items":
        _live(scale, entry)
    else:
        span = f"{scale.lowest:g} to {scale.highest:g}"
        total = st.number_input(f"Total ({span})", value=None, key=f"total:{entry}", step=1.0, format="%g")
        st.caption(scale.missing_rule)
    for one in same_day:
        st.warning(_stored_already(one), icon=":material/content_copy:")
    # Another answer of that day makes another button: a second one is added only by a user who has seen the first.
    target = f"{entry}:{way}:{chooser.digest(one.id for one in same_day)}"
    if not actions.action("Save questionnaire", "save_answers", target, "primary", ":material/check:"):
        return None
    items, wrong = _read(scale, entry) if way == "items" else (None, None)
    if wrong:
        raise FerError(wrong, "bad_items")
    if answered_on is None:
        raise FerError("Please give the day of the answers.", "bad_answer_day")
    given = Given(scale.key, answered_on, items, total, "items" if items is not None else "total")
    return _save(patient_id, entry, given, [one.id for one in same_day])


def _stored_already(one: Answer) -> str:
    total = "no total" if one.score.total is None else f"total {one.score.total:g}"
    entered = "imported" if one.how == "csv" else "entered"
    by = f", {entered} by {links.plain_text(one.by)}" if one.by else ""
    if one.how == "patient":
        # Whose device it was is not who answered.
        by = ", answered by the patient"
    what = f"{links.plain_text(one.scale.name)} of {day(one.answered_on)}"
    return f"{what} is stored already: {total}, no. {one.number}{by}. Saving adds a second one of this day."


def _save(patient_id: str, entry: str, given: Given, seen: Sequence[str]) -> str:
    db, who = resources().db, actor()
    made = actions.once("save_answers", entry, lambda: answers.record(db, who, patient_id, given, seen))
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    said = f"{made.scale.name} was saved. {sentences.score_sentence(made.scale, made.score)}"
    return links.plain_sentence(said)


def _read(scale: Scale, entry: str) -> tuple[tuple[int | None, ...], str | None]:
    """Return the answers in the boxes, and what is wrong with them."""
    typed = [st.session_state.get(_key(entry, number)) or "" for number in range(len(scale.items))]
    last = len(scale.answers) - 1
    for number, text in enumerate(typed, 1):
        if text.strip() and text not in map(str, range(last + 1)):
            return (), f"Question {number} has an answer from 0 to {last}."
    return tuple(int(text) if text.strip() else None for text in typed), None


def _key(entry: str, number: int) -> str:
    return f"item:{entry}:{number}"


def _legend(scale: Scale) -> str:
    return " · ".join(f"{value} {label.lower()}" for value, label in enumerate(scale.answers)) + "."
