"""Whose a row of a CSV file is: columns that name a patient, in the words that files have for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from clinic import phrases
from db.folding import fold
from db.models import Patient

_OF_PERSON = r"(?:patient|client|klient|participant|proband|subject|person|respondent)(?:en|in)?s?"
_NUMBERED = r"(?:code|id|no|nr|num|number|nummer|kennung)"
_WHOLE = re.compile(
    rf"{_OF_PERSON}(?:(?:full)?name|{_NUMBERED})?|(?:case|record|fall|akten){_NUMBERED}|(?:full)?name|code|id|mrn|pseudonym"
)
_PART = re.compile(
    rf"(?:{_OF_PERSON})?(?:(?:first|last|given|family|fore|middle|maiden|birth|sur|nach|vor|familien|geburts|zu|ruf)names?"
    r"|(?:achter|voor)naam|(?:efter|for)namn|(?:etter|efter|for)navn|surname|nom(?:defamille)?|prenoms?|nombres?"
    r"|apellidos?|cognome|nome|sobrenome|imie|nazwisko)"
)
_INITIALS = re.compile(rf"(?:{_OF_PERSON})?(?:initials|initialen)")
_BORN = re.compile(
    rf"(?:{_OF_PERSON})?(?:dob|dateofbirth|birthdate|birthday|dayofbirth|born|bornon|geburtsdatum|geburtstag|gebdatum"
    r"|gebdat|geb|geboren|geborenam|datedenaissance|fecha(?:de)?nacimiento|datadinascita|geboortedatum|fodelsedatum"
    r"|fodselsdato|fodt)"
)


def whose(patient: Patient, cells: Mapping[str, str]) -> str:
    """Return what a row says of whose it is, where that isn't this patient; empty where it is, or nothing is said."""
    return ", ".join(f"{name}: {cell[:60]}" for name, cell in cells.items() if _is_of(patient, name, cell) is False)


def own(patient: Patient, cells: Mapping[str, str]) -> set[str]:
    """Return the names of the columns in which a row says that it is of this patient."""
    return {name for name, cell in cells.items() if _is_of(patient, name, cell)}


def _is_of(patient: Patient, column: str, cell: str) -> bool | None:
    """Return whether a cell is of this patient; None where it is of nobody, or nothing is known to compare it with."""
    name, said = re.sub(r"[\W_]", "", fold(column)), fold(cell)
    if not said:
        return None
    if _WHOLE.fullmatch(name):
        known = (said == fold(one) for one in (patient.code, patient.id, phrases.short_id(patient.id)) if one)
        return any(known) or sorted(_words(said)) == sorted(_words(fold(patient.name)))
    if _PART.fullmatch(name):
        return set(_words(said)) <= set(_words(fold(patient.name)))
    if _INITIALS.fullmatch(name):
        return sorted("".join(_words(said))) == sorted(word[0] for word in _words(fold(patient.name)))
    return _is_birth(patient.born_on, said) if _BORN.fullmatch(name) else None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _is_birth(born_on: date | None, said: str) -> bool | None:
    """Return whether a day is that of birth, written in any order; None for what is no day of three numbers."""
    found = re.match(r"(\d{1,4})[-./ ]+(\d{1,2})[-./ ]+(\d{1,4})(?!\d)", said)
    if born_on is None or found is None:
        return None
    first, middle, last = map(int, found.groups())
    years = (born_on.year, born_on.year % 100)
    if len(found[1]) > 2:
        return (first, middle, last) == (born_on.year, born_on.month, born_on.day)
    return last in years and (first, middle) in ((born_on.day, born_on.month), (born_on.month, born_on.day))
