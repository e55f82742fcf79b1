"""A patient's recordings as points of a trend: rows mapped to the statistics of `fer_core.reading`.

A recording is one point, and its frames are not independent samples. docs/statistics.md has every formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.models import Recording
from db.records import SampleTable, load_samples
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.reading import camera, usual
from fer_core.reading.camera import Camera
from fer_core.reading.intervals import share_interval
from fer_core.reading.reading import GOOD_SIZE, MIN_PICTURES, MIN_USABLE_S, MIN_USABLE_SHARE, Series, Shares, read
from fer_core.types import Status

LABELS = (*EMOTION_LABELS, Status.UNCERTAIN.value)
"""The columns of a trend: the labels in `Emotion` order, then uncertain."""
UNCERTAIN = len(Emotion)
"""The column of "uncertain"."""
BASELINE_MIN = usual.BASELINE
OLD_SIZE_S = 20.0
"""A summary of before 0.2 doesn't say how many independent samples it rests on: one in so many seconds is assumed."""

Floats = NDArray[np.float64]
TALKS_THROUGHOUT = "the mouth moves nearly all the time"
_USABLE = (Status.OK.value, Status.UNCERTAIN.value)


@dataclass(frozen=True, slots=True)
class StillPart:
    """The shares of the usable time in which the mouth is still; fields as in `Summary`, `seconds` long."""

    seconds: float
    shares: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    sizes: dict[str, float]
    halves: list[dict[str, float]] | None = None

    @property
    def long_enough(self) -> bool:
        """Whether these shares rest on enough independent samples to stand for the recording."""
        return min(self.sizes.values()) >= GOOD_SIZE


@dataclass(frozen=True, slots=True)
class Summary:
    """One recording as one point.

    `samples` moments were looked at, `usable_samples` of them show a face that can be read; `usable_share` is their
    share of the time. `reasons`: share of the time by the status that made it unusable. `shares`: of the usable time,
    by label and "uncertain"; `low`, `high` their 95 % interval, `sizes` the independent samples each rests on, `halves`
    the shares of two halves of the recording; `face_px`, `sharpness`, `brightness` medians of the usable faces
    (`fer_core.reading.camera`). `moving_s`: the usable time in which the mouth moves, `still`: that in which it is
    still. All are None without a usable face, or where they aren't known. `usable_s`, `longest_gap_s` and `moving_s`
    are in seconds, None for pictures. `movement`: how much the output changes per second (`fer_core.reading.movement`).
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
    sizes: dict[str, float] | None = None
    halves: list[dict[str, float]] | None = None
    face_px: float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    moving_s: float | None = None
    still: StillPart | None = None
    movement: float | None = None

    @property
    def mouth_known(self) -> bool:
        """Whether it is known of any of its time if the mouth moves."""
        return self.moving_s is not None or self.still is not None

    @property
    def excluded(self) -> str | None:
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
        """Return the summary that `dataclasses.asdict` was taken of, by this version of the program or another.

        An older one has intervals that were too narrow; they are worked out again from `OLD_SIZE_S`.
        """
        known = {field.name for field in fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        if given.get("still") is not None:
            given["still"] = StillPart(**given["still"])
        summary = cls(**given)
        return summary if summary.sizes is not None or summary.shares is None else _with_old_sizes(summary)


def _with_old_sizes(summary: Summary) -> Summary:
    pictures = summary.usable_s is None
    size = float(summary.usable_samples) if pictures else max(1.0, (summary.usable_s or 0.0) / OLD_SIZE_S)
    shares = np.array([(summary.shares or {})[label] for label in LABELS])
    low, high = share_interval(shares, np.full(len(LABELS), size), dependent=not pictures)
    return replace(summary, low=_by_label(low), high=_by_label(high), sizes=dict.fromkeys(LABELS, size))


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A recording in a patient's trend; everything by label is in the order of `LABELS`, None without a usable face.

    `segment` counts the lines: recordings that can't be compared are never joined. `usual_low`, `usual_high`: the range
    that this recording was judged by, None for the baseline's own (`in_baseline`) and for what doesn't count.
    `beyond`: the columns whose share lies outside of it; `outside`: those that lay there in the recording before too,
    on the same side, and are marked. `still`: the shares are those of the time in which the mouth is still.
    `movement`: how much the face moved, per second, None where it isn't known.
    """

    recording_id: str
    recorded_on: date
    usable_share: float
    shares: tuple[float, ...] | None
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    sizes: tuple[float, ...] | None
    excluded: str | None
    segment: int
    model_sha256: str
    movement: float | None = None
    in_baseline: bool = False
    usual_low: tuple[float, ...] | None = None
    usual_high: tuple[float, ...] | None = None
    beyond: tuple[int, ...] = ()
    outside: tuple[int, ...] = ()
    still: bool = False
    kind: str = "video"
    recorded_time: time | None = None
    visit_number: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """A patient's usual range of one share, 0 to 1, for a recording as long as those of the baseline.

    `rise`: the smallest lasting rise, and `fall` the smallest fall, that would be marked in 8 of 10 cases within three
    recordings; None where none would be. `chance`: by how much two recordings differ by chance alone in 5 of 100 cases.
    """

    mean: float
    low: float
    high: float
    rise: float | None
    fall: float | None
    chance: float


@dataclass(frozen=True, slots=True)
class Change:
    """From this day on the recordings can't be compared with those before; `what` says which reason it is."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Trend:
    """A patient's recordings over time.

    `baseline` holds the usual ranges of the newest line by column of `LABELS`, None while there are too few recordings;
    `building` then says how far it is. `noise`: the split-half noise floor of the newest line's shares, by column.
    """

    points: tuple[TrendPoint, ...]
    changes: tuple[Change, ...]
    baseline: dict[int, Range] | None
    building: str | None
    noise: tuple[float, ...] | None = None


def series_of(samples: SampleTable, kind: str, settings: dict[str, Any]) -> Series:
    """Return a recording's stored samples as the core reads them; `kind`: ``"video"`` or ``"pictures"``."""
    every_s = float(settings.get("every_s") or 0.0) if kind == "video" else None
    statuses = tuple(Status(status) for status in samples.status.tolist())
    uncertain_below = float(settings.get("uncertain_below") or 0.0)
    return Series(samples.time_s, statuses, samples.probabilities, every_s, uncertain_below, samples.mouth_change)


def summarise(samples: SampleTable, kind: str, settings: dict[str, Any] | None = None) -> Summary:
    """Return the summary of a recording's samples (one row a moment, as they are after the choice of a face).

    `kind`: ``"video"`` or ``"pictures"``; `settings`: those of the recording.
    """
    video = kind == "video"
    if not len(samples):
        nothing = 0.0 if video else None
        return Summary(kind, 0, 0, 0.0, nothing, nothing, {}, None, None, None)
    found = read(series_of(samples, kind, settings or {}))
    known = bool(found.shares)
    return Summary(
        kind=kind,
        samples=found.samples,
        usable_samples=found.usable_samples,
        usable_share=found.usable_share,
        usable_s=found.usable_s,
        longest_gap_s=found.longest_gap_s,
        reasons={status.value: share for status, share in found.reasons.items()},
        shares=_by_label(found.shares) if known else None,
        low=_by_label(found.low) if known else None,
        high=_by_label(found.high) if known else None,
        sizes=_by_label(found.sizes) if known else None,
        halves=[_by_label(half) for half in found.halves] or None,
        movement=found.movement,
        moving_s=found.moving.seconds if found.moving is not None else None,
        still=_still(found.still) if found.still is not None else None,
        **_medians(samples),
    )


def _still(part: Shares) -> StillPart:
    return StillPart(
        seconds=part.seconds or 0.0,
        shares=_by_label(part.shares),
        low=_by_label(part.low),
        high=_by_label(part.high),
        sizes=_by_label(part.sizes),
        halves=[_by_label(half) for half in part.halves] or None,
    )


def _medians(samples: SampleTable) -> dict[str, float | None]:
    """Return the median width, sharpness and light of the usable faces, None where they aren't known."""
    usable = np.isin(samples.status, _USABLE)
    figures = {
        "face_px": samples.boxes[:, 2] - samples.boxes[:, 0],
        "sharpness": samples.sharpness,
        "brightness": samples.brightness,
    }
    return {name: _median(values[usable]) if values is not None else None for name, values in figures.items()}


def _median(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def summarise_recording(session: Session, recording: Recording) -> dict[str, Any]:
    """Return the summary of a stored recording as the JSON that its row keeps."""
    return asdict(summarise(load_samples(session, recording.id), recording.kind, recording.settings))


def trend(recordings: Sequence[Recording]) -> Trend:
    """Return the trend of one patient's recordings that have a summary, in the order of their dates."""
    summarised = [recording for recording in recordings if recording.summary is not None]
    ordered = sorted(summarised, key=_in_time)
    points, changes = _in_lines(ordered)
    judged = [point for number in range(len(changes) + 1) for point in _judged(points, number)]
    newest = [point for point in judged if point.segment == len(changes) and point.excluded is None]
    ranges = _ranges(newest)
    of_line = " of the newest line" if changes else ""
    building = None if ranges else f"baseline{of_line} being built ({len(newest)} of {BASELINE_MIN})"
    return Trend(tuple(judged), tuple(changes), ranges, building, _noise(ordered, newest))


def _in_time(recording: Recording) -> tuple[date, time, int]:
    """Return by what recordings are sorted: day, time of day (one without it stands last), and as they came in."""
    return recording.recorded_on, recording.recorded_time or time.max, recording.number


def _in_lines(ordered: Sequence[Recording]) -> tuple[list[TrendPoint], list[Change]]:
    """Return the recordings as points, each with the number of its line, and where a new line begins and why."""
    changes: list[Change] = []
    points: list[TrendPoint] = []
    line: list[Recording] = []
    for recording in ordered:
        what = _break(line, recording) if line else None
        if what is not None:
            changes.append(Change(recording.recorded_on, what))
            line = []
        line.append(recording)
        points.append(_point(recording, len(changes)))
    summaries = [Summary.from_dict(each.summary or {}) for each in ordered]
    for number in range(len(changes) + 1):
        own = [place for place, point in enumerate(points) if point.segment == number]
        if _stands_on_still([summaries[place] for place in own if points[place].excluded is None]):
            for place in own:
                points[place] = _of_still(points[place], summaries[place])
    return points, changes


def _stands_on_still(counting: Sequence[Summary]) -> bool:
    """Return whether a line compares the time in which the mouth is still, from its recordings that count.

    Talk changes the labels, so it does where most of them have enough of such time. A line in which an earlier version
    analysed a recording compares the whole time, as it did before.
    """
    if not counting or not all(summary.mouth_known or summary.kind == "pictures" for summary in counting):
        return False
    return 2 * sum(summary.still is not None and summary.still.long_enough for summary in counting) >= len(counting)


def _of_still(point: TrendPoint, summary: Summary) -> TrendPoint:
    part = summary.still
    if part is None or not part.long_enough:
        return replace(point, excluded=point.excluded or TALKS_THROUGHOUT)
    return replace(
        point,
        shares=_in_order(part.shares),
        low=_in_order(part.low),
        high=_in_order(part.high),
        sizes=_in_order(part.sizes),
        still=True,
    )


def _break(line: Sequence[Recording], now: Recording) -> str | None:
    """Return why a recording can't be compared with those of the line, None where it can."""
    before = line[-1]
    if before.model_sha256 != now.model_sha256:
        return "model"
    if before.kind != now.kind:
        return "kind"
    if before.settings.get("every_s") != now.settings.get("every_s"):
        return "sampling"
    return camera.difference([_camera(each) for each in line], _camera(now))


def _camera(recording: Recording) -> Camera:
    summary = recording.summary or {}
    pixels = recording.width_px * recording.height_px if recording.width_px and recording.height_px else None
    return Camera(
        face_px=summary.get("face_px"),
        sharpness=summary.get("sharpness"),
        brightness=summary.get("brightness"),
        pixels=pixels,
        codec=recording.codec,
    )


def _point(recording: Recording, segment: int) -> TrendPoint:
    summary = Summary.from_dict(recording.summary or {})
    return TrendPoint(
        recording_id=recording.id,
        recorded_on=recording.recorded_on,
        recorded_time=recording.recorded_time,
        kind=recording.kind,
        visit_number=recording.visit_number,
        usable_share=summary.usable_share,
        shares=_in_order(summary.shares),
        low=_in_order(summary.low),
        high=_in_order(summary.high),
        sizes=_in_order(summary.sizes),
        excluded=excluded(summary, recording.partial),
        movement=summary.movement,
        segment=segment,
        model_sha256=recording.model_sha256 or "",
    )


def excluded(summary: Summary, partial: bool) -> str | None:
    """Return why a recording is drawn hollow and left out of every test, or None where it counts."""
    return summary.excluded or ("only a part of the file could be read" if partial else None)


def _judged(points: Sequence[TrendPoint], segment: int) -> list[TrendPoint]:
    """Return the points of one line, each with the range that it was judged by and what lies outside."""
    own = [point for point in points if point.segment == segment]
    counting = [point for point in own if point.excluded is None]
    judgements = usual.judge(*_arrays(counting)) if counting else []
    found: dict[str, TrendPoint] = {}
    for number, (point, judgement) in enumerate(zip(counting, judgements, strict=True)):
        found[point.recording_id] = (
            replace(point, in_baseline=number < BASELINE_MIN) if judgement is None else _with(point, judgement)
        )
    return [found.get(point.recording_id, point) for point in own]


def _with(point: TrendPoint, judgement: usual.Judgement) -> TrendPoint:
    return replace(
        point,
        usual_low=tuple(judgement.low.tolist()),
        usual_high=tuple(judgement.high.tolist()),
        beyond=tuple(np.flatnonzero(judgement.side).tolist()),
        outside=tuple(np.flatnonzero(judgement.marked).tolist()),
    )


def _ranges(points: Sequence[TrendPoint]) -> dict[int, Range] | None:
    """Return the usual range of each share from the counting recordings of a line, None for too few."""
    baseline = usual.baseline_of(*_arrays(points)) if points else None
    if baseline is None:
        return None
    low, high = usual.usual_range(baseline, baseline.size)
    shares, _ = _arrays(points[:BASELINE_MIN])
    chance = usual.reliable_change(shares.std(axis=0, ddof=1))
    return {
        column: Range(
            mean=float(shares[:, column].mean()),
            low=float(low[column]),
            high=float(high[column]),
            rise=usual.smallest_seen(baseline, column, 1),
            fall=usual.smallest_seen(baseline, column, -1),
            chance=float(chance[column]),
        )
        for column in range(len(LABELS))
    }


def _noise(recordings: Sequence[Recording], newest: Sequence[TrendPoint]) -> tuple[float, ...] | None:
    """Return the split-half noise floor of the newest line, by column; None where no recording says its halves."""
    counting = {point.recording_id: point for point in newest}
    summaries = {each.id: Summary.from_dict(each.summary or {}) for each in recordings if each.id in counting}
    parts = [found.still if counting[name].still else found for name, found in summaries.items()]
    halves = [[np.array(_in_order(half)) for half in part.halves] for part in parts if part and part.halves]
    if not halves:
        return None
    return tuple(usual.noise_floor([(first, second) for first, second in halves]).tolist())


def _arrays(points: Sequence[TrendPoint]) -> tuple[Floats, Floats]:
    """Return shares and sizes of points that count, (N, K) each."""
    return np.array([point.shares for point in points]), np.array([point.sizes for point in points])


def _by_label(values: Sequence[float] | Floats) -> dict[str, float]:
    return {label: float(value) for label, value in zip(LABELS, values, strict=True)}


def _in_order(by_label: dict[str, float] | None) -> tuple[float, ...] | None:
    return None if by_label is None else tuple(by_label[label] for label in LABELS)
