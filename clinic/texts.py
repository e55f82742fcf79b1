"""Typed text and file names in stored form: what is stored is what can be seen."""

from __future__ import annotations

import codecs
import unicodedata

from fer_core.errors import FerError

TURNING = frozenset({"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"})
"""Bidirectional classes of marks that turn the writing direction."""
_DROPPED = dict.fromkeys(
    map(ord, "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufeff"), None
)
"""Marks without a look of their own that telephones and address books wrap names in."""
_AT_THE_ENDS = "\u200c\u200d\u202a\u202b\u202c\u202d\u202e \t\u00a0\u3000"
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""


def one_line(text: str) -> str:
    """Return a name, a code or a reference as it is kept: composed (NFC), on one line, without marks around it.

    Raises ValueError where something hidden is left inside. The result is empty where nothing can be seen.
    """
    line = unicodedata.normalize("NFC", text).translate(_DROPPED).strip(_AT_THE_ENDS + "\r\n")
    if hides_something(line):
        raise ValueError("something is hidden in it")
    line = " ".join(line.split())
    return line if is_seen(line) else ""


def kept_line(text: str, most: int, refused: FerError, least: int = 0) -> str:
    """Return a line of `least` to `most` characters as it is kept. Raises `refused` for another, or a hidden part."""
    try:
        line = one_line(text)
    except ValueError:
        raise refused from None
    if not least <= len(line) <= most:
        raise refused
    return line


def short_note(note: str, most: int, code: str) -> str:
    """Return a note of one line as it is kept. Raises FerError `code` over `most` characters, or with hidden ones."""
    return kept_line(note, most, FerError(f"Please keep the note under {most} characters, on one line.", code))


def lines(text: str) -> str:
    """Return a note in stored form: composed (NFC), its lines and tabs as they were. Raises ValueError as above."""
    note = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED).strip()
    if hides_something(note.replace("\n", "").replace("\t", "")):
        raise ValueError("something is hidden in it")
    return note


def is_seen(text: str) -> bool:
    """Return whether there is anything in a text that can be seen."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in text)


def hides_something(value: str) -> bool:
    """Return whether control characters or marks that turn the writing direction are in a text."""
    return any(unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in TURNING for c in value)


def encoding_of(head: bytes) -> str:
    """Return how a table's text is encoded, by its first bytes: spreadsheets save UTF-16 as "Unicode text"."""
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
