"""Concurrent edits: each says what it saw, and is refused if another user was faster.

A record that is edited has a revision (`need_unchanged`). Where records of a kind are added, what counts is which of
them were on the screen (`need_seen`). Both are asked in the transaction that stores, so that of two at once one is
refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fer_core.errors import FerError


def shown_as(*ids: Collection[str]) -> str:
    """Return a short text that names which records these are, kind by kind; empty for none."""
    named = [sorted(kind) for kind in ids]
    return hashlib.sha256(repr(named).encode()).hexdigest()[:16] if any(named) else ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that two people gave different texts: what is stored now, and what was to be stored."""

    field: str
    stored: str
    wanted: str


class ConflictError(FerError):
    """Another user changed a record after it was drawn; nothing of the second edit was stored.

    `revision`: that of the record now, or the ids that are to be seen: with it an edit made in full knowledge of
    `differences` goes through.
    """

    code = "changed_meanwhile"

    def __init__(self, what: str, revision: int | frozenset[str], differences: Sequence[Difference] = ()) -> None:
        super().__init__(
            f"Another user changed {what} after you opened it, so nothing was done. Please "
            + ("compare and decide." if differences else "look at it again."),
            self.code,
        )
        self.revision, self.differences = revision, tuple(differences)


def need_unchanged(what: str, seen: int | None, stored: int, differences: Sequence[Difference] = ()) -> None:
    """Refuse an edit of a record that was changed since the revision `seen`; None asks nothing.

    Raises ConflictError.
    """
    if seen is not None and seen != stored:
        raise ConflictError(what, stored, [one for one in differences if one.stored != one.wanted])


def need_seen(what: str, seen: Collection[str] | None, stored: Mapping[str, str], wanted: str) -> None:
    """Refuse to add to records of which not all were seen: somebody added one meanwhile.

    `seen`: ids; None asks nothing. `stored`: by id, what each of them says; `wanted`: what is to be added.
    Raises ConflictError.
    """
    newer = [said for record_id, said in stored.items() if seen is not None and record_id not in seen]
    if newer:
        differences = [Difference("Entry", said, wanted) for said in newer]
        raise ConflictError(what, frozenset(stored), differences)
