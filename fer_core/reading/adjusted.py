"""Shares of true expressions, estimated from the labels: what a model calls uncertain isn't missing at random.

A model that calls sad faces uncertain more often than happy ones makes sad time look shorter. How often it gives which
label to which true expression is known from test pictures, and so is what mixture would give the labels seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_core.reading.intervals import Floats

ROUNDS, DRAWS = 300, 300
FEWEST = 60.0
"""With fewer independent samples an adjusted share is less exact than a raw one; see docs/statistics.md."""
NOTHING = 0.005
"""An interval that would begin lower begins at 0."""
MISFIT = 24.3
"""Above this chi-square (7 degrees of freedom, 1 in 1,000) no mixture of expressions gives such labels."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Shares of the true expressions, (7,) in `Emotion` order, 0 to 1, with their 95 % interval."""

    shares: Floats
    low: Floats
    high: Floats


def adjust(shares: Floats, size: float, given: Floats, seed: int = 0) -> Adjusted | None:
    """Return the shares of true expressions that make such shares of labels; None where it isn't known to be better.

    `shares` (8,): of the labels, the last one uncertain; `size`: how many independent samples they rest on; `given`
    (7, 8): how many test pictures of each true expression got each label. The interval holds what comes from the
    recording's own samples, and rates that differ from those of the test pictures as those of another set of as many
    would. None with fewer than `FEWEST` samples, and where no mixture gives labels like these.

    Source: Saerens, Latinne & Decaestecker 2002, doi 10.1162/089976602753284446 (expectation maximisation).
    """
    if size < FEWEST:
        return None
    rates = given / given.sum(axis=1, keepdims=True)
    found = _maximise(shares[None], rates[None])[0]
    expected = np.maximum(found @ rates, 1e-6)
    if size * ((shares - expected) ** 2 / expected).sum() > MISFIT:
        return None
    rng = np.random.default_rng(seed)
    # Half a sample more of each label (Jeffreys): one that wasn't seen is not known to be absent.
    drawn = rng.dirichlet(np.maximum(shares, 0) * size + 0.5, DRAWS)
    # Half the counts, for twice the variance: that of these test pictures, and that of the faces that are judged.
    weights = rng.gamma(np.broadcast_to(given / 2 + 0.5, (DRAWS, *given.shape)))
    low, high = np.quantile(_maximise(drawn, weights / weights.sum(axis=2, keepdims=True)), [0.025, 0.975], axis=0)
    # None of the draws is exactly nothing, though an expression may well be absent.
    low = np.where(low < NOTHING, 0.0, low)
    return Adjusted(found, np.minimum(low, found), np.maximum(high, found))


def _maximise(shares: Floats, rates: Floats) -> Floats:
    """Return the mixture that makes shares of labels (M, 8) most likely under rates (M, 7, 8): (M, 7)."""
    mixture: Floats = np.full(rates.shape[:2], 1 / rates.shape[1])
    for _ in range(ROUNDS):
        expected = np.maximum(np.einsum("mk,mkl->ml", mixture, rates), 1e-12)
        mixture = mixture * np.einsum("mkl,ml->mk", rates, shares / expected)
    return mixture
