"""The end of a command: its own exit code, or a sentence and a code that says whether a retry may help."""

from __future__ import annotations

import sys
from collections.abc import Callable

from db.faults import explained
from fer_core.pipes import end_quietly

FAILED, INTERRUPTED, EX_CONFIG = 1, 130, 78
"""Exit codes: refused or not sound; ended by Ctrl+C; a setting is wrong (sysexits.h), so that a restart can't help."""
OF_A_SETTING = frozenset(
    {
        "bad_database_url",
        "bad_setting",
        "bad_zone",
        "data_folder",
        "key_folder",
        "master_key",
        "master_key_damaged",
        "master_key_missing",
        "master_key_open",
        "master_key_wrong",
        "migration_refused",
        "newer_database",
        "no_clinic",
        "no_package",
        "other_owner",
        "other_program",
        "read_only_folder",
        "rotation_unfinished",
        "unsafe_settings",
        "weak_key",
    }
)
"""Codes of errors that stay until a person changes something."""


def answered(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error that a person can fix ends in a sentence and no traceback."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError as error:
        return end_quietly(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        print(known.message, file=sys.stderr)  # noqa: T201 the console is where it belongs
        return EX_CONFIG if known.code in OF_A_SETTING else FAILED
