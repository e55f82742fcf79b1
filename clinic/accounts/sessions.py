"""Sign-ins: kept on the server, so that ending one takes effect at once and everywhere."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from clinic import audit, clock
from clinic.access import Actor, Forbidden, must_accept, refusal, signed_in
from clinic.accounts import passwords, throttle, totp
from clinic.accounts.accounts import end_sign_ins, name_key, replace_password
from clinic.audit import AuditAction
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, Installation, SecondStep, SignIn
from db.room import DiskFullError
from fer_core.errors import FerError
from storage.media import open_store

IDLE, ABSOLUTE = timedelta(minutes=15), timedelta(hours=12)
"""A user has to sign in again after so long without an action, and after so long in any case."""
PENDING = timedelta(minutes=5)
"""Time allowed between the password and the second step."""
NOTED_EVERY = timedelta(seconds=20)
"""Activity is stored no more often than this."""


def sign_in(db: Database, name: str, password: str) -> str:
    """Return the token of a new sign-in, for a cookie; with a second step, it grants nothing before that step.

    An unknown name, a wrong password and a disabled account take the same work and get the same answer.
    Raises Forbidden ``sign_in_refused``, FerError ``sign_in_delayed``.
    """
    key = name_key(name)
    throttle.charge(db, key)
    with db.read() as session:
        account = session.scalar(select(Account).where(Account.name_key == key))
    right = passwords.verify(account.password_hash if account is not None else None, password)
    with db.session() as session:
        known = session.get(Account, account.id) if account is not None else None
        # The account is read again: it may have been disabled, or got another password, while this one was checked.
        if known is None or account is None or known.password_hash != account.password_hash:
            right = False
        if right and known is not None and known.disabled_at is None:
            pending = totp.is_on(session, known.id)
            # While the second step is missing, earlier wrong codes still count.
            (throttle.take_back if pending else throttle.clear)(session, key)
            return start(session, known, pending=pending)
        if known is not None:
            audit.write(session, AuditAction.SIGN_IN_REFUSED, known.id)
        else:
            # A row is written here too, so that an unknown name takes no less time than a known one.
            throttle.note(session, key)
    raise Forbidden("The name or the password is wrong.", "sign_in_refused")


def take_second_step(db: Database, settings: Settings, token: str | None, code: str) -> str:
    """Return the token of a whole sign-in for that of a pending one, which is ended.

    Raises Forbidden ``second_step_over``, ``second_step_refused``, FerError ``sign_in_delayed``, SealError.
    """
    key = open_store(settings).key
    with db.read() as session:
        account = _pending(session, token)[1]
    throttle.charge(db, account.name_key)
    with db.session() as session:
        begun, account = _pending(session, token)
        if totp.takes(session, key, account, code):
            throttle.clear(session, account.name_key)
            by_provider = begun.by_provider
            session.delete(begun)
            # A new token: a copy of the first one is useless.
            return start(session, account, by_provider=by_provider)
        audit.write(session, AuditAction.SIGN_IN_REFUSED, account.id, second_step=True)
    raise totp.refused()


def is_pending(db: Database, token: str | None) -> bool:
    """Return whether the second step is still missing for this token."""
    with db.read() as session:
        try:
            _pending(session, token)
        except Forbidden:
            return False
    return True


def start(
    session: Session,
    account: Account,
    pending: bool = False,
    by_provider: bool = False,
    since: datetime | None = None,
) -> str:
    """Sign the account in and return the token: 256 random bits, of which only the SHA-256 is stored.

    `since`: when the sign-in began that this one goes on with, None for a new one. Expired sign-ins are deleted at the
    same time.
    """
    token, now = secrets.token_urlsafe(32), clock.now()
    session.execute(
        delete(SignIn).where(~_lives(now) | (SignIn.pending & ~clock.within(SignIn.created_at, PENDING, now)))
    )
    begun = SignIn(
        token_sha256=_digest(token),
        account_id=account.id,
        created_at=since or now,
        seen_at=now,
        pending=pending,
        by_provider=by_provider,
    )
    session.add(begun)
    session.flush()
    if not pending:
        audit.write(session, AuditAction.SIGNED_IN, account.id, sign_in=begun.id, provider=by_provider)
    return token


def actor_of(db: Database, token: str | None) -> Actor | None:
    """Return the actor of this token, or None if it is not valid (any more)."""
    if not token:
        return None
    now = clock.now()
    with db.read() as session:
        found = session.execute(
            # With the clinic's row, of which each page asks the day next.
            select(SignIn, Account, SecondStep.on_since, Installation)
            .join(Account, Account.id == SignIn.account_id)
            .outerjoin(Installation, Installation.id == Installation.ONLY)
            .outerjoin(SecondStep, SecondStep.account_id == Account.id)
            .where(
                SignIn.token_sha256 == _digest(token),
                ~SignIn.pending,
                _lives(now),
                Account.disabled_at.is_(None),
            )
        ).first()
        if found is None:
            return None
        begun, account, on_since, _ = found
        return Actor(
            account.id,
            begun.id,
            account.name,
            account.role,
            account.must_change,
            second_step=on_since is not None or begun.by_provider,
            must_accept=must_accept(account),
        )


def lives(db: Database, actor: Actor) -> bool:
    """Return whether the sign-in by which the actor acts has not ended."""
    now = clock.now()
    asked = select(SignIn.id).where(SignIn.id == actor.sign_in_id, _lives(now))
    with db.read() as session:
        return session.scalar(asked) is not None


def remaining_s(db: Database, actor: Actor) -> float:
    """Return in how many seconds the actor's sign-in ends unless the person does something; 0 where it has ended."""
    now = clock.now()
    with db.read() as session:
        begun = session.get(SignIn, actor.sign_in_id)
        if begun is None or session.scalar(select(SignIn.id).where(SignIn.id == begun.id, _lives(now))) is None:
            return 0.0
        return min(begun.seen_at + IDLE - now, begun.created_at + ABSOLUTE - now).total_seconds()


def note_activity(db: Database, actor: Actor) -> None:
    """Store that the user did something just now; on a full disk this is skipped, so that nobody is locked out."""
    now = clock.now()
    with db.read() as session:
        seen_at = session.scalar(select(SignIn.seen_at).where(SignIn.id == actor.sign_in_id))
    if seen_at is None or abs(now - seen_at) < NOTED_EVERY:
        return
    with suppress(DiskFullError), db.session() as session:
        begun = session.get(SignIn, actor.sign_in_id)
        # A sign-in that expired in between stays ended.
        if begun is not None and clock.within(begun.seen_at, IDLE, now):
            begun.seen_at = now


def sign_out(db: Database, actor: Actor) -> None:
    """End every sign-in of the account, on all computers."""
    with db.session() as session:
        end_sign_ins(session, actor.account_id)
        audit.write(session, AuditAction.SIGNED_OUT, actor.account_id, sign_in=actor.sign_in_id)


def change_password(db: Database, actor: Actor, current: str, new: str) -> str:
    """Replace the user's own password, end all sign-ins of the account, and return the token of a new one.

    Raises Forbidden ``sign_in_refused``, FerError ``sign_in_delayed`` and those of `passwords.check_password`.
    """
    with db.read() as session:
        account = signed_in(session, actor)
    passwords.check_password(new, account.name)
    if new == current:
        raise FerError("Please choose a password that differs from your present one.", "same_password")
    throttle.charge(db, account.name_key)
    if not passwords.verify(account.password_hash, current):
        raise Forbidden("The current password is wrong.", "sign_in_refused")
    checked, stored = account.password_hash, passwords.hash_password(new)
    with db.session() as session:
        account = signed_in(session, actor)
        if account.password_hash != checked:
            # An administrator reset it in the meantime.
            raise refusal("signed_out")
        throttle.clear(session, account.name_key)
        replace_password(session, account, stored, must_change=False)
        audit.write(session, AuditAction.PASSWORD_CHANGED, account.id)
        return start(session, account)


def _pending(session: Session, token: str | None) -> tuple[SignIn, Account]:
    """Return a sign-in whose second step is missing. Raises Forbidden ``second_step_over``."""
    now = clock.now()
    asked = (
        select(SignIn, Account)
        .join(Account, Account.id == SignIn.account_id)
        .where(
            SignIn.token_sha256 == _digest(token or ""),
            SignIn.pending,
            clock.within(SignIn.created_at, PENDING, now),
            Account.disabled_at.is_(None),
        )
    )
    found = session.execute(asked).first()
    if found is None:
        raise Forbidden("That took too long. Please sign in again.", "second_step_over")
    return found[0], found[1]


def _lives(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a sign-in has not expired; one from ahead of the clock has."""
    return cast(
        ColumnElement[bool],
        clock.within(SignIn.seen_at, IDLE, now) & clock.within(SignIn.created_at, ABSOLUTE, now),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
