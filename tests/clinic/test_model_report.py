"""What is said of a model follows from its figures, and changes with them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clinic.model_intervals import interval, macro_f1_95
from clinic.model_report import class_figures, main_figures, most_confused, observations, opening, repeat_rows
from fer_core.emotions import Emotion
from fer_core.model.model_card import ModelCard, known_cards
from train.compare import grouped_intervals

ALONE = {"accuracy": 0.5, "pictures": 40}
RESULTS = Path(__file__).parents[2] / "train" / "results"


def measured(right=6, other=1, uncertain=1, count=8):
    """A result in which each expression has some right, some taken for the next one, some uncertain."""
    given = np.zeros((7, 8), int)
    for emotion in Emotion:
        given[emotion, emotion], given[emotion, (emotion + 1) % 7], given[emotion, 7] = right, other, uncertain
    confusion = given[:, :7].copy()
    confusion[range(7), range(7)] += uncertain
    return {
        "pictures": 7 * count,
        "accuracy": (right + uncertain) / count,
        "accuracy_95": [0.1, 0.9],
        "macro_f1": 0.5,
        "neutral_to_sad": 0.0,
        "per_class": {emotion.label: {"f1": 0.5} for emotion in Emotion},
        "confusion": confusion.tolist(),
        "given": given.tolist(),
        "selective": {"threshold": 0.5, "coverage": 0.875, "accuracy": 0.9},
    }


def card_metrics(**full):
    return {
        "PrivateTest": {
            "full": measured() | full,
            "without_near_duplicates": measured() | ALONE,
        },
        "robustness": {"dark": {"accuracy": 0.3}, "blur": {"accuracy": 0.6}, "bright": {"accuracy": 0.86}},
    }


def test_the_opening_counts_faces_in_a_hundred():
    sad, called_sad, neutral = opening(measured())
    assert sad.startswith("Of 100 faces that people call sad, the program says so in 75 (95 % interval 41 to 93)")
    assert sad.endswith("gives another label in 12 and leaves 12 uncertain.")
    assert "people call 86 sad (95 % interval 49 to 99)" in called_sad
    assert "it calls 0 sad (95 % interval 0 to 32)" in neutral


def test_shares_of_each_expression_add_up():
    for found in class_figures(measured()):
        assert found.right + found.other + found.uncertain == pytest.approx(1)
        assert found.right_95[0] < found.right < found.right_95[1]


def test_a_card_that_counts_no_uncertain_faces_has_none():
    without = {key: value for key, value in measured().items() if key != "given"}
    assert [found.uncertain for found in class_figures(without)] == [0.0] * 7
    assert class_figures(without)[Emotion.SAD].right == 7 / 8


def test_an_expression_without_a_picture_is_no_division_by_zero():
    results = measured()
    results["given"][Emotion.DISGUST] = [0] * 8
    found = class_figures(results)[Emotion.DISGUST]
    assert (found.right, found.right_95, found.pictures) == (0.0, (0.0, 1.0), 0)


def test_wilson_s_interval_is_that_of_the_textbook():
    # 81 of 263 (Agresti & Coull 1998 use it to compare): Wilson gives .2553 to .3662.
    assert interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=2e-4)


def test_the_most_confused_come_first_and_nothing_is_made_up():
    counts = np.diag([10] * 7)
    assert most_confused(counts.tolist()) == ()
    counts[Emotion.NEUTRAL, Emotion.SAD], counts[Emotion.FEAR, Emotion.SURPRISE] = 10, 2
    first, second = most_confused(counts.tolist())
    assert first == "50.0 % of the neutral faces (95 % interval 29.9 % to 70.1 %) have sad as their likeliest label."
    assert second == "16.7 % of the fear faces (95 % interval 4.7 % to 44.8 %) have surprise as their likeliest label."


def test_observations_name_what_stands_out():
    found = observations(card_metrics(), "PrivateTest")
    assert any("12.5 % of the faces stay uncertain" in said for said in found.strengths)
    assert any("16 of the 56 test pictures" in said and "37.5 points lower" in said for said in found.weaknesses)
    assert "Agreement falls most with: dark (57.5 points), blur (27.5 points)." in found.weaknesses


def test_a_model_that_gives_no_label_has_no_strength_and_no_share_of_nothing():
    given = np.zeros((7, 8), int)
    given[:, 7] = 8
    silent = measured() | {"given": given.tolist(), "selective": {"threshold": 0.99, "coverage": 0.0, "accuracy": 0.0}}
    assert [found.precision for found in class_figures(silent)] == [None] * 7
    assert "It calls no face of the test sad." in opening(silent)
    found = observations({"PrivateTest": {"full": silent}}, "PrivateTest")
    assert found.strengths == ()
    assert found.weaknesses[0] == "It gives no face of the test a label: all stay uncertain."
    card = replace(ModelCard.load(), metrics={"PrivateTest": {"full": silent}})
    assert main_figures(card, "PrivateTest").endswith("; none of the faces get a label.")
    assert main_figures(ModelCard.load(), "PrivateTest").endswith("; 75 % of the faces get a label.")


def test_observations_need_no_more_than_the_figures():
    found = observations({"PrivateTest": {"full": measured()}}, "PrivateTest")
    assert not [said for said in found.weaknesses if "falls" in said or "more than once" in said]


def test_twins_stand_beside_all_pictures():
    every, alone = repeat_rows(card_metrics()["PrivateTest"])
    assert (every["Number"], alone["Number"]) == (56, 40)
    assert alone["Agreement"] == "50.0 % (10.0 to 90.0 %)"
    low, high = macro_f1_95(measured())
    assert every["Macro F1"] == f"50.0 % ({low * 100:.1f} to {high * 100:.1f} %)"


@pytest.mark.parametrize("card", [ModelCard.load(), *known_cards(RESULTS)], ids=lambda c: c.name)
def test_each_figure_of_a_sentence_is_in_range(card):
    found = observations(card.metrics, "PrivateTest")
    for said in (*opening(card.metrics["PrivateTest"]["full"]), *found.strengths, *found.weaknesses, *found.confused):
        assert all(0 <= float(number) <= 100 for number in re.findall(r"([\d.]+) %", said)), said
        assert "nan" not in said


def test_each_share_of_faces_stands_with_its_interval():
    """What counts pictures, points or thresholds has none; so has the share that stays uncertain, which is a choice."""
    found = observations(ModelCard.load().metrics, "PrivateTest")
    for said in (*opening(ModelCard.load().metrics["PrivateTest"]["full"]), *found.strengths[:1], *found.confused):
        assert "95 % interval" in said, said
    assert sum("95 % interval" in said for said in found.weaknesses) >= 1
    assert found.strengths[1].count("95 % interval") == 2


def test_the_interval_of_macro_f1_is_that_of_drawing_pictures_again():
    counts = np.array(ModelCard.load().metrics["PrivateTest"]["full"]["confusion"])
    true, label = (np.repeat(axis.ravel(), counts.ravel()).astype(np.uint8) for axis in np.indices(counts.shape))
    drawn = grouped_intervals(label, true, np.arange(len(true)).astype(str))["macro_f1_95"]
    assert macro_f1_95({"confusion": counts.tolist()}) == pytest.approx(drawn, abs=0.004)
    assert macro_f1_95({"confusion": np.zeros((7, 7)).tolist()}) == (0.0, 1.0)
