"""The log of the web process: all libraries write by the one handler that bounds each line (clinic/log_lines.py)."""

from __future__ import annotations

import logging

from streamlit import logger as streamlit_logger

from clinic import log_lines

QUIET = "uvicorn.access"
"""Writes nothing, as addresses hold ids: uvicorn writes a line for each request where this one has a handler."""


def gather() -> None:
    """Let every logger of this process, also one that is made later, write bounded lines, of warnings and errors."""
    log_lines.write_to_stderr(logging.WARNING)
    # Streamlit gives a handler to each of its loggers when it is first asked for, also long after the start.
    streamlit_logger.setup_formatter = _pass_on
    for name in {QUIET, *logging.root.manager.loggerDict}:
        _pass_on(logging.getLogger(name))


def _pass_on(logger: logging.Logger) -> None:
    """Take a logger's own handlers away: it has the root's, and the quiet one has none."""
    logger.handlers.clear()
    logger.propagate = logger.name != QUIET
