"""The queue of analyses: what is added to it, and what makes two analyses the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clinic import access, audit, clock, model_in_use
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import need_unchanged
from clinic.consent import consent
from clinic.jobs import leases, same_files
from clinic.patients.doubts import ASKED
from clinic.patients.fields import RecordingFields, fields_of, valid_recording
from clinic.patients.states import ENDED_BADLY, ENDED_WELL, LASTING, REPLACED
from clinic.patients.subject import Subject, subject_of
from clinic.phrases import counted
from clinic.recordings import uploads
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, Job, Patient, Recording, RecordingKind
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard

PICTURES_PRIORITY, VIDEO_PRIORITY = 10, 0

OF_VISIT = ("recorded_on", "recorded_time", "recorded_zone", "note", "revision")
"""The columns that all versions of a recording share."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The result of queueing files.

    `duplicate`: the same files were analysed (or wait) for this patient with this model and these settings, by
    themselves or among others; `recording_id` is that recording and nothing was queued. `also_elsewhere`: another
    patient has one of the files. `counted_twice`: so many of the pictures lie in another recording of this patient too.
    `also_here`: the other recordings of this patient that are of the very same files, each with its id; all count.
    `asked`: the day, time and note of a duplicate, or of a recording that another model analyses now, where they differ
    from those that are `stored`, which stay; see `differences`. `came_twice`: so many files were handed in twice at
    once, and were taken once.
    """

    recording_id: str
    duplicate: bool = False
    also_elsewhere: bool = False
    asked: RecordingFields | None = None
    stored: RecordingFields | None = None
    counted_twice: int = 0
    also_here: tuple[tuple[str, Subject], ...] = ()
    came_twice: int = 0


def enqueue(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    files: Sequence[Upload],
    recorded_on: date,
    note: str = "",
    every_s: float = 0.2,
    model_sha256: str | None = None,
    recorded_time: time | None = None,
    seen: int | None = None,
) -> Enqueued:
    """Queue one video or one or more pictures of one visit; the same files again give the stored recording.

    `every_s`: seconds between the samples of a video. `model_sha256`: the model, by default the installation's.
    `seen`: the revision of the patient that was on the screen, None where there was none. The files of a duplicate or
    of a refusal are deleted, and a picture that comes twice is taken once.
    Raises Forbidden, ConsentError, ConflictError, FerError ``mixed_files`` unless it is one video or pictures alone,
    ``bad_day``, ``bad_time``, ``bad_note``, ``unknown_patient``.
    """
    given, files = files, _each_once(files)
    try:
        kind, said = _kind_of(files), RecordingFields(recorded_on, recorded_time, note)
        recording = Recording(
            patient_id=patient_id,
            kind=kind,
            source_name=files[0].name if len(files) == 1 else counted(len(files), "picture"),
            source_sha256=same_files.digest_of([file.sha256 for file in files]),
            model_sha256=model_sha256 or ModelCard.load(model_in_use.card_path(settings)).sha256,
            settings={"every_s": every_s} if kind == RecordingKind.VIDEO else {},
            created_at=clock.now(),
        )
        with db.session() as session:
            account_id, whose, said = _checked(session, actor, patient_id, said)
            need_unchanged("this patient", seen, whose.revision)
            recording.recorded_on, recording.recorded_time = said.recorded_on, said.recorded_time
            recording.recorded_zone, recording.note = clock.zone_name(session), said.note
            found = _queue(session, recording, files)
            if not found.duplicate:
                audit.write(session, AuditAction.RECORDING_ADDED, account_id, patient_id, found.recording_id)
    except BaseException:
        uploads.discard(settings, [file.id for file in given])
        raise
    taken = () if found.duplicate else files
    uploads.discard(settings, [file.id for file in given if file not in taken])
    return replace(found, came_twice=len(given) - len(files))


def check(db: Database, actor: Actor, patient_id: str, said: RecordingFields) -> None:
    """Refuse what `enqueue` would refuse whatever the file is, so that a file need not be given up for it.

    Raises Forbidden, ConsentError, FerError ``bad_day``, ``bad_time``, ``bad_note``, ``unknown_patient``.
    """
    with db.read() as session:
        _checked(session, actor, patient_id, said)


def _checked(
    session: Session, actor: Actor, patient_id: str, said: RecordingFields
) -> tuple[str | None, Patient, RecordingFields]:
    account_id = access.require_writer_of_or_console(session, actor, patient_id)
    whose = session.get_one(Patient, patient_id)
    consent.need(session, patient_id, *consent.ANALYSIS)
    said = valid_recording(said, whose.born_on, clock.latest_day(session), clock.zone(session))
    return account_id, whose, said


def _each_once(files: Sequence[Upload]) -> list[Upload]:
    """Return the files without those that came before, in their order."""
    first: dict[str, Upload] = {}
    for file in files:
        first.setdefault(file.sha256, file)
    return list(first.values())


def job_to_change(session: Session, actor: Actor, recording_id: str) -> tuple[Account, Recording, Job | None]:
    """Return the acting account, the recording and its job. Raises Forbidden, FerError ``unknown_recording``."""
    recording = access.recording_of(session, recording_id)
    account = access.require_writer_of(session, actor, recording.patient_id)
    return account, recording, session.scalar(select(Job).where(Job.recording_id == recording_id))


def job_key(
    visit_id: str, model_sha256: str | None, settings: Mapping[str, Any], chosen: Sequence[int] | None = None
) -> str:
    """Return the idempotency key of an analysis: what its result depends on, as one SHA-256.

    `visit_id`: the first version's recording. `settings`: what was asked for; what the analysis added is left out.
    `chosen`: the tracks of the patient's face where they are known before.
    """
    asked = {name: settings[name] for name in ("every_s", ASKED) if name in settings}
    parts = [visit_id, model_sha256, asked, sorted(chosen) if chosen is not None else None]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def ask_for_model(db: Database, claimed: leases.Claim, model_sha256: str) -> None:
    """Let a held job ask for this model instead of one that is no longer installed. Raises LeaseLostError."""
    with leases.held(db, claimed) as session:
        recording = session.get_one(Recording, claimed.recording_id)
        recording.model_sha256 = model_sha256
        job = session.get_one(Job, claimed.job_id)
        job.key = job_key(recording.version_of or recording.id, model_sha256, recording.settings)


def _kind_of(files: Sequence[Upload]) -> RecordingKind:
    """Return the kind of a recording of these files. Raises FerError for anything else."""
    kinds = {file.kind for file in files}
    if kinds == {"video"} and len(files) == 1:
        return RecordingKind.VIDEO
    if kinds == {"image"}:
        return RecordingKind.PICTURES
    raise FerError("Please choose either one video, or one or more pictures.", "mixed_files")


def _queue(session: Session, recording: Recording, files: Sequence[Upload]) -> Enqueued:
    """Add the recording and its job, or find the recording that has these files already."""
    held = same_files.holding(session, [file.sha256 for file in files])
    known = list(session.scalars(select(Recording).where(Recording.id.in_(held)).order_by(Recording.number)))
    elsewhere = any(other.patient_id != recording.patient_id for other in known)
    own = [other for other in known if other.patient_id == recording.patient_id]
    same = [other for other in known if other.source_sha256 == recording.source_sha256]
    asked = fields_of(recording)
    for other in sorted(own, key=lambda one: one not in same):
        among = held[other.id] == {file.sha256 for file in files}
        if (other in same or among) and _same_analysis(session, other, recording):
            # A picture among others has no day of its own.
            stored = fields_of(other) if other in same else asked
            return _differing(Enqueued(other.id, duplicate=True, also_elsewhere=elsewhere), asked, stored)
    earlier = next((other for other in same if _same_visit(session, other, recording)), None)
    if earlier is not None:
        _become_version(recording, earlier)
    _add(session, recording, files)
    counting = [other for other in own if other is not earlier and other.current and _state(session, other) in LASTING]
    twice = set().union(*(held[other.id] for other in counting if other not in same))
    whose = session.get_one(Patient, recording.patient_id)
    also_here = tuple((other.id, subject_of(other, whose)) for other in counting if other in same)
    found = Enqueued(recording.id, also_elsewhere=elsewhere, counted_twice=len(twice), also_here=also_here)
    return _differing(found, asked, fields_of(recording))


def _add(session: Session, recording: Recording, files: Sequence[Upload]) -> None:
    """Add the recording and its job."""
    session.add(recording)
    session.flush()
    key = job_key(recording.version_of or recording.id, recording.model_sha256, recording.settings)
    # Files that are uploaded again replace those whose analysis failed.
    session.execute(update(Job).where(Job.key == key, Job.state.in_(ENDED_BADLY)).values(key=None))
    session.add(
        Job(
            recording_id=recording.id,
            key=key,
            priority=VIDEO_PRIORITY if recording.kind == RecordingKind.VIDEO else PICTURES_PRIORITY,
            sources=[file.as_source() for file in files],
            created_at=recording.created_at,
        )
    )


def _differing(found: Enqueued, asked: RecordingFields, stored: RecordingFields) -> Enqueued:
    return replace(found, asked=asked, stored=stored) if stored.differences(asked) else found


def _become_version(recording: Recording, earlier: Recording) -> None:
    """Make a recording a new version of an older result, not a second visit in the trend.

    All versions of a visit are of one day and time and have one note: those that are stored.
    """
    recording.version_of, recording.current = earlier.version_of or earlier.id, False
    recording.settings = {**recording.settings, "chosen_in": earlier.id}
    for name in OF_VISIT:
        setattr(recording, name, getattr(earlier, name))


def _same_analysis(session: Session, stored: Recording, asked: Recording) -> bool:
    """Return whether a recording of the same files has, or will have, the very result that is asked for."""
    if stored.settings.get(REPLACED):
        return False
    if stored.model_sha256 != asked.model_sha256 or stored.settings.get("every_s") != asked.settings.get("every_s"):
        return False
    return _state(session, stored) in LASTING


def _state(session: Session, recording: Recording) -> str | None:
    return session.scalar(select(Job.state).where(Job.recording_id == recording.id))


def _same_visit(session: Session, stored: Recording, asked: Recording) -> bool:
    """Return whether a recording of the same files shows the result of another model for the same visit."""
    visit = (asked.patient_id, asked.recorded_on, asked.settings.get("every_s"))
    if not stored.current or (stored.patient_id, stored.recorded_on, stored.settings.get("every_s")) != visit:
        return False
    return _state(session, stored) in ENDED_WELL and stored.model_sha256 != asked.model_sha256
