"""A patient whom no account sees."""

from datetime import UTC, datetime

import pytest

from db.models import Patient


@pytest.fixture
def orphan(db):
    """The id of a patient from before there were accounts."""
    with db.session() as session:
        stored = Patient(name="Invented Person", created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        return stored.id
