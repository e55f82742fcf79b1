"""Notes and marks on the axis of time: what changed in the treatment and in the patient's life."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.patients import events
from clinic.patients.caseload import PatientDetail
from clinic.patients.events import EventKind, EventMark
from clinic.patients.fields import EMPTY
from pages import actions, chooser, links
from pages.session import actor
from pages.views.conditions import show_conditions
from pages.views.conflict import drawn_again
from pages.widgets import DAY_COLUMN, day, day_input, show_errors, today
from web.resources import resources


def show_notes(patient: PatientDetail) -> None:
    """Draw the note, the marks with a form for a new one, and the conditions of the face."""
    st.markdown(f"**Note**  \n{links.plain_lines(patient.note or EMPTY)}")
    marks = events.marks(resources().db, actor(), patient.id)
    if patient.writable:
        _add(patient.id, marks)
    if marks:
        rows = [{"Day": mark.happened_on, "Kind": words.EVENT_KINDS[mark.kind], "What": mark.text} for mark in marks]
        st.dataframe(rows, hide_index=True, column_config={"Day": DAY_COLUMN}, key="marks")
        if patient.writable:
            _delete(patient.id, {mark.id: named(mark) for mark in marks})
    else:
        st.caption("No marks yet. Marks are shown on the time axis, across questionnaires and expressions.")
    show_conditions(patient)


def named(mark: EventMark) -> str:
    """Return what a mark is called where one is chosen: all that its row in the list says."""
    return f"{day(mark.happened_on)} · {words.EVENT_KINDS[mark.kind]} · {mark.text}"


def _add(patient_id: str, shown: Sequence[EventMark]) -> None:
    round_ = st.session_state.get("mark_round", 0)
    form = f"mark:{patient_id}:{round_}"
    with show_errors(), drawn_again(form), st.form(form, border=True):
        left, middle, right = st.columns([1, 1, 3])
        with left:
            happened_on = day_input("Day", today(), f"mark_day:{patient_id}:{round_}")
        with middle:
            kinds = {kind.value: label for kind, label in words.EVENT_KINDS.items()}
            kind = chooser.choose("Kind", kinds, f"mark_kind:{patient_id}:{round_}", start=EventKind.MEDICATION.value)
        text = right.text_input("What", max_chars=events.TEXT_MAX, key=f"mark_text:{patient_id}:{round_}")
        target = f"{patient_id}:{round_}"
        needs = {"the kind": kind, "the day": happened_on}
        if actions.submit("Add a mark", "add_mark", target, needs=needs) and kind and happened_on is not None:
            db, who, wanted, seen = resources().db, actor(), EventKind(kind), [mark.id for mark in shown]
            actions.once("add_mark", target, lambda: events.add(db, who, patient_id, wanted, happened_on, text, seen))
            st.session_state["mark_round"] = round_ + 1
            st.rerun()


def _delete(patient_id: str, names: dict[str, str]) -> None:
    with show_errors():
        key = f"wrong_mark:{patient_id}"
        chosen = chooser.choose("Marked by mistake", names, key, placeholder="Choose one")
        if chosen is not None and actions.action("Delete this mark", "delete_mark", chosen, icon=":material/delete:"):
            db, who = resources().db, actor()
            actions.once("delete_mark", chosen, lambda: events.remove(db, who, chosen))
            chooser.forget(key)
            st.rerun()
