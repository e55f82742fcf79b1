"""Statistics over recordings: a recording is one point, and its frames are not independent samples.

XmR chart: Wheeler 1993, "Understanding Variation"; moving-block bootstrap: Kuensch 1989, doi 10.1214/aos/1176347265.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from db.models import Recording
from db.records import SampleTable, load_samples
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.reading.reading import MIN_USABLE_S, MIN_USABLE_SHARE
from fer_core.reading.timeline import block_bootstrap, longest_gap_s
from fer_core.types import Status

BLOCK_S = 10.0
MIN_PICTURES = 5
BASELINE_MIN, BASELINE_MAX = 8, 12
"""With 8 baseline recordings the next point lies outside by chance in 3.4 % of the cases, with 12 in 1.6 %."""
XMR_FACTOR = 2.66
MIN_REACH = 0.02
"""Changes under two percentage points are never called unusual: a label that the baseline never showed has no moving
range, and its first second of video would be "outside"."""

_USABLE = (Status.OK.value, Status.UNCERTAIN.value)


@dataclass(frozen=True, slots=True)
class Summary:
    """One recording as one point.

    `samples` moments were looked at, `usable_share` of them show a face that can be read. `reasons` tells of the
    others: share of all samples by status. `shares`: of the usable samples, by label and "uncertain"; None without
    any. `low` and `high` are the 95 % interval of each, from blocks of `BLOCK_S` of video, or from single pictures.
    `usable_s` and `longest_gap_s` are in seconds, None for pictures.
    """

    kind: str
    samples: int
    usable_samples: int
    usable_share: float
    usable_s: float | None
    longest_gap_s: float | None
    reasons: dict[str, float]
    shares: dict[str, float] | None
    low: dict[str, float] | None
    high: dict[str, float] | None

    @property
    def hollow(self) -> str | None:
        """Why this recording is drawn hollow and left out of every test, or None where it counts."""
        if self.shares is None:
            return "no usable face"
        if self.kind == "pictures":
            if self.usable_samples < MIN_PICTURES:
                return f"fewer than {MIN_PICTURES} usable pictures"
            return None
        if self.usable_share < MIN_USABLE_SHARE:
            return f"usable face in less than {MIN_USABLE_SHARE:.0%} of the time".replace("%", " %")
        if self.usable_s is not None and self.usable_s < MIN_USABLE_S:
            return f"less than {MIN_USABLE_S:.0f} s of usable face"
        return None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Summary:
        """Return the summary that `dataclasses.asdict` was taken of."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A recording in a patient's trend; shares are in `Emotion` order, None where no face was usable.

    `segment` counts the models: results of two models are never joined. `outside` names the expressions whose share
    is outside this patient's usual range.
    """

    recording_id: str
    recorded_on: date
    usable_share: float
    shares: tuple[float, ...] | None
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    hollow: str | None
    segment: int
    model_sha256: str
    outside: tuple[Emotion, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """A patient's usual range of one share: the baseline's mean and its limits, 0 to 1."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """From this day on the recordings were made differently; `what` is ``"model"`` or ``"sampling"``."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Trend:
    """A patient's recordings over time.

    `baseline` holds the usual ranges of the newest model's recordings, None while there are too few; `building` then
    says how far it is.
    """

    points: tuple[TrendPoint, ...]
    changes: tuple[Change, ...]
    baseline: dict[Emotion, Range] | None
    building: str | None


def summarise(samples: SampleTable, kind: str, seed: int = 0) -> Summary:
    """Return the summary of a recording's samples (one row a moment, as they are after the choice of a face).

    `kind`: ``"video"`` or ``"pictures"``. The seed makes the interval the same each time.
    """
    usable = np.isin(samples.status, _USABLE)
    count = len(samples)
    found = int(usable.sum())
    reasons = Counter(samples.status[~usable].tolist())
    step_s = _step_s(samples.time_s) if kind == "video" else None
    shares = low = high = None
    if found:
        votes = _votes(samples)[usable]
        names = (*EMOTION_LABELS, Status.UNCERTAIN.value)
        shares = dict(zip(names, votes.mean(axis=0).tolist(), strict=True))
        block_s = BLOCK_S if kind == "video" else 0.0
        lower, upper = block_bootstrap(votes, samples.time_s[usable], block_s=block_s, seed=seed)
        low = dict(zip(names, lower.tolist(), strict=True))
        high = dict(zip(names, upper.tolist(), strict=True))
    return Summary(
        kind=kind,
        samples=count,
        usable_samples=found,
        usable_share=found / count if count else 0.0,
        usable_s=found * step_s if step_s is not None else None,
        longest_gap_s=longest_gap_s(samples.time_s, usable) if step_s is not None else None,
        reasons={status: number / count for status, number in reasons.most_common()},
        shares=shares,
        low=low,
        high=high,
    )


def summarise_recording(session: Session, recording: Recording) -> dict[str, Any]:
    """Return the summary of a stored recording as the JSON that its row keeps."""
    samples = load_samples(session, recording.id)
    return asdict(summarise(samples, recording.kind))


def trend(recordings: Sequence[Recording]) -> Trend:
    """Return the trend of one patient's recordings that have a summary, in the order of their dates."""
    summarised = [recording for recording in recordings if recording.summary is not None]
    ordered = sorted(summarised, key=lambda recording: (recording.recorded_on, recording.created_at))
    points: list[TrendPoint] = []
    changes: list[Change] = []
    segment = 0
    for number, recording in enumerate(ordered):
        if number:
            before = ordered[number - 1]
            if recording.model_sha256 != before.model_sha256:
                segment += 1
                changes.append(Change(recording.recorded_on, "model"))
            elif _sampling(recording) != _sampling(before):
                changes.append(Change(recording.recorded_on, "sampling"))
        earlier = [point for point in points if point.segment == segment]
        points.append(_judged(_point(recording, segment), earlier))
    newest = [point for point in points if point.segment == segment and point.hollow is None]
    ranges = _ranges(newest)
    building = None if ranges else f"baseline being built ({len(newest)} of {BASELINE_MIN})"
    return Trend(tuple(points), tuple(changes), ranges, building)


def _point(recording: Recording, segment: int) -> TrendPoint:
    summary = Summary.from_dict(recording.summary or {})
    return TrendPoint(
        recording_id=recording.id,
        recorded_on=recording.recorded_on,
        usable_share=summary.usable_share,
        shares=_in_order(summary.shares),
        low=_in_order(summary.low),
        high=_in_order(summary.high),
        hollow=excluded(summary, recording.partial),
        segment=segment,
        model_sha256=recording.model_sha256 or "",
    )


def excluded(summary: Summary, partial: bool) -> str | None:
    """Return why a recording is drawn hollow and left out of every test, or None where it counts."""
    return summary.hollow or ("only a part of the file could be read" if partial else None)


def _judged(point: TrendPoint, earlier: Sequence[TrendPoint]) -> TrendPoint:
    """Return the point with the expressions that lie outside the range of the earlier ones."""
    ranges = _ranges([other for other in earlier if other.hollow is None])
    if ranges is None or point.hollow is not None or point.shares is None:
        return point
    outside = tuple(e for e in Emotion if not ranges[e].low <= point.shares[e] <= ranges[e].high)
    values = {name: getattr(point, name) for name in TrendPoint.__slots__}
    return TrendPoint(**(values | {"outside": outside}))


def _ranges(points: Sequence[TrendPoint]) -> dict[Emotion, Range] | None:
    """Return mean +- 2.66 x mean moving range (`MIN_REACH` at least) of the first recordings, None for under eight."""
    values = np.array([point.shares for point in points[:BASELINE_MAX] if point.shares is not None])
    if len(values) < BASELINE_MIN:
        return None
    mean = values.mean(axis=0)
    reach = np.maximum(MIN_REACH, XMR_FACTOR * np.abs(np.diff(values, axis=0)).mean(axis=0))
    return {
        e: Range(float(mean[e]), float(max(0.0, mean[e] - reach[e])), float(min(1.0, mean[e] + reach[e])))
        for e in Emotion
    }


def _votes(samples: SampleTable) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return one row a sample with a 1 at its label, the last column for uncertain ones: (N, 8)."""
    votes = np.zeros((len(samples), len(Emotion) + 1))
    certain = samples.status == Status.OK.value
    rows = np.flatnonzero(certain)
    votes[rows, np.nan_to_num(samples.probabilities[rows]).argmax(axis=1)] = 1.0
    votes[samples.status == Status.UNCERTAIN.value, len(Emotion)] = 1.0
    return votes


def _step_s(time_s: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the usual distance of two samples in seconds, 0 for fewer than two."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0


def _in_order(by_label: dict[str, float] | None) -> tuple[float, ...] | None:
    return None if by_label is None else tuple(by_label[label] for label in EMOTION_LABELS)


def _sampling(recording: Recording) -> Any:
    return recording.kind, recording.settings.get("every_s")
