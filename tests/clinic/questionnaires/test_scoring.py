"""Scores, bands and reliable changes against what was published."""

import itertools
import math

import pytest

from clinic.questionnaires import scoring
from clinic.questionnaires.published import GAD7, PHQ4, PHQ9, PUBLISHED, WHO5, HigherIs, Scale
from fer_core.errors import FerError

TABLES = {
    # Kroenke, Spitzer & Williams 2001, table "PHQ-9 scores and proposed treatment actions".
    "phq9": {
        "minimal": (0, 4),
        "mild": (5, 9),
        "moderate": (10, 14),
        "moderately severe": (15, 19),
        "severe": (20, 27),
    },
    # Spitzer, Kroenke, Williams & Löwe 2006: cut points of 5, 10 and 15.
    "gad7": {"minimal": (0, 4), "mild": (5, 9), "moderate": (10, 14), "severe": (15, 21)},
    # Kroenke, Spitzer, Williams & Löwe 2009.
    "phq4": {"normal": (0, 2), "mild": (3, 5), "moderate": (6, 8), "severe": (9, 12)},
}


@pytest.mark.parametrize("key", TABLES)
def test_each_total_lies_in_its_published_band(key):
    scale, table = PUBLISHED[key], TABLES[key]
    expected = {total: band for band, (low, high) in table.items() for total in range(low, high + 1)}
    assert set(expected) == set(range(int(scale.lowest), int(scale.highest) + 1))
    assert {total: scoring.band_of(scale, total) for total in expected} == expected


@pytest.mark.parametrize("scale", [PHQ9, GAD7, PHQ4], ids=lambda scale: scale.key)
def test_a_total_is_the_sum_of_its_answers(scale):
    count = len(scale.items)
    assert (count, count * 3) == ({"phq9": 9, "gad7": 7, "phq4": 4}[scale.key], scale.highest)
    for items in ([0] * count, [3] * count, [(place * 2 + 1) % 4 for place in range(count)]):
        found = scoring.score_items(scale, items)
        assert (found.total, found.missing) == (sum(items), 0)
    for total in range(count * 3 + 1):
        items = [min(3, max(0, total - 3 * place)) for place in range(count)]
        assert scoring.score_items(scale, items).total == total


@pytest.mark.parametrize(
    ("scale", "items", "total"),
    [
        (PHQ9, [1, None, 1, 1, 1, 1, 1, 1, 1], 9),
        (PHQ9, [3, None, None, 3, 3, 3, 3, 3, 3], 27),
        (PHQ9, [1, 2, 1, 2, 1, 2, 1, None, None], 13),
        (PHQ9, [None, None, None, 1, 1, 1, 1, 1, 1], None),
        (GAD7, [2, None, None, 2, 2, 2, 2], 14),
        (GAD7, [1, 0, 0, 0, 0, None, 0], 1),
        (GAD7, [2, None, None, None, 2, 2, 2], None),
        (PHQ4, [1, 1, 1, None], None),
    ],
)
def test_missing_answers_are_replaced_by_each_scale_s_own_rule(scale, items, total):
    found = scoring.score_items(scale, items)
    assert found.total == total
    assert found.missing == items.count(None)
    assert (found.band is None) == (total is None)


def test_a_replaced_answer_never_leaves_the_range_and_rounds_halves_up():
    for given in itertools.product(range(4), repeat=7):
        found = scoring.score_items(PHQ9, [*given, None, None])
        exact = sum(given) * 9 / 7
        assert found.total is not None
        assert abs(found.total - exact) <= 0.5
        assert 0 <= found.total <= 27
    assert scoring.score_items(GAD7, [3, 0, 0, 0, 0, 0, None]).total == 4, "3.5 goes up"


@pytest.mark.parametrize(("answer", "watched"), [(0, False), (1, True), (3, True), (None, False)])
def test_item_nine_is_watched_whatever_the_total(answer, watched):
    assert scoring.score_items(PHQ9, [0] * 8 + [answer]).watched is watched
    assert scoring.score_items(PHQ9, [None] * 7 + [1, answer]).watched is watched, "also where there is no total"


def test_no_other_question_raises_that_notice():
    assert not scoring.score_items(PHQ9, [3] * 8 + [0]).watched
    assert not scoring.score_items(GAD7, [3] * 7).watched


def test_the_parts_of_the_phq_4_are_anxiety_first():
    assert scoring.score_items(PHQ4, [3, 2, 0, 1]).parts == (("Anxiety (GAD-2)", 5), ("Depression (PHQ-2)", 1))
    assert scoring.score_items(PHQ4, [3, None, 0, 1]).parts == (("Anxiety (GAD-2)", None), ("Depression (PHQ-2)", 1))


@pytest.mark.parametrize(
    "items", [[], [0] * 8, [0] * 10, [4] + [0] * 8, [-1] + [0] * 8, [True] + [0] * 8, [None] * 9, [0.0] * 9]
)
def test_what_is_no_answer_is_refused(items):
    with pytest.raises(FerError) as refusal:
        scoring.score_items(PHQ9, items)
    assert refusal.value.code == "bad_items"


@pytest.mark.parametrize("total", [-1, 28, math.nan, math.inf, 3.5])
def test_what_is_no_total_is_refused(total):
    with pytest.raises(FerError) as refusal:
        scoring.score_total(PHQ9, total)
    assert refusal.value.code == "bad_total"


def test_the_who_5_has_a_total_alone():
    assert not WHO5.items
    assert scoring.score_total(WHO5, 50).band == "at or below the published cut-off of 50"
    assert scoring.score_total(WHO5, 52).band == "above the published cut-off of 50"
    with pytest.raises(FerError):
        scoring.score_items(WHO5, [1, 1, 1, 1, 1])


def test_the_reliable_change_is_jacobson_and_truax_s():
    # 1.96 * 6.1 * sqrt(2) * sqrt(1 - 0.84), by hand.
    assert scoring.least_reliable(PHQ9) == pytest.approx(6.763, abs=0.001)
    # Bischoff and colleagues give 5.59 for their figures.
    assert scoring.least_reliable(GAD7) == pytest.approx(5.59, abs=0.01)
    assert scoring.least_reliable(PHQ4) is None
    assert [scoring.change(PHQ9, 20, after).reliable for after in (14, 13, 27, 26)] == [False, True, True, False]
    assert scoring.change(PHQ9, None, 3) is None
    assert scoring.change(PHQ4, 1, 3) is None


def test_a_scale_without_bands_has_a_total_and_no_band():
    own = Scale("own", "Own", "", 0, 10, HigherIs.NEITHER, ())
    assert scoring.score_total(own, 2.5).band is None
