"""Doctor says of the process that reads files what holds on this system, and what does not."""

import pytest

from clinic.admin import reading_check
from clinic.admin.findings import Level
from fer_core.media import reader
from fer_core.media.process import ReaderError
from fer_core.media.protection import Protection

WHOLE = Protection(limits=True, landlock=7, seccomp=True)


@pytest.mark.parametrize(
    ("held", "level", "said"),
    [
        (WHOLE, Level.OK, "can reach nothing else"),
        (Protection(limits=True, seatbelt=True), Level.OK, "can reach nothing else"),
        (Protection(limits=True, seccomp=True), Level.WARNING, "no Landlock"),
        (Protection(limits=True, landlock=7), Level.WARNING, "nothing filters its calls"),
        (Protection(limits=True), Level.WARNING, "only its memory and time"),
        (Protection(), Level.WARNING, "takes no right from it"),
    ],
)
def test_it_says_what_holds(monkeypatch, held, level, said):
    monkeypatch.setattr(reader, "protection", lambda: held)
    found = reading_check.check(None)
    assert found.level is level
    assert said in found.sentence
    assert bool(found.remedy) == (level is not Level.OK)


def test_it_says_that_nothing_can_be_read(monkeypatch):
    def broken():
        raise ReaderError

    monkeypatch.setattr(reader, "protection", broken)
    assert reading_check.check(None).level is Level.BROKEN
