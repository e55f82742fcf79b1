"""Uploaded files become a recording, from a page or a program: checked, kept and queued, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping

from clinic.access import Actor
from clinic.jobs import jobs
from clinic.jobs.jobs import Enqueued
from clinic.jobs.obstacles import has_room
from clinic.patients.fields import RecordingFields
from clinic.recordings import incoming, uploads
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import Database


def hand_in(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str,
    files: Mapping[str, str],
    said: RecordingFields,
    every_s: float,
    seen: int | None = None,
) -> Enqueued:
    """Keep complete uploads and queue their analysis: one video, or one or more pictures of one visit.

    `files`: the name of each file, for display, by its upload's id. `every_s`, `seen`: see `jobs.enqueue`. What
    `jobs.check` refuses, or a full disk, leaves the uploads as they are. Where a file is refused, it is deleted, and
    none is kept.
    Raises Forbidden, and what `jobs.check`, `incoming.complete` and `jobs.enqueue` raise.
    """
    # Before an upload is used, so that it can be analysed once there is consent, or another day.
    jobs.check(db, actor, patient_id, said)
    if not has_room(settings):
        raise uploads.no_room()
    kept: list[Upload] = []
    try:
        for upload_id, name in files.items():
            kept.append(incoming.complete(settings, upload_id, name, incoming.owner_of(actor)))
    except BaseException:
        uploads.discard(settings, [one.id for one in kept])
        raise
    return jobs.enqueue(
        db,
        settings,
        actor,
        patient_id,
        kept,
        said.recorded_on,
        said.note,
        every_s,
        recorded_time=said.recorded_time,
        seen=seen,
    )
