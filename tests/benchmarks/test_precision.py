"""Number formats are compared with the exact one, by label and by output."""

import numpy as np
import torch

from benchmarks import precision


def test_the_exact_way_comes_first_and_others_are_held_against_it(monkeypatch):
    monkeypatch.setattr(precision, "working_dtype", lambda device: torch.bfloat16)
    crops = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
    exact, *others = precision.ways(crops)
    assert (exact.name, exact.agree, exact.largest_difference) == ("cpu float32", 1.0, 0.0)
    assert [way.name for way in others][:1] == ["cpu bfloat16"]
    assert all(way.agree == 1.0 and 0 < way.largest_difference < 0.1 for way in others)
    assert exact.ms_a_face > 0
