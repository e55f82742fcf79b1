"""One recording as one point: the summary of its samples, kept as JSON with its row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.models import Recording, RecordingKind
from db.records import SampleTable, load_samples
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.reading.intervals import share_interval
from fer_core.reading.reading import GOOD_SIZE, MIN_PICTURES, MIN_USABLE_S, MIN_USABLE_SHARE, Series, Shares, read
from fer_core.types import Status

LABELS = (*EMOTION_LABELS, Status.UNCERTAIN.value)
"""The columns of a trend: the labels in `Emotion` order, then uncertain."""
UNCERTAIN = len(Emotion)
"""The column of "uncertain"."""
OLD_SIZE_S = 20.0
"""A summary of before 0.2 doesn't say how many independent samples it rests on: one in so many seconds is assumed."""

DOUBTED = "the patient's face is being chosen again: the present result may show another person"
"""Why a recording does not count whose face is being chosen again, whatever else is said of it."""

_USABLE = (Status.OK.value, Status.UNCERTAIN.value)

Floats = NDArray[np.float64]


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
    (`fer_core.reading.camera`). `framing_kept`: share of the labels that stay when `framing_tried` faces are
    framed a little otherwise (`fer_core.faces.framing`). `moving_s`: the usable time in which the mouth moves, `still`:
    that in which it is still. All are None without a usable face, or where they aren't known. `usable_s`,
    `longest_gap_s` and `moving_s` are in seconds, None for pictures. `movement`: how much the output changes per
    second (`fer_core.reading.movement`).
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
    framing_kept: float | None = None
    framing_tried: int = 0

    @property
    def mouth_known(self) -> bool:
        """Whether it is known of any of its time if the mouth moves."""
        return self.moving_s is not None or self.still is not None

    @property
    def moving_share(self) -> float | None:
        """In what share of the time in which that is known the mouth moves, None where it isn't known."""
        if not self.mouth_known:
            return None
        moving_s, still_s = self.moving_s or 0.0, self.still.seconds if self.still is not None else 0.0
        return moving_s / (moving_s + still_s) if moving_s + still_s else None

    @property
    def excluded(self) -> str | None:
        """Why this recording is drawn as an open circle and excluded from every test, or None where it counts."""
        if self.shares is None:
            return "no usable face"
        if self.kind == RecordingKind.PICTURES:
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


def series_of(samples: SampleTable, kind: RecordingKind, settings: dict[str, Any]) -> Series:
    """Return a recording's stored samples as the core reads them."""
    every_s = float(settings.get("every_s") or 0.0) if kind == RecordingKind.VIDEO else None
    statuses = tuple(Status(status) for status in samples.status.tolist())
    uncertain_below = float(settings.get("uncertain_below") or 0.0)
    return Series(samples.time_s, statuses, samples.probabilities, every_s, uncertain_below, samples.mouth_change)


def summarise(samples: SampleTable, kind: RecordingKind, settings: dict[str, Any] | None = None) -> Summary:
    """Return the summary of a recording's samples (one row a moment, as they are after the choice of a face).

    `settings`: those of the recording.
    """
    video = kind == RecordingKind.VIDEO
    if not len(samples):
        nothing = 0.0 if video else None
        return Summary(kind, 0, 0, 0.0, nothing, nothing, {}, None, None, None)
    found = read(series_of(samples, kind, settings or {}))
    known = bool(found.shares)
    kept, tried = _framing(samples)
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
        framing_kept=kept,
        framing_tried=tried,
        **_medians(samples),
    )


def within(seconds: float | None, duration_s: float | None, every_s: float | None) -> float | None:
    """Return a time of a video in seconds, which is no longer than the video; None stays None.

    The step for which the last sample stands may end behind the last frame. What is longer by more than that was
    measured, and the length of the file's header is wrong.
    """
    if seconds is None:
        return None
    steps = 2 * max(every_s or 0.0, 1.0)
    over = duration_s is not None and duration_s < seconds <= duration_s + steps
    return round(duration_s if over and duration_s is not None else seconds, 6)


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


def _framing(samples: SampleTable) -> tuple[float | None, int]:
    """Return the share of labels that stay under another framing, and of how many faces, where that was tried."""
    kept = samples.framing_kept if samples.framing_kept is not None else np.empty(0)
    known = kept[~np.isnan(kept)]
    return float(known.mean()) if len(known) else None, len(known)


def _median(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def summarise_recording(session: Session, recording: Recording) -> dict[str, Any]:
    """Return the summary of a stored recording as the JSON that its row keeps."""
    return asdict(summarise(load_samples(session, recording.id), recording.kind, recording.settings))


def excluded(summary: Summary, partial: bool, doubted: bool = False) -> str | None:
    """Return why a recording is drawn as an open circle and excluded from every test, or None where it counts.

    `doubted`: its patient's face is being chosen again (`clinic.patients.doubts`), which weighs more than the rest.
    """
    if doubted:
        return DOUBTED
    return summary.excluded or ("only a part of the file could be read" if partial else None)


def _by_label(values: Sequence[float] | Floats) -> dict[str, float]:
    return {label: float(value) for label, value in zip(LABELS, values, strict=True)}


def in_order(by_label: dict[str, float] | None) -> tuple[float, ...] | None:
    """Return values by label in the order of `LABELS`; None for None."""
    return None if by_label is None else tuple(by_label[label] for label in LABELS)
