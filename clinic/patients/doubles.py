"""Patients who may be one person under two ids: a hint to check, never a merge."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from clinic import access, phrases
from db.folding import fold
from db.models import Account, Patient

LEAST_OF_OTHERS = 2
"""Of a patient on another caseload only the existence is reported, and only where this much is the same."""


@dataclass(frozen=True, slots=True)
class Doubles:
    """Patients who may be the same person. `seen`: who each of them is, with what is the same; `more`: what is the
    same for patients whom the account doesn't see."""

    seen: tuple[tuple[str, str], ...] = ()
    more: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return what the user may know, patient by patient."""
        known = [f"{who} has the same {same}." for who, same in self.seen]
        others = [f"A patient on another caseload has the same {same}." for same in self.more]
        return [*known, *others]


def doubles(session: Session, patient_id: str, account: Account | None) -> Doubles:
    """Return the patients who may be the same person as this one, in the order in which they were added.

    The same code makes a hint, and so does the same name unless both dates of birth are known and differ; case,
    accents and spaces don't count. `account`: who will read it; None for the console, which names ids alone.
    """
    patient = session.get_one(Patient, patient_id)
    asked = select(
        Patient, Patient.id.in_(access.visible(account)) if account is not None else Patient.id == Patient.id
    )
    name, code = fold(patient.name), fold(patient.code)
    lines = [Patient.search_key.startswith(f"{name}\n", autoescape=True)]
    lines += [Patient.search_key.contains(f"\n{code}\n", autoescape=True)] if code else []
    found = session.execute(
        asked.where(Patient.id != patient_id, or_(*lines), ~access.staged(Patient.id)).order_by(Patient.number)
    )
    seen, more = [], []
    for other, visible in found:
        same = _same(patient, other)
        if same and visible:
            who = f"{other.name} · {phrases.identity_text(other)}" if account is not None else f"Patient {other.id}"
            seen.append((who, phrases.all_of(same)))
        elif len(same) >= LEAST_OF_OTHERS:
            more.append(phrases.all_of(same))
    return Doubles(tuple(seen), tuple(dict.fromkeys(more)))


def _same(one: Patient, other: Patient) -> list[str]:
    """Return what is the same of two patients who may be one person, nothing for two who are not."""
    name = fold(one.name) == fold(other.name)
    code = bool(one.code) and fold(one.code) == fold(other.code)
    birth = one.born_on is not None and one.born_on == other.born_on
    differ = not birth and one.born_on is not None and other.born_on is not None
    if not (code or (name and not differ)):
        return []
    return [word for word, same in (("name", name), ("code", code), ("date of birth", birth)) if same]
