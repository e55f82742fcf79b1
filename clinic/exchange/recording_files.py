"""One recording's samples and marks as a ZIP archive: CSV and Parquet, as analysed and after marks, explained."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clinic import access, audit, words
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.exchange import downloads
from clinic.exchange.csv_tables import for_a_spreadsheet
from clinic.exchange.downloads import Kind
from clinic.exchange.exports import NEEDED
from clinic.patients import caseload, conditions
from clinic.patients.doubts import doubted_of
from clinic.patients.record_state import state_of
from clinic.patients.states import DOUBTED_SENTENCE
from clinic.patients.summaries import series_of
from clinic.recordings import marks, verdicts
from clinic.recordings.verdicts import Mark
from clinic.settings import Settings
from db.engine import Database
from db.records import SampleTable
from fer_core.emotions import EMOTION_LABELS
from fer_core.reading.reading import Series
from fer_core.types import Status

SAMPLES, SAMPLES_PARQUET, MARKS, DICTIONARY = "samples.csv", "samples.parquet", "marks.csv", "data-dictionary.csv"
PICTURES = ("png", "svg")
BOX = ("left", "top", "right", "bottom")
MARK_COLUMNS = ("begin_s", "end_s", "verdict", "label", "reason", "model_label", "note")
MEANINGS: tuple[tuple[str, str, str, str], ...] = (
    (SAMPLES, "time_s", "s", "time from the start of the video"),
    (SAMPLES, "status", "", "why the moment has a label or has none, as analysed"),
    (SAMPLES, "label", "", "label as analysed; uncertain if none stands out, empty if the face can't be read"),
    (SAMPLES, "label_after_marks", "", "the same with the clinicians' labels in place of the model's"),
    (SAMPLES, "left_out", "0 or 1", "a mark leaves the moment out: unclear, not the patient, or excluded"),
    *((SAMPLES, label, "0 to 1", "model output as analysed, empty without a reading") for label in EMOTION_LABELS),
    *((SAMPLES, side, "px", "edge of the face's box in the upright picture, empty without a face") for side in BOX),
    (MARKS, "begin_s", "s", "start of the marked stretch"),
    (MARKS, "end_s", "s", "end of the marked stretch, exclusive"),
    (MARKS, "verdict", "", "agree, other, impression, unclear, not_patient, event or exclude"),
    (MARKS, "label", "", "the clinician's label, of other and impression"),
    (MARKS, "reason", "", "why, of event and exclude"),
    (MARKS, "model_label", "", "the model's label of most of the stretch; empty without one"),
    (MARKS, "note", "", "the clinician's note; an apostrophe before = + - @ keeps spreadsheets from reading a formula"),
)


def prepare(db: Database, settings: Settings, actor: Actor, recording_id: str) -> str:
    """Write the archive of a recording, sealed, and return the unguessable ticket that fetches it once.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``, ``analysis_under_way``.
    """
    with db.read() as session:
        recording = access.recording_of(session, recording_id)
        access.require_writer_of(session, actor, recording.patient_id)
        consent.need(session, recording.patient_id, *NEEDED)
        patient_id, kind, made_with = recording.patient_id, recording.kind, recording.settings
        unread = conditions.unread(session, patient_id, recording.recorded_on)
        doubted = bool(doubted_of(session, patient_id, [recording]))
        state, shown = state_of(session, patient_id), recording.current
    table = caseload.samples(db, actor, recording_id)
    series = series_of(table, kind, made_with)
    content = archive(table, series, marks.marks(db, actor, recording_id), unread, shown, doubted)
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        consent.need(session, patient_id, *NEEDED)
        audit.write(
            session, AuditAction.PATIENT_EXPORTED, account.id, patient_id, recording_id, kind=Kind.MOMENTS.value
        )
    return downloads.keep(settings, actor.account_id, patient_id, state, Kind.MOMENTS, lambda file: file.write(content))


def note_picture(db: Database, actor: Actor, recording_id: str, kind: str) -> None:
    """Log that the user takes a picture of a recording's chart, which the browser makes; `kind`: of `PICTURES`.

    Raises Forbidden, ConsentError, FerError ``unknown_recording``, ValueError for another kind.
    """
    if kind not in PICTURES:
        raise ValueError("no kind of picture")
    with db.session() as session:
        recording = access.recording_of(session, recording_id)
        account = access.require_writer_of(session, actor, recording.patient_id)
        consent.need(session, recording.patient_id, *NEEDED)
        audit.write(
            session, AuditAction.PATIENT_EXPORTED, account.id, recording.patient_id, recording_id, kind=f"chart_{kind}"
        )


def archive(
    table: SampleTable,
    series: Series,
    found: Sequence[Mark],
    unread: bool = False,
    shown: bool = True,
    doubted: bool = False,
) -> bytes:
    """Return the ZIP archive of a recording's samples and its marks.

    `unread`: a condition of the face held then; `shown`: it is the version that the program shows for the visit;
    `doubted`: the patient's face is being chosen again.
    """
    read_me = [words.DISCLAIMER, words.INTENDED_USE, words.MARKS, *([words.NOT_INTERPRETED_THEN] if unread else [])]
    read_me += [] if shown else [words.NOT_THE_SHOWN_VERSION]
    read_me += [DOUBTED_SENTENCE] if doubted else []
    columns = _columns(table, series, found)
    content, parquet = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), parquet)
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(SAMPLES, _csv(list(columns), zip(*columns.values(), strict=True)))
        packed.writestr(SAMPLES_PARQUET, parquet.getvalue())
        packed.writestr(MARKS, _csv(MARK_COLUMNS, map(_mark, found)))
        packed.writestr(DICTIONARY, _csv(("file", "column", "unit", "meaning"), MEANINGS))
        packed.writestr("README.txt", "".join(f"{line}\n" for line in read_me))
    return content.getvalue()


def _columns(table: SampleTable, series: Series, found: Sequence[Mark]) -> dict[str, list[Any]]:
    changed, left_out = verdicts.applied(series, found)
    numbers = {label: series.outputs[:, place] for place, label in enumerate(EMOTION_LABELS)}
    numbers |= {side: table.boxes[:, place] for place, side in enumerate(BOX)}
    return {
        "time_s": series.time_s.tolist(),
        "status": [status.value for status in series.statuses],
        "label": _labels(series),
        "label_after_marks": [None if out else label for label, out in zip(_labels(changed), left_out, strict=True)],
        "left_out": left_out.astype(int).tolist(),
        **{name: [None if one != one else one for one in values.tolist()] for name, values in numbers.items()},
    }


def _labels(series: Series) -> list[str | None]:
    return [
        EMOTION_LABELS[int(row.argmax())] if status is Status.OK else "uncertain" if status.usable else None
        for status, row in zip(series.statuses, series.outputs, strict=True)
    ]


def _mark(mark: Mark) -> tuple[Any, ...]:
    said = mark.said
    note = for_a_spreadsheet(said.note)
    return said.begin_s, said.end_s, said.verdict.value, said.label, said.reason, mark.model_label, note


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    # With the byte order mark Excel reads UTF-8.
    return text.getvalue().encode("utf-8-sig")
