"""Uploaded files become a recording, from a page or a program: checked, kept and queued, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping

from clinic import access
from clinic.access import Actor
from clinic.consent import consent
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

    `files`: the name of each file, for display, by its upload's id. `every_s`, `seen`: see `jobs.enqueue`. Without
    consent, or room on the disk, the uploads stay as they are. Where a file is refused, it is deleted, and none of
    them is kept.
    Raises Forbidden, and what `consent.need`, `incoming.complete` and `jobs.enqueue` raise.
    """
    # Before an upload is used, so that it can be analysed once there is consent.
    with db.read() as session:
        access.require_writer_of_or_console(session, actor, patient_id)
        consent.need(session, patient_id, *consent.ANALYSIS)
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
