"""A patient's results as a workbook (XLSX): only values, never a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date

import xlsxwriter

from clinic import words
from clinic.exchange.dictionary import dictionary_rows
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.conditions import NOT_INTERPRETED, Condition, holding
from clinic.patients.summaries import LABELS
from clinic.patients.trends import TrendPoint
from clinic.questionnaires.answers import Answer
from clinic.version import VERSION

Cell = str | float | date | None
INERT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
"""Text stays text: a note that begins with = is written as it is, in a cell that no program works out."""
HEADER = (
    "id", "visit_number", "kind", "recorded_on", "recorded_time", "usable_share", "usable_s", "counts", "line",
    *(f"share_{label}" for label in LABELS), *(f"low_{label}" for label in LABELS),
    *(f"high_{label}" for label in LABELS), "model_sha256", "note",
)  # fmt: skip


def workbook(patient: PatientDetail, answers: Sequence[Answer], conditions: Sequence[Condition] = ()) -> bytes:
    """Return the workbook: recordings, questionnaires, a dictionary, and the limits of all this."""
    points = {point.recording_id: point for point in patient.trend.points}
    sheets: dict[str, list[Sequence[Cell]]] = {
        "About": _about(patient),
        "Recordings": [
            HEADER,
            *(_recording(row, points.get(row.id), conditions) for row in reversed(patient.recordings)),
        ],
        "Questionnaires": [("answered_on", "questionnaire", "total", "band"), *map(_answer, reversed(answers))],
        "Dictionary": [*_dictionary()],
    }
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, INERT) as book:
        day, bold = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for place, row in enumerate(rows):
                for column, value in enumerate(row):
                    _write(sheet, place, column, value, day, bold if place == 0 else None)
    return content.getvalue()


def _write(sheet: object, row: int, column: int, value: Cell, day: object, look: object) -> None:
    kind = "blank" if value is None else "string" if isinstance(value, str) else "number"
    if isinstance(value, date):
        sheet.write_datetime(row, column, value, day)  # type: ignore[attr-defined]
    else:
        getattr(sheet, f"write_{kind}")(row, column, value, look)


def _about(patient: PatientDetail) -> list[Sequence[Cell]]:
    return [
        ("what", "value"),
        ("patient", patient.name),
        ("id", patient.id),
        ("program", f"Expression History {VERSION}"),
        ("note", words.DISCLAIMER),
        ("intended use", words.INTENDED_USE),
    ]


def _recording(row: RecordingRow, point: TrendPoint | None, conditions: Sequence[Condition]) -> Sequence[Cell]:
    at = f"{row.recorded_time:%H:%M}" if row.recorded_time else None
    counts = None if point is None else point.excluded or "yes"
    unread = bool(holding(conditions, row.recorded_on))
    figures = [] if point is None or unread else [point.shares, point.low, point.high]
    columns = [value for part in figures for value in (part or [None] * len(LABELS))] or [None] * 3 * len(LABELS)
    line = point.line_number if point is not None else None
    return (
        row.id, row.visit_number, row.kind, row.recorded_on, at, row.usable_share, row.usable_s,
        NOT_INTERPRETED if unread else counts, line, *columns, row.model_sha256, row.note,
    )  # fmt: skip


def _answer(answer: Answer) -> Sequence[Cell]:
    return answer.answered_on, answer.scale.name, answer.score.total, answer.score.band


def _dictionary() -> list[Sequence[Cell]]:
    """Return what the columns mean: those that the CSV export has too, and the workbook's own."""
    known = {row[1]: row[2:5] for row in dictionary_rows()[1] if row[0] == "recordings.csv"}
    own = {"counts": ("text", "", "yes, or why the recording does not count in the trend"),
           "line": ("integer", "", "from 1: recordings of the same line can be compared, others can't")}  # fmt: skip
    for label in LABELS:
        own[f"low_{label}"] = ("number", "0 to 1", "lower end of the 95 % interval of the share")
        own[f"high_{label}"] = ("number", "0 to 1", "upper end of the interval")
    fields = own | {name: known[name] for name in HEADER if name in known and name not in own}
    return [("column", "type", "unit", "meaning"), *((name, *fields[name]) for name in HEADER)]
