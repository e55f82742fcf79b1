"""A file whose bytes come from elsewhere reads as any other."""

import io
import os

import pytest

from fer_core.seekable import SeekableReader

CONTENT = bytes(range(200))


class Sparing(SeekableReader):
    """Hands over seven bytes at a time."""

    def __init__(self) -> None:
        super().__init__(len(CONTENT))

    def _fetch(self, place: int, most: int) -> bytes:
        return CONTENT[place : place + min(most, 7)]


def test_is_read_whole_and_in_parts() -> None:
    with io.BufferedReader(Sparing(), buffer_size=16) as file:
        assert file.read() == CONTENT
        assert file.seek(-10, os.SEEK_END) == 190
        assert file.read(4) == CONTENT[190:194]
        assert file.seek(-4, os.SEEK_CUR) == 190
        assert file.read(100) == CONTENT[190:]
        assert file.seek(500) == 500
        assert file.read(1) == b""


def test_has_no_place_before_its_start() -> None:
    with pytest.raises(ValueError, match="before the start"):
        Sparing().seek(-1)
