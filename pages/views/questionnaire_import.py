"""The import of a patient's questionnaires from a CSV file: each row is looked at before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic.patients.caseload import PatientDetail
from clinic.phrases import counted
from clinic.questionnaires import incoming_csv
from clinic.questionnaires.incoming_csv import CsvRow
from clinic.recordings import incoming
from pages import actions, chooser, links
from pages.session import actor
from pages.views.conflict import drawn_again
from pages.views.uploader import Kind, close_uploader, give_up, uploader
from pages.widgets import day, show_errors
from web.resources import resources

TAKEN = "csv_taken"
MAY_BE_EMPTY = ("Error", "Stored of this day", "Also in this file", "Names somebody else")
"""Columns of the table before an import that are left out where no row needs them."""


def show_import(patient: PatientDetail) -> None:
    """Take questionnaires from a CSV file, after a look at each row."""
    patient_id, csv = patient.id, f"csv:{patient.id}"
    said = st.session_state.pop(TAKEN, None)
    if said:
        # Above what is folded, so that it is seen also where somebody folds it.
        st.success(said, icon=":material/check:")
    with st.expander("Import from CSV", key=f"folded:{csv}"), show_errors(), drawn_again(csv):
        st.caption(
            "The first line names the columns: date (2026-11-25 or 25.11.2026), scale (such as PHQ-9), and total,"
            " or q1, q2 and so on for the answers. All rows are for this patient."
        )
        kind = Kind(csv, "Choose a CSV file", ("csv",), "CSV", most_bytes=incoming_csv.BYTES_MOST)
        sent, db, who = uploader(kind), resources().db, actor()
        if sent is None or not sent.done:
            return
        with incoming.opened(resources().settings, sent.first.upload_id, who.account_id) as file:
            content = file.read(incoming_csv.BYTES_MOST + 1)
        rows = incoming_csv.preview(db, who, patient_id, content)
        good, bad = incoming_csv.counts(rows)
        st.dataframe(preview_rows(rows), hide_index=True, key=f"csv_rows:{patient_id}")
        for warning in incoming_csv.warnings(rows):
            st.warning(links.plain_text(warning), icon=":material/warning:")
        if names := incoming_csv.unread(content):
            st.caption(f"Columns that are not read: {links.plain_text(', '.join(names))}.")
        whose = chooser.whose(patient)
        st.write(_how_many(good, bad, whose))
        target = f"{patient_id}:{sent.first.upload_id}:{chooser.digest(rows)}"
        if good and actions.action(f"Import {good}", "import_csv", target, "primary"):
            taken = actions.once("import_csv", target, lambda: incoming_csv.take(db, who, patient_id, content, rows))
            give_up(sent.ids)
            close_uploader(kind)
            st.session_state[TAKEN] = f"Imported for {whose}: {counted(taken, 'questionnaire')}."
            st.rerun()


def _how_many(good: int, bad: int, whose: str) -> str:
    said = f"{good} of {counted(good + bad, 'row')} can be imported for {whose}"
    return (
        f"{said}; {bad} {'has an error and is' if bad == 1 else 'have an error and are'} left out."
        if bad
        else f"{said}."
    )


def preview_rows(rows: Sequence[CsvRow]) -> list[dict[str, object]]:
    """Return what the table before an import says of each row: an error right beside its line, no empty columns."""
    shown: list[dict[str, object]] = [
        {
            "Line": row.line,
            "Error": row.error or "",
            "Row": row.said,
            "Total": f"{row.total:g}" if row.total is not None else "",
            "Band": row.band or "",
            "Answered on": day(row.given.answered_on) if row.given else "",
            "Questionnaire": row.name,
            "Stored of this day": row.beside,
            "Also in this file": row.again,
            "Names somebody else": row.whose,
        }
        for row in rows
    ]
    empty = {name for name in MAY_BE_EMPTY if not any(row[name] for row in shown)}
    return [{name: cell for name, cell in row.items() if name not in empty} for row in shown]
