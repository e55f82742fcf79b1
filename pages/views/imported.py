"""Results of other programs on the patient's page: kept separate, under the name of their program."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.exchange import imported_series
from clinic.exchange.imported_series import NOTE_MAX, Imported
from clinic.exchange.other_tools import MOST_BYTES, Tool
from clinic.patients.caseload import PatientDetail
from clinic.recordings import incoming
from pages import actions, chooser
from pages.session import actor
from pages.views.conflict import drawn_again
from pages.views.decide import decide
from pages.views.uploader import Kind, close_uploader, give_up, uploader
from pages.widgets import DAY_COLUMN, day, day_input, percent, show_errors, today
from web.resources import resources


def show_imported(patient: PatientDetail) -> None:
    """List what was imported, a table for each program, and import another file."""
    found = imported_series.listed(resources().db, actor(), patient.id)
    with st.expander("Results of other programs", key=f"folded:imported:{patient.id}"):
        st.caption(words.OTHER_TOOLS)
        for tool in Tool:
            own = [one for one in found if one.tool is tool]
            if own:
                show_tool(tool, own)
        for one in found if patient.writable else ():
            show_removal(patient, one)
        if patient.writable and patient.closed is None:
            ask_for_file(patient.id, found)


def show_tool(tool: Tool, series: list[Imported]) -> None:
    """Draw the figures of one program over its recordings."""
    st.header(words.TOOLS[tool], anchor=False)
    rows = [
        {
            "No.": one.number,
            "Recorded on": one.recorded_on,
            "Readable": percent(one.readable_share),
            "Note": one.note,
            **one.measures,
        }
        for one in series
    ]
    if any(one.unread for one in series):
        st.caption(words.OTHER_TOOLS_UNREAD)
    st.caption(words.TOOL_UNITS[tool])
    figures = {name: st.column_config.NumberColumn(format="%.2f") for one in series for name in one.measures}
    columns = {"Recorded on": DAY_COLUMN, **figures}
    st.dataframe(rows, hide_index=True, column_config=columns, key=f"imported:{tool.value}")


def show_removal(patient: PatientDetail, one: Imported) -> None:
    """Offer to delete the figures of one table."""
    label = f"Delete {words.TOOLS[one.tool]} of {day(one.recorded_on)} · no. {one.number}"
    if actions.action(label, "ask_delete_series", one.id, "tertiary", ":material/delete:"):
        actions.open_dialog("delete_series")
        delete(patient, one)


@actions.dialog("Delete these figures")
def delete(patient: PatientDetail, one: Imported) -> None:
    """Say which figures are deleted, and delete them if wanted."""
    with show_errors():
        st.markdown(chooser.whose(patient))
        st.markdown(f"{words.TOOLS[one.tool]} of {day(one.recorded_on)}, no. {one.number}: deleted for good.")
        db, who = resources().db, actor()
        decide("Delete", "delete_series", lambda: imported_series.remove(db, who, one.id), icon=":material/delete:")


def ask_for_file(patient_id: str, shown: Sequence[Imported]) -> None:
    """Ask for a table, its day and a note, and import it."""
    with show_errors(), drawn_again(f"series:{patient_id}"):
        called = "CSV of OpenFace, py-feat or FaceReader"
        kind = Kind(f"table:{patient_id}", "Choose a table", ("csv", "txt"), called, most_bytes=MOST_BYTES)
        sent = uploader(kind)
        left, right = st.columns([1, 3])
        with left:
            recorded_on = day_input("Recorded on", today(), f"series_day:{patient_id}")
        note = right.text_input("Note (optional)", max_chars=NOTE_MAX, key=f"series_note:{patient_id}")
        ready = sent is not None and sent.done and recorded_on is not None
        # After a table the choice is empty: the same file may be taken again, for the right day.
        target = f"{patient_id}:{sent.first.upload_id if sent is not None else ''}"
        if actions.action("Import this table", "import_series", target, disabled=not ready) and sent and recorded_on:
            db, who, seen = resources().db, actor(), [one.id for one in shown]
            with incoming.opened(resources().settings, sent.first.upload_id, who.account_id) as file:
                actions.once(
                    "import_series",
                    target,
                    lambda: imported_series.add(db, who, patient_id, recorded_on, file, note, seen),
                )
            give_up(sent.ids)
            close_uploader(kind)
            st.rerun()
