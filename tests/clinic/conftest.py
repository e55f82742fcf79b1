"""Fixtures of the clinic's tests: a data folder, a database at head, a patient, stored files."""

import hashlib
from datetime import UTC, datetime

import pytest

from clinic import accounts, uploads
from clinic.settings import Settings
from clinic.uploads import Upload
from db.engine import migrate, open_database
from db.models import Patient, new_id
from tests import doors


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """Hash passwords with the least work, for a test that signs in ten times."""
    doors.cheap_hashes(monkeypatch)


@pytest.fixture
def settings(tmp_path, database_url):
    return Settings(data_dir=tmp_path, database_url=database_url, min_free_bytes=0)


@pytest.fixture
def db(settings):
    migrate(settings.database_url)
    database = open_database(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def who(db):
    """The clinician who acts."""
    return doors.actor(db)


@pytest.fixture
def patient(db, who):
    """The id of a stored patient on the clinician's caseload."""
    with db.session() as session:
        stored = Patient(name="Invented Person", created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        accounts.grant(session, who.account_id, stored.id)
        return stored.id


@pytest.fixture
def an_upload(settings):
    """Return a function that makes a stored file, as if it had been inspected."""

    def make(kind="video", content=None):
        upload_id = new_id()
        path = uploads.upload_path(settings, upload_id)
        content = content or upload_id.encode()
        path.write_bytes(content)
        return Upload(upload_id, path, "visit", hashlib.sha256(content).hexdigest(), len(content), kind)

    return make
