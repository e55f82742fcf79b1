"""What the trend can show and what is chance, in sentences, with the formulas to unfold."""

from __future__ import annotations

from collections.abc import Sequence

from clinic import words
from clinic.patients.summaries import UNCERTAIN
from clinic.patients.trends import Trend
from fer_core.emotions import Emotion
from fer_core.reading.usual import FALSE_RINGS_OF_100
from pages.widgets import small_print


def show_power(trend: Trend, shown: Sequence[Emotion]) -> None:
    """Say how often a ring is due to chance, which change would be seen, and how far recordings differ by chance."""
    if not trend.baseline:
        return
    usual, alike = FALSE_RINGS_OF_100
    small_print(words.FALSE_RINGS.format(usual=usual, alike=alike))
    for sentence in power_sentences(trend, [*shown, UNCERTAIN]):
        small_print(sentence)


def power_sentences(trend: Trend, columns: Sequence[int]) -> list[str]:
    """Return the sentences on power, chance and noise of the given columns of the trend, in percentage points."""
    ranges = trend.baseline or {}
    seen = {column: _seen(ranges[column].rise, ranges[column].fall) for column in columns}
    sentences = []
    if any(seen.values()):
        sentences.append(words.POWER.format(changes=_listed({column: text for column, text in seen.items() if text})))
    if hidden := [_name(column) for column in columns if not seen[column]]:
        sentences.append(words.POWER_NONE.format(names=", ".join(hidden)))
    sentences.append(words.CHANCE.format(changes=_listed({c: _points(ranges[c].chance) for c in columns})))
    if trend.noise is not None:
        noise = trend.noise
        sentences.append(words.NOISE_FLOOR.format(changes=_listed({c: f"± {_points(noise[c])}" for c in columns})))
    return sentences


def _seen(rise: float | None, fall: float | None) -> str:
    found = [f"{sign}{_points(change)}" for sign, change in (("+", rise), ("−", fall)) if change is not None]
    return " or ".join(found)


def _listed(texts: dict[int, str]) -> str:
    return "; ".join(f"{_name(column)} {text}" for column, text in texts.items())


def _name(column: int) -> str:
    return words.EXPRESSIONS[Emotion(column)] if column != UNCERTAIN else "uncertain"


def _points(share: float) -> str:
    return f"{share * 100:.0f} points"
