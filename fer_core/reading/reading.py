"""What a recording says as a whole: first how much of it could be read, and then how the expression moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fer_core.emotions import Emotion
from fer_core.faces.tracking import CHOSEN_IOU
from fer_core.reading.timeline import (
    Floats,
    block_bootstrap,
    circumplex_index,
    episodes,
    expressivity,
    longest_gap_s,
    smooth,
)
from fer_core.types import Box, FaceExpression, FrameResult, Status

MIN_USABLE_SHARE, MIN_USABLE_S = 0.5, 60.0
"""With less usable face, in share or seconds, a recording is no basis for anything."""
GOOD_USABLE_SHARE, GOOD_LONGEST_GAP_S = 0.8, 30.0
"""From this share on, and without a longer gap, what was missed can hardly change the picture."""


class Light(StrEnum):
    """How far a recording can be relied on."""

    GOOD = "good"
    LIMITED = "limited"
    INSUFFICIENT = "insufficient"


def light(usable_share: float, usable_s: float, longest_gap_s: float) -> Light:
    """Return the traffic light of a recording from its usable share (0 to 1) and seconds, and its longest gap."""
    if usable_share < MIN_USABLE_SHARE or usable_s < MIN_USABLE_S:
        return Light.INSUFFICIENT
    if usable_share < GOOD_USABLE_SHARE or longest_gap_s > GOOD_LONGEST_GAP_S:
        return Light.LIMITED
    return Light.GOOD


@dataclass(frozen=True, slots=True)
class Reading:
    """One person's recording as a whole.

    `reasons`: share of all samples by the status that made them unusable. `shares`, `low`, `high`: share of the usable
    samples by label (in `Emotion` order, then uncertain) and its 95 % interval; empty without a usable sample.
    `expressivity`: see `timeline.expressivity`. `valence`, `arousal`: means of a derived index, -1 to 1.
    """

    samples: int
    usable_share: float
    usable_s: float
    longest_gap_s: float
    light: Light
    reasons: dict[Status, float]
    shares: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    expressivity: float | None = None
    valence: float | None = None
    arousal: float | None = None

    @property
    def interval_known(self) -> bool:
        """Whether there is enough material for intervals; without, they are 0 to 1 and say nothing."""
        return any((low, high) != (0.0, 1.0) for low, high in zip(self.low, self.high, strict=True))


@dataclass(frozen=True, slots=True)
class Series:
    """One person's samples in the order of time: times (N,) in seconds, N statuses, model outputs (N, 7) or NaN.

    A row of outputs is NaN wherever its status is not usable.
    """

    time_s: Floats
    statuses: tuple[Status, ...]
    outputs: Floats

    def smoothed(self, width_s: float) -> Series:
        """Return the series with the running mean of its outputs over `width_s` seconds; see `timeline.smooth`."""
        return replace(self, outputs=smooth(self.outputs, self.time_s, width_s))


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch in which one label's output stays high: its beginning, its highest point and its end, in seconds."""

    emotion: Emotion
    onset_s: float
    apex_s: float
    end_s: float


def series_of(results: Sequence[FrameResult], track: int) -> Series:
    """Return the samples of one track of a video."""
    faces = [_face_of(result, track) for result in results]
    nothing = (float("nan"),) * len(Emotion)
    outputs = [(face.probabilities if face else None) or nothing for face in faces]
    return Series(
        np.array([result.time_s for result in results]),
        tuple(_status(result, face) for result, face in zip(results, faces, strict=True)),
        np.array(outputs, np.float64).reshape(-1, len(Emotion)),
    )


def read(series: Series) -> Reading:
    """Return the reading of one person's samples. Raises ValueError without a sample."""
    times, statuses = series.time_s, series.statuses
    if not statuses:
        raise ValueError("no samples, no reading")
    usable = np.array([status.usable for status in statuses])
    step_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    share, seconds, gap_s = float(usable.mean()), float(usable.sum() * step_s), longest_gap_s(times, usable)
    missed = Counter(status for status in statuses if not status.usable)
    reasons = {status: count / len(statuses) for status, count in missed.most_common()}
    known = Reading(len(statuses), share, seconds, gap_s, light(share, seconds, gap_s), reasons)
    return known if not usable.any() else _with_expressions(known, series, usable)


def _with_expressions(known: Reading, series: Series, usable: NDArray[np.bool_]) -> Reading:
    sure = np.array([status is Status.OK for status in series.statuses])[usable]
    labels = np.where(sure, series.outputs[usable].argmax(axis=1), len(Emotion))
    votes = np.eye(len(Emotion) + 1)[labels]
    low, high = block_bootstrap(votes, series.time_s[usable])
    valence, arousal = np.nanmean(circumplex_index(series.outputs), axis=0).tolist()
    return replace(
        known,
        shares=tuple(votes.mean(axis=0).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        expressivity=expressivity(series.outputs, series.time_s),
        valence=valence,
        arousal=arousal,
    )


def episodes_of(series: Series) -> list[Episode]:
    """Return the episodes of every label but neutral, in the order of time; see `timeline.episodes` for the limits."""
    found = [
        Episode(emotion, *stretch)
        for emotion in Emotion
        if emotion is not Emotion.NEUTRAL
        for stretch in episodes(series.outputs[:, emotion], series.time_s)
    ]
    return sorted(found, key=lambda episode: episode.onset_s)


def main_track(results: Sequence[FrameResult]) -> int | None:
    """Return the track that is there in most samples, the earlier one of equals; None where nobody is."""
    seen = Counter(face.face.track for result in results for face in result.faces)
    return min(seen, key=lambda track: (-seen[track], track), default=None)


def find_track(results: Sequence[FrameResult], patient: int | Box | None) -> int | None:
    """Return the track that is meant by its number, by a box that its first face covers, or (None) the main one."""
    if not isinstance(patient, Box):
        return main_track(results) if patient is None else patient
    faces = [face.face for result in results for face in result.faces]
    return next((face.track for face in faces if face.box.iou(patient) >= CHOSEN_IOU), None)


def _face_of(result: FrameResult, track: int) -> FaceExpression | None:
    return next((face for face in result.faces if face.face.track == track), None)


def _status(result: FrameResult, face: FaceExpression | None) -> Status:
    if face is not None:
        return face.status
    return Status.DAMAGED if result.damaged else Status.NO_FACE
