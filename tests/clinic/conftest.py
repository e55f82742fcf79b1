"""Fixtures of the clinic's tests: a data folder, a database at head, a patient, stored files."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clinic.accounts import accounts
from clinic.recordings import uploads
from clinic.recordings.uploads import Upload
from clinic.settings import Settings
from db.engine import open_database
from db.models import Patient, new_id
from storage import keys
from storage.media import open_store
from storage.sealed import sealing
from tests import doors
from tests.consents import agree


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """Hash passwords with the least work, for a test that signs in ten times."""
    doors.cheap_hashes(monkeypatch)


@pytest.fixture
def settings(tmp_path, database_url):
    """The settings of an installation that was started before: its master key is there."""
    made = Settings(
        data_dir=tmp_path,
        database_url=database_url,
        min_free_bytes=0,
        key_dir=tmp_path.with_name(f"{tmp_path.name}-keys"),
    )
    keys.make(made)
    return made


@pytest.fixture
def db(settings):
    database = open_database(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def who(db):
    """The clinician who acts."""
    return doors.actor(db)


@pytest.fixture
def patient(db, who):
    """The id of a stored patient on the clinician's caseload, who has consented to everything."""
    with db.session() as session:
        stored = Patient(name="Invented Person", created_at=datetime.now(UTC))
        session.add(stored)
        session.flush()
        accounts.grant(session, who.account_id, stored.id)
        patient_id = stored.id
    agree(db, patient_id)
    return patient_id


@dataclass(frozen=True)
class OnDisk(Upload):
    """An upload that knows where its sealed file lies."""

    path: Path | None = None


@pytest.fixture
def seal(settings):
    """Return a function that puts content into the media store under an id, without any inspection."""

    def put(upload_id, content):
        media, part = open_store(settings), uploads.part_path(settings, upload_id)
        with part.open("wb") as file, sealing(file, media.key, upload_id.encode()) as sealed:
            sealed.write(content)
        media.adopt(part, upload_id)

    return put


@pytest.fixture
def an_upload(settings, seal):
    """Return a function that makes a stored file, as if it had been inspected."""

    def make(kind="video", content=None):
        upload_id = new_id()
        content = content or upload_id.encode()
        seal(upload_id, content)
        path, sha256 = Path(settings.media_url) / upload_id, hashlib.sha256(content).hexdigest()
        return OnDisk(upload_id, "visit", sha256, len(content), kind, path=path)

    return make


@pytest.fixture
def unmount(settings):
    """Return a function that takes the media store's disk away, and one that brings it back."""
    there, elsewhere = Path(settings.media_url), settings.data_dir / "elsewhere"

    def away():
        there.rename(elsewhere)
        # The mount point of a share is an empty folder.
        there.mkdir()

    def back():
        there.rmdir()
        elsewhere.rename(there)

    return away, back
