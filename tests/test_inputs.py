"""The page of files and what becomes of them is that of today's tests."""

from tests import inputs
from tests.fer_core.test_bad_input import TABLE


def test_each_refused_file_stands_there_with_its_code():
    page = inputs.PATH.read_text(encoding="utf-8")
    for make, code in TABLE.items():
        assert f"| {make.__name__.replace('_', ' ')} | `{code}` |" in page, "`python -m tests.inputs` writes it anew"


def test_each_video_is_read_at_its_true_times():
    page = inputs.PATH.read_text(encoding="utf-8")
    rows = [row for row in inputs.readings() if row.startswith("| ")][2:]
    assert len(rows) == len(inputs.VIDEOS)
    for row, (name, (_, truth)) in zip(rows, inputs.VIDEOS.items(), strict=True):
        assert f"| {name} |" in page
        if truth is not None:
            assert float(row.split(" | ")[3].removesuffix(" ms")) <= 1.5


def test_the_pictures_that_are_not_read_are_those_of_the_page():
    page = inputs.PATH.read_text(encoding="utf-8")
    assert "\n".join(inputs.animations()) in page
