"""A clock for tests that can be moved: the whole program reads it."""

from datetime import UTC, datetime, timedelta

from clinic import clock


class MovedClock:
    """The real clock, and by how much it is wrong."""

    def __init__(self):
        self.wrong_by = timedelta(0)

    def now(self):
        return datetime.now(UTC) + self.wrong_by

    def move(self, **by):
        """Set the clock forward, or back with negative values; the arguments are those of `timedelta`."""
        self.wrong_by += timedelta(**by)


def moved(monkeypatch):
    """Return the clock that the program reads until the end of the test."""
    found = MovedClock()
    monkeypatch.setattr(clock, "now", found.now)
    return found
