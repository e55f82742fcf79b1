"""Nobody outside fills the log."""

import logging

import pytest

from web import log_lines
from web.log_lines import A_MINUTE, MINUTE_S


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


def test_the_loggers_of_connections_are_bounded():
    before = {name: list(logging.getLogger(name).filters) for name in log_lines.CAUSED_OUTSIDE}
    log_lines.keep_few()
    try:
        for name in log_lines.CAUSED_OUTSIDE:
            assert any(isinstance(one, log_lines.Few) for one in logging.getLogger(name).filters)
    finally:
        for name, filters in before.items():
            logging.getLogger(name).filters = filters
