"""The recordings of one patient: those under way, and the list of all."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from clinic.jobs import progress
from clinic.patients.caseload import PatientDetail
from clinic.patients.subject import RecordingKind
from clinic.phrases import whole_usable_percent
from pages import actions, chooser, links
from pages.session import actor
from pages.views.recording import title_of
from pages.widgets import DAY_COLUMN, duration, row_height, show_errors, table_of_recordings
from web.resources import resources

LONG = {"State": 235, "Note": 140}
"""Columns of sentences, with their widths in px."""


def show_table(patient: PatientDetail) -> None:
    """List all recordings; each opens on its own page."""
    labels = {recording.id: title_of(recording) for recording in patient.recordings}
    chosen = chooser.choose(
        "Open a recording", labels, f"open:{patient.id}", placeholder="Choose a recording, or tick its row"
    )
    rows = [
        {
            "No.": recording.visit_number,
            "Recorded on": recording.recorded_on,
            "Time": f"{recording.recorded_time:%H:%M}" if recording.recorded_time else "",
            "Kind": recording.kind.capitalize(),
            "Length": duration(recording.duration_s) if recording.kind == RecordingKind.VIDEO else "",
            "Usable": whole_usable_percent(recording.usable_share) if recording.usable_share is not None else None,
            "State": recording.standing.sentence,
            "Note": recording.note,
        }
        for recording in patient.recordings
    ]
    shown = filled(rows, ("Length", "Usable") if patient.closed else ())
    # The room of a column without a value is the other one's.
    sentences = LONG if "Note" in shown else {"State": sum(LONG.values())}
    # As narrow as their values: all of them stand beside each other on a laptop, and long sentences take more lines.
    config = {
        "No.": st.column_config.NumberColumn(width=50),
        "Recorded on": DAY_COLUMN | {"width": 100},
        "Time": st.column_config.TextColumn(width=55),
        "Kind": st.column_config.TextColumn(width=65),
        "Length": st.column_config.TextColumn(width=75),
        "Usable": st.column_config.NumberColumn(format="%.0f %%", width=65),
        **{name: st.column_config.TextColumn(width=width) for name, width in sentences.items()},
    }
    ids = [recording.id for recording in patient.recordings]
    height = row_height(rows, sentences)
    ticked = table_of_recordings(rows, ids, "recordings", column_config=config, column_order=shown, row_height=height)
    if chosen is not None or ticked is not None:
        links.open_recording(chosen or ticked or "")


def filled(rows: list[dict[str, Any]], without: Collection[str] = ()) -> list[str]:
    """Return the columns that have a value: one without would take the room of the sentence beside it."""
    names = rows[0] if rows else {}
    return [name for name in names if name not in without and any(row[name] not in ("", None) for row in rows)]


@actions.part(run_every=2)
def show_under_way(patient_id: str, before: int) -> None:
    """Say which analyses of the patient are not over; the page is drawn again when one is. Only this part runs again.

    `before`: how many there were when the page was drawn.
    """
    with show_errors():
        parts = resources()
        found = progress.active(parts.db, parts.settings, actor(), patient_id)
        if len(found) != before:
            st.rerun()
        for job in found:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"{chooser.visit(job.subject)}: {links.plain_sentence(job.status.standing.sentence)}",
                    width="stretch",
                )
                if job.status.writable:
                    links.analysis_link("Show", job.status.recording_id)
