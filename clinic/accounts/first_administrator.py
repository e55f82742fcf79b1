"""The first administrator, who is added with the code that the program prints when it starts."""

from __future__ import annotations

import hmac

from sqlalchemy import select

from clinic import audit
from clinic.access import Forbidden
from clinic.accounts import passwords, throttle
from clinic.accounts.accounts import FIRST_CODE, insert_account, take_orphans, valid_name
from clinic.audit import AuditAction
from db.engine import Database
from db.models import Account, Role


def any_account(db: Database) -> bool:
    """Return whether there is an account at all."""
    with db.read() as session:
        return session.scalar(select(Account.id).limit(1)) is not None


def add(db: Database, expected: str, code: str, name: str, password: str) -> None:
    """Add the first administrator, with the code from the console; patients on no caseload are added to theirs.

    Raises Forbidden ``wrong_code``, ``not_first``, FerError ``sign_in_delayed``, ``bad_account_name`` and those of
    `passwords.check_password`.
    """
    throttle.charge(db, FIRST_CODE)
    if not hmac.compare_digest(_plain_code(expected).encode(), _plain_code(code).encode()):
        raise Forbidden("This is not the code that the program printed when it started.", "wrong_code")
    with db.session() as session:
        # The code was right: a later refusal is not a failed attempt at it.
        throttle.clear(session, FIRST_CODE)
    name = valid_name(name)
    passwords.check_password(password, name)
    stored = passwords.hash_password(password)
    with db.session() as session:
        if session.scalar(select(Account.id).limit(1)) is not None:
            raise Forbidden("There is already an administrator. Please sign in.", "not_first")
        account = insert_account(session, name, Role.ADMINISTRATOR, stored, must_change=False)
        audit.write(session, AuditAction.ACCOUNT_ADDED, account.id, account=account.id, role=account.role, first=True)
        take_orphans(session, account)


def _plain_code(code: str) -> str:
    return "".join(character for character in code.casefold() if character.isalnum())
