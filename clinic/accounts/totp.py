"""The second step of signing in: a code from an app (TOTP, RFC 6238) or a recovery code, if its owner turned it on.

The secret is sealed with the master key. No code is accepted twice: the time step of the last one is remembered, and a
recovery code is deleted when it is used. Of recovery codes (about 119 random bits) only the SHA-256 is kept.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from clinic import audit, clock
from clinic.access import Actor, Forbidden, acting, require_administrator
from clinic.accounts import accounts, passwords, throttle
from clinic.audit import AuditAction
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, RecoveryCode, SecondStep
from fer_core.errors import FerError
from storage.media import open_store
from storage.sealed import open_bytes, seal_bytes
from storage.wrapping import Key, SealError, rewrap_bytes

ISSUER = "Expression History"
SECRET_BYTES, DIGITS, STEP_S = 20, 6, 30
"""What every app supports: SHA-1, six digits, half a minute."""
SET_UP_WITHIN = timedelta(minutes=10)
RECOVERY_CODES, RECOVERY_GROUPS = 10, 6


@dataclass(frozen=True, slots=True)
class TotpStatus:
    """Since when an account's second step is on, None where it is not; and how many recovery codes are left."""

    on_since: datetime | None
    codes_left: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the app needs: the secret in base32, and the address in the QR code. Shown only to its owner."""

    secret: str
    uri: str


def standing(db: Database, actor: Actor) -> TotpStatus:
    """Return the state of the user's own second step. Raises Forbidden."""
    with db.read() as session:
        account = acting(session, actor)
        left = session.scalar(select(func.count()).where(RecoveryCode.account_id == account.id)) or 0
        known = session.get(SecondStep, account.id)
        return TotpStatus(known.on_since if known is not None else None, left)


def begin(db: Database, settings: Settings, actor: Actor, password: str) -> Enrolment:
    """Make a secret for the own account; it asks for nothing before `confirm`.

    Raises Forbidden ``sign_in_refused``, FerError ``sign_in_delayed``, ``second_step_on``.
    """
    check_password(db, actor, password)
    with db.session() as session:
        throttle.clear(session, acting(session, actor).name_key)
    key, secret = open_store(settings).key, os.urandom(SECRET_BYTES)
    with db.session() as session:
        account = acting(session, actor)
        known = session.get(SecondStep, account.id)
        if known is not None and known.on_since is not None:
            raise FerError("The second step is on already. Turn it off first to change the device.", "second_step_on")
        if known is not None:
            session.delete(known)
            session.flush()
        sealed = seal_bytes(secret, key, _context(account)).hex()
        session.add(SecondStep(account_id=account.id, secret=sealed, created_at=clock.now()))
        return _enrolment(account, secret)


def begun(db: Database, settings: Settings, actor: Actor) -> Enrolment:
    """Return what `begin` made just now, for a user who mistyped the code.

    Raises Forbidden, FerError ``second_step_over``.
    """
    key = open_store(settings).key
    with db.read() as session:
        account = acting(session, actor)
        return _enrolment(account, _secret(_unconfirmed(session, account), key, account))


def confirm(db: Database, settings: Settings, actor: Actor, code: str) -> list[str]:
    """Turn the own second step on with one code of the app, and return the recovery codes, which are shown once.

    Other sign-ins of the account end.
    Raises Forbidden ``second_step_refused``, FerError ``sign_in_delayed``, ``second_step_over``.
    """
    key = open_store(settings).key
    with db.read() as session:
        throttled = acting(session, actor).name_key
    throttle.charge(db, throttled)
    with db.session() as session:
        account = acting(session, actor)
        known = _unconfirmed(session, account)
        if not _takes(known, key, account, code):
            raise refused()
        throttle.clear(session, throttled)
        known.on_since = clock.now()
        accounts.end_sign_ins(session, account.id, but=actor.sign_in_id)
        audit.write(session, AuditAction.SECOND_STEP_ON, account.id)
        return _new_codes(session, account)


def renew_codes(db: Database, settings: Settings, actor: Actor, password: str, code: str) -> list[str]:
    """Replace the own recovery codes and return the new ones. Raises what `turn_off` raises."""
    check_password(db, actor, password)
    _check_code(db, settings, actor, code)
    with db.session() as session:
        account = acting(session, actor)
        audit.write(session, AuditAction.RECOVERY_CODES_MADE, account.id)
        return _new_codes(session, account)


def turn_off(db: Database, settings: Settings, actor: Actor, password: str, code: str) -> None:
    """Turn the own second step off; other sign-ins of the account end.

    Raises Forbidden ``sign_in_refused``, ``second_step_refused``, FerError ``sign_in_delayed``.
    """
    check_password(db, actor, password)
    _check_code(db, settings, actor, code)
    with db.session() as session:
        account = acting(session, actor)
        forget(session, account.id)
        accounts.end_sign_ins(session, account.id, but=actor.sign_in_id)
        audit.write(session, AuditAction.SECOND_STEP_OFF, account.id)


def reset(db: Database, actor: Actor, account_id: str) -> None:
    """Remove the second step of an account whose owner lost the device, and end its sign-ins.

    Raises Forbidden, FerError ``unknown_account``.
    """
    with db.session() as session:
        by, account = require_administrator(session, actor), accounts.account_of(session, account_id)
        _reset(session, account)
        audit.write(session, AuditAction.SECOND_STEP_RESET, by.id, account=account.id)


def reset_by_console(db: Database, name: str) -> None:
    """Do the same for the account of this name, for the console's user, who has the data anyway.

    Raises FerError ``unknown_account``.
    """
    with db.session() as session:
        account = accounts.account_named(session, name)
        _reset(session, account)
        audit.write(session, AuditAction.SECOND_STEP_RESET, None, account=account.id, console=True)


def is_on(session: Session, account_id: str) -> bool:
    """Return whether the account is asked for a second step."""
    known = session.get(SecondStep, account_id)
    return known is not None and known.on_since is not None


def takes(session: Session, key: Key, account: Account, code: str) -> bool:
    """Return whether this is a code of the account's app, or one of its recovery codes; it is used up then."""
    known = session.get(SecondStep, account.id)
    if known is None or known.on_since is None:
        return False
    return _takes_recovery(session, account, code) or _takes(known, key, account, code)


def forget(session: Session, account_id: str) -> None:
    """Delete the secret and the recovery codes."""
    session.execute(delete(SecondStep).where(SecondStep.account_id == account_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def rewrap(session: Session, old: Key, new: Key) -> tuple[int, int]:
    """Make `new` open every secret in place of `old`; return how many it opens now, and how many neither key opens."""
    opened, lost = 0, 0
    for known in session.scalars(select(SecondStep)):
        sealed, context = bytes.fromhex(known.secret), f"second step {known.account_id}".encode()
        try:
            known.secret = rewrap_bytes(sealed, old, new, context).hex()
            opened += 1
        except SealError:
            lost += 1
    return opened, lost


def refused() -> Forbidden:
    """Return the refusal of a code."""
    return Forbidden("This code is wrong, or it was used before. Please wait for the next one.", "second_step_refused")


def check_password(db: Database, actor: Actor, password: str) -> None:
    """Count an attempt, and refuse a wrong password; who calls takes the attempt back."""
    with db.read() as session:
        account = acting(session, actor)
    throttle.charge(db, account.name_key)
    if not passwords.verify(account.password_hash, password):
        raise Forbidden("The current password is wrong.", "sign_in_refused")


def _check_code(db: Database, settings: Settings, actor: Actor, code: str) -> None:
    key = open_store(settings).key
    with db.session() as session:
        account = acting(session, actor)
        if not takes(session, key, account, code):
            raise refused()
        throttle.clear(session, account.name_key)


def _unconfirmed(session: Session, account: Account) -> SecondStep:
    """Return a secret that waits for its first code. Raises FerError ``second_step_over``."""
    known = session.get(SecondStep, account.id)
    if known is None or known.on_since is not None or not clock.within(known.created_at, SET_UP_WITHIN, clock.now()):
        raise FerError("That took too long. Please set the second step up again.", "second_step_over")
    return known


def _enrolment(account: Account, secret: bytes) -> Enrolment:
    uri = _totp(secret).get_provisioning_uri(account.name, ISSUER)
    return Enrolment(base64.b32encode(secret).decode("ascii"), uri)


def _secret(known: SecondStep, key: Key, account: Account) -> bytes:
    return open_bytes(bytes.fromhex(known.secret), key, _context(account))


def _takes(known: SecondStep, key: Key, account: Account, code: str) -> bool:
    """Return whether the app shows this code now, half a minute ago or in half a minute, and use its time step up."""
    totp = _totp(_secret(known, key, account))
    given, now = _plain(code).encode(), int(clock.now().timestamp()) // STEP_S
    _come_back(known, now)
    for step in (now - 1, now, now + 1):
        fresh = step > known.last_step and step not in known.steps_ahead
        if fresh and constant_time.bytes_eq(totp.generate(step * STEP_S), given):
            known.last_step = step
            return True
    return False


def _come_back(known: SecondStep, now: int) -> None:
    """Accept codes again after the clock was set back; none that was used before is accepted twice."""
    if known.last_step > now + 1:
        known.steps_ahead = [step for step in known.steps_ahead if step >= now - 1] + [known.last_step]
        known.last_step = 0


def _takes_recovery(session: Session, account: Account, code: str) -> bool:
    known = session.get(RecoveryCode, (account.id, _digest(code)))
    if known is None:
        return False
    session.delete(known)
    audit.write(session, AuditAction.RECOVERY_CODE_USED, account.id)
    return True


def _new_codes(session: Session, account: Account) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    codes = [passwords.generate(RECOVERY_GROUPS) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(account_id=account.id, code_sha256=_digest(code)) for code in codes)
    return codes


def _reset(session: Session, account: Account) -> None:
    forget(session, account.id)
    accounts.end_sign_ins(session, account.id)
    throttle.clear(session, account.name_key)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303 what RFC 6238 says and every app knows


def _context(account: Account) -> bytes:
    """Return what the secret is bound to, so that another account's secret doesn't open in its place."""
    return f"second step {account.id}".encode()


def _plain(code: str) -> str:
    return "".join(character for character in code.casefold() if character.isalnum())


def _digest(code: str) -> str:
    return hashlib.sha256(_plain(code).encode()).hexdigest()
