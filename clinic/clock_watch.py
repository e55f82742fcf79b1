"""Detects, audits and shows a jump of the clock, which must keep nothing open that should be closed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor
from clinic.audit import AuditAction
from db.engine import Database
from db.models import Access, AuditRow, Installation, SignIn

LOOKED_EVERY_S = 5.0
LONG_PAUSE, LONGEST_PAUSE = timedelta(days=8), timedelta(days=31)
"""A clock that is further ahead of when the program last ran may be wrong: an administrator confirms it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Jump:
    """By how much the clock was set forward, or back (below 0), and when last, by the clock of after."""

    by: timedelta
    at: datetime


class ClockWatch:
    """Compares the clock with one that nobody sets, from its creation on."""

    def __init__(self) -> None:
        self._ahead = _difference()

    def jumped(self) -> timedelta | None:
        """Return by how much the clock was set since the last jump, None for less than `clock.TOLERANCE`."""
        by = _difference() - self._ahead
        if abs(by) <= clock.TOLERANCE:
            return None
        self._ahead += by
        return by


async def keep_watch(db: Database) -> None:
    """Note each jump of the clock, until this is cancelled. One made while the program was ended is noted first."""
    watch = ClockWatch()
    await asyncio.to_thread(_try_to_look_back, db)
    while True:
        await asyncio.sleep(LOOKED_EVERY_S)
        by = watch.jumped()
        if by is not None:
            await asyncio.to_thread(_try_to_note, db, by)


def look_back(db: Database) -> None:
    """Note a clock that was set back while no process of the program ran: the audit's last row is ahead of it."""
    with db.read() as session:
        last = session.scalar(select(AuditRow.at).order_by(AuditRow.number.desc()).limit(1))
    if last is not None and last > clock.now() + clock.TOLERANCE:
        note(db, clock.now() - last)


def note_sweep(db: Database) -> None:
    """Write down that retention looks for what is to be deleted, and note a clock that is far ahead of the last time.

    A clock that was already wrong when the program started is seen by nothing else. As long as no administrator has
    confirmed the clock, its time is not written down. Pauses of over `LONG_PAUSE` that follow one another add up.
    """
    now = clock.now()
    with db.session() as session:
        known = access.installation(session)
        # Both in one transaction: another worker that sees this sweep sees its jump too.
        if known.clock_jump_s is not None:
            return
        pause = now - known.swept_at if known.swept_at is not None else _last_pause(session, now)
        if pause > LONG_PAUSE and known.ran_until is not None:
            pause = now - known.ran_until
        if pause > LONGEST_PAUSE:
            _write(session, pause)
        else:
            known.ran_until = now if pause <= LONG_PAUSE else known.ran_until or known.swept_at
            known.swept_at = now


def _last_pause(session: Session, now: datetime) -> timedelta:
    """Return how long nobody did anything before what was done within the last month, or until now."""
    a_month_ago = now - LONGEST_PAUSE
    before = session.scalar(select(func.max(AuditRow.at)).where(AuditRow.at <= a_month_ago))
    after = session.scalar(select(func.min(AuditRow.at)).where(AuditRow.at > a_month_ago))
    return (after or now) - (before or now)


def note(db: Database, by: timedelta) -> None:
    """Log a jump of the clock. After a jump backward it is unknown how long ago a user was last active.

    So every sign-in and every emergency access ends then.
    """
    with db.session() as session:
        if by < timedelta(0):
            session.execute(delete(SignIn))
            session.execute(delete(Access).where(Access.until.is_not(None)))
        _write(session, by)


def _write(session: Session, by: timedelta) -> None:
    known = access.installation(session)
    # A small jump after a large one that nobody has confirmed must not hide it.
    known.clock_jump_s = (known.clock_jump_s or 0.0) + by.total_seconds()
    known.clock_jumped_at = clock.now()
    audit.write(session, AuditAction.CLOCK_JUMPED, seconds=round(by.total_seconds()))
    log.warning("the clock was set by %.0f s", by.total_seconds())


def unseen(db: Database) -> Jump | None:
    """Return the jumps that no administrator has confirmed yet as one: they add up, and the last one says when."""
    with db.read() as session:
        known = session.get(Installation, Installation.ONLY)
        if known is None or known.clock_jump_s is None or known.clock_jumped_at is None:
            return None
        return Jump(timedelta(seconds=known.clock_jump_s), known.clock_jumped_at)


def confirm(db: Database, actor: Actor) -> None:
    """Store that an administrator found the clock right. Raises Forbidden."""
    with db.session() as session:
        by = access.require_administrator(session, actor)
        known = access.installation(session)
        # The sweeps of meanwhile wrote down no time: from now on it is right.
        known.clock_jump_s, known.swept_at, known.ran_until = None, clock.now(), clock.now()
        audit.write(session, AuditAction.CLOCK_CONFIRMED, by.id)


def _difference() -> timedelta:
    return clock.now() - datetime.fromtimestamp(clock.steady_s(), UTC)


def _try_to_look_back(db: Database) -> None:
    try:
        look_back(db)
    except Exception as error:  # noqa: BLE001  # watching must not end the server
        log.error("the clock was not compared with the audit: %s", type(error).__name__)


def _try_to_note(db: Database, by: timedelta) -> None:
    try:
        note(db, by)
    except Exception as error:  # noqa: BLE001  # watching must not end the server
        log.error("a jump of the clock was not written down: %s", type(error).__name__)
