"""Editing a patient: name, code, date of birth and note; and deleting the patient."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.erasure import deletion
from clinic.patients import doubles, edits, fields
from clinic.patients.caseload import PatientDetail
from clinic.patients.fields import PatientFields
from clinic.phrases import counted
from pages import actions, chooser, links
from pages.session import actor
from pages.views.confirm import confirmed
from pages.views.conflict import saved
from pages.views.doubles import hint, keep_others
from pages.views.transfer import keep_receipt
from pages.widgets import day_input, show_errors
from web.resources import resources


@actions.dialog("Edit patient")
def edit(patient: PatientDetail) -> None:
    """Change what is said of the patient, who sees it, or delete the patient."""
    with show_errors():
        st.markdown(chooser.whose(patient))
        edit_fields(patient)
        with st.expander("Delete this patient", key=f"folded:delete:{patient.id}"):
            delete(patient)


def edit_fields(patient: PatientDetail) -> None:
    """Draw the form of name, code, date of birth and note."""
    with st.form(f"edit:{patient.id}", border=False):
        name = st.text_input("Name or code", patient.name, max_chars=fields.NAME_MAX, key=f"name:{patient.id}")
        left, right = st.columns(2)
        code = left.text_input(
            "Code (optional)", patient.code, max_chars=fields.CODE_MAX, help=words.CODE, key=f"code:{patient.id}"
        )
        with right:
            born_on = day_input("Date of birth (optional)", patient.born_on, f"born:{patient.id}")
        note = st.text_area("Note", patient.note, max_chars=fields.NOTE_MAX, height=100, key=f"note:{patient.id}")
        wanted = actions.submit("Save", "save_patient", actions.at(patient.id, patient.revision), kind="primary")
    said = PatientFields(name, note, code, born_on)
    db, who = resources().db, actor()
    renamed = (name, code, born_on) != (patient.name, patient.code, patient.born_on)
    with hint(f"edit:{actions.at(patient.id, patient.revision)}") as accepted:

        def store(seen: int) -> None:
            if renamed:
                doubles.need_no_other(db, who, said, patient.id, accepted)
            edits.edit_patient(db, who, patient.id, seen, said)

        if saved(patient.id, patient.revision, wanted, store):
            if renamed:
                keep_others(patient.id, doubles.others(db, who, patient.id))
            st.rerun()


def counts_text(held: deletion.HeldCounts) -> str:
    """Return in words what is deleted with a patient."""
    one = {"tables of other programs": "table of another program"}
    parts = [
        counted(count, one.get(names, names.removesuffix("s")), names)
        for names, count in held.counts.items()
        if count or names == "recordings"
    ]
    return ", ".join(parts)


def delete(patient: PatientDetail) -> None:
    """Ask for the name, then delete the patient."""
    parts, who = resources(), actor()
    held = deletion.held_by_patient(parts.db, who, patient.id)
    st.write(f"Permanently deletes the patient with {counts_text(held)}. This can't be undone.")
    # The click does not cover what a colleague adds meanwhile: it was not in the sentence.
    target = f"{actions.at(patient.id, patient.revision)}:{held.of}"
    if confirmed("Delete patient", "delete_patient", target, patient):

        def carry_out() -> deletion.Receipt:
            return deletion.delete_patient(parts.db, parts.settings, who, patient.id, patient.revision, held)

        keep_receipt(actions.once("delete_patient", target, carry_out))
        st.session_state.pop("patient", None)
        st.switch_page(links.CASELOAD)
