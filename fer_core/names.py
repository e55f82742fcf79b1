"""Names of files, as text that any page, terminal or file can hold."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

_UNSHOWN = frozenset({"Cc", "Zl", "Zp"})
"""Control signs and line ends."""


def shown(name: PurePath | str) -> str:
    """Return a name in which a line end, a code for a terminal or a byte that is not UTF-8 stands as its number."""
    # Python keeps such a byte as a half character, which no page and no file of text takes.
    text = str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(_numbered(char) if unicodedata.category(char) in _UNSHOWN else char for char in text)


def _numbered(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
