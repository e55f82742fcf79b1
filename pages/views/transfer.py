"""Exporting a patient: the archive of everything, files for other programs, and the receipt of an erasure."""

from __future__ import annotations

import streamlit as st

from clinic.erasure.deletion import Receipt
from clinic.exchange import downloads, handing_out, recording_files
from clinic.exchange.downloads import Kind
from clinic.phrases import counted
from pages import actions, chooser
from pages.session import actor
from pages.views import download
from pages.views.copies import show_video_copy
from pages.widgets import clock, day_of, show_errors, zone
from web.resources import resources

RECEIPT = "receipt"
EXPORTS: dict[str, str] = {
    Kind.ARCHIVE: "Everything",
    Kind.FHIR: "FHIR",
    Kind.XLSX: "Spreadsheet",
    Kind.RESEARCH: "Research",
}
OF_RECORDING: dict[str, str] = {Kind.MOMENTS: "Samples and marks", Kind.VIDEO: "Video with labels"}
EXPLAINED: dict[str, str] = {
    Kind.ARCHIVE: "One ZIP archive with everything that is stored on this patient, for the patient or for another"
    " installation of this program.",
    Kind.FHIR: "Recordings and questionnaires as a FHIR R4 Bundle, for the hospital's system. All values are"
    " preliminary, because nobody has signed them.",
    Kind.XLSX: "Recordings and questionnaires as a workbook of values, without formulas.",
    Kind.RESEARCH: "Recordings, moments and scores as Parquet tables without name, notes and ids; all days are moved by"
    " the same unknown number. It is not anonymous.",
}


@actions.dialog("Export this patient")
def export_dialog(patient: chooser.Person) -> None:
    """Prepare the archive and offer it once."""
    with show_errors():
        st.markdown(chooser.whose(patient))
        what = chooser.switch("What", EXPORTS, f"export_what:{patient.id}")
        st.write(EXPLAINED[what])
        st.write("**It is not encrypted**: keep it where nobody else reads it.")
        target = f"{patient.id}:{what}:{actions.opening('export')}"
        label = "Prepare the archive" if what == Kind.ARCHIVE else "Prepare the file"
        if actions.action(label, "prepare", target, "primary", ":material/archive:"):
            download.prepare(target, lambda: prepared(patient.id, Kind(what)))
        download.show(target, patient.id)


def prepared(patient_id: str, kind: Kind) -> str:
    """Return the ticket of what was prepared."""
    parts, who = resources(), actor()
    if kind is Kind.ARCHIVE:
        return downloads.prepare(parts.db, parts.settings, who, patient_id)
    return handing_out.prepare(parts.db, parts.settings, who, patient_id, kind)


@actions.dialog("Export this recording")
def recording_export_dialog(patient: chooser.Person, recording_id: str) -> None:
    """Prepare one recording's samples and marks, or a copy of its video, and offer them once."""
    with show_errors():
        st.markdown(chooser.whose(patient))
        if chooser.switch("What", OF_RECORDING, f"export_what:{recording_id}") == Kind.VIDEO:
            show_video_copy(patient.id, recording_id)
            return
        st.write(
            "One ZIP archive with all samples as CSV and Parquet, as analysed and after marks, the marks, and a"
            " dictionary of the columns. **It is not encrypted**: keep it where nobody else reads it."
        )
        target = f"{recording_id}:{actions.opening('export')}"
        if actions.action("Prepare the file", "prepare_recording", target, "primary", ":material/archive:"):
            parts, who = resources(), actor()
            download.prepare(target, lambda: recording_files.prepare(parts.db, parts.settings, who, recording_id))
        download.show(target, patient.id)


def keep_receipt(receipt: Receipt) -> None:
    """Keep the receipt of an erasure for the next page."""
    st.session_state[RECEIPT] = receipt


def show_receipt() -> None:
    """Show the receipt of what was just erased: until its last byte is gone, and then until it is closed."""
    receipt = st.session_state.get(RECEIPT)
    if receipt is None:
        return
    if resources().db.being_removed():
        _watch_removal(receipt)
        return
    st.success(f"Permanently erased: {_counts(receipt)}. The receipt below names nobody.", icon=":material/check:")
    _draw(receipt)
    if actions.action("Close the receipt", "close_receipt", receipt.id, kind="tertiary", icon=":material/close:"):
        del st.session_state[RECEIPT]
        st.rerun()


@actions.part(run_every=5)
def _watch_removal(receipt: Receipt) -> None:
    if not resources().db.being_removed():
        st.rerun()
    st.info(
        f"Being removed: {_counts(receipt)}. Nobody can see it any more. A process still reads an older state of the"
        " database; the last bytes are removed within a minute after it ends, and this page says so.",
        icon=":material/hourglass_top:",
    )
    _draw(receipt)


def _draw(receipt: Receipt) -> None:
    st.code(
        f"receipt {receipt.id}\nerased  {day_of(receipt.at)}, {clock(receipt.at)} {zone()}\n{_counts(receipt)}",
        language=None,
    )


def _counts(receipt: Receipt) -> str:
    return ", ".join(_counted(count, name) for name, count in receipt.counts.items() if count) or "nothing"


def _counted(count: int, names: str) -> str:
    return counted(count, names.removesuffix("s"), names)
