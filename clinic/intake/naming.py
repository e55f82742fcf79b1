"""Names of files that name a patient: one that names another patient may have been chosen for the wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clinic.phrases import Person
from db.folding import fold

_SHORTEST_CODE = 4
"""A shorter code may be a part of any name that a camera gives."""


def named_otherwise(names: Iterable[str], whose: Person, others: Iterable[Person]) -> list[tuple[str, Person]]:
    """Return the files' names that name another patient, by all words of the name or by the code, and whom.

    A name that names the patient whose the file is to be, too, is left out.
    """
    own, known = _Known.of(whose), [_Known.of(one) for one in others if one.id != whose.id]
    found = []
    for name in names:
        said = _words(name)
        if not own.is_named(said):
            found += [(name, one.person) for one in known if one.is_named(said)]
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """A patient's words, taken apart once for all files: a page with 200 pictures asks of 500 patients."""

    person: Person
    name: frozenset[str]
    code: tuple[str, ...]

    @classmethod
    def of(cls, person: Person) -> _Known:
        name = frozenset(word for word in _words(person.name) if word.isalpha())
        code = tuple(_words(person.code))
        long_enough = len("".join(code)) >= _SHORTEST_CODE
        return cls(person, name if len(name) > 1 else frozenset(), code if long_enough else ())

    def is_named(self, said: Sequence[str]) -> bool:
        return (bool(self.name) and self.name.issubset(said)) or (bool(self.code) and self._code_stands_in(said))

    def _code_stands_in(self, said: Sequence[str]) -> bool:
        if self.code[0] not in said:
            return False
        return any(tuple(said[at : at + len(self.code)]) == self.code for at in range(len(said)))


def _words(text: str) -> list[str]:
    """Return the words and numbers of a text, in small letters and without accents."""
    return re.findall(r"[^\W\d_]+|\d+", fold(text))
