"""Tokens for programs: each acts for the account that made it, for some of its patients or for none, at `/api/v1`.

A token opens nothing that its account could not open at that moment. It ends by itself, when its owner revokes it, when
the account's password changes, and when the account is disabled. Of it only the SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, phrases, texts
from clinic.access import Actor, must_accept
from clinic.accounts import throttle, totp
from clinic.audit import AuditAction
from db.engine import Database
from db.models import Account, ApiToken, ApiTokenPatient, Patient, SecondStep
from fer_core.errors import FerError

LASTS = timedelta(days=365)
MOST = 20
"""Tokens that one account may have."""
NAME_MAX = 80
NOTED_EVERY = timedelta(minutes=15)
"""Within this time the same kind of read, by the same token, is logged once."""
TOKEN = re.compile(r"fer_[A-Za-z0-9_-]{43}")
"""256 random bits after a prefix by which secret scanners can find a token that was published by mistake."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as its owner sees it; `patients`: those for whom it acts, see `phrases.named`; none for "no patient"."""

    id: str
    name: str
    patients: tuple[str, ...]
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None


def make(db: Database, actor: Actor, name: str, patient_ids: Collection[str], password: str) -> str:
    """Make a token for these patients, or for no patient, and return it: it is shown only once.

    Raises Forbidden, FerError ``sign_in_delayed``, ``bad_token_name``, ``too_many_tokens``, ``unknown_patient``.
    """
    name = _valid_name(name)
    totp.check_password(db, actor, password)
    token = f"fer_{secrets.token_urlsafe(32)}"
    with db.session() as session:
        account = access.acting(session, actor)
        throttle.clear(session, account.name_key)
        session.execute(delete(ApiToken).where(~_lives()))
        if (session.scalar(select(func.count()).where(ApiToken.account_id == account.id)) or 0) >= MOST:
            raise FerError(f"An account has at most {MOST} tokens. Please revoke one first.", "too_many_tokens")
        for patient_id in patient_ids:
            access.require_reader_of(session, actor, patient_id)
        made = ApiToken(account_id=account.id, name=name, token_sha256=_digest(token), created_at=clock.now())
        session.add(made)
        session.flush()
        session.add_all(ApiTokenPatient(token_id=made.id, patient_id=one) for one in dict.fromkeys(patient_ids))
        audit.write(session, AuditAction.TOKEN_MADE, account.id, token=made.id, patients=len(patient_ids))
        for patient_id in dict.fromkeys(patient_ids):
            audit.write(session, AuditAction.TOKEN_MADE, account.id, patient_id, token=made.id)
    return token


def listed(db: Database, actor: Actor) -> list[TokenRow]:
    """Return the account's own tokens that have not ended, the newest first. Raises Forbidden."""
    with db.read() as session:
        account = access.acting(session, actor)
        own = select(ApiToken).where(ApiToken.account_id == account.id, _lives()).order_by(ApiToken.number.desc())
        return [_row(session, account, token) for token in session.scalars(own)]


def revoke(db: Database, actor: Actor, token_id: str) -> None:
    """End one of the account's own tokens; what is under way with it ends too. Raises Forbidden."""
    with db.session() as session:
        account = access.acting(session, actor)
        found = session.get(ApiToken, token_id)
        if found is None or found.account_id != account.id:
            return
        session.delete(found)
        audit.write(session, AuditAction.TOKEN_REVOKED, account.id, token=token_id)


def actor_of(db: Database, token: str) -> Actor | None:
    """Return the actor of this token, or None if it is not valid (any more)."""
    if not TOKEN.fullmatch(token):
        return None
    asked = (
        select(ApiToken.id, Account, SecondStep.on_since)
        .join(Account, Account.id == ApiToken.account_id)
        .outerjoin(SecondStep, SecondStep.account_id == Account.id)
        .where(ApiToken.token_sha256 == _digest(token), _lives(), Account.disabled_at.is_(None))
    )
    with db.read() as session:
        found = session.execute(asked).first()
        if found is None:
            return None
        token_id, account, on_since = found
        patients = session.scalars(select(ApiTokenPatient.patient_id).where(ApiTokenPatient.token_id == token_id))
        return Actor(
            account.id,
            "",
            account.name,
            account.role,
            account.must_change,
            second_step=on_since is not None,
            must_accept=must_accept(account),
            token_id=token_id,
            patients=frozenset(patients),
        )


def lives(db: Database, actor: Actor) -> bool:
    """Return whether the token by which the actor acts has not ended."""
    with db.read() as session:
        asked = select(ApiToken.id).where(ApiToken.id == actor.token_id, _lives())
        return session.scalar(asked) is not None


def note_use(db: Database, actor: Actor, operation: str) -> None:
    """Log that a program used this token; repeated use is logged once in `NOTED_EVERY`.

    What it reads about a patient, and what it uploads, is logged where that is done.
    """
    now = clock.now()
    with db.read() as session:
        used_at = session.scalar(select(ApiToken.used_at).where(ApiToken.id == actor.token_id))
    if used_at is not None and clock.within(used_at, NOTED_EVERY, now):
        return
    with db.session() as session:
        found = session.get(ApiToken, actor.token_id)
        if found is None:
            raise access.refusal("signed_out")
        found.used_at = now
        audit.write(session, AuditAction.TOKEN_USED, actor.account_id, token=found.id, operation=operation)


def _row(session: Session, account: Account, token: ApiToken) -> TokenRow:
    """A patient whom the account no longer sees is not named."""
    own = session.scalars(
        select(Patient)
        .join(ApiTokenPatient, ApiTokenPatient.patient_id == Patient.id)
        .where(ApiTokenPatient.token_id == token.id, Patient.id.in_(access.visible(account)))
        .order_by(Patient.number)
    )
    return TokenRow(
        token.id, token.name, tuple(map(phrases.named, own)), token.created_at, token.created_at + LASTS, token.used_at
    )


def _valid_name(name: str) -> str:
    refusal = FerError(f"Please say in up to {NAME_MAX} characters what the token is for.", "bad_token_name")
    return texts.kept_line(name, NAME_MAX, refusal, least=1)


def _lives() -> ColumnElement[bool]:
    lives: ColumnElement[bool] = clock.within(ApiToken.created_at, LASTS, clock.now())
    return lives


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
