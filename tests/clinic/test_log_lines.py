"""Nobody outside fills the log, or writes lines of his own into it."""

import io
import logging

import pytest

from clinic import log_lines
from clinic.log_lines import A_MINUTE, FIRST_LINES, INDENT, LAST_LINES, MINUTE_S, MOST_CHARS


@pytest.mark.attack("a hundred thousand refused connections: how many lines of the log are left")
def test_lines_of_one_kind_are_few(attack):
    now = [0.0]
    few = log_lines.Few(lambda: now[0])
    lines = []
    logger = logging.Logger("uvicorn.error")
    logger.addFilter(few)
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.addHandler(handler)

    def refuse(count):
        for number in range(count):
            logger.warning("refused %d", number)

    def tried():
        refuse(100_000)
        return len(lines)

    attack(tried, A_MINUTE)
    logger.warning("of another kind")
    assert lines[-1] == "of another kind"
    now[0] = MINUTE_S
    refuse(1)
    assert lines[-1] == f"({100_000 - A_MINUTE} more such lines in an earlier minute) refused 0"


@pytest.fixture
def written():
    """A logger with the formatter of the log, and what it wrote."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(log_lines.Lines())
    logger = logging.Logger("streamlit")
    logger.addHandler(handler)
    return logger, handler.stream


FORGED = "no such part: x\n2026-11-27 00:00:00,000 web.gate WARNING a forged line \x1b[31m\u2028\u202e\x00\r"


@pytest.mark.attack("a text of 255 KB with line ends and codes for a terminal, in a line of the log")
def test_text_from_outside_stays_in_its_line(attack, written):
    logger, stream = written

    def tried():
        logger.warning("%s", FORGED + "A" * 255_000)
        text = stream.getvalue()
        return text.count("\n"), text.rstrip("\n").isprintable(), len(text) < MOST_CHARS + 200

    attack(tried, (1, True, True))
    assert r"no such part: x\n2026-11-27" in stream.getvalue()
    assert "more characters)" in stream.getvalue()


@pytest.mark.attack("line ends, codes for a terminal and 255 KB in the text of an error whose trace is logged")
def test_no_line_of_a_trace_passes_for_one_of_the_log(attack, written):
    logger, stream = written

    def tried():
        try:
            raise ValueError(FORGED * 1000 + "A" * 255_000)
        except ValueError:
            logger.exception("went wrong", stack_info=True)
        _, *trace = stream.getvalue().rstrip("\n").split("\n")
        return all(line.startswith(INDENT) and line.isprintable() and len(line) < MOST_CHARS + 200 for line in trace)

    attack(tried, True)
    assert stream.getvalue().count("\n") <= 1 + 2 * (FIRST_LINES + 1 + LAST_LINES)


def test_a_short_trace_is_whole(written):
    logger, stream = written
    try:
        raise ValueError("what happened")
    except ValueError:
        logger.exception("went wrong")
    first, *trace = stream.getvalue().rstrip("\n").split("\n")
    assert first.endswith("streamlit ERROR went wrong")
    assert trace[0] == f"{INDENT}Traceback (most recent call last):"
    assert trace[-1] == f"{INDENT}ValueError: what happened"


def test_a_process_of_the_clinic_writes_by_these_rules(monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    log_lines.write_to_stderr(logging.INFO)
    (handler,) = logging.root.handlers
    assert isinstance(handler.formatter, log_lines.Lines)
    assert any(isinstance(one, log_lines.Few) for one in handler.filters)
