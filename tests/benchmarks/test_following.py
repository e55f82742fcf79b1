"""The figures of following, on invented samples whose right values are known."""

import numpy as np

from benchmarks.following import clips, compare, cut_times, cuts_of
from tests.media import scene, write_clip

HAPPY = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
SAD = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]


def sample(time_s, *faces):
    """A moment with faces of (left, side, number, probabilities)."""
    return {
        "time_s": time_s,
        "faces": [
            {
                "box": [left, 0, left + side, side],
                "confidence": 0.99,
                "probabilities": output,
                "track": track,
                "status": "ok",
            }
            for left, side, track, output in faces
        ],
    }


def compared(seen, reference, cuts=()):
    mine = {"seen": seen, "wall_s": 1.0, "cpu_s": 1.0, "peak_mb": 2.0, "process_mb": 1.0}
    return compare("clip", 0.0, mine, {"seen": reference, "cpu_s": 10.0}, cuts, 640 * 480)


def test_what_agrees_has_no_fault():
    seen = [sample(n * 0.1, (10, 100, 0, HAPPY), (300, 80, 1, SAD)) for n in range(5)]
    found = compared(seen, seen)
    assert (found.sure, found.found, found.iou, found.runaways, found.extra) == (10, 1.0, 1.0, 0, 0)
    assert (found.numbers, found.persons, found.switches, found.difference, found.movement) == (2, 2, 0, 0.0, 0.0)
    assert (found.cpu_ratio, found.peak_mb, found.process_mb) == (10.0, 2.0, 1.0)


def test_each_fault_is_counted():
    reference = [sample(n * 0.1, (10, 100, 0, HAPPY)) for n in range(6)]
    seen = [
        sample(0.0, (10, 100, 0, HAPPY)),
        sample(0.1, (10, 100, 1, SAD)),
        sample(0.2, (10, 130, 1, HAPPY)),
        sample(0.3),
        sample(0.4, (10, 700, 1, None)),
        sample(0.5, (10, 100, 1, HAPPY), (500, 50, 2, HAPPY)),
    ]
    found = compared(seen, reference)
    assert found.found == 4 / 6
    # One box over 1.5 times MTCNN's that still covers it, and one larger than the picture.
    assert found.runaways == 2
    # The huge one is also far from any of MTCNN's.
    assert (found.extra, found.numbers, found.persons, found.switches) == (2, 3, 1, 1)
    assert found.other_label == 1 / 4


def test_a_cut_parts_persons_and_numbers_that_cross_it_are_counted():
    seen = [sample(n * 0.1, (10, 100, 0, HAPPY)) for n in range(6)]
    found = compared(seen, seen, [0.3])
    assert (found.persons, found.numbers, found.over_cuts) == (2, 1, 1)


def test_cuts_of_a_real_clip(tmp_path):
    dark, light = scene() // 2, 255 - scene()
    path = write_clip(tmp_path / "cut.mp4", [*[dark] * 8, *[light] * 8])
    assert cut_times(path) == [0.8]
    assert clips(tmp_path) == [path]


def test_a_flash_is_no_cut():
    """Photographers' lights: in one clip of two actors, all "cuts" that numbers crossed were such."""
    one, other, flash = np.eye(3)
    shown = [one, one, flash, one, flash, flash, one, one, one, one, one, other, other, other]
    assert cuts_of([(n * 0.04, histogram) for n, histogram in enumerate(shown)]) == [11 * 0.04]
