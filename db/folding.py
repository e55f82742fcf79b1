"""Text as it is searched and sorted: without case, without accents, the same in every database."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "’": "'"}
)
"""Letters that Unicode doesn't take apart into a base letter and a mark."""


def fold(text: str) -> str:
    """Return the text without case and accents, its spaces single: "MÜLLER", "Müller" and "Muller" are one."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(character for character in apart if not unicodedata.combining(character))
    return " ".join(plain.translate(_LETTERS).split())


def search_key(values: Mapping[str, Any]) -> str:
    """Return what a search for a patient looks through: name, code and note, folded, each on a line."""
    return "\n".join(fold(values.get(name) or "") for name in ("name", "code", "note"))
