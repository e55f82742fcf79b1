"""Who recorded what an archive brings: nobody of this clinic, whatever the archive says."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.exchange.import_checks import Tables
from db.models import Account, new_id

OF_ACCOUNTS = frozenset({"recorded_by", "withdrawn_by"})
"""Columns that name an account, which an archive may bring."""


def make_strangers(session: Session, tables: Tables) -> None:
    """Replace each id of an account of this installation in an archive's rows by an id of nobody, one for each account.

    An archive proves nothing: with such an id a consent of it would stand there as recorded by a colleague. Ids of
    other installations stay as they are, and the pages show "elsewhere" for both.
    """
    strangers = {account_id: new_id() for account_id in session.scalars(select(Account.id))}
    for rows in tables.values():
        for row in rows:
            row.update({name: strangers.get(row[name], row[name]) for name in OF_ACCOUNTS & row.keys()})
