"""Checks of what a recording of an archive holds as JSON: each page, and the worker, counts with it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from clinic.patients.summaries import LABELS, StillPart, Summary
from fer_core.types import Status

Share = Annotated[float, Field(ge=0.0, le=1.0)]
MOST_WHOLE = 2**63 - 1
"""Python's JSON has whole numbers of thousands of digits, with which nothing counts that takes floats."""
_NEARLY = 1e-6
"""A share of many parts may lie so far outside of 0 to 1."""


@dataclass
class _Choice:
    how: str = ""
    tracks: list[int] = field(default_factory=list)
    left_out: list[Share] = field(default_factory=list)
    carried_from: str = ""
    pictures: int = 0


@dataclass
class _Split:
    track: int
    at_s: float
    new: int


@dataclass
class _Settings:
    """Those that the program reads; a recording has a part of them, and others."""

    every_s: Annotated[float, Field(ge=0.0, le=86400.0)] | None = None
    uncertain_below: Share | None = None
    face_choice: _Choice = field(default_factory=_Choice)
    splits: list[_Split] = field(default_factory=list)
    chosen_in: str = ""
    choose: int = 0


def need_plain(value: Any) -> None:
    """Raise ValueError for what is no number to count with, or no text for a file, anywhere in a value of JSON."""
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) > MOST_WHOLE):
        raise ValueError("no number")
    if isinstance(value, str) and "\0" in value.encode().decode():
        raise ValueError("no text")
    for part in value.items() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        need_plain(part)


def check_settings(settings: Any) -> None:
    """Raise ValueError for settings of a recording that the program could not have made."""
    _adapter(_Settings).validate_json(json.dumps(settings), strict=True)


def check_summary(summary: Any, kind: str) -> None:
    """Raise ValueError, LookupError or TypeError for a summary that the program could not have made of a recording."""
    _adapter(Summary).validate_json(json.dumps(summary), strict=True)
    found = Summary.from_dict(summary)
    parts: list[Summary | StillPart] = [found] if found.still is None else [found, found.still]
    counts = 0 <= found.usable_samples <= found.samples and found.framing_tried >= 0
    if found.kind != kind or not counts or not {*found.reasons} <= {*Status}:
        raise ValueError("no summary")
    for part in parts:
        _check_shares(part)
    shares = [found.usable_share, found.framing_kept, *found.reasons.values()]
    lasting = [found.usable_s, found.longest_gap_s, found.moving_s, found.movement]
    still_s = found.still.seconds if found.still is not None else None
    measured = [found.face_px, found.sharpness, found.brightness, still_s]
    if not _are(shares, 1.0) or not _are([*lasting, *measured], math.inf):
        raise ValueError("no share")


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _check_shares(part: Summary | StillPart) -> None:
    by_label = [part.shares, part.low, part.high, part.sizes, *(part.halves or ())]
    if part.shares is None:
        if any(each is not None for each in by_label):
            raise ValueError("an interval without a share")
        return
    if any(each is None or each.keys() != {*LABELS} for each in by_label):
        raise ValueError("not the labels")
    most = [1.0, 1.0, 1.0, math.inf, *[1.0] * len(part.halves or ())]
    if not all(_are([*(each or {}).values()], end) for each, end in zip(by_label, most, strict=True)):
        raise ValueError("no share")
    if len(part.halves or ()) not in (0, 2) or min((part.sizes or {}).values()) <= 0:
        raise ValueError("no halves")


def _are(values: list[float | None], most: float) -> bool:
    return all(-_NEARLY <= value <= most + _NEARLY for value in values if value is not None)
