"""Marks, and their effect on a recording's series: pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fer_core.emotions import EMOTION_LABELS
from fer_core.reading.intervals import share_interval
from fer_core.reading.reading import Series
from fer_core.types import Status

FEWEST = 10
"""Judged labels from which agreement is given, with an interval."""


class Verdict(StrEnum):
    """What a mark says. `IMPRESSION`: the clinician's own label, given before the model's was shown."""

    AGREE = "agree"
    OTHER = "other"
    IMPRESSION = "impression"
    UNCLEAR = "unclear"
    NOT_PATIENT = "not_patient"
    EVENT = "event"
    EXCLUDE = "exclude"


LABELLED = frozenset({Verdict.OTHER, Verdict.IMPRESSION})


LEAVES_OUT = frozenset({Verdict.UNCLEAR, Verdict.NOT_PATIENT, Verdict.EXCLUDE})
"""What these cover is left out of the series after marks."""


REASONS: dict[Verdict, tuple[str, ...]] = {
    Verdict.EVENT: ("medication", "topic", "crying", "laughing", "talking", "other"),
    Verdict.EXCLUDE: ("camera", "other_person", "interruption", "other"),
}


@dataclass(frozen=True, slots=True)
class MarkFields:
    """A mark's content for the stretch from `begin_s` to `end_s`; `label` of `LABELLED`, `reason` of `REASONS`."""

    begin_s: float
    end_s: float
    verdict: Verdict
    label: str | None = None
    reason: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A stored mark. `by`: the name of who made it, None for an account of another installation.

    `model_label`: what the model `model_sha256` had said there.
    """

    id: str
    number: int
    revision: int
    said: MarkFields
    model_label: str | None
    by: str | None
    model_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `judged` labels of one model for one patient, so many `agreed`; the 95 % interval from `FEWEST` on."""

    judged: int
    agreed: int
    low: float | None
    high: float | None


def agreed_of(judgements: Sequence[bool]) -> Agreement:
    """Return the agreement of judgements, with Wilson's interval from `FEWEST` on."""
    judged, agreed = len(judgements), sum(judgements)
    if judged < FEWEST:
        return Agreement(judged, agreed, None, None)
    low, high = share_interval(np.array([agreed / judged]), np.array([float(judged)]), dependent=False)
    return Agreement(judged, agreed, float(low[0]), float(high[0]))


def applied(series: Series, found: Sequence[Mark]) -> tuple[Series, NDArray[np.bool_]]:
    """Return a series with the clinicians' labels in place of the model's, and which samples are left out, (N,).

    Of two labels for one sample the newer mark counts. A sample that could not be read gets no label.
    """
    outputs, statuses = series.outputs.copy(), list(series.statuses)
    left_out = np.zeros(len(series.time_s), np.bool_)
    for mark in sorted(found, key=lambda one: one.number):
        inside = (series.time_s >= mark.said.begin_s) & (series.time_s < mark.said.end_s)
        if mark.said.verdict in LEAVES_OUT:
            left_out |= inside
        if mark.said.verdict is Verdict.OTHER and mark.said.label is not None:
            places = np.flatnonzero(inside & series.usable)
            outputs[places] = np.eye(len(EMOTION_LABELS))[EMOTION_LABELS.index(mark.said.label)]
            for place in places.tolist():
                statuses[place] = Status.OK
    return replace(series, outputs=outputs, statuses=tuple(statuses)), left_out


def kept(series: Series, left_out: NDArray[np.bool_]) -> Series:
    """Return a series without the samples that are left out."""
    statuses = tuple(status for status, out in zip(series.statuses, left_out.tolist(), strict=True) if not out)
    mouth = series.mouth_change[~left_out] if series.mouth_change is not None else None
    return replace(
        series,
        time_s=series.time_s[~left_out],
        outputs=series.outputs[~left_out],
        statuses=statuses,
        mouth_change=mouth,
    )


def describe(said: MarkFields) -> str:
    """Return a mark in the program's own words, for a comparison: verdict, label or reason, note."""
    return " · ".join(part for part in (said.verdict.value, said.label, said.reason, said.note) if part)
