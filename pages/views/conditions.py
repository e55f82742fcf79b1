"""Conditions under which labels are not interpreted: what holds now, recording one, ending one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from clinic import words
from clinic.patients import conditions
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.conditions import Condition, ConditionKind
from clinic.recordings import readings
from pages import actions, chooser, links
from pages.session import actor
from pages.views.conflict import drawn_again
from pages.widgets import day_input, show_errors, today
from web.resources import resources


def holding_now(patient_id: str) -> list[Condition]:
    """Return the conditions of a patient that hold today."""
    return holding_on(patient_id, today())


def holding_on(patient_id: str, day: date) -> list[Condition]:
    """Return the conditions of a patient that held on a day."""
    return conditions.holding(conditions.conditions(resources().db, actor(), patient_id), day)


def say_not_interpreted(holding: Sequence[Condition]) -> None:
    """Say under which conditions labels are not interpreted; nothing where none holds."""
    if holding:
        st.info(links.plain_text(words.NOT_INTERPRETED.format(why=named(holding))), icon=":material/visibility_off:")


def show_movement_alone(recording: RecordingRow, holding: Sequence[Condition]) -> None:
    """Say that a recording's labels are not interpreted, and draw how much the face moved."""
    say_not_interpreted(holding)
    found = readings.analysis_result(resources().db, actor(), recording.id)
    movement = found.reading.movement if found.reading is not None else None
    st.metric("Movement of the face", "–" if movement is None else f"{movement:.2f}", help=words.MOVEMENT)


def named(found: Sequence[Condition]) -> str:
    """Return what the conditions are called, in one line."""
    return ", ".join(dict.fromkeys(condition.note or words.CONDITIONS[condition.kind] for condition in found))


def show_conditions(patient: PatientDetail) -> None:
    """Draw what is recorded, and forms to add and to end one."""
    st.header("Do not interpret labels")
    st.caption(words.CONDITIONS_MEANING)
    found = conditions.conditions(resources().db, actor(), patient.id)
    for condition in found:
        with show_errors(), st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(links.plain_text(_called(condition)), width="stretch")
            if patient.writable and condition.ended_on is None:
                _end(condition)
    if patient.writable:
        _add(patient.id, found)
        if found:
            _correct(patient.id, found)


def _end(condition: Condition) -> None:
    with st.form(f"end:{condition.id}", border=False, width=260):
        first_free = day_input("First day without it", today(), f"condition_end:{condition.id}")
        needs, key = {"the first day without it": first_free}, actions.at(condition.id, condition.revision)
        if actions.submit("No longer applies", "end_condition", key, needs=needs) and first_free is not None:
            db, who = resources().db, actor()
            actions.once(
                "end_condition",
                actions.at(key, first_free.toordinal()),
                lambda: conditions.end(db, who, condition.id, condition.revision, first_free),
            )
            st.rerun()


def _add(patient_id: str, shown: Sequence[Condition]) -> None:
    round_ = st.session_state.get("condition_round", 0)
    form = f"condition:{patient_id}:{round_}"
    with show_errors(), drawn_again(form), st.form(form, border=True):
        left, middle, right = st.columns([2, 1, 2])
        with left:
            kinds = {kind.value: label for kind, label in words.CONDITIONS.items()}
            kind = chooser.choose("Condition", kinds, f"condition_kind:{patient_id}:{round_}", placeholder="Choose one")
        with middle:
            began_on = day_input("Since", today(), f"condition_day:{patient_id}:{round_}")
        note = right.text_input(
            "Note (optional)", max_chars=conditions.NOTE_MAX, key=f"condition_note:{patient_id}:{round_}"
        )
        target = f"{patient_id}:{round_}"
        needs = {"the condition": kind, "the day since when it holds": began_on}
        if actions.submit("Record", "add_condition", target, needs=needs) and kind and began_on is not None:
            db, who, wanted, seen = resources().db, actor(), ConditionKind(kind), [one.id for one in shown]
            actions.once(
                "add_condition", target, lambda: conditions.add(db, who, patient_id, wanted, began_on, note, seen)
            )
            st.session_state["condition_round"] = round_ + 1
            st.rerun()


def _called(condition: Condition) -> str:
    note = f": {condition.note}" if condition.note else ""
    return f"{words.CONDITIONS[condition.kind]}{note}, {conditions.lasting(condition)}"


def _correct(patient_id: str, found: Sequence[Condition]) -> None:
    """Change the days and the note of a condition, or delete one that was recorded by mistake."""
    by_id = {one.id: one for one in found}
    names = {one.id: _called(one) for one in found}
    form = f"wrong_condition:{patient_id}"
    with show_errors(), drawn_again(form):
        chosen = by_id.get(chooser.choose("Recorded by mistake", names, form, placeholder="Choose one") or "")
        if chosen is None:
            return
        key, db, who = actions.at(chosen.id, chosen.revision), resources().db, actor()
        with st.form(f"correct:{key}", border=True):
            left, middle, right = st.columns([1, 1, 2])
            with left:
                began_on = day_input("Since", chosen.began_on, f"began:{key}")
            with middle:
                ended_on = day_input("First day without it (empty: it still applies)", chosen.ended_on, f"ended:{key}")
            note = right.text_input("Note (optional)", chosen.note, max_chars=conditions.NOTE_MAX, key=f"noted:{key}")
            save = actions.submit("Save", "change_condition", key, needs={"the day since when it holds": began_on})
        if save and began_on is not None:
            wanted = f"{key}:{chooser.digest([str(began_on), str(ended_on), note])}"
            actions.once(
                "change_condition",
                wanted,
                lambda: conditions.change(db, who, chosen.id, chosen.revision, began_on, ended_on, note),
            )
            st.rerun()
        if actions.action("Delete this condition", "delete_condition", key, icon=":material/delete:"):
            actions.once("delete_condition", key, lambda: conditions.remove(db, who, chosen.id, chosen.revision))
            chooser.forget(form)
            st.rerun()
