"""Intervals over groups cover the truth, and McNemar's test is the one of the books."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from train.compare import grouped_intervals, macro_f1, mcnemar
from train.metrics import wilson_interval


def test_pictures_of_the_same_people_are_worth_less_than_as_many_of_strangers():
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.integers(0, 7, 40), 25).astype(np.uint8)
    # Each person is either always right or always wrong: forty answers, not a thousand.
    predicted = np.where(np.repeat(rng.random(40) < 0.7, 25), labels, (labels + 1) % 7).astype(np.uint8)
    people = np.repeat([f"p{number}" for number in range(40)], 25)
    by_people = grouped_intervals(predicted, labels, people)
    alone = grouped_intervals(predicted, labels, np.array([str(number) for number in range(1000)]))
    width, narrow = (found["accuracy_95"][1] - found["accuracy_95"][0] for found in (by_people, alone))
    assert by_people["groups"] == 40
    assert width > 3 * narrow


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = 0
    for trial in range(100):
        skill = np.repeat(rng.beta(7, 3, 40), 10)
        labels = np.zeros(400, np.uint8)
        predicted = np.where(rng.random(400) < skill, 0, 1).astype(np.uint8)
        low, high = grouped_intervals(predicted, labels, np.repeat(np.arange(40).astype(str), 10), trial)["accuracy_95"]
        covered += low <= 0.7 <= high
    # Two in three hundred runs of a true 95 % interval fall under 89 of 100.
    assert covered >= 89


def test_where_all_are_right_some_doubt_is_left():
    labels = np.zeros(20, np.uint8)
    low, high = grouped_intervals(labels, labels, np.arange(20).astype(str))["accuracy_95"]
    assert low == pytest.approx(wilson_interval(20, 20)[0])
    assert high == pytest.approx(1)


def test_macro_f1_is_scikit_learn_s_over_the_classes_that_occur():
    rng = np.random.default_rng(3)
    labels, predicted = rng.integers(0, 4, 200), rng.integers(0, 7, 200)
    confusion = np.zeros((1, 7, 7))
    np.add.at(confusion[0], (labels, predicted), 1)
    expected = f1_score(labels, predicted, labels=[0, 1, 2, 3], average="macro")
    assert macro_f1(confusion)[0] == pytest.approx(expected)


def test_mcnemar_of_a_case_worked_out_by_hand():
    ours, theirs = np.array([1, 1, 1, 1, 1, 0, 0, 1]) == 1, np.array([0, 0, 0, 0, 0, 1, 0, 1]) == 1
    # Five against one: 2 x (C(6,5) + C(6,6)) / 2^6.
    assert mcnemar(ours, theirs) == {"only_ours": 5, "only_theirs": 1, "p": pytest.approx(14 / 64)}
    assert mcnemar(ours, ours)["p"] == 1
