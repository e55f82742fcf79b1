"""The start-up check: the server doesn't start where a setting is unsafe, and says why."""

from __future__ import annotations

import logging
import sys

import streamlit as st

from clinic.admin import doctor
from clinic.admin.serving import DEFAULTS
from clinic.console import EX_CONFIG
from clinic.settings import Settings
from fer_core.errors import FerError

log = logging.getLogger(__name__)


def refuse_unsafe() -> None:
    """End the process with the reasons where a check refuses; say what is worth a warning."""
    try:
        warnings = doctor.require_safe(
            Settings.from_environment(make=False), {name: st.get_option(name) for name in DEFAULTS}
        )
    except FerError as error:
        sys.stderr.write(f"The program does not start, for it would not be safe:\n{error.message}\n")
        sys.stderr.flush()
        raise SystemExit(EX_CONFIG) from None
    for finding in warnings:
        log.warning("%s: %s %s", finding.name, finding.sentence, finding.remedy)
