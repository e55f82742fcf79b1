"""The finding of a check of the installation, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from db.faults import explained
from fer_core.errors import FerError


class Level(StrEnum):
    """How a check ended. `BROKEN`: something doesn't work now. `REFUSED`: the server doesn't start."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: its name, how it ended, a sentence, and what to do where it is not ok."""

    name: str
    level: Level
    sentence: str
    remedy: str = ""


def guarded(name: str, check: Callable[..., Finding], *arguments: object) -> Finding:
    """Return what a check finds; an unexpected failure is a finding too."""
    try:
        return check(*arguments)
    except FerError as error:
        return Finding(name, Level.BROKEN, "This was not checked.", error.message)
    except OSError as error:
        known = explained(error)
        said = known.message if known is not None else "A file or folder can't be used."
        return Finding(name, Level.BROKEN, said, "Check that place, its owner and mode, and which account runs this.")
    except Exception as error:  # noqa: BLE001 a doctor who faints helps nobody
        return Finding(
            name,
            Level.BROKEN,
            f"This could not be checked ({type(error).__name__}).",
            "Please look at the program's log, and report this.",
        )
