"""Phrases that claim to know feelings or judge a patient: they stand in no page, export or manual."""

import re

PATTERNS = (
    r"\bpatient (is|feels|was|seems) (sad|happy|angry|afraid|fearful|disgusted|surprised|depressed|anxious)\b",
    r"\bdiagnos(es|ed|ing)\b",
    r"\bdepression score\b",
    r"\brisk score\b",
    r"\bcrisis alert\b",
    r"\blie detect",
    r"\bemotional state of\b",
    r"\bdetects? (feelings|emotions|depression|anxiety)\b",
    r"\bsuicid",
)


def claims_in(text):
    """The patterns that a text holds."""
    return [pattern for pattern in PATTERNS if re.search(pattern, text, flags=re.IGNORECASE)]
