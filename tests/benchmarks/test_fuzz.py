"""Mutated files: whatever the bytes, the answer is a verdict or a refusal from the table, within its limits."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.fuzz import BROKEN, mutate, verdict_of
from fer_core.errors import MEDIA_CODES
from tests.media import moving_face, scene, write_clip

EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A folder with a small file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    for name in ("p.jpg", "p.png", "p.webp", "p.gif"):
        Image.fromarray(scene(side=60, size=(80, 80))).save(folder / name)
    small = [picture[::4, ::4].copy() for picture in moving_face(6)]
    for name in ("v.mp4", "v.mkv", "v.ts", "v.avi", "v.flv"):
        write_clip(folder / name, small)
    return folder


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.integers(0, 8), edits=EDITS, keep=st.floats(0.05, 1))
def test_no_mutation_breaks_the_process_that_looks(originals, tmp_path, kind, edits, keep):
    original = sorted(originals.iterdir())[kind]
    path = tmp_path / f"m{original.suffix}"
    path.write_bytes(mutate(original.read_bytes(), edits, keep))
    answer = verdict_of(path)
    assert answer == "readable" or answer in set(MEDIA_CODES) - set(BROKEN)
