"""From the last release's tables to today's and back, as docs/install.md says, with a patient erased in between."""

from pathlib import Path

import pytest
from sqlalchemy import text

import db.migrate
from backup.archive import is_sealed
from clinic import console
from clinic.__main__ import main
from clinic.erasure import deletion
from clinic.settings import Settings
from db.connection import make_engine
from db.engine import open_database
from db.migrate import current, head
from storage import keys
from tests.db.test_migrate import earlier_than

LAST_RELEASE = "0005"
"""The tables of version 0.1.0."""
AFTER_IT = "0006"


@pytest.fixture
def older(tmp_path, monkeypatch):
    """A function that puts the last release's tables in the place of today's, and one that puts them back."""
    today, before = db.migrate.MIGRATIONS, earlier_than(AFTER_IT, tmp_path / "migrations")

    def choose(release):
        monkeypatch.setattr(db.migrate, "MIGRATIONS", before if release == LAST_RELEASE else today)

    return choose


@pytest.fixture
def clinic(tmp_path, monkeypatch, older):
    """A clinic of the last release with two patients, which the environment names."""
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FER_BACKUP_DIR", str(tmp_path / "backups"))
    settings = Settings.from_environment()
    older(LAST_RELEASE)
    db.migrate.upgrade(settings.database_url)
    for name in ("Wilhelmine Zauberberg", "Ann Invented"):
        execute(
            settings,
            "INSERT INTO patient (id, name, note, demo, created_at)"
            f" VALUES ('{name[:3].lower():0<32}', '{name}', '', false, '2026-01-01')",
        )
    keys.make(settings)
    return settings


def execute(settings, statement):
    engine = make_engine(settings.database_url)
    with engine.begin() as connection:
        found = connection.execute(text(statement))
        rows = [row[0] for row in found] if found.returns_rows else []
    engine.dispose()
    return rows


def names(settings):
    return execute(settings, "SELECT name FROM patient ORDER BY name")


def made_backup(settings, capsys):
    assert main(["backup"]) == 0
    capsys.readouterr()
    [made] = Path(settings.backup_dir).iterdir()
    assert is_sealed(made)
    return made


def test_upgrading_and_going_back_keep_what_was_entered_and_bring_nobody_back(clinic, older, capsys):
    made = made_backup(clinic, capsys)

    older("today")
    assert main(["migrate"]) == 0
    assert current(clinic.database_url) == (todays := head())
    assert names(clinic) == ["Ann Invented", "Wilhelmine Zauberberg"]
    assert (clinic.data_dir / f"clinic.db.before-{LAST_RELEASE}").is_file()
    assert main(["doctor"]) == 0
    database = open_database(clinic.database_url)
    deletion.erase(database, clinic, "patient", "wil".ljust(32, "0"), None)
    database.close()
    capsys.readouterr()

    older(LAST_RELEASE)
    assert main(["migrate"]) == console.EX_CONFIG
    assert "newer version" in capsys.readouterr().err
    assert main(["restore", str(made)]) == 0
    [kept] = clinic.data_dir.glob("clinic.db.before-restore-*")
    assert str(kept) in capsys.readouterr().out
    assert current(f"sqlite:///{kept}") == todays
    assert current(clinic.database_url) == LAST_RELEASE
    assert names(clinic) == ["Ann Invented"]

    older("today")
    assert main(["migrate"]) == 0
    assert names(clinic) == ["Ann Invented"]


def test_a_backup_of_the_last_release_is_brought_back_by_today_s(clinic, older, capsys):
    made = made_backup(clinic, capsys)
    older("today")
    assert main(["migrate"]) == 0
    assert main(["restore", str(made)]) == 0
    assert main(["migrate"]) == 0
    assert current(clinic.database_url) == head()
    assert names(clinic) == ["Ann Invented", "Wilhelmine Zauberberg"]


RECORDING = {
    "id": "'1'",
    "patient_id": f"'{'ann':0<32}'",
    "kind": "'video'",
    "recorded_on": "'2026-01-01'",
    "created_at": "'2026-01-01'",
    "settings": "'{}'",
    "damaged_frames": "0",
    "partial": "false",
} | dict.fromkeys(("note", "source_name", "source_sha256", "program_version", "device"), "''")


def test_without_its_key_a_clinic_of_the_last_release_is_not_taken_for_a_new_one(clinic, older, capsys):
    """The database holds no fingerprint yet: `doctor` and `restore` called it well, and the pages never started."""
    execute(clinic, f"INSERT INTO recording ({', '.join(RECORDING)}) VALUES ({', '.join(RECORDING.values())})")
    made = made_backup(clinic, capsys)
    older("today")
    assert main(["doctor"]) == 0
    keys.key_path(clinic).unlink()
    capsys.readouterr()
    assert main(["doctor"]) == 1
    assert "refused  master key       The master key is missing." in capsys.readouterr().out
    assert main(["restore", "--without-erasures", str(made)]) == 0
    assert "Before the start: The master key is missing." in capsys.readouterr().out
    (clinic.key_dir / "backup.key").unlink()
    assert main(["backup"]) == main(["migrate"]) == console.EX_CONFIG
    assert not (clinic.key_dir / "backup.key").exists()
