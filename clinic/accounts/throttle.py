"""Delays between failed attempts, kept in the database so that a restart doesn't shorten them.

An attempt is counted before its password is checked, and the count is taken back if it was right: a hundred attempts at
once are a hundred failures, and an unknown name is treated like any other.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from clinic import clock
from clinic.phrases import counted
from db.engine import Database
from db.models import SignInFailure
from fer_core.errors import FerError

FREE_FAILURES = 4
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=15), timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)


class TooManyError(FerError):
    """Attempts that have to wait; `retry_after_s`: how many seconds."""

    code = "sign_in_delayed"

    def __init__(self, message: str, code: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(message, code)
        self.retry_after_s = max(1, retry_after_s)

    @classmethod
    def after(cls, seconds: int) -> TooManyError:
        """Return the refusal of a user who has to wait so many seconds."""
        wait = counted(seconds, "second") if seconds < 90 else counted(math.ceil(seconds / 60), "minute")
        return cls(f"Too many attempts failed. Please wait {wait} and try again.", retry_after_s=seconds)


def charge(db: Database, name: str) -> None:
    """Count an attempt for this name as failed. Raises TooManyError where it has to wait."""
    now = clock.now()
    with db.session() as session:
        session.execute(delete(SignInFailure).where(SignInFailure.failed_at < now - FORGOTTEN_AFTER))
        known = session.get(SignInFailure, _key(name))
        if known is None:
            known = SignInFailure(name_sha256=_key(name), failures=0, refused_until=now)
            session.add(known)
        left = _left(known, now)
        if not left:
            known.failures += 1
            known.failed_at = now
            known.refused_until = now + delay(known.failures)
    if left:
        raise TooManyError.after(math.ceil(left.total_seconds()))


def _left(known: SignInFailure, now: datetime) -> timedelta:
    """Return how long the name still has to wait. An entry by a clock ahead of this one waits its length from now."""
    longest = delay(known.failures)
    if known.refused_until > now + longest:
        known.refused_until = now + longest
    return max(timedelta(0), known.refused_until - now)


def note(session: Session, name: str) -> None:
    """Store once more when a name failed."""
    session.get_one(SignInFailure, _key(name)).failed_at = clock.now()


def take_back(session: Session, name: str) -> None:
    """Take the last attempt back, which was right, and leave those before it: a second step is still to come."""
    known = session.get(SignInFailure, _key(name))
    # Another attempt that was right all the way may have cleared it.
    if known is not None:
        known.failures, known.refused_until = known.failures - 1, clock.now()


def clear(session: Session, name: str) -> None:
    """Forget the failures of a name, after an attempt that was right."""
    session.execute(delete(SignInFailure).where(SignInFailure.name_sha256 == _key(name)))


def delay(failures: int) -> timedelta:
    """Return how long a name has to wait after so many failures in a row: twice as long each time, up to a limit."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    # The shift is bounded, so that the thousandth failure is no overflow.
    return min(LONGEST_DELAY, FIRST_DELAY * (1 << min(failures - FREE_FAILURES - 1, 10)))


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
