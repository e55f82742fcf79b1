"""Shares worked back from labels: what was put in comes out, and nothing where it can't be known."""

import numpy as np
import pytest

from fer_core.model.model_card import ModelCard
from fer_core.reading.adjusted import FEWEST, adjust

CARD = ModelCard.load()
GIVEN = np.array(CARD.given, np.float64)
OTHER = np.array(CARD.metrics["PrivateTest"]["full"]["given"], np.float64)
TRUE = np.array([0.05, 0.01, 0.04, 0.2, 0.3, 0.05, 0.35])


def labels_of(mixture, given):
    return mixture @ (given / given.sum(axis=1, keepdims=True))


def test_the_card_counts_every_picture_of_the_split():
    assert GIVEN.shape == (7, 8)
    assert GIVEN.sum() == CARD.metrics["PublicTest"]["full"]["pictures"]
    assert GIVEN[:, 7].sum() / GIVEN.sum() == pytest.approx(
        1 - CARD.metrics["PublicTest"]["full"]["selective"]["coverage"], abs=0.002
    )


def test_what_was_put_in_comes_out():
    assert adjust(labels_of(TRUE, GIVEN), 500, GIVEN).shares == pytest.approx(TRUE, abs=0.01)


def test_rates_of_other_pictures_bring_it_nearer_to_the_truth():
    shares = labels_of(TRUE, OTHER)
    found = adjust(shares, 500, GIVEN)
    assert shares[4] < 0.17
    assert found.shares[4] == pytest.approx(0.3, abs=0.02)
    assert found.low[4] < 0.3 < found.high[4]


def test_none_is_none():
    never = TRUE * (np.arange(7) != 4)
    assert adjust(labels_of(never / never.sum(), OTHER), 500, GIVEN).shares[4] < 0.01


def test_the_interval_holds_the_truth():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(40):
        mixture = rng.dirichlet(TRUE * 8)
        found = adjust(rng.multinomial(300, labels_of(mixture, OTHER)) / 300, 300, GIVEN)
        held.append((found.low - 0.005 <= mixture) & (mixture <= found.high + 0.005))
    assert np.mean(held) >= 0.88


def test_it_is_not_given_where_it_is_not_known_to_be_better():
    shares = labels_of(TRUE, GIVEN)
    assert adjust(shares, FEWEST - 1, GIVEN) is None
    mostly_uncertain = np.array([0.02, 0.0, 0.02, 0.05, 0.05, 0.02, 0.14, 0.70])
    assert adjust(mostly_uncertain, 200, GIVEN) is None
