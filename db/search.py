"""What a search for a patient finds: each word, in any order, however its umlauts are written."""

from __future__ import annotations

import itertools
import re
import unicodedata

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from db.folding import fold

WORDS_MOST, PAIRS_MOST = 8, 4
"""Words that are looked for one by one, and pairs of letters of a word that may stand for an umlaut."""
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe"})


def found_by(key: InstrumentedAttribute[str], search: str) -> ColumnElement[bool]:
    """Return whether a `db.folding.search_key` holds every word of `search`; true for a search without a word."""
    words = _spelt(search).split(maxsplit=WORDS_MOST - 1)
    return and_(True, *(or_(*(key.contains(one, autoescape=True) for one in spellings(word))) for word in words))


def spellings(word: str) -> list[str]:
    """Return how a folded word may be kept: "mueller" is also "muller", as "Müller" is folded; "Zoe" is Zoe alone."""
    # No German word ends in such a pair.
    parts = re.split(r"([aou]e)(?=\w)", word, maxsplit=PAIRS_MOST)
    choices = [(part, part[0]) if place % 2 else (part,) for place, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _spelt(search: str) -> str:
    """Return a search folded, its umlauts written out, so that one way leads to both spellings."""
    return fold(unicodedata.normalize("NFKC", search).casefold().translate(_SPELT))
