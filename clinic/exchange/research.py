"""A patient's results for research, de-identified: Parquet files without names, texts, ids or true days.

All days of a patient are moved by the same number of days, drawn for each export and never stored: the time
between two recordings stays, the day on which they were made does not.
"""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clinic import words
from clinic.patients.caseload import PatientDetail
from clinic.patients.conditions import Condition, holding
from clinic.patients.states import State
from clinic.patients.summaries import LABELS
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.published import PUBLISHED
from clinic.version import VERSION
from db.records import SampleTable
from fer_core.emotions import EMOTION_LABELS

SHIFT_DAYS = 3650
"""Days are moved by up to so many, back or forward, never by 0."""
RECORDINGS, ANSWERS, SAMPLES, READ_ME = "recordings.parquet", "answers.parquet", "samples.parquet", "README.txt"


def archive(
    patient: PatientDetail,
    answers: Sequence[Answer],
    samples: Mapping[str, SampleTable],
    conditions: Sequence[Condition] = (),
) -> bytes:
    """Return a ZIP archive of the tables. `samples`: by the recording's id, of those that are to be in it."""
    shift = timedelta(days=_shift())
    person = secrets.token_hex(8)
    ordered = patient.recordings[::-1]
    numbers = {row.id: number for number, row in enumerate(ordered, start=1)}
    sure = [row for row in ordered if row.standing.state is not State.DOUBTED]
    readable = {row.id for row in sure if not holding(conditions, row.recorded_on)}
    moments = {recording_id: table for recording_id, table in samples.items() if recording_id in readable}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(RECORDINGS, _parquet(_recordings(patient, numbers, person, shift, conditions)))
        packed.writestr(ANSWERS, _parquet(_answers(answers, person, shift)))
        packed.writestr(SAMPLES, _parquet(_samples(moments, numbers, person)))
        packed.writestr(READ_ME, _read_me())
    return content.getvalue()


def _shift() -> int:
    days = secrets.randbelow(2 * SHIFT_DAYS) - SHIFT_DAYS
    return days if days < 0 else days + 1


def _recordings(
    patient: PatientDetail,
    numbers: Mapping[str, int],
    person: str,
    shift: timedelta,
    conditions: Sequence[Condition],
) -> pa.Table:
    points = {point.recording_id: point for point in patient.trend.points}
    rows = [row for row in patient.recordings if row.id in points]
    rows.sort(key=lambda row: numbers[row.id])
    found: dict[str, Any] = {
        "person": [person] * len(rows),
        "recording": [numbers[row.id] for row in rows],
        "day_shifted": pa.array([row.recorded_on + shift for row in rows], pa.date32()),
        "kind": [row.kind for row in rows],
        "duration_s": pa.array([row.duration_s for row in rows], pa.float64()),
        "usable_share": [points[row.id].usable_share for row in rows],
        "counts": [points[row.id].excluded is None for row in rows],
        "excluded": pa.array([points[row.id].excluded for row in rows], pa.string()),
        "line": [points[row.id].line_number for row in rows],
        "still": [points[row.id].still for row in rows],
        "model_sha256": [points[row.id].model_sha256 for row in rows],
    }
    for column, label in enumerate(LABELS):
        for name, of in (("share", "shares"), ("low", "low"), ("high", "high")):
            values = [None if holding(conditions, row.recorded_on) else getattr(points[row.id], of) for row in rows]
            found[f"{name}_{label}"] = pa.array([each[column] if each else None for each in values], pa.float64())
    return pa.table(found)


def _answers(answers: Sequence[Answer], person: str, shift: timedelta) -> pa.Table:
    """Return totals of published scales by their keys; of the clinic's own, the name would be free text."""
    known = [answer for answer in reversed(answers) if answer.scale.key in PUBLISHED]
    return pa.table(
        {
            "person": pa.array([person] * len(known), pa.string()),
            "scale": pa.array([answer.scale.key for answer in known], pa.string()),
            "day_shifted": pa.array([answer.answered_on + shift for answer in known], pa.date32()),
            "total": pa.array([answer.score.total for answer in known], pa.float64()),
        }
    )


def _samples(samples: Mapping[str, SampleTable], numbers: Mapping[str, int], person: str) -> pa.Table:
    """Return the moments of each recording, without the place of the face in the picture."""
    parts = [
        pa.table(
            {
                "person": pa.array([person] * len(table), pa.string()),
                "recording": pa.array([numbers[recording_id]] * len(table), pa.int64()),
                "time_s": table.time_s,
                "status": pa.array(table.status.tolist(), pa.string()),
                **{label: table.probabilities[:, column] for column, label in enumerate(EMOTION_LABELS)},
            }
        )
        for recording_id, table in sorted(samples.items(), key=lambda pair: numbers[pair[0]])
    ]
    return pa.concat_tables(parts) if parts else pa.table({"person": pa.array([], pa.string())})


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _read_me() -> str:
    return (
        f"Expression History {VERSION}: results of one person for research, without names, texts, ids and true days.\n"
        f"{words.DISCLAIMER}\n{words.INTENDED_USE}\n"
        "All days are moved by the same unknown number of days. This is not anonymous: the time between recordings,\n"
        "scores and figures can identify the person to someone who knows them from elsewhere. Keep it safe.\n"
        "Where a condition of the face keeps labels from being interpreted, they are left out.\n"
        "Recordings of the same line (1, 2 and so on) can be compared, others can't.\n"
        "The column excluded says why a recording does not count. While its patient's face is being chosen again,\n"
        "its moments are left out.\n"
    )
