"""Text that people typed, told from text in which something is hidden."""

from __future__ import annotations

import unicodedata

TURNING = frozenset({"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"})
"""Bidirectional classes of marks that turn the writing direction."""


def hides_something(value: str) -> bool:
    """Return whether control characters or marks that turn the writing direction are in a text."""
    return any(unicodedata.category(c) in ("Cc", "Cs") or unicodedata.bidirectional(c) in TURNING for c in value)
