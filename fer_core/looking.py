"""One pass over the frames of a video: faces are found, followed, and cut out, in batches."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_core.carry import Json, to_json
from fer_core.faces import quality
from fer_core.faces.detector import Detector
from fer_core.faces.following import Follower, scaled
from fer_core.faces.framing import framed
from fer_core.faces.mouth import MouthWatch
from fer_core.faces.preprocess import crop_faces
from fer_core.faces.tracking import CHOSEN_IOU
from fer_core.media.fades import Fades
from fer_core.media.passage import Bookmark
from fer_core.segments import SegmentResume, damaged_moments, read_resume
from fer_core.types import Box, Face, Frame, FrameResult, Status

CHUNK_S = 10.0
CLASSIFY_FRAMES = 32
"""Frames whose faces are labelled at once; meanwhile twice as many are searched ahead."""

_NOTHING = np.empty((0, 0, 3), np.uint8)


@dataclass(slots=True)
class Seen:
    """A frame with its faces, their crops (N, 48, 48), and the reason why each can't be read, or None.

    `mouths`: how much each face's mouth changed, see `MouthWatch`; empty for a picture. `framings`: the crops of each
    readable face framed otherwise (`fer_core.faces.framing`), empty where that isn't tried.
    `damage`: the moments before it that could not be decoded. `samples` counts those looked at so far. `resume`: what a
    later pass needs to go on after this frame, where a chunk ends with it. `ends_batch`: it is labelled together with
    those before it, and alone keeps its picture, for the preview.
    """

    frame: Frame
    faces: Sequence[Face]
    crops: NDArray[np.uint8]
    reasons: Sequence[Status | None]
    damage: Sequence[FrameResult] = ()
    samples: int = 1
    resume: Json | None = None
    ends_batch: bool = False
    mouths: Sequence[float | None] = ()
    framings: Sequence[NDArray[np.uint8]] = ()


@dataclass(slots=True)
class _Chosen:
    """Whose faces are wanted: one track's, those of the person first seen in a box, or everybody's (None)."""

    patient: int | Box | None

    def of(self, faces: list[Face], scale: float) -> list[Face]:
        """Return the wanted ones among a frame's faces; `scale` is px of the frame for each of the video's own."""
        if isinstance(self.patient, Box):
            place = self.patient
            nearest = max(faces, key=lambda face: scaled(face, 1 / scale).box.iou(place), default=None)
            if nearest is None or scaled(nearest, 1 / scale).box.iou(place) < CHOSEN_IOU:
                return []
            self.patient = nearest.track
        return faces if self.patient is None else [face for face in faces if face.track == self.patient]


@dataclass(frozen=True, slots=True)
class PassStart:
    """Where a pass begins: who is followed and wanted, what was sampled before, since when the current chunk runs.

    `scale`: that of the frame after which it goes on.
    """

    follower: Follower
    chosen: _Chosen
    samples: int = 0
    begun_s: float | None = None
    after: Bookmark | None = None
    scale: float = 1.0

    @classmethod
    def fresh(cls, detector: Detector, patient: int | Box | None) -> PassStart:
        return cls(Follower(detector), _Chosen(patient))

    @classmethod
    def resumed(cls, detector: Detector, state: Json) -> PassStart:
        found = read_resume(SegmentResume, state)
        follower, begun_s = Follower.resumed(detector, found.follower), found.mark.position.time_s
        return cls(follower, _Chosen(found.patient), found.samples, begun_s, found.mark, found.scale)


def look(frames: Iterable[Frame], begun: PassStart, every_s: float, going: threading.Event) -> Iterator[Seen]:
    """Find, follow and cut out the faces of one frame after the other, while `going` is set."""
    begun_s = begun.begun_s
    before = begun.after.position if begun.after is not None else None
    mouths, fades, tried = MouthWatch(), Fades(), False
    for samples, frame in enumerate(frames, start=begun.samples + 1):
        going.wait()
        if frame.shots is not None and fades.ends(frame.time_s, frame.shots.luma):
            frame = replace(frame, cut=True)
        faces = begun.chosen.of(begun.follower.faces(frame.time_s, frame.rgb, frame.scale, frame.cut), frame.scale)
        seen = Seen(frame, faces, *crops_of(frame, faces), damaged_moments(before, frame.position, every_s), samples)
        seen.mouths = mouths.changes(frame.time_s, seen.crops, faces, [reason is None for reason in seen.reasons])
        # Once in each chunk: it costs as much as labelling six faces more.
        if not tried:
            seen.framings = framings_of(frame, faces, seen.reasons)
            tried = bool(seen.framings)
        begun_s = frame.time_s if begun_s is None else begun_s
        if frame.time_s - begun_s >= CHUNK_S:
            # A pass that goes on from here knows no earlier crop, and must find what this one finds.
            mouths.forget()
            fades.forget()
            begun.follower.forget_appearance()
            tried = False
            seen.resume, begun_s = _resume(frame, samples, begun), frame.time_s
        before = frame.position
        yield seen


def batched(looked: Iterable[Seen]) -> Iterator[Seen]:
    """Mark the frames that end a batch and take the pictures out of the others, so that many may wait in memory.

    The last frame of all keeps its picture too.
    """
    held: Seen | None = None
    waiting = 0
    for seen in looked:
        if held is not None:
            if not held.ends_batch:
                held.frame = replace(held.frame, rgb=_NOTHING)
            yield held
        waiting += 1
        seen.ends_batch = seen.resume is not None or waiting == CLASSIFY_FRAMES
        if seen.ends_batch:
            waiting = 0
        held = seen
    if held is not None:
        yield held


def _resume(frame: Frame, samples: int, begun: PassStart) -> Json:
    """Return what `PassStart.resumed` needs after this frame."""
    mark, follower = Bookmark.at(frame), begun.follower.state()
    return to_json(SegmentResume(mark, samples, frame.scale, follower, begun.chosen.patient))


def crops_of(frame: Frame, faces: list[Face]) -> tuple[NDArray[np.uint8], list[Status | None]]:
    """Cut the faces out, and put their quality into `faces`."""
    crops = crop_faces(frame.rgb, [face.box for face in faces])
    height, width = frame.rgb.shape[:2]
    measured = quality.measure(crops, faces, width, height, frame.scale)
    faces[:] = [replace(face, quality=found) for face, found in zip(faces, measured, strict=True)]
    return crops, [quality.verdict(found) for found in measured]


def framings_of(frame: Frame, faces: Sequence[Face], reasons: Sequence[Status | None]) -> list[NDArray[np.uint8]]:
    """Cut each readable face out in all of `FRAMINGS`."""
    return [framed(frame.rgb, face.box) for face, reason in zip(faces, reasons, strict=True) if reason is None]
