"""Self-report and expression that move apart raise a question; everything else raises none."""

from datetime import date, timedelta

import pytest

from clinic import words
from clinic.patients import discordance
from clinic.patients.trends import Trend, TrendPoint
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.published import PHQ4, PHQ9, WHO5, HigherIs, Scale
from clinic.questionnaires.scoring import score_total
from fer_core.emotions import Emotion

START = date(2026, 1, 5)
USUAL = (0.1,) * 8, (0.2,) * 8


def point(number, happy=0.15, sad=0.15, outside=(), excluded=None):
    shares = [0.15] * 8
    shares[Emotion.HAPPY], shares[Emotion.SAD] = happy, sad
    judged = number >= 8
    return TrendPoint(
        str(number), START + timedelta(days=14 * number), 0.9, tuple(shares), *USUAL, (200.0,) * 8, excluded,
        0, "m", in_baseline=not judged, usual_low=USUAL[0] if judged else None, usual_high=USUAL[1] if judged else None,
        outside=outside, visit_number=1,
    )  # fmt: skip


def trend_of(**newest):
    return Trend((*(point(number) for number in range(9)), point(9, **newest)), (), None, None)


def answers(*totals, scale=PHQ9, last=0):
    """Totals two weeks apart, the last one at the newest recording's day; the newest first."""
    days = [START + timedelta(days=14 * (10 - len(totals) + place) - last) for place in range(len(totals))]
    made = [
        Answer(str(n), n, scale, day, None, score_total(scale, total), "total", None)
        for n, (day, total) in enumerate(zip(days, totals, strict=True))
    ]
    return made[::-1]


RISING, FALLING, EVEN = [7] * 8 + [14, 18], [18] * 8 + [10, 6], [9] * 10
HAPPIER = {"happy": 0.4, "outside": (Emotion.HAPPY,)}
LESS_HAPPY = {"happy": 0.02, "outside": (Emotion.HAPPY,)}
SADDER = {"sad": 0.4, "outside": (Emotion.SAD,)}
LESS_SAD = {"sad": 0.02, "outside": (Emotion.SAD,)}


@pytest.mark.parametrize(
    ("newest", "totals", "apart"),
    [
        (HAPPIER, RISING, True),
        (LESS_SAD, RISING, True),
        (LESS_HAPPY, FALLING, True),
        (SADDER, FALLING, True),
        (HAPPIER, FALLING, False),
        (SADDER, RISING, False),
        (HAPPIER, EVEN, False),
        ({}, RISING, False),
        ({**HAPPIER, "excluded": "too little face"}, RISING, False),
        ({"surprise_only": True}, RISING, False),
        ({"happy": 0.4, "sad": 0.4, "outside": (Emotion.HAPPY, Emotion.SAD)}, RISING, False),
    ],
)
def test_a_question_needs_two_reliable_changes_in_opposite_directions(newest, totals, apart):
    if newest.pop("surprise_only", False):
        newest = {"outside": (Emotion.SURPRISE,)}
    found = discordance.find(trend_of(**newest), answers(*totals))
    assert (found is not None) is apart


def test_it_says_both_sides_and_asks():
    said = discordance.sentence(discordance.find(trend_of(**HAPPIER), answers(*RISING)), words.TREND_NAMES)
    for part in (
        "PHQ-9 went from about",
        "to 18, which is worse",
        "happy-like expression lay above",
        "how does the patient",
    ):
        assert part in said
    assert not any(word in said.lower() for word in ("hiding", "lie", "masking", "really feels", "risk"))


def test_a_better_score_on_a_scale_of_well_being_is_a_rise():
    own = Scale("own", "Own", "", 0, 100, HigherIs.BETTER, (), reliability=PHQ9.reliability)
    found = discordance.find(trend_of(**SADDER), answers(*[20] * 8, 60, 80, scale=own))
    assert "which is better" in discordance.sentence(found, words.TREND_NAMES)


@pytest.mark.parametrize("scale", [PHQ4, WHO5], ids=lambda scale: scale.key)
def test_without_a_known_reliability_there_is_no_question(scale):
    assert discordance.find(trend_of(**HAPPIER), answers(*[1] * 8, 9, 12, scale=scale)) is None


def test_an_old_questionnaire_or_none_from_the_baseline_says_nothing():
    assert discordance.find(trend_of(**HAPPIER), answers(*RISING, last=60)) is None
    assert discordance.find(trend_of(**HAPPIER), answers(18)) is None
    assert discordance.find(Trend((), (), None, None), answers(*RISING)) is None
