"""Nothing that the program says claims to know feelings or to judge a patient."""

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
