"""Edits that meet: each says which revision it saw, and is refused where somebody else was faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_core.errors import FerError


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that two people gave different texts: what is stored now, and what was to be stored."""

    field: str
    stored: str
    wanted: str


class ConflictError(FerError):
    """Somebody changed a record after it was drawn; nothing of the second edit was stored.

    `revision`: that of the record now, with which an edit made in full knowledge of `differences` goes through.
    """

    code = "changed_meanwhile"

    def __init__(self, what: str, revision: int, differences: Sequence[Difference] = ()) -> None:
        super().__init__(
            f"Somebody changed {what} since you opened it, so nothing was done. Please "
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
