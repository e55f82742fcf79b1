"""An archive of an invented patient, and an empty installation to bring it to."""

import shutil
from dataclasses import replace

import pytest

from clinic.settings import Settings
from db.engine import open_database
from storage import keys
from tests.clinic.archives import archive_of, demo_id


@pytest.fixture
def elsewhere(tmp_path, copy_tables):
    """An empty installation: (db, settings)."""
    settings = replace(Settings.at(tmp_path / "elsewhere"), min_free_bytes=0)
    settings.data_dir.mkdir()
    keys.make(settings)
    copy_tables(settings.data_dir / "clinic.db")
    database = open_database(settings.database_url)
    yield database, settings
    database.close()


@pytest.fixture(scope="session")
def archive(tmp_path_factory, demo_at_head):
    """The archive of an invented patient, made in an installation of its own."""
    settings = Settings.at(tmp_path_factory.mktemp("origin") / "data")
    settings.data_dir.mkdir()
    keys.make(settings)
    # A copy: other tests take the file as it is.
    database = open_database(f"sqlite:///{shutil.copyfile(demo_at_head, settings.data_dir / 'demo.db')}")
    written = archive_of(database, settings, demo_id(database, 3))
    database.close()
    return written
