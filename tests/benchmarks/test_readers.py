"""The two ways of decoding that are compared take the same frames."""

from benchmarks.readers import WAYS, measure, table
from tests.media import moving_face, write_clip


def test_both_ways_take_the_same_frames(tmp_path):
    found = measure(write_clip(tmp_path / "v.mp4", moving_face(12)), 0.2, 2)
    assert list(found) == list(WAYS)
    assert [[one.frames for one in passes] for passes in found.values()] == [[6, 6], [6, 6]]
    assert len(table(found).splitlines()) == 3
