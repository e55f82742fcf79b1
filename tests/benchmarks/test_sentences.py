"""The sentences on change and chance are true of simulated patients: a small ``python -m benchmarks statistics``.

The limits are wide because the runs are small: of 80 pairs that hold in 95 of 100 cases fewer than 70 do with a chance
of 1 in 1,000, of 20 changes that are seen in 8 of 10 cases fewer than 11 with one of 1 in 300, and of 6 patients more
than 2 get a ring with one of 1 in 60 where 10 of 100 do.
"""

import pytest

from benchmarks import sentences
from benchmarks.sentences import KINDS, adjusted_coverage, apart, by_chance, noise_ratio, seen
from benchmarks.simulated_patients import Design, Sessions
from benchmarks.statements import EVEN, FILMED, RINGS, false_rings, filmed

USUAL = KINDS["20 min each, sessions different"]


def test_two_recordings_differ_by_less_than_the_page_says():
    assert by_chance(*USUAL, 20) >= 0.875


def test_a_rise_that_the_page_names_is_seen():
    assert seen(*USUAL, 1, 20) >= 0.55


@pytest.mark.parametrize("dwell_s", [3, 30])
def test_the_noise_floor_is_the_standard_error_however_long_labels_last(dwell_s):
    assert 0.75 <= noise_ratio(Design(dwell_s=dwell_s, step_s=1.0), 40) <= 1.7


@pytest.mark.parametrize("size", [60, 300])
def test_adjusted_intervals_hold_rare_expressions_too(size):
    lowest, whole = adjusted_coverage(size, None, 60)
    assert lowest >= 0.83
    assert whole >= 0.92


@pytest.mark.parametrize(
    "name", ["30 pictures each, five of each moment", "20 min, much talk, little from the ninth on"]
)
def test_few_of_other_patients_who_do_not_change_get_a_ring(name):
    assert false_rings(*RINGS[name], 6) <= 0.34


def test_other_light_in_every_fourth_recording_does_not_cost_the_usual_range():
    found = filmed(*FILMED["one of four recordings in 40 % of the light"], 4)
    assert found.judged > 0.4
    assert found.ring <= 0.25


def test_self_report_and_face_are_seldom_apart_by_chance():
    assert apart(Sessions(), 0.84, 5) == 0.0
    assert sentences.SHORT.seconds == EVEN.seconds
