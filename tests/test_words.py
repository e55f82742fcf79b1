"""Nothing that the program says claims to know feelings or to judge a patient, and its words are plain English."""

import re
from pathlib import Path

import pytest

from clinic import words
from clinic.audit import AuditAction
from clinic.audit_words import AUDIT_ACTIONS
from db.models import Role
from fer_core.emotions import Emotion
from fer_core.types import Status
from tests.forbidden_claims import claims_in

ROOT = Path(__file__).parents[1]
SPOKEN = sorted(
    path
    for pattern in (
        "pages/**/*.py",
        "web/*.py",
        "clinic/**/*.py",
        "backup/*.py",
        "fer_core/**/*.py",
        "train/report.py",
        "*.md",
        "docs/**/*.md",
    )
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_forbidden_phrase(path):
    text = path.read_text(encoding="utf-8")
    assert not claims_in(text)


def test_the_patterns_find_what_they_are_for():
    for sentence in ("The patient is sad.", "Depression score: 7", "detects emotions", "lie detector"):
        assert claims_in(sentence), sentence


def test_everything_has_a_word():
    assert set(words.EXPRESSIONS) == set(Emotion)
    assert set(words.STATUSES) == set(Status)
    assert set(AUDIT_ACTIONS) == set(AuditAction)
    assert set(words.ROLES) == set(words.ROLE_MEANINGS) == set(Role)


@pytest.mark.parametrize(("probability", "name"), [(0.0, "low"), (0.32, "low"), (0.5, "medium"), (0.67, "high")])
def test_bands(probability, name):
    assert words.band(probability) == name


WORDS = {
    "anew": "again",
    "whoever": "the user who, or the caller",
    "told": "shown, reported, distinguished",
    "deed": "action",
    "calm": "quiet",
    "lest": "so that ... not",
    "wherefore": "so",
    "thereof": "of it",
    "farewell": "sign-out message",
    "keeper": "administrator",
    "mend": "fix, repair",
    "mended": "fixed, repaired",
    "save for": "except",
}
"""Words that are not plain modern English, or hide what a name holds, each with what to write instead."""
NAMED_IN_TABLES = {
    "db/models/accounts.py": {"told"},
    "db/models/audit.py": {"deed"},
    "db/migrations/versions/0002_accounts_and_audit.py": {"deed"},
    "db/migrations/versions/0012_takeovers.py": {"told", "deed"},
}
"""Names of columns in clinics' databases, which stay."""
PROGRAM = ("pages", "web", "clinic", "backup", "storage", "db", "fer_core", "train", "benchmarks")
WRITTEN = {
    str(path.relative_to(ROOT)): path
    for path in [
        ROOT / "streamlit_app.py",
        *(path for folder in PROGRAM for path in (ROOT / folder).rglob("*.py")),
        *(path for folder in ("", "docs", "deploy", "train") for path in (ROOT / folder).glob("*.md")),
    ]
}


def old_words(text):
    """The words of `WORDS` that a text holds, also as parts of names such as ``told_at``."""
    return {word for word in WORDS if re.search(rf"(?<![a-z]){word}(?![a-z])", text.lower())}


def test_code_and_manual_are_plain():
    found = {
        name: {
            word: WORDS[word] for word in old_words(path.read_text(encoding="utf-8")) - NAMED_IN_TABLES.get(name, set())
        }
        for name, path in WRITTEN.items()
    }
    assert not {name: words for name, words in found.items() if words}


def test_old_words_are_found_in_names_and_sentences():
    assert old_words("def _told(x): ...  # Whoever asks anew") == {"told", "whoever", "anew"}
    assert old_words("recommended, lesta, toldo, Deedee") == set()


def test_each_exception_is_still_needed():
    assert all(named <= old_words((ROOT / path).read_text("utf-8")) for path, named in NAMED_IN_TABLES.items())
