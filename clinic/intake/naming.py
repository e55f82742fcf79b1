"""Names of files that name a patient: one that names another patient may have been chosen for the wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from clinic.phrases import Person
from db.folding import fold

_SHORTEST_CODE = 4
"""A shorter code may be a part of any name that a camera gives."""


def of_another(name: str, whose: Person, others: Iterable[Person]) -> list[Person]:
    """Return which of the other patients a file's name names, by all words of their name or by their code.

    None where it names the patient whose it is to be, too.
    """
    said = _words(name)
    if _named(said, whose):
        return []
    return [one for one in others if one.id != whose.id and _named(said, one)]


def _named(said: Sequence[str], patient: Person) -> bool:
    own = [word for word in _words(patient.name) if word.isalpha()]
    if len(own) > 1 and set(own) <= set(said):
        return True
    code = _words(patient.code)
    return len("".join(code)) >= _SHORTEST_CODE and _stand_in(said, code)


def _stand_in(said: Sequence[str], code: Sequence[str]) -> bool:
    places = range(len(said) - len(code) + 1)
    return any(list(said[place : place + len(code)]) == list(code) for place in places)


def _words(text: str) -> list[str]:
    """Return the words and numbers of a text, in small letters and without accents."""
    return re.findall(r"[^\W\d_]+|\d+", fold(text))
