"""Accounts and their identities at the sign-in provider: linked by an administrator, never created by a sign-in."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from clinic import audit
from clinic.access import Actor, Forbidden, require_administrator
from clinic.accounts import accounts, passwords, sessions, totp
from clinic.accounts.oidc import Identity, folded_address
from clinic.audit import AuditAction
from clinic.conflicts import Difference
from db.engine import Database
from db.models import Account, ProviderIdentity
from fer_core.errors import FerError

LONGEST = 255


def link(db: Database, actor: Actor, account_id: str, issuer: str, named: str, seen: int | None = None) -> None:
    """Let an account sign in at the provider, as one with this e-mail address or, without an @, this subject.

    With an address, the first sign-in binds the subject. An earlier link is removed, and the account's sign-ins end.
    `seen`: the account's revision that was on the screen.
    Raises Forbidden, ConflictError, FerError ``unknown_account``, ``bad_identity``, ``identity_taken``.
    """
    named = named.strip()
    if not named or len(named) > LONGEST or any(character.isspace() for character in named):
        raise FerError("Please enter the e-mail address or the subject that the provider knows.", "bad_identity")
    email, subject = (folded_address(named), None) if "@" in named else (None, named)
    with db.session() as session:
        by, account = require_administrator(session, actor), accounts.account_of(session, account_id)
        same = ProviderIdentity.email == email if email else ProviderIdentity.subject == subject
        taken = select(ProviderIdentity).where(
            ProviderIdentity.issuer == issuer, same, ProviderIdentity.account_id != account.id
        )
        if session.scalar(taken) is not None:
            raise FerError("Another account is linked to this person already.", "identity_taken")
        before = session.get(ProviderIdentity, account.id)
        stored = (before.email or before.subject or "") if before is not None else ""
        accounts.edit(account, seen, Difference("Linked to", stored, named))
        session.execute(delete(ProviderIdentity).where(ProviderIdentity.account_id == account.id))
        session.add(ProviderIdentity(account_id=account.id, issuer=issuer, subject=subject, email=email))
        accounts.end_sign_ins(session, account.id, but=actor.sign_in_id)
        audit.write(session, AuditAction.PROVIDER_LINKED, by.id, account=account.id)


def unlink(db: Database, actor: Actor, account_id: str, seen: int | None = None) -> None:
    """Let an account sign in with its password alone, and end its sign-ins. `seen`: the account's revision on screen.

    Raises Forbidden, ConflictError, FerError ``unknown_account``.
    """
    with db.session() as session:
        by, account = require_administrator(session, actor), accounts.account_of(session, account_id)
        accounts.edit(account, seen)
        session.execute(delete(ProviderIdentity).where(ProviderIdentity.account_id == account.id))
        accounts.end_sign_ins(session, account.id)
        audit.write(session, AuditAction.PROVIDER_UNLINKED, by.id, account=account.id)


def sign_in(db: Database, identity: Identity) -> str:
    """Return the token of a new sign-in of the account that is linked to this person.

    A first password that an administrator has seen is replaced by one that nobody knows.
    Raises Forbidden ``sign_in_refused``: nobody is linked, or the account is disabled.
    """
    nobody_s = passwords.hash_password(passwords.generate(passwords.UNKNOWN_GROUPS))
    with db.session() as session:
        known = _linked(session, identity)
        account = session.get(Account, known.account_id) if known is not None else None
        if known is not None and account is not None and account.disabled_at is None:
            known.subject = identity.subject
            if account.must_change:
                accounts.replace_password(session, account, nobody_s, must_change=False)
            return sessions.start(session, account, totp.is_on(session, account.id), by_provider=True)
        audit.write(session, AuditAction.SIGN_IN_REFUSED, account.id if account is not None else None, provider=True)
    raise Forbidden(
        "There is no account for you here, or it is disabled. Please ask an administrator.", "sign_in_refused"
    )


def _linked(session: Session, identity: Identity) -> ProviderIdentity | None:
    """Return the link of a person: by the subject, or by a verified address that no subject was bound to yet."""
    here = ProviderIdentity.issuer == identity.issuer
    bound = session.scalar(select(ProviderIdentity).where(here, ProviderIdentity.subject == identity.subject))
    if bound is not None or identity.email is None:
        return bound
    return session.scalar(
        select(ProviderIdentity).where(
            here, ProviderIdentity.subject.is_(None), ProviderIdentity.email == identity.email
        )
    )
