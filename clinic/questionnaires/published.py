"""The published scales: questions, range, severity bands, what to do about missing answers, and where that is from.

The questions of PHQ-9, GAD-7 and PHQ-4 were developed by Drs. Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and
colleagues, with an educational grant from Pfizer Inc.; no permission is needed to reproduce, translate, display or
distribute them. The questions of the WHO-5 are not given here, because the terms of its licence differ from place to
place: its total can be entered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HigherIs(StrEnum):
    """What a higher total means."""

    WORSE = "worse"
    BETTER = "better"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Band:
    """A range of totals with a name, from `least` up to the next band."""

    least: float
    label: str


@dataclass(frozen=True, slots=True)
class Reliability:
    """What the reliable change index rests on: a published reliability and the spread it was found with.

    `coefficient`: 0 to 1. `spread`: the standard deviation of the totals, in points.
    """

    coefficient: float
    spread: float
    source: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a scale that has a sum of its own; `items`: its questions, from 0."""

    name: str
    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """A questionnaire. `key` names it in the tables.

    `items`: its questions, empty where only the total is entered; each is answered by the place of an answer in
    `answers`. `most_missing`: so many answers may be missing; they are replaced by the mean of the others. `watched`:
    the question that has a notice of its own when it is answered above 0, from 0, None where there is none. `step`:
    totals of a whole questionnaire are multiples of it, None where they need not be.
    """

    key: str
    name: str
    about: str
    lowest: float
    highest: float
    higher_is: HigherIs
    bands: tuple[Band, ...]
    source: str = ""
    lead: str = ""
    items: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    most_missing: int = 0
    missing_rule: str = ""
    watched: int | None = None
    parts: tuple[Part, ...] = ()
    reliability: Reliability | None = None
    credit: str = ""
    step: int | None = None


_LEAD = "Over the last 2 weeks, how often have you been bothered by the following problem?"
_ANSWERS = ("Not at all", "Several days", "More than half the days", "Nearly every day")
_CREDIT = (
    "Developed by Drs. Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and colleagues, with an educational grant"
    " from Pfizer Inc. No permission required to reproduce, translate, display or distribute."
)
_UP_TO_TWO = "Up to two missing answers are replaced by the mean of the others; with more there is no total."
_ANXIETY = (
    "Feeling nervous, anxious or on edge",
    "Not being able to stop or control worrying",
    "Worrying too much about different things",
    "Trouble relaxing",
    "Being so restless that it is hard to sit still",
    "Becoming easily annoyed or irritable",
    "Feeling afraid as if something awful might happen",
)
_INTEREST = "Little interest or pleasure in doing things"
_DOWN = "Feeling down, depressed, or hopeless"

PHQ9 = Scale(
    key="phq9",
    name="PHQ-9",
    about="depressive symptoms",
    lowest=0,
    highest=27,
    higher_is=HigherIs.WORSE,
    bands=(
        Band(0, "minimal"),
        Band(5, "mild"),
        Band(10, "moderate"),
        Band(15, "moderately severe"),
        Band(20, "severe"),
    ),
    source="Kroenke, Spitzer & Williams 2001, doi:10.1046/j.1525-1497.2001.016009606.x",
    lead=_LEAD,
    items=(
        _INTEREST,
        _DOWN,
        "Trouble falling or staying asleep, or sleeping too much",
        "Feeling tired or having little energy",
        "Poor appetite or overeating",
        "Feeling bad about yourself – or that you are a failure or have let yourself or your family down",
        "Trouble concentrating on things, such as reading the newspaper or watching television",
        "Moving or speaking so slowly that other people could have noticed? Or the opposite – being so fidgety or"
        " restless that you have been moving around a lot more than usual",
        "Thoughts that you would be better off dead or of hurting yourself in some way",
    ),
    answers=_ANSWERS,
    most_missing=2,
    missing_rule=_UP_TO_TWO,
    watched=8,
    reliability=Reliability(
        0.84,
        6.1,
        "test-retest reliability, and spread among patients with major depression: Kroenke, Spitzer & Williams 2001",
    ),
    credit=_CREDIT,
)
GAD7 = Scale(
    key="gad7",
    name="GAD-7",
    about="anxiety symptoms",
    lowest=0,
    highest=21,
    higher_is=HigherIs.WORSE,
    bands=(Band(0, "minimal"), Band(5, "mild"), Band(10, "moderate"), Band(15, "severe")),
    source="Spitzer, Kroenke, Williams & Löwe 2006, doi:10.1001/archinte.166.10.1092",
    lead=_LEAD,
    items=_ANXIETY,
    answers=_ANSWERS,
    most_missing=2,
    missing_rule=_UP_TO_TWO,
    reliability=Reliability(
        0.87,
        5.59,
        "test-retest reliability over 14 to 28 days: Bischoff, Anderson, Heafner & Tambling 2020,"
        " doi:10.5964/pch.v8i1.309",
    ),
    credit=_CREDIT,
)
PHQ4 = Scale(
    key="phq4",
    name="PHQ-4",
    about="anxiety and depressive symptoms",
    lowest=0,
    highest=12,
    higher_is=HigherIs.WORSE,
    bands=(Band(0, "normal"), Band(3, "mild"), Band(6, "moderate"), Band(9, "severe")),
    source="Kroenke, Spitzer, Williams & Löwe 2009, doi:10.1176/appi.psy.50.6.613",
    lead=_LEAD,
    items=(*_ANXIETY[:2], _INTEREST, _DOWN),
    answers=_ANSWERS,
    missing_rule="All four answers are needed for a total: no rule for missing ones is published.",
    parts=(Part("Anxiety (GAD-2)", (0, 1)), Part("Depression (PHQ-2)", (2, 3))),
    credit=_CREDIT,
)
WHO5 = Scale(
    key="who5",
    name="WHO-5",
    about="well-being, as a percentage score",
    lowest=0,
    highest=100,
    higher_is=HigherIs.BETTER,
    bands=(Band(0, "at or below the published cut-off of 50"), Band(51, "above the published cut-off of 50")),
    source="Topp, Østergaard, Søndergaard & Bech 2015, doi:10.1159/000376585",
    missing_rule="Enter the percentage score (raw total times 4) of a questionnaire with all five answers.",
    step=4,
)

PUBLISHED: dict[str, Scale] = {scale.key: scale for scale in (PHQ9, GAD7, PHQ4, WHO5)}
"""By key, in the order in which they are offered."""
