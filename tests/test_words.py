"""Nothing that the program says claims to know feelings or to judge a patient, and its words are plain English."""

import ast
import re
from pathlib import Path

import pytest

from clinic import words
from clinic.audit import AuditAction
from clinic.audit_words import AUDIT_ACTIONS
from db.models import JobState, RecordingKind, Role
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


PHRASES = {
    r"\blook (whether|why)\b": "check whether, check why",
    r"\b(this|it|that|file|card|these|variables|they|which) (is|are) no (?!longer\b|more\b)": "is not a",
    r"\bof no use\b": "can't be used",
    r"\bcome in whole\b|\btakes? rows\b|\bsteps? back behind\b": "arrive, accept, give way",
    r"\b(no|nothing) [\w ]*\b(was|were) [\w ]+ yet\b": "has been ... yet",
    r"\bhanded in\b|\bbring it in\b": "uploaded, import",
}
"""What people don't say in what the program says to them, each with what to write instead."""
SHOWN = [path for path in SPOKEN if path.suffix == ".py"] + [
    path for folder in ("web/templates", "clinic/templates") for path in sorted((ROOT / folder).glob("*.html"))
]


def shown(path):
    """The strings of a module that may be shown, docstrings left out; a template's whole text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return [" ".join(text.split())]
    tree = ast.parse(text)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in alone]
    return [node.value for node in found if isinstance(node.value, str)]


def strange(text):
    """What of `PHRASES` a text holds."""
    return {phrase for phrase in PHRASES if re.search(phrase, text, re.IGNORECASE)}


def test_what_is_shown_is_plain():
    found = {str(path.relative_to(ROOT)): [text for text in shown(path) if strange(text)] for path in SHOWN}
    assert not {name: texts for name, texts in found.items() if texts}


def test_strange_phrases_are_found():
    assert strange("This is no piece of an upload. Please look whether it was done.") == set(list(PHRASES)[:2])
    assert strange("It is no longer there. There is no file yet.") == set()


def compared(tree):
    """The texts with which a module compares something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_kinds_and_states_by_their_enums(path):
    assert not {*RecordingKind, *JobState} & set(compared(ast.parse(path.read_text(encoding="utf-8"))))


def test_a_raw_kind_is_found():
    assert "video" in set(compared(ast.parse('if recording.kind == "video": pass')))
