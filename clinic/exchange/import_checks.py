"""Whether the rows of an export are all of one patient and such as the pages can show."""

from __future__ import annotations

import re
import unicodedata

from clinic.consent.consent import DOCUMENT_MAX, Scope
from clinic.exchange.exports import owner
from clinic.exchange.import_rows import Row, Tables, known_tables
from clinic.jobs.jobs import ACTIVE
from clinic.patients import conditions, events, fields, imported
from clinic.patients.summaries import Summary
from clinic.questionnaires import answers, scales, schedule
from clinic.questionnaires.published import PUBLISHED
from clinic.recordings import marks, uploads
from clinic.texts import hides_something
from db.models import (
    Consent,
    FaceCondition,
    ImportedSeries,
    Job,
    JobState,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
)

MOST_VISITS = 10**6
"""No archive of a person has more: a higher number would leave none for the visits to come."""


def check(tables: Tables) -> None:
    """Raise ValueError or TypeError for rows that are not all of one patient, or that the pages could not show."""
    known = known_tables()
    (patient,) = tables[Patient.__tablename__]
    for name, table in known.items():
        column = owner(table, known.values())
        for row in tables[name]:
            if column is not None:
                (parent,) = (key.column.table.name for key in column.foreign_keys)
                if row[column.name] not in {above["id"] for above in tables[parent]}:
                    raise ValueError("a row of another patient")
            if "id" in row and not re.fullmatch(r"[0-9a-f]{32}", row["id"]):
                raise ValueError("no id")
    # Versions of before kept marks that are not seen.
    patient["name"] = fields.valid_name(patient["name"])
    patient["code"] = fields.valid_code(patient.get("code", ""))
    recordings = tables[Recording.__tablename__]
    firsts = {recording["id"] for recording in recordings if recording.get("version_of") is None}
    for recording in recordings:
        if recording.get("version_of") not in {None, *firsts}:
            raise ValueError("a version of another patient's recording")
        _check_recording(recording)
    _number_visits(patient, recordings)
    for given in tables[Consent.__tablename__]:
        _check_consent(given)
    for answer in tables[QuestionnaireAnswer.__tablename__]:
        _check_answer(answer)
    for planned in tables[QuestionnaireSchedule.__tablename__]:
        _check_schedule(planned)
    for marked in tables[RecordingMark.__tablename__]:
        marks.check_row(marked)
    for mark in tables[PatientEvent.__tablename__]:
        events.check_row(mark)
    for condition in tables[FaceCondition.__tablename__]:
        conditions.check_row(condition)
    for series in tables[ImportedSeries.__tablename__]:
        imported.check_row(series)
    for job in tables[Job.__tablename__]:
        # The sentence is shown as it is, and Markdown could hide a link in it.
        if JobState(job["state"]) in ACTIVE or re.search(r"[\[\]<>`]", job.get("error_message") or ""):
            raise ValueError("no ended analysis")


def _number_visits(patient: Row, recordings: list[Row]) -> None:
    """Give the visits of an export from before they had numbers theirs. Raises ValueError where two have the same."""
    firsts = [recording for recording in recordings if recording.get("version_of") is None]
    in_order = sorted(firsts, key=lambda row: (row.get("number", 0), row["created_at"], row["id"]))
    numbers = {row["id"]: row.get("visit_number", place) for place, row in enumerate(in_order, 1)}
    if len(set(numbers.values())) != len(numbers) or any(not 0 < number < MOST_VISITS for number in numbers.values()):
        raise ValueError("no numbers of visits")
    for recording in recordings:
        recording["visit_number"] = numbers[recording.get("version_of") or recording["id"]]
    patient["visits"] = max([0, *numbers.values(), min(patient.get("visits", 0), MOST_VISITS)])


def _check_consent(given: Row) -> None:
    Scope(given["scope"])
    if hides_something(given["document"]) or len(given["document"]) > DOCUMENT_MAX:
        raise ValueError("a document with something hidden in it")


def _check_answer(answer: Row) -> None:
    scale = scales.read_description(answer["scale"], answer["definition"])
    items = answer["items"]
    if items is not None and not isinstance(items, list):
        raise ValueError("no answers")
    if items is None and answer["total"] is None:
        raise ValueError("neither answers nor a total")
    score = answers.score_of(scale, items, answer["total"])
    if answer["how"] not in answers.HOW or score.total != answer["total"] or not _is_key(answer["scale"]):
        raise ValueError("no questionnaire")


def _check_schedule(planned: Row) -> None:
    if hides_something(planned["name"]) or not 1 <= planned["every_days"] <= schedule.EVERY_MOST:
        raise ValueError("no schedule")
    if not _is_key(planned["scale"]):
        raise ValueError("no questionnaire")


def _is_key(scale: str) -> bool:
    return scale in PUBLISHED or re.fullmatch(r"[0-9a-f]{32}", scale) is not None


def _check_recording(recording: Row) -> None:
    settings, chosen_in = recording["settings"], recording["settings"].get("chosen_in")
    if not isinstance(settings, dict) or (chosen_in is not None and not re.fullmatch(r"[0-9a-f]{32}", chosen_in)):
        raise ValueError("no settings")
    if recording["kind"] not in ("video", "pictures"):
        raise ValueError("no kind of recording")
    fields.valid_note(recording["note"])
    if name := unicodedata.normalize("NFC", recording["source_name"]):
        recording["source_name"] = uploads.clean_name(name)
        if recording["source_name"] != name:
            raise ValueError("a name with something hidden in it")
    if recording["summary"] is not None:
        Summary.from_dict(recording["summary"])
