"""Where the tests' temporary files lie."""

import os
import stat
import tempfile

import pytest

from tests import in_memory


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A folder in the place of the memory's, for a program that was not told where its temporary files lie."""
    monkeypatch.setattr(in_memory, "MEMORY", tmp_path)
    monkeypatch.setattr(in_memory, "LEAST_FREE", 0)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    # Set first, so that what is set in its place goes with the test.
    monkeypatch.setenv("TMPDIR", "")
    monkeypatch.delenv("TMPDIR")
    return tmp_path


def test_where_there_is_room_they_lie_in_memory_and_other_accounts_may_remove_their_own(memory):
    in_memory.keep_temporary_files_in_memory()
    folder = memory / f"tests-{os.getuid()}"
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777


def test_without_room_they_stay_where_they_were(memory, monkeypatch):
    monkeypatch.setattr(in_memory, "LEAST_FREE", 1 << 60)
    in_memory.keep_temporary_files_in_memory()
    assert "TMPDIR" not in os.environ
    assert list(memory.iterdir()) == []


def test_who_says_where_is_obeyed(memory, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    in_memory.keep_temporary_files_in_memory()
    assert os.environ["TMPDIR"] == "/elsewhere"


def test_a_link_that_somebody_else_planted_is_not_followed(memory, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (memory / f"tests-{os.getuid()}").symlink_to(elsewhere)
    in_memory.keep_temporary_files_in_memory()
    assert "TMPDIR" not in os.environ
