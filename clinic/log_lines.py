"""What a line of the log may be: of bounded length, one line, and one of few of its kind in a minute.

Text from outside can get into any line: it must neither fill the disk nor pass for a line of the program.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import TracebackType

A_MINUTE, MINUTE_S = 20, 60.0
MOST_CHARS = 1000
"""Of a line. Of a longer one the beginning is kept, and how much was left out."""
FIRST_LINES, LAST_LINES = 20, 40
"""Of the trace of an error: the end says what happened."""
INDENT = "    | "
"""Stands before each line of a trace, which may hold text from outside: no line there is taken for one of the log."""


class Few(logging.Filter):
    """Lets so many lines of each kind through in a minute; the next minute's first says how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        # A kind is the line of the program that writes it: its text may hold what came from outside.
        kind, now = (record.pathname, record.lineno), self._clock()
        since, count = self._seen.get(kind, (now, 0))
        if now - since >= MINUTE_S:
            if count > A_MINUTE:
                record.msg = f"({count - A_MINUTE} more such lines in an earlier minute) {record.msg}"
            since, count = now, 0
        self._seen[kind] = since, count + 1
        return count < A_MINUTE


class Lines(logging.Formatter):
    """Writes a record as one line, and the trace of an error as a few indented ones below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's own name
        """Return the line, with its text on one line and cut."""
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def formatException(  # noqa: N802  # the library's own name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Return the trace of an error, of which each line is indented and cut."""
        return indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # the library's own name
        """Return where a line was written, of which each line is indented and cut."""
        return indented(stack_info)


def one_line(text: str) -> str:
    """Return at most `MOST_CHARS` of a text; what can't be printed, such as a line end, is written as an escape."""
    left_out = len(text) - MOST_CHARS
    kept = "".join(char if char.isprintable() else _escape(char) for char in text[:MOST_CHARS])
    return f"{kept} ({left_out} more characters)" if left_out > 0 else kept


def indented(text: str) -> str:
    """Return the first and the last lines of a text, each behind `INDENT`."""
    lines = text.split("\n")
    left_out = len(lines) - FIRST_LINES - LAST_LINES
    if left_out > 0:
        lines = [*lines[:FIRST_LINES], f"({left_out} more lines)", *lines[-LAST_LINES:]]
    return "\n".join(INDENT + one_line(line) for line in lines)


def write_to_stderr(level: int) -> None:
    """Let this process write its log, from `level` on, by one handler that keeps to these rules."""
    handler = logging.StreamHandler()
    handler.setLevel(level)
    handler.setFormatter(Lines())
    handler.addFilter(Few())
    logging.basicConfig(level=level, handlers=[handler])


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
