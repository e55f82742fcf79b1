"""Shares together and adjusted: known mixtures come back, and what isn't known is left out."""

from dataclasses import replace

import numpy as np
import pytest

from clinic.patients import recast
from clinic.patients.summaries import LABELS
from fer_core.emotions import Emotion
from tests.clinic.patients.test_discordance import point

RATES = np.full((7, 8), 10.0) + 400 * np.eye(7, 8)
"""A model that is mostly right: counts of labels by true expression."""
TRUE = np.array([0.05, 0.05, 0.1, 0.3, 0.2, 0.1, 0.2])


def labelled(size=400.0, model="m", **values):
    shares = TRUE @ (RATES / RATES.sum(axis=1, keepdims=True))
    return replace(point(9), shares=tuple(shares), sizes=(size,) * 8, model_sha256=model, **values)


def test_four_expressions_together_are_their_sum_with_an_interval_around_it():
    [found] = recast.with_composite([point(0, sad=0.1)])
    assert len(found.shares) == len(LABELS) + 1
    assert found.shares[recast.COMPOSITE] == pytest.approx(0.55)
    assert found.low[recast.COMPOSITE] < 0.55 < found.high[recast.COMPOSITE]
    assert found.shares[: len(LABELS)] == point(0, sad=0.1).shares
    assert recast.with_composite([replace(point(0), shares=None)])[0].shares is None


def test_adjusting_gives_the_mixture_back_and_no_usual_range():
    [found] = recast.adjusted([labelled()], "m", RATES)
    assert np.allclose(found.shares, TRUE, atol=0.02)
    assert all(low <= share <= high for low, share, high in zip(found.low, found.shares, found.high, strict=True))
    assert (found.usual_low, found.outside) == (None, ())
    assert len(found.shares) == len(Emotion)


@pytest.mark.parametrize(
    ("wrong", "given"),
    [({"model": "another"}, RATES), ({"size": 30.0}, RATES), ({"excluded": "too little"}, RATES), ({}, None)],
)
def test_what_is_not_known_to_be_better_has_no_shares(wrong, given):
    assert recast.adjusted([labelled(**wrong)], "m", given)[0].shares is None


def test_of_a_long_history_the_newest_are_adjusted():
    found = recast.adjusted([labelled()] * (recast.ADJUSTED_MOST + 2), "m", RATES)
    assert [one.shares is not None for one in found][:3] == [False, False, True]
