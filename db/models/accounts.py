"""Accounts, their sign-ins, and the patients that an account sees."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, new_id, next_number
from db.models.enums import Role


class Account(Base):
    """Someone who may sign in. `name_key` is the name as it is compared, so that no two differ by case alone."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("account"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(200), unique=True)
    role: Mapped[Role]
    password_hash: Mapped[str] = mapped_column(String(200))
    must_change: Mapped[bool] = mapped_column(default=False)
    """Whether the password is one that someone else has seen, so that nothing opens before it is changed."""
    statement: Mapped[int | None]
    """The version of the intended-use statement that was accepted last (`clinic.words.STATEMENT_VERSION`)."""
    accepted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    read_up_to: Mapped[int] = mapped_column("told", default=0)
    """Up to which row of the audit the person has read what administrators did (clinic/accounts/takeovers.py)."""
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the edits; an edit states the revision that was on the screen (clinic/conflicts.py)."""


class SignIn(Base):
    """A browser that is signed in. Of the token in its cookie only the SHA-256 is kept; ending it deletes the row.

    `pending`: the password was right and the second step is still missing, so the session grants nothing yet.
    `by_provider`: signed in at another provider (OIDC).
    """

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    pending: Mapped[bool] = mapped_column(default=False)
    by_provider: Mapped[bool] = mapped_column(default=False)


class SecondStep(Base):
    """The second step of an account's sign-in (clinic/accounts/totp.py): asked for when `on_since` is set.

    `secret`: sealed with the master key, in hexadecimal digits. `last_step`: the time step of the last code taken.
    `steps_ahead`: steps of codes that were taken while the clock was ahead; they are not taken a second time.
    """

    __tablename__ = "second_step"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(400))
    last_step: Mapped[int] = mapped_column(default=0)
    steps_ahead: Mapped[list[int]] = mapped_column(JSON(none_as_null=True), default=list)
    created_at: Mapped[datetime]
    on_since: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that replaces the second step once; only its SHA-256 is kept, and using it deletes the row."""

    __tablename__ = "recovery_code"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class ProviderIdentity(Base):
    """An account's identity at the sign-in provider: `subject`, or `email` until the first sign-in there."""

    __tablename__ = "provider_identity"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(320))

    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        UniqueConstraint("issuer", "email", name="uq_provider_identity_email"),
    )


class ProviderAttempt(Base):
    """A browser that was sent to the provider and is not back yet; deleted when it comes, so that none comes twice."""

    __tablename__ = "provider_attempt"

    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(index=True)


class SignInFailure(Base):
    """How often a name failed in a row, known or not; of the name only the SHA-256, for people type passwords there."""

    __tablename__ = "sign_in_failure"

    name_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(index=True)
    refused_until: Mapped[datetime]


class Access(Base):
    """An account that sees a patient: permanently (`until` NULL: the caseload), or in an emergency until then."""

    __tablename__ = "access"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, index=True)
    until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class HandOverRequest(Base):
    """A caseload that one administrator wants to hand over and a second confirms (clinic/accounts/handover.py).

    `patients`: how many it was made for; some may have left the caseload or been erased since.
    """

    __tablename__ = "hand_over_request"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    giver_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), unique=True)
    taker_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    asked_by: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    patients: Mapped[int]
    created_at: Mapped[datetime]


class HandOverPatient(Base):
    """A patient whom a request to hand over names."""

    __tablename__ = "hand_over_patient"

    request_id: Mapped[str] = mapped_column(ForeignKey("hand_over_request.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, index=True)


class ApiToken(Base):
    """What lets a program act for an account at `/api/v1` (clinic/accounts/tokens.py); of it only the SHA-256 is kept.

    `used_at`: when it was last written down that it was used. Revoking it deletes the row.
    """

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("api_token"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiTokenPatient(Base):
    """A patient for whom a token acts; a token without any acts for no patient."""

    __tablename__ = "api_token_patient"

    token_id: Mapped[str] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, index=True)
