"""A patient's results as a FHIR R4 Bundle, built by hand, for a hospital's system.

Codes are LOINC's where they were checked, and the program's own elsewhere. Nothing here is signed, so every Observation
is preliminary. R4: https://hl7.org/fhir/R4/
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from clinic import words
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.conditions import Condition, holding
from clinic.patients.summaries import LABELS
from clinic.patients.trends import TrendPoint
from clinic.questionnaires.answers import Answer
from clinic.version import VERSION
from db.models import RecordingKind

OWN = "urn:expression-history"
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
TOTALS = {
    "phq9": ("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
    "gad7": ("70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]"),
    "phq4": ("70272-0", "Patient Health Questionnaire 4 item (PHQ-4) total score [Reported]"),
}
"""The totals whose LOINC codes were checked, by scale."""
PHQ9_PANEL = "44249-1"
PHQ9_ITEMS = (
    "44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8",
)  # fmt: skip
PHQ9_ANSWERS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")

Resource = dict[str, Any]


def bundle(
    patient: PatientDetail,
    answers: Sequence[Answer],
    conditions: Sequence[Condition],
    made_at: datetime,
) -> Resource:
    """Return the Bundle. `made_at`: an instant with its zone.

    A recording without a result is left out: nothing was observed. Where one doesn't count, or a condition of the face
    held that day, its labels are absent with the reason.
    """
    points = {point.recording_id: point for point in patient.trend.points}
    rows = [row for row in patient.recordings if row.model_sha256 and row.samples is not None]
    models = dict.fromkeys(row.model_sha256 or "" for row in rows)
    resources = [_patient(patient), *map(_device, models)]
    resources += [
        _expressions(patient.id, row, points.get(row.id), _objection(row, points, conditions))
        | {"effectiveDateTime": _recorded_at(row)}
        for row in rows
    ]
    for answer in answers:
        resources += [*_response(patient.id, answer), _score(patient.id, answer)]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": made_at.isoformat(timespec="seconds"),
        "entry": [{"fullUrl": _url(resource["id"]), "resource": resource} for resource in resources],
    }


def _objection(
    row: RecordingRow, points: dict[str, TrendPoint], conditions: Sequence[Condition]
) -> tuple[str, str] | None:
    """Return the code and text of why a recording's labels are absent, None if they are given."""
    if holding(conditions, row.recorded_on):
        return "not-applicable", "Labels are not interpreted under a condition of this patient's face."
    point = points.get(row.id)
    if point is None or point.shares is None:
        return "unknown", "No face could be read."
    return ("unknown", f"Does not count: {point.excluded}.") if point.excluded is not None else None


def _patient(patient: PatientDetail) -> Resource:
    identifiers = [{"system": f"{OWN}:patient", "value": patient.id}]
    if patient.code:
        identifiers.append({"system": f"{OWN}:clinic-code", "value": patient.code})
    born = {"birthDate": patient.born_on.isoformat()} if patient.born_on else {}
    return {
        "resourceType": "Patient", "id": _id(patient.id), "identifier": identifiers, "name": [{"text": patient.name}],
        **born,
    }  # fmt: skip


def _device(model_sha256: str) -> Resource:
    """Return the program with one model as a Device, the source of the labels."""
    return {
        "resourceType": "Device",
        "id": _id(model_sha256),
        "identifier": [{"system": f"{OWN}:model-sha256", "value": model_sha256}],
        "deviceName": [{"name": "Expression History", "type": "model-name"}],
        "version": [
            {"type": {"text": "program that wrote this Bundle"}, "value": VERSION},
            {"type": {"text": "SHA-256 of the model's weights"}, "value": model_sha256},
        ],
        "note": [{"text": words.INTENDED_USE}],
    }


def _expressions(
    patient_id: str, row: RecordingRow, point: TrendPoint | None, absent: tuple[str, str] | None
) -> Resource:
    whole = "pictures" if row.kind == RecordingKind.PICTURES else "time"
    usable = {"code": _own("usable-face-time", f"Share of the {whole} with a usable face")}
    part = {"valueQuantity": _percent(row.usable_share)} if row.usable_share is not None else _absent("unknown")
    labels = [_label(column, point, absent) for column in range(len(LABELS))]
    issued = {"issued": row.analysed_at.isoformat(timespec="seconds")} if row.analysed_at else {}
    return {
        "resourceType": "Observation",
        "id": _id(row.id),
        "status": "preliminary",
        "category": [_coded(CATEGORY, "procedure", "Procedure")],
        "code": _own("facial-expression-shares", "Shares of facial expressions as labelled by a model"),
        "subject": {"reference": _url(_id(patient_id))},
        **issued,
        "device": {"reference": _url(_id(row.model_sha256 or ""))},
        "note": [{"text": words.DISCLAIMER}],
        "component": [usable | part, *labels],
    }


def _recorded_at(row: RecordingRow) -> str:
    """Return the day, with time and offset where they are known; of a time that came twice, the first one.

    The offset is that of the zone in which the time was given: the clinic's of today may be another one.
    """
    if row.recorded_time is None or row.recorded_zone is None:
        return row.recorded_on.isoformat()
    return datetime.combine(row.recorded_on, row.recorded_time, ZoneInfo(row.recorded_zone)).isoformat(
        timespec="seconds"
    )


def _label(column: int, point: TrendPoint | None, absent: tuple[str, str] | None) -> Resource:
    of = point.basis if point is not None else "usable time"
    code = {"code": _own(LABELS[column], f"Share of the {of} labelled {words.TREND_NAMES[column]}")}
    if absent is not None or point is None or point.shares is None:
        return code | _absent(*(absent or ("unknown",)))
    found: Resource = code | {"valueQuantity": _percent(point.shares[column])}
    if point.low is not None and point.high is not None:
        ends = [
            {"url": name, "valueQuantity": _percent(end)}
            for name, end in (("low", point.low[column]), ("high", point.high[column]))
        ]
        found["extension"] = [{"url": f"{OWN}:interval-95", "extension": ends}]
    if point.usual_low is not None and point.usual_high is not None:
        usual = {"low": _percent(point.usual_low[column]), "high": _percent(point.usual_high[column])}
        found["referenceRange"] = [usual | {"text": "usual range of this patient, from the first eight recordings"}]
    return found


def _response(patient_id: str, answer: Answer) -> list[Resource]:
    """Return the answers to each question, where they were entered."""
    if answer.items is None:
        return []
    is_phq9 = answer.scale.key == "phq9"
    items: list[Resource] = []
    for number, given in enumerate(answer.items):
        link = PHQ9_ITEMS[number] if is_phq9 else f"{answer.scale.key}-{number + 1}"
        if given is None:
            items.append({"linkId": link})
        elif is_phq9:
            coding = {"system": LOINC, "code": PHQ9_ANSWERS[given], "display": answer.scale.answers[given]}
            items.append({"linkId": link, "answer": [{"valueCoding": coding}]})
        else:
            items.append({"linkId": link, "answer": [{"valueInteger": given}]})
    canonical = f"{LOINC}/q/{PHQ9_PANEL}" if is_phq9 else f"{OWN}:questionnaire:{answer.scale.key}"
    return [
        {
            "resourceType": "QuestionnaireResponse",
            "id": _id(f"response {answer.id}"),
            "questionnaire": canonical,
            "status": "completed" if None not in answer.items else "in-progress",
            "subject": {"reference": _url(_id(patient_id))},
            "authored": answer.answered_on.isoformat(),
            "item": items,
        }
    ]


def _score(patient_id: str, answer: Answer) -> Resource:
    known = TOTALS.get(answer.scale.key)
    code = _coded(LOINC, *known) if known else _own(f"total-{answer.scale.key}", f"{answer.scale.name}, total")
    total = answer.score.total
    value = (
        {"valueQuantity": {"value": total, "unit": "{score}", "system": UCUM, "code": "{score}"}}
        if total is not None
        else _absent("unknown", "Too many answers are missing.")
    )
    source = {"derivedFrom": [{"reference": _url(_id(f"response {answer.id}"))}]} if answer.items is not None else {}
    return {
        "resourceType": "Observation",
        "id": _id(answer.id),
        "status": "preliminary",
        "category": [_coded(CATEGORY, "survey", "Survey")],
        "code": code,
        "subject": {"reference": _url(_id(patient_id))},
        "effectiveDateTime": answer.answered_on.isoformat(),
        **value,
        **source,
    }


def _own(code: str, display: str) -> Resource:
    return _coded(f"{OWN}:codes", code, display)


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _absent(code: str, said: str = "") -> Resource:
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": code}]} | ({"text": said} if said else {})}


def _percent(share: float) -> Resource:
    return {"value": round(share * 100, 2), "unit": "%", "system": UCUM, "code": "%"}


def _id(name: str) -> str:
    """Return a UUID: of an id of 32 digits the id itself, of anything else one made of it."""
    return str(
        uuid.UUID(name) if len(name) == 32 and name.isalnum() else uuid.uuid5(uuid.NAMESPACE_URL, f"{OWN}:{name}")
    )


def _url(resource_id: str) -> str:
    return f"urn:uuid:{resource_id}"
