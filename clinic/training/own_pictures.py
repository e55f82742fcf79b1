"""The faces of moments that people gave a label, cut out of kept recordings for a training on the clinic's own people.

They are grey squares of 48 px of the patient's face alone. On the disk they lie sealed until the run ends; the process
of the training gets them over its standard input, as it gets no key.
"""

from __future__ import annotations

import io
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinic.recordings import uploads
from clinic.settings import Settings
from clinic.training import cutting, labelled
from clinic.training.cutting import Cutting
from clinic.training.labelled import LabelledSample, Source
from clinic.training_queue import places, uses
from clinic.training_queue.work import TrainingClaim
from db.engine import Database
from db.models import RecordingKind
from fer_core.errors import FerError
from fer_core.media import video
from fer_core.media.image import read_picture
from storage.media import open_store
from storage.sealed import open_bytes, seal_bytes
from storage.wrapping import SealError

log = logging.getLogger(__name__)

SAME_TIME_S = 1e-3
"""A frame whose time differs more from that of its sample is another one."""


@dataclass(frozen=True, slots=True)
class _Face:
    """A face that was cut out: the moment of a patient's recording, and (48, 48) uint8."""

    patient_id: str
    recording_id: str
    moment: LabelledSample
    crop: NDArray[np.uint8]


def read(settings: Settings, run_id: str) -> bytes | None:
    """Return the pictures of a run as its process reads them (NPZ), None where they are not cut yet."""
    try:
        sealed = places.own_pictures(settings, run_id).read_bytes()
        return open_bytes(sealed, open_store(settings).key, run_id.encode())
    except (FileNotFoundError, SealError):
        # After a change of the master key they are cut again.
        return None


def cut(db: Database, settings: Settings, held: TrainingClaim) -> Iterator[None]:
    """Cut a run's pictures out and seal them; yield often. How far it is stands beside the run (`cutting`).

    What was done of the run before is forgotten: it may have seen other pictures. A recording whose file is gone or
    can't be read is left out, and so is what was marked otherwise or whose face was corrected while it was cut. At the
    end it is written down whose pictures the run gets.
    """
    places.forget_work(settings, held.run_id)
    (places.folder_of(settings, held.run_id) / "epochs.jsonl").unlink(missing_ok=True)
    with db.read() as session:
        sources = labelled.sources(session)
    found: list[_Face] = []
    began = time.monotonic()
    for number, source in enumerate(sources):
        cutting.write(settings, held.run_id, Cutting(number, len(sources), time.monotonic() - began))
        yield
        try:
            for face in _cut_source(db, settings, source):
                found += [face] if face is not None else []
                yield
        except (FerError, ValueError):
            # The next one may do: how many people are left is counted at the end.
            log.warning("the faces of a recording can't be cut out for a training")
    _keep(db, settings, held, found)
    places.cutting(settings, held.run_id).unlink(missing_ok=True)


def _keep(db: Database, settings: Settings, held: TrainingClaim, found: Sequence[_Face]) -> None:
    """Seal what is still labelled so and of whom still agrees, and write down whose it is."""
    with db.read() as session:
        there = {(one.recording_id, moment) for one in labelled.sources(session) for moment in one.moments}
    found = [face for face in found if (face.recording_id, face.moment) in there]
    agreed = uses.record(db, held, Counter(face.patient_id for face in found))
    sealed = _sealed(settings, held.run_id, [face for face in found if face.patient_id in agreed])
    places.own_pictures(settings, held.run_id).write_bytes(sealed)


def _cut_source(db: Database, settings: Settings, source: Source) -> Iterator[_Face | None]:
    with db.read() as session:
        if not labelled.may_be_used(session, source):
            return
    for one in (_video if source.kind == RecordingKind.VIDEO else _pictures)(settings, source):
        yield _Face(source.patient_id, source.recording_id, *one) if one is not None else None


def _video(settings: Settings, source: Source) -> Iterator[tuple[LabelledSample, NDArray[np.uint8]] | None]:
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


def _pictures(settings: Settings, source: Source) -> Iterator[tuple[LabelledSample, NDArray[np.uint8]] | None]:
    from fer_core.analyzer import PICTURE_SIDE_PX
    from fer_core.faces.preprocess import crop_faces

    for moment in source.moments:
        with uploads.open_stored(settings, source.upload_ids[moment.frame_index]) as file:
            picture = read_picture(file, PICTURE_SIDE_PX)
        scale = max(picture.rgb.shape[:2]) / max(picture.width_px, picture.height_px)
        yield moment, crop_faces(picture.rgb, [moment.box.scaled(scale)])[0]


def _sealed(settings: Settings, run_id: str, faces: Sequence[_Face]) -> bytes:
    target = io.BytesIO()
    np.savez(
        target,
        crops=np.array([face.crop for face in faces], np.uint8).reshape(-1, 48, 48),
        labels=np.array([face.moment.label for face in faces], np.uint8),
        people=np.array([face.patient_id for face in faces], np.str_),
    )
    return seal_bytes(target.getvalue(), open_store(settings).key, run_id.encode())
