"""Accounts, and what administrators do with those of others."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, aliased

from clinic import access, audit, clock, texts, words
from clinic.access import Actor, require_administrator, signed_in
from clinic.accounts import passwords, throttle
from clinic.accounts.writers import need_writers
from clinic.audit import AuditAction
from clinic.conflicts import Difference, need_unchanged
from db.engine import Database
from db.folding import fold
from db.models import (
    Access,
    Account,
    ApiToken,
    AuditRow,
    HandOver,
    Patient,
    ProviderIdentity,
    Role,
    SecondStep,
    SignIn,
)
from fer_core.errors import FerError

NAME_MAX = 100
FIRST_CODE = "the first administrator's code"
"""The name under which failed attempts at the code are counted; no account can have it, see `name_key`."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as administrators see it; `patients` are the ids of its caseload, `seen_at` its last activity now.

    `second_step`: whether it is asked for a code. `provider`: who it is at the sign-in provider (see
    clinic/accounts/identities.py), None where it is not linked.
    """

    id: str
    name: str
    role: Role
    disabled: bool
    must_change: bool
    patients: tuple[str, ...]
    seen_at: datetime | None
    second_step: bool
    provider: str | None
    revision: int


def add(db: Database, actor: Actor, name: str, role: Role) -> str:
    """Add an account and return its first password, which is shown once and has to be changed at the first sign-in.

    Raises Forbidden, FerError ``bad_account_name``, ``name_taken``.
    """
    name, password = valid_name(name), passwords.generate()
    stored = passwords.hash_password(password)
    with db.session() as session:
        by = require_administrator(session, actor)
        if session.scalar(select(Account.id).where(Account.name_key == name_key(name))) is not None:
            raise FerError("There is already an account with this name.", "name_taken")
        account = insert_account(session, name, role, stored, must_change=True)
        audit.write(session, AuditAction.ACCOUNT_ADDED, by.id, account=account.id, role=role.value)
    return password


def list_accounts(db: Database, actor: Actor) -> list[AccountRow]:
    """Return all accounts in the order of their names. Raises Forbidden."""
    seen_at = select(func.max(SignIn.seen_at)).where(SignIn.account_id == Account.id, ~SignIn.pending).scalar_subquery()
    found = (
        select(Account, seen_at, SecondStep.on_since, ProviderIdentity)
        .outerjoin(SecondStep, SecondStep.account_id == Account.id)
        .outerjoin(ProviderIdentity, ProviderIdentity.account_id == Account.id)
    )
    with db.read() as session:
        require_administrator(session, actor)
        caseloads: dict[str, list[str]] = defaultdict(list)
        for given in session.scalars(select(Access).where(Access.until.is_(None)).order_by(Access.patient_id)):
            caseloads[given.account_id].append(given.patient_id)
        rows = [_row(*row, tuple(caseloads[row[0].id])) for row in session.execute(found.order_by(Account.name_key))]
        return sorted(rows, key=lambda row: fold(row.name))


def set_role(db: Database, actor: Actor, account_id: str, role: Role, seen: int | None = None) -> None:
    """Give an account another role. `seen`: the revision that was on the screen, None where there was none.

    Raises Forbidden, ConflictError, FerError ``unknown_account``, ``last_administrator``, ``last_clinician`` where a
    patient would have viewers alone.
    """
    with db.session() as session:
        by, account = require_administrator(session, actor), account_of(session, account_id)
        edit(account, seen, Difference("Role", words.ROLES[account.role], words.ROLES[role]))
        if role is not Role.ADMINISTRATOR:
            _keep_one(session, account)
        account.role = role
        held = select(Access.patient_id).where(Access.account_id == account.id, Access.until.is_(None))
        if role is Role.VIEWER:
            need_writers(session, session.scalars(held).all(), "Please hand the caseload over first.")
        audit.write(session, AuditAction.ROLE_CHANGED, by.id, account=account.id, role=role.value)


def disable(db: Database, actor: Actor, account_id: str, seen: int | None = None) -> None:
    """Disable an account and end its sign-ins; its caseload stays until it is handed over.

    `seen`: the revision that was on the screen.
    Raises Forbidden, ConflictError, FerError ``unknown_account``, ``last_administrator``, ``last_clinician`` where a
    patient who is shared with viewers would have them alone.
    """
    with db.session() as session:
        by, account = require_administrator(session, actor), account_of(session, account_id)
        edit(account, seen, Difference("State", _state(account), "Disabled"))
        _keep_one(session, account)
        account.disabled_at = clock.now()
        instead = "Please hand the caseload over first; a new password ends the sign-ins at once."
        need_writers(session, _shared(session, account), instead)
        end_sign_ins(session, account.id)
        end_tokens(session, account.id)
        audit.write(session, AuditAction.ACCOUNT_DISABLED, by.id, account=account.id)


def _shared(session: Session, account: Account) -> list[str]:
    """Return the ids of the account's patients whom another user sees, who would be alone with them."""
    other = aliased(Access)
    also = (
        select(other.patient_id)
        .join(Account, Account.id == other.account_id)
        .where(other.account_id != account.id, other.until.is_(None), Account.disabled_at.is_(None))
    )
    own = select(Access.patient_id).where(Access.account_id == account.id, Access.until.is_(None))
    return list(session.scalars(own.where(Access.patient_id.in_(also))))


def enable(db: Database, actor: Actor, account_id: str, seen: int | None = None) -> None:
    """Let a disabled account sign in again. `seen`: the revision that was on the screen.

    Raises Forbidden, ConflictError, FerError ``unknown_account``, ``last_clinician`` where a viewer would be alone with
    a patient.
    """
    with db.session() as session:
        by, account = require_administrator(session, actor), account_of(session, account_id)
        edit(account, seen, Difference("State", _state(account), "Enabled"))
        account.disabled_at = None
        if account.role == Role.VIEWER:
            own = select(Access.patient_id).where(Access.account_id == account.id, Access.until.is_(None))
            instead = "Please enable a clinician who sees the patients, or hand them over to one, first."
            need_writers(session, session.scalars(own).all(), instead)
        audit.write(session, AuditAction.ACCOUNT_ENABLED, by.id, account=account.id)


def reset_password(db: Database, actor: Actor, account_id: str, seen: int | None = None) -> str:
    """Give an account a new first password, end its sign-ins, and return the password.

    `seen`: the revision that was on the screen. Raises Forbidden, ConflictError, FerError ``unknown_account``.
    """
    password = passwords.generate()
    stored = passwords.hash_password(password)
    with db.session() as session:
        by, account = require_administrator(session, actor), account_of(session, account_id)
        edit(account, seen)
        _reset(session, account, stored)
        audit.write(session, AuditAction.PASSWORD_RESET, by.id, account=account.id)
    return password


def reset_by_console(db: Database, name: str) -> str:
    """Give the account of this name a new first password, for the console's user, who has the data anyway.

    Raises FerError ``unknown_account``.
    """
    password = passwords.generate()
    stored = passwords.hash_password(password)
    with db.session() as session:
        account = account_named(session, name)
        _reset(session, account, stored)
        audit.write(session, AuditAction.PASSWORD_RESET, None, account=account.id, console=True)
    return password


def accept_statement(db: Database, actor: Actor, version: int) -> None:
    """Remember that the acting user accepted the intended-use statement, in the version that was shown.

    Raises Forbidden ``signed_out``, FerError ``statement_changed`` where there is a newer one.
    """
    with db.session() as session:
        account = signed_in(session, actor)
        if version != words.STATEMENT_VERSION:
            raise FerError("The statement has changed in the meantime. Please read it again.", "statement_changed")
        account.statement, account.accepted_at = version, clock.now()
        audit.write(session, AuditAction.STATEMENT_ACCEPTED, account.id, version=version)


def grant(session: Session, account_id: str, patient_id: str, until: datetime | None = None) -> None:
    """Let an account see a patient: permanently, or until a moment if it has no permanent access."""
    known = session.get(Access, (account_id, patient_id))
    if known is None:
        now = clock.now()
        session.add(Access(account_id=account_id, patient_id=patient_id, until=until, created_at=now))
    elif known.until is not None:
        known.until = until
    session.flush()


def take_orphans(session: Session, account: Account) -> None:
    """Put the patients on no caseload, such as those from before there were accounts, on the account's caseload."""
    cared_for = select(Access.patient_id).where(Access.until.is_(None))
    orphans = select(Patient.id).where(Patient.id.not_in(cared_for), ~access.staged(Patient.id))
    for patient_id in session.scalars(orphans).all():
        grant(session, account.id, patient_id)


def oldest_administrator(session: Session) -> Account | None:
    """Return the oldest administrator, None before there is one."""
    asked = select(Account).where(Account.role == Role.ADMINISTRATOR, Account.disabled_at.is_(None))
    return session.scalar(asked.order_by(Account.number, Account.id).limit(1))


def replace_password(session: Session, account: Account, stored: str, must_change: bool) -> None:
    """Give the account another password, end all its sign-ins and revoke its tokens."""
    account.password_hash, account.must_change = stored, must_change
    end_sign_ins(session, account.id)
    end_tokens(session, account.id)


def end_sign_ins(session: Session, account_id: str, but: str | None = None) -> None:
    """End every sign-in of an account, except the given one, and those that a PIN would give back with a device."""
    session.execute(delete(SignIn).where(SignIn.account_id == account_id, SignIn.id != (but or "")))
    session.execute(update(HandOver).where(HandOver.account_id == account_id).values(signed_in_at=None))


def end_tokens(session: Session, account_id: str) -> None:
    """Revoke every token of an account."""
    session.execute(delete(ApiToken).where(ApiToken.account_id == account_id))


def name_key(name: str) -> str:
    """Return a name in the form for comparison: without case, with single spaces and normalised characters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _reset(session: Session, account: Account, stored: str) -> None:
    replace_password(session, account, stored, must_change=True)
    throttle.clear(session, account.name_key)


def insert_account(session: Session, name: str, role: Role, stored: str, must_change: bool) -> Account:
    """Add an account with a password's hash."""
    account = Account(
        name=name,
        name_key=name_key(name),
        role=role,
        password_hash=stored,
        must_change=must_change,
        read_up_to=session.scalar(select(func.max(AuditRow.number))) or 0,
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account


def _row(
    account: Account,
    seen: datetime | None,
    on_since: datetime | None,
    linked: ProviderIdentity | None,
    patients: tuple[str, ...],
) -> AccountRow:
    return AccountRow(
        id=account.id,
        name=account.name,
        role=account.role,
        disabled=account.disabled_at is not None,
        must_change=account.must_change,
        patients=patients,
        seen_at=seen,
        second_step=on_since is not None,
        provider=(linked.email or linked.subject) if linked is not None else None,
        revision=account.revision,
    )


def edit(account: Account, seen: int | None, *differences: Difference) -> None:
    """Count an edit of an account that was seen in a revision, None where there was no screen. Raises ConflictError."""
    need_unchanged("this account", seen, account.revision, differences)
    account.revision += 1


def _state(account: Account) -> str:
    return "Disabled" if account.disabled_at is not None else "Enabled"


def account_named(session: Session, name: str) -> Account:
    """Return the account of this name. Raises FerError ``unknown_account``."""
    account = session.scalar(select(Account).where(Account.name_key == name_key(name)))
    if account is None:
        raise FerError("There is no account of this name.", "unknown_account")
    return account


def account_of(session: Session, account_id: str) -> Account:
    """Return the account of this id. Raises FerError ``unknown_account``."""
    account = session.get(Account, account_id)
    if account is None:
        raise _unknown()
    return account


def _unknown() -> FerError:
    return FerError("This account does not exist any more.", "unknown_account")


def _keep_one(session: Session, account: Account) -> None:
    """Refuse to take away the last administrator who can sign in."""
    others = select(Account.id).where(
        Account.role == Role.ADMINISTRATOR, Account.disabled_at.is_(None), Account.id != account.id
    )
    if session.scalar(others.limit(1)) is None:
        raise FerError("At least one administrator has to remain. Please add another one first.", "last_administrator")


def valid_name(name: str) -> str:
    """Return a name as it is kept. Raises FerError ``bad_account_name``."""
    try:
        name = texts.one_line(name)
    except ValueError:
        name = ""
    shown = all(unicodedata.category(character)[0] != "C" for character in name)
    if not 1 <= len(name) <= NAME_MAX or not shown or name_key(name) == FIRST_CODE:
        raise FerError(f"Please give a name of 1 to {NAME_MAX} characters.", "bad_account_name")
    return name
