"""Patients who may be one person under two ids: a hint to check, never a merge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from clinic import access, clock, phrases
from clinic.access import Actor
from clinic.patients.fields import PatientFields, valid_patient
from db.engine import Database
from db.folding import fold
from db.models import Account, Patient
from fer_core.errors import FerError

LEAST_OF_OTHERS = 2
"""Of a patient on another caseload only the existence is reported, and only where this much is the same."""

ALIKE = 0.8
"""Names that share this part of their letters in order are similar: Anna Meier and Ana Meyer."""


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


class LikeError(FerError):
    """Patients who may be the same person are there already; nothing was stored.

    `sentences`: who they are, with what is the same.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(" ".join(sentences), "like_patient")
        self.sentences = tuple(sentences)


def doubles(session: Session, patient_id: str, account: Account | None) -> Doubles:
    """Return the patients who may be the same person as this one, in the order in which they were added.

    The same code makes a hint, and so does the same name unless both dates of birth are known and differ; case,
    accents and spaces don't count. `account`: who will read it; None for the console, which names ids alone.
    """
    patient = session.get_one(Patient, patient_id)
    asked = select(
        Patient, Patient.id.in_(access.visible(account)) if account is not None else Patient.id == Patient.id
    )
    found = session.execute(
        asked.where(Patient.id != patient_id, or_(*_lines(patient)), ~access.staged(Patient.id)).order_by(
            Patient.number
        )
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


def like(db: Database, actor: Actor, wanted: PatientFields, patient_id: str | None = None) -> list[str]:
    """Return sentences about the patients on the own caseload who may be the person whom these fields describe.

    `patient_id`: the patient who is to get them, None for a new one. Beside the hints of `doubles`, the same date of
    birth with a like name makes one. Raises Forbidden, FerError ``unknown_patient`` and those of `valid_patient`.
    """
    with db.read() as session:
        if patient_id is None:
            account = access.require_writer(session, actor)
        else:
            account = access.require_writer_of(session, actor, patient_id)
        said = valid_patient(wanted, clock.latest_day(session))
        lines = _lines(said) + ([Patient.born_on == said.born_on] if said.born_on is not None else [])
        asked = select(Patient).where(Patient.id.in_(access.visible(account)), ~access.staged(Patient.id), or_(*lines))
        found = session.scalars(asked.where(Patient.id != (patient_id or "")).order_by(Patient.number))
        return [
            f"{phrases.named(other)} has the same {phrases.all_of(same)}{'' if 'name' in same else more}."
            for other in found
            for same, more in [_like(said, other)]
            if same
        ]


def need_no_other(
    db: Database, actor: Actor, wanted: PatientFields, patient_id: str | None, accepted: Sequence[str]
) -> None:
    """Refuse fields that other patients are `like`, unless exactly these sentences were read and accepted.

    Raises LikeError and what `like` raises.
    """
    found = like(db, actor, wanted, patient_id)
    if found and found != list(accepted):
        raise LikeError(found)


def others(db: Database, actor: Actor, patient_id: str) -> list[str]:
    """Return sentences about patients on other caseloads who may be the same person as a patient of the own one.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        account = access.require_writer_of(session, actor, patient_id)
        return Doubles(more=doubles(session, patient_id, account).more).sentences()


def _lines(patient: Patient | PatientFields) -> list[ColumnElement[bool]]:
    """Return by which of their fields patients are looked for who may be one person."""
    name, code = fold(patient.name), fold(patient.code)
    lines = [Patient.search_key.startswith(f"{name}\n", autoescape=True)]
    return lines + ([Patient.search_key.contains(f"\n{code}\n", autoescape=True)] if code else [])


def _like(one: PatientFields, other: Patient) -> tuple[list[str], str]:
    """Return what is the same of two patients who may be one person, and that their names are like each other."""
    same, alike = _same(one, other), _are_alike(fold(one.name), fold(other.name))
    if not same and alike and one.born_on is not None and one.born_on == other.born_on:
        same = ["date of birth"]
    return same, " and a similar name" if alike else ""


def _are_alike(one: str, other: str) -> bool:
    """Return whether two folded names share a word, or differ in few letters."""
    shared = set(re.findall(r"\w{3,}", one)) & set(re.findall(r"\w{3,}", other))
    return bool(shared) or SequenceMatcher(None, one, other).ratio() >= ALIKE


def _same(one: Patient | PatientFields, other: Patient) -> list[str]:
    """Return what is the same of two patients who may be one person, nothing for two who are not."""
    name = fold(one.name) == fold(other.name)
    code = bool(one.code) and fold(one.code) == fold(other.code)
    birth = one.born_on is not None and one.born_on == other.born_on
    differ = not birth and one.born_on is not None and other.born_on is not None
    if not (code or (name and not differ)):
        return []
    return [word for word, same in (("name", name), ("code", code), ("date of birth", birth)) if same]
