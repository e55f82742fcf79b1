"""The reading of a recording as a whole: first how much of it could be read, then how the expression moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fer_core.emotions import Emotion
from fer_core.faces.tracking import CHOSEN_IOU
from fer_core.reading.intervals import STRETCHES, effective_size, pictures_size, share_interval
from fer_core.reading.mouth import moving
from fer_core.reading.movement import mean_index, movement
from fer_core.reading.timeline import Floats, episodes, held_s, longest_gap_s, smooth, usual_step_s
from fer_core.types import Box, FaceExpression, FrameResult, Status

MIN_USABLE_SHARE, MIN_USABLE_S = 0.5, 60.0
"""With less usable face, in share or seconds, a recording allows no conclusion."""
MIN_PICTURES = 5
"""With fewer usable pictures there is no basis either."""
MIN_INTERVAL_S = 20.0
"""With less usable face an interval would rest on hardly more than one expression: it is 0 to 1."""
GOOD_USABLE_SHARE, GOOD_LONGEST_GAP_S, GOOD_SIZE = 0.8, 30.0, 30.0
"""From this share and so many independent samples on, and without a longer gap, a recording is a good basis."""


class Light(StrEnum):
    """How reliable a recording is."""

    GOOD = "good"
    LIMITED = "limited"
    INSUFFICIENT = "insufficient"


def light(usable_share: float, usable_s: float, longest_gap_s: float, size: float = GOOD_SIZE) -> Light:
    """Return the traffic light of a recording.

    From its usable share (0 to 1) and seconds, its longest gap, and how many independent samples it is worth.
    """
    if usable_share < MIN_USABLE_SHARE or usable_s < MIN_USABLE_S:
        return Light.INSUFFICIENT
    if usable_share < GOOD_USABLE_SHARE or longest_gap_s > GOOD_LONGEST_GAP_S or size < GOOD_SIZE:
        return Light.LIMITED
    return Light.GOOD


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of a time by label (in `Emotion` order, then uncertain): all (8,).

    `low`, `high`: their 95 % interval. `sizes`: how many independent samples each rests on
    (`intervals.effective_size`). `halves`: the shares of every second of ten equal stretches, and of the others; empty
    with fewer than ten samples. `seconds`: how long the time is, None for pictures.
    """

    shares: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    sizes: tuple[float, ...]
    halves: tuple[tuple[float, ...], ...]
    seconds: float | None

    @property
    def size(self) -> float:
        """How many independent samples these are worth: those of the label that rests on the fewest."""
        return min(self.sizes)


@dataclass(frozen=True, slots=True)
class Reading:
    """One person's recording as a whole.

    `usable_share`: of the time sampled, or of the pictures. `usable_s`, `longest_gap_s`: None for pictures.
    `reasons`: share of the time by the status that made it unusable. `shares`, `low`, `high`: share of the usable time
    by label (in `Emotion` order, then uncertain) and its 95 % interval; `sizes`: how many independent samples each
    rests on (`intervals.effective_size`). All four are empty without a usable sample.
    `halves`: the shares of every second of ten equal stretches, and of the others; empty with fewer than ten samples.
    `movement`: see `movement.movement`. `valence`, `arousal`: means of a derived index, -1 to 1, with the reach of
    their 95 % interval. `moving`, `still`: the shares of the usable time in which the mouth moves, and in which it is
    still; None where there is no such time, or it isn't known.
    """

    samples: int
    usable_share: float
    usable_s: float | None
    longest_gap_s: float | None
    light: Light
    reasons: dict[Status, float]
    shares: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    sizes: tuple[float, ...] = ()
    halves: tuple[tuple[float, ...], ...] = ()
    usable_samples: int = 0
    movement: float | None = None
    valence: float | None = None
    arousal: float | None = None
    valence_reach: float | None = None
    arousal_reach: float | None = None
    moving: Shares | None = None
    still: Shares | None = None

    @property
    def size(self) -> float:
        """How many independent samples the recording is worth: those of the label that rests on the fewest."""
        return min(self.sizes, default=0.0)

    @property
    def interval_known(self) -> bool:
        """Whether there is enough material for intervals; without, they are 0 to 1 and say nothing."""
        return any((low, high) != (0.0, 1.0) for low, high in zip(self.low, self.high, strict=True))


@dataclass(frozen=True, slots=True)
class Series:
    """One person's samples in the order of time: times (N,) in seconds, N statuses, model outputs (N, 7) or NaN.

    A row of outputs is NaN wherever its status is not usable. `every_s`: the asked distance of samples, 0 for every
    frame, None for single pictures. `uncertain_below`: under this top output a face has no label. `mouth_change` (N,):
    see `fer_core.faces.mouth`, NaN where it isn't known; None where nothing of it is.
    """

    time_s: Floats
    statuses: tuple[Status, ...]
    outputs: Floats
    every_s: float | None = 0.0
    uncertain_below: float = 0.0
    mouth_change: Floats | None = None

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which samples show a face that can be read, (N,)."""
        return self._is(Status.OK, Status.UNCERTAIN)

    @property
    def votes(self) -> Floats:
        """The label of each usable sample: (usable, 8) with a 1 in its column, the last one for uncertain."""
        usable = self.usable
        best = np.nan_to_num(self.outputs[usable], nan=-1.0).argmax(axis=1)
        votes: Floats = np.eye(len(Emotion) + 1)[np.where(self._is(Status.OK)[usable], best, len(Emotion))]
        return votes

    def _is(self, *statuses: Status) -> NDArray[np.bool_]:
        return np.isin(np.array(self.statuses, np.str_), statuses)

    def smoothed(self, width_s: float) -> Series:
        """Return the series with the running mean of its outputs over `width_s` seconds; see `timeline.smooth`.

        What has a label then is decided again, by the same limit: a mean is often less clear than what it is made of.
        """
        if width_s <= 0:
            return self
        outputs = smooth(self.outputs, self.time_s, width_s)
        clear = np.nan_to_num(outputs, nan=-1.0).max(axis=1, initial=-1.0) >= self.uncertain_below
        statuses = tuple(
            (Status.OK if sure else Status.UNCERTAIN) if status.usable else status
            for status, sure in zip(self.statuses, clear.tolist(), strict=True)
        )
        return replace(self, outputs=outputs, statuses=statuses)


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch in which one label's output stays high: its beginning, its highest point and its end, in seconds."""

    emotion: Emotion
    onset_s: float
    apex_s: float
    end_s: float


def series_of(results: Sequence[FrameResult], track: int, every_s: float = 0.0, uncertain_below: float = 0.0) -> Series:
    """Return the samples of one track of a video; `every_s`, `uncertain_below` as in `Series`."""
    faces = [_face_of(result, track) for result in results]
    nothing = (float("nan"),) * len(Emotion)
    outputs = [(face.probabilities if face else None) or nothing for face in faces]
    return Series(
        np.array([result.time_s for result in results]),
        tuple(_status(result, face) for result, face in zip(results, faces, strict=True)),
        np.array(outputs, np.float64).reshape(-1, len(Emotion)),
        every_s,
        uncertain_below,
        np.array([_mouth_change(face) for face in faces], np.float64),
    )


def read(series: Series) -> Reading:
    """Return the reading of one person's samples. Raises ValueError without a sample."""
    if not series.statuses:
        raise ValueError("no samples, no reading")
    usable, held = series.usable, _held_s(series)
    weights = held if held.any() else np.ones(len(held))
    whole = float(weights.sum())
    missed: Counter[Status] = Counter()
    for place in np.flatnonzero(~usable).tolist():
        missed[series.statuses[place]] += weights[place]
    known = Reading(
        samples=len(series.statuses),
        usable_share=round(float(weights[usable].sum()) / whole, 9),
        usable_s=None if series.every_s is None else float(held[usable].sum()),
        longest_gap_s=None if series.every_s is None else longest_gap_s(series.time_s, usable, series.every_s),
        light=Light.INSUFFICIENT,
        reasons={status: round(float(weight) / whole, 9) for status, weight in missed.most_common()},
        usable_samples=int(usable.sum()),
    )
    if usable.any():
        votes = series.votes
        known = _with_shares(known, _shares(series, votes, series.time_s[usable], weights[usable]))
        known = _with_mouth(known, series, votes, weights[usable])
        known = _with_movement(known, series, votes, series.time_s[usable])
    return replace(known, light=_light(known))


def _held_s(series: Series) -> Floats:
    """Return the seconds that each sample stands for; none for pictures and for a lone sample."""
    if series.every_s is None:
        return np.zeros(len(series.time_s))
    return held_s(series.time_s, usual_step_s(series.time_s, series.every_s))


def _light(known: Reading) -> Light:
    if known.usable_s is None or known.longest_gap_s is None:
        return Light.INSUFFICIENT if known.usable_samples < MIN_PICTURES else Light.LIMITED
    return light(known.usable_share, known.usable_s, known.longest_gap_s, known.size)


def _with_shares(known: Reading, found: Shares) -> Reading:
    return replace(known, shares=found.shares, low=found.low, high=found.high, sizes=found.sizes, halves=found.halves)


def _with_mouth(known: Reading, series: Series, votes: Floats, weights: Floats) -> Reading:
    """Add the shares of the time in which the mouth moves, and of that in which it is still."""
    if series.every_s is None or series.mouth_change is None:
        return known
    usable = series.usable
    state = moving(series.mouth_change, series.time_s, _held_s(series))[usable]
    parts = [
        _shares(series, votes[state == which], series.time_s[usable][state == which], weights[state == which])
        if (state == which).any()
        else None
        for which in (1.0, 0.0)
    ]
    return replace(known, moving=parts[0], still=parts[1])


def _shares(series: Series, votes: Floats, time_s: Floats, weights: Floats) -> Shares:
    """Return the shares of the samples given by their votes (N, 8), times (N,) and weights (N,), of one at least."""
    shares = weights @ votes / weights.sum()
    if series.every_s is None:
        sizes = np.full(len(shares), pictures_size(votes))
        low, high = share_interval(shares, sizes, dependent=False)
    else:
        evenness = weights.sum() ** 2 / (len(weights) * (weights**2).sum())
        sizes = np.maximum(1.0, evenness * effective_size(votes, time_s, usual_step_s(series.time_s, series.every_s)))
        low, high = share_interval(shares, sizes)
        if weights.sum() < MIN_INTERVAL_S:
            low, high = np.zeros(len(shares)), np.ones(len(shares))
    return Shares(
        shares=tuple(shares.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        sizes=tuple(sizes.tolist()),
        halves=_halves(votes),
        seconds=None if series.every_s is None else float(weights.sum()),
    )


def _halves(votes: Floats) -> tuple[tuple[float, ...], ...]:
    """Return the shares of the odd and of the even ones of ten stretches of equally many samples."""
    if len(votes) < STRETCHES:
        return ()
    parts = np.array_split(votes, STRETCHES)
    return tuple(tuple(np.concatenate(parts[first::2]).mean(axis=0).tolist()) for first in (0, 1))


def _with_movement(known: Reading, series: Series, votes: Floats, time_s: Floats) -> Reading:
    if series.every_s is None:
        return known
    step_s = usual_step_s(series.time_s, series.every_s)
    (valence, arousal), (valence_reach, arousal_reach) = mean_index(votes, time_s, step_s, known.size)
    return replace(
        known,
        movement=movement(series.outputs, series.time_s, step_s),
        valence=float(valence),
        arousal=float(arousal),
        valence_reach=float(valence_reach),
        arousal_reach=float(arousal_reach),
    )


def episodes_of(series: Series) -> list[Episode]:
    """Return the episodes of every label but neutral, in the order of time; see `timeline.episodes` for the limits."""
    found = [
        Episode(emotion, *stretch)
        for emotion in Emotion
        if emotion is not Emotion.NEUTRAL
        for stretch in episodes(series.outputs[:, emotion], series.time_s, every_s=series.every_s or 0.0)
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


def _mouth_change(face: FaceExpression | None) -> float:
    return float("nan") if face is None or face.mouth_change is None else face.mouth_change


def _status(result: FrameResult, face: FaceExpression | None) -> Status:
    if face is not None:
        return face.status
    return Status.DAMAGED if result.damaged else Status.NO_FACE
