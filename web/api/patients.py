"""What a token's patients have: their recordings, their questionnaires, and both as a FHIR Bundle."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from clinic.exchange import handing_out
from clinic.patients import caseload, conditions
from clinic.questionnaires import answers
from web.api.caller import Caller
from web.api.schemas import ID, PatientReference, QuestionnaireScore, RecordingResult

router = APIRouter()
PatientId = Annotated[str, Path(pattern=ID)]


class FhirResponse(Response):
    """JSON of FHIR R4."""

    media_type = "application/fhir+json"


@router.get("/patients")
def patients(call: Caller) -> list[PatientReference]:
    """Return the patients whom the token may access, if its account still sees them."""
    mine = call.actor.patients or frozenset()
    return [
        PatientReference(id=found.id, code=found.code, recordings=found.recordings)
        for found in caseload.list_patients(call.db, call.actor)
        if found.id in mine
    ]


@router.get("/patients/{patient_id}/recordings")
def patient_recordings(patient_id: PatientId, call: Caller) -> list[RecordingResult]:
    """Return a patient's recordings, the newest first."""
    found = caseload.get_patient(call.db, call.actor, patient_id)
    of_face = conditions.conditions(call.db, call.actor, patient_id)
    return [RecordingResult.of(row, of_face) for row in found.recordings]


@router.get("/patients/{patient_id}/questionnaires")
def patient_questionnaires(patient_id: PatientId, call: Caller) -> list[QuestionnaireScore]:
    """Return the questionnaires that a patient answered."""
    return [QuestionnaireScore.of(answer) for answer in answers.listed(call.db, call.actor, patient_id)]


@router.get(
    "/patients/{patient_id}/fhir",
    response_class=FhirResponse,
    responses={200: {"content": {FhirResponse.media_type: {"schema": {"type": "object"}}}}},
)
def patient_fhir(patient_id: PatientId, call: Caller) -> FhirResponse:
    """Return a patient's results as a FHIR R4 Bundle; it counts as an export, and needs the consent to one."""
    return FhirResponse(handing_out.fhir(call.db, call.actor, patient_id))
