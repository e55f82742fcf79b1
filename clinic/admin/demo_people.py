"""The invented patients of the demonstration, each with a known truth. Nobody here exists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clinic.patients.conditions import ConditionKind
from clinic.patients.events import EventKind

OLD_MODEL, NEW_MODEL = "demo-model-1", "demo-model-2"
OWN_SCALE = "Session rating (invented)"
"""The name of the clinic's own questionnaire, from 0 to 40."""


@dataclass(frozen=True, slots=True)
class InventedVisit:
    """An invented recording: how long before the last day, its mean expression, and how much of it is usable."""

    days_ago: int
    happy: float
    sad: float
    usable: float = 0.9
    minutes: float = 5.0
    model: str = NEW_MODEL
    note: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An invented questionnaire. `scale`: a published key, or `OWN_SCALE`; `open`: so many answers are missing.

    `watched`: the answer to the question that is watched.
    """

    days_ago: int
    scale: str
    total: int
    open: int = 0
    watched: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An invented mark on the axis of time."""

    days_ago: int
    kind: EventKind
    text: str


@dataclass(frozen=True, slots=True)
class InventedPerson:
    """An invented patient. `every_days`: by questionnaire, how often it is due. `sampled`: so many of the newest
    recordings keep their samples, None for all."""

    name: str
    note: str
    visits: Sequence[InventedVisit]
    answered: Sequence[Answered] = ()
    events: Sequence[Event] = ()
    every_days: Sequence[tuple[str, int]] = ()
    condition: ConditionKind | None = None
    sampled: int | None = None


def _weekly(happy: Sequence[float], sad: Sequence[float], step: int = 14) -> list[InventedVisit]:
    """Return visits `step` days apart, the last one on the last day."""
    count = len(happy)
    return [InventedVisit((count - 1 - n) * step, h, s) for n, (h, s) in enumerate(zip(happy, sad, strict=True))]


def _answers(scale: str, totals: Sequence[int], step: int = 14, last: int = 0) -> list[Answered]:
    """Return questionnaires `step` days apart, the last one `last` days before the last day."""
    count = len(totals)
    return [Answered(last + (count - 1 - n) * step, scale, total) for n, total in enumerate(totals)]


def _long(count: int = 300) -> list[InventedVisit]:
    """Return so many visits, three days apart and two minutes each, of somebody who doesn't change."""
    return [
        InventedVisit((count - 1 - n) * 3, 0.2 + 0.03 * math.sin(2.4 * n), 0.18 + 0.03 * math.sin(1.7 * n), minutes=2.0)
        for n in range(count)
    ]


PEOPLE = (
    InventedPerson(
        "Ada (invented)",
        "Invented for the demonstration: a long, even baseline, then more happy-like time. The questionnaires improve.",
        _weekly(
            [0.15, 0.18, 0.14, 0.17, 0.16, 0.15, 0.19, 0.16, 0.17, 0.4, 0.42, 0.45],
            [0.27, 0.24, 0.28, 0.25, 0.26, 0.28, 0.24, 0.27, 0.25, 0.11, 0.1, 0.09],
        ),
        [
            *_answers("phq9", [17, 18, 16, 17, 18, 17, 16, 17, 15, 11, 8, 6]),
            *_answers("gad7", [13, 12, 13, 11, 9, 5], step=28),
        ],
        [
            Event(58, EventKind.MEDICATION, "Sertraline 50 mg started"),
            Event(30, EventKind.MEDICATION, "Raised to 100 mg"),
        ],
        [("phq9", 14), ("gad7", 28)],
    ),
    InventedPerson(
        "Bruno (invented)",
        "Invented: some recordings with too little of the face, and weeks without any. The questionnaires stay even.",
        [
            InventedVisit(150, 0.2, 0.2),
            InventedVisit(136, 0.22, 0.18, usable=0.3, note="Camera too far away"),
            InventedVisit(122, 0.2, 0.22),
            InventedVisit(52, 0.26, 0.16),
            InventedVisit(38, 0.28, 0.15, usable=0.85),
            InventedVisit(24, 0.0, 0.0, usable=0.0, minutes=3, note="Face turned away all the time"),
            InventedVisit(10, 0.3, 0.14),
        ],
        [Answered(150, "phq9", 11), Answered(122, "phq9", 12, open=1), Answered(52, "phq9", 11, open=4)],
        [Event(100, EventKind.EVENT, "Moved house")],
        [("phq9", 28)],
    ),
    InventedPerson(
        "Chen (invented)",
        "Invented: a new model from the seventh recording on, which starts a new line. The questionnaires stay even.",
        [
            InventedVisit(
                (9 - n) * 21, 0.12 + 0.01 * n, 0.3 - 0.012 * n, model=OLD_MODEL if n < 6 else NEW_MODEL, usable=0.8
            )
            for n in range(10)
        ],
        _answers("gad7", [8, 9, 8, 7, 8], step=42),
        [Event(63, EventKind.SESSION, "First session by video")],
    ),
    InventedPerson(
        "Dana (invented)",
        "Invented: a baseline that is still being built, and a questionnaire of the clinic's own.",
        _weekly([0.31, 0.28, 0.33, 0.3, 0.29, 0.34], [0.1, 0.13, 0.09, 0.11, 0.12, 0.08], step=10),
        [*_answers("phq4", [4, 3, 4], step=20), *_answers(OWN_SCALE, [30, 33, 34], step=20)],
        [Event(20, EventKind.SESSION, "Relaxation exercises begun")],
        [("phq4", 30)],
    ),
    InventedPerson(
        "Emil (invented)",
        "Invented: recordings that differ much from each other, and no change behind it.",
        _weekly(
            [0.1, 0.42, 0.18, 0.35, 0.08, 0.4, 0.22, 0.12, 0.38, 0.16, 0.44, 0.2],
            [0.3, 0.1, 0.22, 0.12, 0.32, 0.08, 0.2, 0.28, 0.1, 0.24, 0.07, 0.2],
        ),
        _answers("phq9", [12, 10, 13, 11, 12, 10, 13, 12, 11, 13, 10, 12]),
    ),
    InventedPerson(
        "Fay (invented)",
        "Invented: more happy-like time, while the questionnaires get worse. What that means is for the conversation.",
        _weekly(
            [0.15, 0.17, 0.16, 0.14, 0.18, 0.16, 0.15, 0.17, 0.6, 0.62, 0.64, 0.64],
            [0.2, 0.22, 0.19, 0.21, 0.2, 0.22, 0.19, 0.21, 0.12, 0.11, 0.1, 0.1],
        ),
        [*_answers("phq9", [7, 6, 7, 8, 6, 7, 7, 9, 12, 14, 16], last=14), Answered(0, "phq9", 18, watched=1)],
        [Event(44, EventKind.EVENT, "Separation")],
        [("phq9", 14)],
    ),
    InventedPerson(
        "Hugo (invented)",
        "Invented: a facial palsy, so labels are not interpreted and only movement is shown.",
        _weekly(
            [0.1, 0.12, 0.11, 0.1, 0.13, 0.12, 0.1, 0.11, 0.12], [0.35, 0.33, 0.36, 0.34, 0.35, 0.33, 0.36, 0.35, 0.34]
        ),
        _answers("phq9", [9, 8, 9, 7, 8], step=28),
        condition=ConditionKind.FACIAL_PALSY,
    ),
)
"""In the order of their names."""

LONG = InventedPerson(
    "Gita (invented)",
    "Invented: 300 recordings within two and a half years, and no change. Samples are kept of the last twelve.",
    _long(),
    _answers("phq9", [9, 8, 10, 9, 8, 9, 10, 9, 8, 9] * 3, step=30),
    [
        Event(700, EventKind.MEDICATION, "Escitalopram 10 mg started"),
        Event(200, EventKind.SESSION, "Group therapy begun"),
    ],
    [("phq9", 30)],
    sampled=12,
)
"""Somebody with a long history, who comes with `make demo` and not with every test."""
