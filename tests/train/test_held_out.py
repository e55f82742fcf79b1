"""People are held out by name alone, and a model is used only where it got better on them and not worse elsewhere."""

import numpy as np
import pytest

from fer_core.errors import FerError
from train.held_out import Change, change, enough, held_out, objection

NAMES = np.array([f"person {number}" for number in range(300)])


def test_about_a_third_is_held_out_and_stays_so_whoever_else_comes():
    found = held_out(NAMES)
    assert 75 < found.sum() < 125
    assert (held_out(NAMES[::-1])[::-1] == found).all()
    assert (held_out(NAMES[:10]) == found[:10]).all()


def test_people_with_few_pictures_are_left_out_and_too_few_people_are_refused():
    people = np.repeat(NAMES, [2 if number % 2 else 5 for number in range(300)])
    kept = enough(people, needed=150, each=3)
    assert set(people[kept]) == set(NAMES[::2])
    with pytest.raises(FerError) as refused:
        enough(people, needed=151, each=3)
    assert refused.value.code == "too_few_people"
    assert "150 people" in refused.value.message


@pytest.mark.parametrize("kind", [True, False])
def test_people_of_one_side_alone_are_refused(kind):
    alone = NAMES[held_out(NAMES) == kind]
    with pytest.raises(FerError, match="divided"):
        enough(np.repeat(alone, 3), needed=2, each=3)


def test_a_person_with_many_pictures_counts_as_one():
    people = np.array(["a"] * 90 + ["b"] * 10)
    before, after = np.zeros(100, bool), people == "a"
    found = change(before, after, people)
    assert (found.mean, found.people) == (0.5, 2)
    assert change(after, before, people).mean == -0.5


def test_the_interval_holds_the_true_change_in_95_of_100_cases():
    rng, held = np.random.default_rng(3), 0
    people = np.repeat(NAMES[:30], 20)
    for _ in range(400):
        gain = np.repeat(rng.normal(0.05, 0.1, 30), 20)
        before, after = (rng.random(600) < 0.6 + part for part in (0 * gain, gain))
        found = change(before, after, people)
        held += found.low <= 0.05 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_no_doubt_is_left_neither_where_all_change_alike():
    same = np.ones(40, bool)
    found = change(same, same, NAMES[:40])
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("test", "people", "said"),
    [
        ((0.0, -0.01, 0.01), (0.06, 0.02, 0.1), None),
        ((-0.02, -0.03, -0.01), (0.06, 0.02, 0.1), "test pictures"),
        ((0.0, -0.01, 0.01), (0.03, -0.01, 0.07), "not shown to be better"),
        ((0.0, -0.01, 0.01), (-0.05, -0.09, -0.01), "not shown to be better"),
    ],
)
def test_what_got_worse_or_is_not_shown_to_be_better_is_objected_to(test, people, said):
    found = objection(Change(*test, 3589), Change(*people, 33))
    assert (found is None) if said is None else said in found
