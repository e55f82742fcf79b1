"""Videos are uploaded in pieces, and a complete one is queued for analysis, under the same rules as on the pages."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request

from clinic import access
from clinic.intake import uploaded
from clinic.patients import caseload, conditions
from clinic.patients.fields import RecordingFields
from clinic.recordings import incoming
from clinic.recordings.incoming import Incoming
from clinic.recordings.pieces import Digests, Piece
from web.api.caller import Caller
from web.api.expressions import PIECE_TYPE, need_bytes
from web.api.schemas import (
    ID,
    MOST_BYTES,
    HandedIn,
    NewRecording,
    NewUpload,
    RecordingResult,
    Samples,
    UploadState,
)
from web.routes import on_disk, receive_piece

router = APIRouter()
UploadId = Annotated[str, Path(pattern=ID)]
RecordingId = Annotated[str, Path(pattern=ID)]
_DIGESTS: Digests = {}


@router.post("/uploads", status_code=201)
def begin_upload(new: NewUpload, call: Caller) -> UploadState:
    """Start an upload; the file's pieces follow."""
    if not call.actor.patients:
        raise access.refusal("not_in_token")
    return _state(incoming.begin(call.db, call.settings, call.actor, new.length, new.sha256))


@router.get("/uploads/{upload_id}")
def upload_state(upload_id: UploadId, call: Caller) -> UploadState:
    """Return how much of a file has arrived, so that an interrupted upload can resume there."""
    return _state(incoming.status(call.settings, upload_id, incoming.owner_of(call.actor)))


@router.patch(
    "/uploads/{upload_id}",
    openapi_extra={
        "requestBody": {"required": True, "content": {PIECE_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def add_piece(
    upload_id: UploadId, upload_offset: Annotated[int, Header(ge=0, le=MOST_BYTES)], request: Request, call: Caller
) -> UploadState:
    """Add a piece of a file at `Upload-Offset`, which is where the last one ended."""
    need_bytes(request)
    owner = incoming.owner_of(call.actor)
    piece = await on_disk(Piece, call.settings, upload_id, upload_offset, _DIGESTS, owner)
    return _state(await receive_piece(request, call.db, piece))


@router.post("/recordings", status_code=202)
def hand_in_recording(new: NewRecording, call: Caller) -> HandedIn:
    """Queue the analysis of an uploaded file; this needs the patient's consent."""
    at = time.fromisoformat(new.recorded_time) if new.recorded_time is not None else None
    said = RecordingFields(new.recorded_on, at, new.note)
    files = {new.upload_id: new.name}
    queued = uploaded.hand_in(call.db, call.settings, call.actor, new.patient_id, files, said, new.every_s)
    return HandedIn.of(queued, new.model_fields_set)


@router.get("/recordings/{recording_id}")
def recording(recording_id: RecordingId, call: Caller) -> RecordingResult:
    """Return the state of an analysis, and its results."""
    found = caseload.get_recording(call.db, call.actor, recording_id)
    return RecordingResult.of(found, conditions.conditions(call.db, call.actor, found.patient_id))


@router.get("/recordings/{recording_id}/samples")
def recording_samples(recording_id: RecordingId, call: Caller) -> Samples:
    """Return every sample of a recording."""
    found = caseload.get_recording(call.db, call.actor, recording_id)
    unread = conditions.holding(conditions.conditions(call.db, call.actor, found.patient_id), found.recorded_on)
    return Samples.of(caseload.samples(call.db, call.actor, recording_id), bool(unread), found.excluded)


def _state(upload: Incoming) -> UploadState:
    return UploadState(id=upload.id, offset=upload.offset, length=upload.length, whole=upload.sha256 is not None)
