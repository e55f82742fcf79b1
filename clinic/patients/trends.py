"""A patient's recordings as points of a trend: rows mapped to the statistics of `fer_core.reading`.

A recording is one point, and its frames are not independent samples. docs/statistics.md has every formula.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time

import numpy as np
from numpy.typing import NDArray

from clinic.patients import talk
from clinic.patients.lines import Line, line_of
from clinic.patients.summaries import LABELS, Summary, excluded, in_order
from db.models import Recording, RecordingKind
from fer_core.reading import usual

BASELINE_MIN = usual.BASELINE
UNDER_CONDITION = "a condition of the face"
"""Why a recording does not count whose labels are not interpreted, and that would count otherwise."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A recording in a patient's trend; everything by label is in the order of `LABELS`, None without a usable face.

    `segment` is the number of its line from 0, in the order in which they begin: recordings of two lines can't be
    compared.
    `usual_low`, `usual_high`: the range that this recording was judged by, None for the baseline's own (`in_baseline`)
    and for what doesn't count.
    `beyond`: the columns whose share lies outside of it; `outside`: those that lay there in the recording before too,
    on the same side, and are marked. `still`: the shares are those of the time in which the mouth is still.
    `movement`: how much the face moved, per second, None where it isn't known. `taken_for_last`: there are others of
    its day, but its time of day isn't known.
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
    kind: RecordingKind = RecordingKind.VIDEO
    recorded_time: time | None = None
    visit_number: int = 0
    taken_for_last: bool = False

    @property
    def line_number(self) -> int:
        """Its line as every export counts them, from 1."""
        return self.segment + 1

    @property
    def basis(self) -> str:
        """Of which time the shares are: a recording that doesn't count may have them of more than the others."""
        if self.kind == RecordingKind.PICTURES:
            return "usable pictures"
        return "usable time in which the mouth is still" if self.still else "usable time"


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
    """On this day a recording began a line of its own; `what` says why it can't be compared with those before it."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Trend:
    """A patient's recordings over time, in the order of time. `changes`: where each line but the first begins.

    `baseline` holds the usual ranges, by column of `LABELS`, of the line to which the newest recording belongs, None
    while there are too few recordings; `building` then says how far it is. `noise`: the standard error of that line's
    shares within one recording, by column.
    """

    points: tuple[TrendPoint, ...]
    changes: tuple[Change, ...]
    baseline: dict[int, Range] | None
    building: str | None
    noise: tuple[float, ...] | None = None

    @property
    def line(self) -> int:
        """The number of the line to which the newest recording belongs."""
        return self.points[-1].segment if self.points else 0

    def begins(self, line: int) -> date | None:
        """Return the day on which a line began, None for the first one."""
        return self.changes[line - 1].day if line else None


def usable_called(points: Iterable[TrendPoint]) -> str:
    """Return what the usable share of these recordings is called: pictures have no time."""
    kinds = {point.kind for point in points}
    if len(kinds) > 1:
        return "usable share of time or pictures"
    return "share of usable pictures" if kinds == {RecordingKind.PICTURES} else "usable face time"


def trend(recordings: Sequence[Recording], unread: Collection[str] = (), doubted: Collection[str] = ()) -> Trend:
    """Return the trend of one patient's recordings that have a summary, in the order of their dates.

    `unread`: the ids of those made under a condition of the face. They have no shares and count for no other.
    `doubted`: the ids of those whose patient's face is being chosen again. They count for no other either.
    """
    summarised = [recording for recording in recordings if recording.summary is not None]
    ordered = sorted(summarised, key=_in_time)
    points, changes = _in_lines(ordered, unread, doubted)
    a_day = Counter(point.recorded_on for point in points)
    points = [
        replace(point, taken_for_last=point.recorded_time is None and a_day[point.recorded_on] > 1) for point in points
    ]
    judged = {point.recording_id: point for number in range(len(changes) + 1) for point in _judged(points, number)}
    found = Trend(tuple(judged[point.recording_id] for point in points), tuple(changes), None, None)
    newest = [point for point in found.points if point.segment == found.line and point.excluded is None]
    ranges = _ranges(newest)
    of_line = " of its line" if changes else ""
    building = None if ranges else f"baseline{of_line} being built ({len(newest)} of {BASELINE_MIN})"
    return replace(found, baseline=ranges, building=building, noise=_noise(ordered, newest))


def _in_time(recording: Recording) -> tuple[date, time, int]:
    """Return the sort key of recordings: day, time of day (one without it comes last), and order of entry."""
    return recording.recorded_on, recording.recorded_time or time.max, recording.number


def _in_lines(
    ordered: Sequence[Recording], unread: Collection[str], doubted: Collection[str]
) -> tuple[list[TrendPoint], list[Change]]:
    """Return the recordings as points, each with the number of its line, and where a new line begins and why."""
    changes: list[Change] = []
    points: list[TrendPoint] = []
    lines: list[Line] = []
    now = 0
    summaries = [Summary.from_dict(each.summary or {}) for each in ordered]
    for recording, summary in zip(ordered, summaries, strict=True):
        now, what = line_of(lines, now, recording)
        if what is not None:
            changes.append(Change(recording.recorded_on, what))
        point = _point(recording, summary, now, recording.id in doubted)
        points.append(_unread(point) if recording.id in unread else point)
        lines[now].add(recording, points[-1].excluded is None)
    for number in range(len(lines)):
        own = [place for place, point in enumerate(points) if point.segment == number]
        counting = [summaries[place] for place in own if points[place].excluded is None]
        still = talk.stands_on_still(counting)
        for place in own:
            summary = summaries[place]
            points[place] = _of_still(points[place], summary) if still else _of_whole(points[place], summary, counting)
    return points, changes


def _unread(point: TrendPoint) -> TrendPoint:
    excluded = point.excluded or UNDER_CONDITION
    return replace(point, shares=None, low=None, high=None, sizes=None, excluded=excluded)


def _of_still(point: TrendPoint, summary: Summary) -> TrendPoint:
    if point.shares is None:
        return point
    part, why = summary.still, talk.why_not_still(summary)
    if part is None or why is not None:
        return replace(point, excluded=point.excluded or why)
    return replace(
        point,
        shares=in_order(part.shares),
        low=in_order(part.low),
        high=in_order(part.high),
        sizes=in_order(part.sizes),
        still=True,
    )


def _of_whole(point: TrendPoint, summary: Summary, counting: Sequence[Summary]) -> TrendPoint:
    return replace(point, excluded=point.excluded or talk.why_not_whole(summary, counting))


def _point(recording: Recording, summary: Summary, segment: int, doubted: bool) -> TrendPoint:
    return TrendPoint(
        recording_id=recording.id,
        recorded_on=recording.recorded_on,
        recorded_time=recording.recorded_time,
        kind=recording.kind,
        visit_number=recording.visit_number,
        usable_share=summary.usable_share,
        shares=in_order(summary.shares),
        low=in_order(summary.low),
        high=in_order(summary.high),
        sizes=in_order(summary.sizes),
        excluded=excluded(summary, recording.partial, doubted),
        movement=summary.movement,
        segment=segment,
        model_sha256=recording.model_sha256 or "",
    )


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
    chance = usual.reliable_change(shares.std(axis=0, ddof=1), BASELINE_MIN - 1)
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
    """Return the standard error of shares within one recording of a line, by column; None where that isn't known."""
    counting = {point.recording_id: point for point in newest}
    summaries = {each.id: Summary.from_dict(each.summary or {}) for each in recordings if each.id in counting}
    parts = [found.still if counting[name].still else found for name, found in summaries.items()]
    halves = [[np.array(in_order(half)) for half in part.halves] for part in parts if part and part.halves]
    if not halves:
        return None
    return tuple(usual.noise_floor([(first, second) for first, second in halves], *_arrays(newest)).tolist())


def _arrays(points: Sequence[TrendPoint]) -> tuple[Floats, Floats]:
    """Return shares and sizes of points that count, (N, K) each."""
    return np.array([point.shares for point in points]), np.array([point.sizes for point in points])
