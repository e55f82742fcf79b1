"""Accounts and sign-ins for tests, made without the work that guards real ones, and an eye on what is asked."""

import base64
import hashlib
import hmac
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

from argon2 import PasswordHasher
from sqlalchemy import event

from clinic import clock, words
from clinic.accounts import passwords, sessions
from clinic.accounts.accounts import name_key
from db.models import Account, Role
from storage import wrapping

PASSWORD = "nine wet umbrellas"
"""Of every account that `add_account` makes."""


def cheap_hashes(monkeypatch):
    """Let argon2 do the least work that it can."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    passwords._hash_of_nobody.cache_clear()


def cheap_passphrases(monkeypatch):
    """Let scrypt do little work, which takes half a second for each backup and each look into one."""
    monkeypatch.setattr(wrapping, "SCRYPT_N", 2**4)


def now():
    """The present moment, in UTC."""
    return datetime.now(UTC)


def add_account(db, name="Dr. Invented", role=Role.CLINICIAN, password=PASSWORD, **values):
    """Store an account that has accepted the intended use, and return its id."""
    values = {"statement": words.STATEMENT_VERSION, "accepted_at": now(), **values}
    stored = passwords.hash_password(password)
    with db.session() as session:
        account = Account(
            name=name,
            name_key=name_key(name),
            role=role.value,
            password_hash=stored,
            created_at=now(),
            **values,
        )
        session.add(account)
        session.flush()
        return account.id


def sign_in(db, name="Dr. Invented", role=Role.CLINICIAN):
    """Add an account, sign it in, and return its token."""
    add_account(db, name, role)
    return sessions.sign_in(db, name, PASSWORD)


def actor(db, name="Dr. Invented", role=Role.CLINICIAN):
    """Add an account, sign it in, and return who acts then."""
    return sessions.actor_of(db, sign_in(db, name, role))


def clock_of(monkeypatch, module, start=1_800_000_000.0):
    """Let one module read the time from a list that the test sets, in seconds since 1970, and return the list."""
    moment = [start]
    reported = {**vars(clock), "now": lambda: datetime.fromtimestamp(moment[0], UTC)}
    monkeypatch.setattr(module, "clock", SimpleNamespace(**reported))
    return moment


@contextmanager
def statements(db):
    """Note each statement that reads or writes rows, with its parameters."""
    noted = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            noted.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def code_at(secret, moment):
    """Return the six digits that an app shows at a moment, worked out as RFC 6238 says and not as the program does."""
    digest = hmac.new(base64.b32decode(secret), int(moment // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"
