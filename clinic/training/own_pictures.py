"""The faces of moments that people gave a label, cut out of kept recordings for a training on the clinic's own people.

They are grey squares of 48 px of the patient's face alone. On the disk they lie sealed until the run ends; the process
of the training gets them over its standard input, as it gets no key.
"""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clinic.recordings import uploads
from clinic.settings import Settings
from clinic.training import labelled, places, uses
from clinic.training.labelled import Moment, Source
from clinic.training.work import TrainingClaim
from db.engine import Database
from fer_core.errors import FerError
from fer_core.media import video
from fer_core.media.image import read_picture
from storage.media import open_store
from storage.sealed import SealError, open_bytes, seal_bytes

log = logging.getLogger(__name__)

SAME_TIME_S = 1e-3
"""A frame whose time differs more from that of its sample is another one."""


@dataclass(slots=True)
class _Cut:
    """What was cut out so far: crops (48, 48) uint8, labels in `Emotion` order, and the ids of the patients."""

    crops: list[NDArray[np.uint8]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    people: list[str] = field(default_factory=list)


def read(settings: Settings, run_id: str) -> bytes | None:
    """Return the pictures of a run as its process reads them (NPZ), None where they are not cut yet."""
    try:
        sealed = places.own_pictures(settings, run_id).read_bytes()
        return open_bytes(sealed, open_store(settings).key, run_id.encode())
    except (FileNotFoundError, SealError):
        # After a change of the master key they are cut again.
        return None


def cut(db: Database, settings: Settings, held: TrainingClaim) -> Iterator[tuple[int, int]]:
    """Cut a run's pictures out and seal them; yield often, how many of how many recordings are done.

    What was done of the run before is forgotten: it may have seen other pictures. A recording whose file is gone or
    can't be read is left out. At the end it is written down whose pictures the run gets.
    """
    places.forget_work(settings, held.run_id)
    (places.folder_of(settings, held.run_id) / "epochs.jsonl").unlink(missing_ok=True)
    with db.read() as session:
        sources = labelled.sources(session)
    found = _Cut()
    for number, source in enumerate(sources):
        yield number, len(sources)
        try:
            for _ in _cut_source(db, settings, source, found):
                yield number, len(sources)
        except (FerError, ValueError):
            # The next one may do: how many people are left is counted at the end.
            log.warning("the faces of a recording can't be cut out for a training")
    agreed = uses.record(db, held, Counter(found.people))
    places.own_pictures(settings, held.run_id).write_bytes(_sealed(settings, held.run_id, found, agreed))
    yield len(sources), len(sources)


def _cut_source(db: Database, settings: Settings, source: Source, found: _Cut) -> Iterator[None]:
    with db.read() as session:
        if not labelled.may_be_used(session, source):
            return
    for one in (_video if source.kind == "video" else _pictures)(settings, source):
        if one is not None:
            moment, crop = one
            found.crops.append(crop)
            found.labels.append(moment.label)
            found.people.append(source.patient_id)
        yield


def _video(settings: Settings, source: Source) -> Iterator[tuple[Moment, NDArray[np.uint8]] | None]:
    # It loads torch, which only a worker that cuts needs.
    from fer_core.analyzer import WORK_SIDE_PX
    from fer_core.faces.preprocess import crop_faces

    missing = {moment.frame_index: moment for moment in source.moments}
    with uploads.open_stored(settings, source.upload_ids[0]) as file:
        # The same pass as that of the analysis, so that a frame of the same number is the same frame.
        for frame in video.frames(file, source.every_s, WORK_SIDE_PX):
            moment = missing.pop(frame.index, None)
            if moment is not None and abs(frame.time_s - moment.time_s) < SAME_TIME_S:
                yield moment, crop_faces(frame.rgb, [moment.box.scaled(frame.scale)])[0]
            else:
                yield None
            if not missing:
                return


def _pictures(settings: Settings, source: Source) -> Iterator[tuple[Moment, NDArray[np.uint8]] | None]:
    from fer_core.analyzer import PICTURE_SIDE_PX
    from fer_core.faces.preprocess import crop_faces

    for moment in source.moments:
        with uploads.open_stored(settings, source.upload_ids[moment.frame_index]) as file:
            picture = read_picture(file, PICTURE_SIDE_PX)
        scale = max(picture.rgb.shape[:2]) / max(picture.width_px, picture.height_px)
        yield moment, crop_faces(picture.rgb, [moment.box.scaled(scale)])[0]


def _sealed(settings: Settings, run_id: str, found: _Cut, agreed: set[str]) -> bytes:
    rows = [number for number, patient_id in enumerate(found.people) if patient_id in agreed]
    target = io.BytesIO()
    np.savez(
        target,
        crops=np.array([found.crops[number] for number in rows], np.uint8).reshape(-1, 48, 48),
        labels=np.array([found.labels[number] for number in rows], np.uint8),
        people=np.array([found.people[number] for number in rows], np.str_),
    )
    return seal_bytes(target.getvalue(), open_store(settings).key, run_id.encode())
