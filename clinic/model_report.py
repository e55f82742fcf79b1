"""The meaning of a model's test results, as sentences and rows: every figure comes from its card. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinic import words
from clinic.model_intervals import between, interval, labelled_95, macro_f1_95, neutral_to_sad_95
from clinic.phrases import counted, exact_percent, percent, percent_range
from fer_core.emotions import Emotion
from fer_core.model.model_card import ModelCard

MANY_POINTS = 0.05
"""A difference in agreement of five points or more is worth a sentence."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One expression: of the faces that people call so, which shares get this label, another one, or none.

    Shares are 0 to 1, `right_95` the 95 % interval of `right` (Wilson), `precision_95` that of `precision`: of the
    faces that get this label, how many people call so, None where no face gets it. `pictures`: faces of this
    expression in the test.
    """

    emotion: Emotion
    right: float
    right_95: tuple[float, float]
    other: float
    uncertain: float
    precision: float | None
    precision_95: tuple[float, float]
    f1: float
    pictures: int


@dataclass(frozen=True, slots=True)
class Observations:
    """Sentences made from the figures: what the model does well, where it errs, and what it confuses most."""

    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]
    confused: tuple[str, ...]


def class_figures(measured: Mapping[str, Any]) -> tuple[ClassFigures, ...]:
    """Return the figures of each expression, in the order of `Emotion`.

    `measured`: the results on one set of pictures, as a card keeps them. Where it doesn't say which faces stay
    uncertain, none does.
    """
    confusion = np.array(measured["confusion"], dtype=float)
    given = np.array(measured.get("given") or np.pad(confusion, ((0, 0), (0, 1))), dtype=float)
    return tuple(_of_class(emotion, given, measured["per_class"][emotion.label]["f1"]) for emotion in Emotion)


def _of_class(emotion: Emotion, given: Any, f1: float) -> ClassFigures:
    row, column = given[emotion], given[:, emotion]
    faces, labelled, right = row.sum(), column.sum(), row[emotion]
    return ClassFigures(
        emotion,
        _share(right, faces),
        interval(right, faces),
        _share(row[:-1].sum() - right, faces),
        _share(row[-1], faces),
        _share(right, labelled) if labelled else None,
        interval(right, labelled),
        f1,
        int(faces),
    )


def opening(measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the meaning of the figures for a clinician, the most misleading label first."""
    by = {found.emotion: found for found in class_figures(measured)}
    sad = by[Emotion.SAD]
    neutral = np.array(measured.get("given") or measured["confusion"], dtype=float)[Emotion.NEUTRAL]
    taken, faces = neutral[Emotion.SAD], neutral.sum()
    return (
        f"Of 100 faces that people call sad, the program says so in {_of_100(sad.right)} {_within(sad.right_95)},"
        f" gives another label in {_of_100(sad.other)} and leaves {_of_100(sad.uncertain)} uncertain.",
        _called_sad(sad),
        f"Of 100 faces that people call neutral, it calls {_of_100(_share(taken, faces))} sad"
        f" {_within(interval(taken, faces))}.",
    )


def _called_sad(sad: ClassFigures) -> str:
    if sad.precision is None:
        return "It calls no face of the test sad."
    return f"Of 100 faces that it calls sad, people call {_of_100(sad.precision)} sad {_within(sad.precision_95)}."


def observations(metrics: Mapping[str, Any], split: str) -> Observations:
    """Return what stands out in a card's results on one split."""
    tested = metrics[split]
    measured = tested["full"]
    figures = class_figures(measured)
    return Observations(
        (*_strengths(figures, measured),),
        (*_weaknesses(figures, measured), *_repeats(tested), *_disturbed(measured, metrics.get("robustness", {}))),
        most_confused(measured["confusion"]),
    )


def most_confused(confusion: Sequence[Sequence[int]], count: int = 3) -> tuple[str, ...]:
    """Return the pairs of expressions that are taken for each other most often, as shares of the true label."""
    counts = np.array(confusion, dtype=float)
    shares = counts / np.maximum(1.0, counts.sum(axis=1, keepdims=True))
    np.fill_diagonal(shares, 0.0)
    order = np.argsort(-shares, axis=None, kind="stable")[:count]
    pairs = [divmod(int(place), len(Emotion)) for place in order]
    return tuple(
        f"{exact_percent(shares[true, label])} of the {_name(true)} faces"
        f" ({between(interval(counts[true, label], counts[true].sum()))}) have {_name(label)} as their likeliest label."
        for true, label in pairs
        if shares[true, label] > 0
    )


def main_figures(card: ModelCard, split: str) -> str:
    """Return the figures of a card that matter most on one line, or that there are none."""
    tested = card.metrics.get(split)
    if tested is None:
        return "it has no test results."
    measured = tested["full"]
    return (
        f"agreement {exact_percent(measured['accuracy'])} ({between(measured['accuracy_95'])}, "
        f"{measured['pictures']:,} test pictures), macro F1 {exact_percent(measured['macro_f1'])}"
        f" ({between(macro_f1_95(measured))}), neutral called sad"
        f" {exact_percent(measured['neutral_to_sad'])} ({between(neutral_to_sad_95(measured))})"
        f"{_labelled(measured)}."
    )


def _labelled(measured: Mapping[str, Any]) -> str:
    kept = measured.get("selective")
    return f"; {percent(kept['coverage']) if kept['coverage'] else 'none'} of the faces get a label" if kept else ""


def own_people(judged: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how a fine-tuned model did on the clinic's own people and on the test, against the one before it.

    `judged`: what the card says of it (``metrics["own"]``, see train/tune.py).
    """
    people = judged["people"]
    said = [f"It goes on from another model, with faces of {judged['trained_on']} people of this clinic."]
    if "before" in judged:
        said.append(
            f"On {people['people']} people of this clinic whom it did not learn from, it is right in"
            f" {_level(judged['after'])} of their labelled faces; the model before it in {_level(judged['before'])}."
        )
    said += [
        f"The difference there is {_change(people)}.",
        f"On the {judged['test']['people']:,} test pictures, the difference is {_change(judged['test'])}.",
    ]
    return tuple(said)


def _level(found: Mapping[str, Any]) -> str:
    return f"{exact_percent(found['mean'])} ({between((found['low'], found['high']))})"


def _change(found: Mapping[str, Any]) -> str:
    mean, low, high = (found[name] * 100 for name in ("mean", "low", "high"))
    return f"{mean:+.1f} points (95 % interval {low:+.1f} to {high:+.1f})"


def repeat_rows(tested: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the main figures on all test pictures, and on those without repeats, and against other people's labels."""
    kinds = {
        "full": "all",
        "without_duplicates": "without exact repeats",
        "without_near_duplicates": "without repeats in another crop either",
        "ferplus_majority": "all, by most of ten other people (FER+)",
    }
    return [
        {"Pictures": kind, "Number": tested[key]["pictures"]} | main_columns(tested[key])
        for key, kind in kinds.items()
        if key in tested
    ]


def main_columns(measured: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a table with the main figures, each with its 95 % interval."""
    figures = {
        "Agreement": (measured["accuracy"], measured["accuracy_95"]),
        "Macro F1": (measured["macro_f1"], macro_f1_95(measured)),
        "Neutral called sad": (measured["neutral_to_sad"], neutral_to_sad_95(measured)),
    }
    return {name: f"{exact_percent(share)} ({percent_range(limits)})" for name, (share, limits) in figures.items()}


def _strengths(figures: Sequence[ClassFigures], measured: Mapping[str, Any]) -> list[str]:
    precision, best = max(((found.precision or 0.0, found) for found in figures), key=lambda pair: pair[0])
    said = []
    if precision > 0:
        said.append(
            f"{words.EXPRESSIONS[best.emotion].capitalize()} is its safest label: right in {exact_percent(precision)}"
            f" of the faces that get it ({between(best.precision_95)})."
        )
    kept = measured.get("selective")
    if kept and kept["coverage"] > 0:
        said.append(
            f"Where it is unsure, it gives no label: {exact_percent(1 - kept['coverage'])} of the faces stay"
            f" uncertain, and agreement among the others is"
            f" {exact_percent(kept['accuracy'])} ({between(labelled_95(measured))}),"
            f" and {exact_percent(measured['accuracy'])} ({between(measured['accuracy_95'])}) over all."
        )
    return said


def _weaknesses(figures: Sequence[ClassFigures], measured: Mapping[str, Any]) -> list[str]:
    weak, rare = min(figures, key=lambda found: found.right), min(figures, key=lambda found: found.pictures)
    kept = measured.get("selective")
    silent = ["It gives no face of the test a label: all stay uncertain."] if kept and not kept["coverage"] else []
    return [
        *silent,
        f"It finds {_name(weak.emotion)} least often: {exact_percent(weak.right)} of those faces get the label"
        f" ({between(weak.right_95)}).",
        f"{_name(rare.emotion).capitalize()} rests on {counted(rare.pictures, 'test picture')} only, so its figures"
        f" are rough (found in {exact_percent(rare.right_95[0])} to {exact_percent(rare.right_95[1])}).",
    ]


def _repeats(tested: Mapping[str, Any]) -> list[str]:
    alone = tested.get("without_near_duplicates")
    if alone is None:
        return []
    fall = tested["full"]["accuracy"] - alone["accuracy"]
    f1_fall = tested["full"]["macro_f1"] - alone["macro_f1"]
    again = tested["full"]["pictures"] - alone["pictures"]
    return [
        f"{again:,} of the {tested['full']['pictures']:,} test pictures {'is' if again == 1 else 'are'} in"
        f" the data more than once, some in another crop. Without them agreement is {_lower(fall)} and macro F1"
        f" {_lower(f1_fall)}."
    ]


def _disturbed(measured: Mapping[str, Any], robustness: Mapping[str, Any]) -> list[str]:
    falls = {name: measured["accuracy"] - found["accuracy"] for name, found in robustness.items()}
    worst = sorted((name for name in falls if falls[name] >= MANY_POINTS), key=lambda name: -falls[name])[:3]
    if not worst:
        return []
    listed = ", ".join(f"{name} ({_points(falls[name])})" for name in worst)
    return [f"Agreement falls most with: {listed}."]


def _name(emotion: int) -> str:
    return Emotion(emotion).label


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _within(limits: tuple[float, float]) -> str:
    low, high = limits
    return f"(95 % interval {_of_100(low)} to {_of_100(high)})"


def _of_100(share: float) -> str:
    return f"{share * 100:.0f}"


def _lower(fall: float) -> str:
    return f"{_points(abs(fall))} {'lower' if fall >= 0 else 'higher'}"


def _points(difference: float) -> str:
    return f"{difference * 100:.1f} points"
