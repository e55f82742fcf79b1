"""One version, in three places that agree."""

import tomllib
from pathlib import Path

from clinic.version import VERSION


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


def test_the_version_is_that_of_the_citation():
    cited = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {VERSION}\n" in cited
