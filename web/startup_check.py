"""The start-up check: the server doesn't start where a setting is unsafe, and says why."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

import streamlit as st

from clinic.admin import doctor
from clinic.admin.serving import DEFAULTS
from clinic.console import EX_CONFIG, FAILED, OF_A_SETTING
from clinic.settings import Settings
from db.faults import explained
from fer_core.errors import FerError
from web import streamlit_protocol

T = TypeVar("T")
log = logging.getLogger(__name__)


def or_end(work: Callable[[], T]) -> T:
    """Do a step of the start; if it fails for a reason that a person can fix, say so and end the process.

    Not by an exception: the server would make one exit code of all of them, and systemd start it again for ever.
    """
    try:
        return work()
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        sys.stderr.write(f"The program does not start:\n{known.message}\n")
        sys.stderr.flush()
        os._exit(EX_CONFIG if known.code in OF_A_SETTING else FAILED)


def refuse_unsafe() -> None:
    """End the process with the reasons where a check refuses; say what is worth a warning."""
    changed = streamlit_protocol.broken_contract()
    if changed:
        _refuse(f"Streamlit {st.__version__} is not the release that was tested: {'; '.join(changed)}.")
    try:
        warnings = doctor.require_safe(
            Settings.from_environment(make=False), {name: st.get_option(name) for name in DEFAULTS}
        )
    except FerError as error:
        _refuse(error.message)
    for finding in warnings:
        log.warning("%s: %s %s", finding.name, finding.sentence, finding.remedy)


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"The program does not start, because it would not be safe:\n{why}\n")
    sys.stderr.flush()
    raise SystemExit(EX_CONFIG)
