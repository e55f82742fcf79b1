"""A backup is whole, although it is written to meanwhile, and comes back as it was."""

import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from db.__main__ import main
from db.backup import backup, restore
from db.engine import migrate, open_database
from db.models import Patient
from fer_core.errors import FerError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "clinic.db"
    migrate(f"sqlite:///{path}")
    return path


def add(path, *names):
    db = open_database(f"sqlite:///{path}")
    for name in names:
        with db.session() as session:
            session.add(Patient(name=name, created_at=datetime.now(UTC)))
    db.close()


def names(path):
    db = open_database(f"sqlite:///{path}")
    with db.read() as session:
        found = [patient.name for patient in session.query(Patient).order_by(Patient.name)]
    db.close()
    return found


def test_back_up_wipe_restore_compare(path, tmp_path):
    add(path, "A", "B")
    assert main(["backup", str(path), str(tmp_path / "copy.db")]) == 0
    for file in tmp_path.glob("clinic.db*"):
        file.unlink()
    assert main(["restore", str(path), str(tmp_path / "copy.db")]) == 0
    assert names(path) == ["A", "B"]


def test_what_was_there_is_kept_beside(path, tmp_path):
    add(path, "old")
    backup(path, tmp_path / "copy.db")
    add(path, "newer")
    restore(tmp_path / "copy.db", path)
    assert names(path) == ["old"]
    assert names(tmp_path / "clinic.db.replaced") == ["newer", "old"]


def test_a_backup_made_while_it_is_written_to_is_whole(path, tmp_path):
    stop = threading.Event()

    def write():
        db, number = open_database(f"sqlite:///{path}"), 0
        while not stop.is_set():
            with db.session() as session:
                session.add(Patient(name=f"pair {number}", created_at=datetime.now(UTC)))
                session.add(Patient(name=f"pair {number}", created_at=datetime.now(UTC)))
            number += 1
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            counts = backup(path, tmp_path / f"copy{number}.db")
            assert counts["patient"] % 2 == 0
            assert len(names(tmp_path / f"copy{number}.db")) == counts["patient"]
    finally:
        stop.set()
        writer.join()


def test_refusals_leave_everything_as_it_was(path, tmp_path, capsys):
    add(path, "A")
    (tmp_path / "taken.db").write_text("something")
    with pytest.raises(FerError, match="already"):
        backup(path, tmp_path / "taken.db")
    assert (tmp_path / "taken.db").read_text() == "something"
    assert main(["restore", str(path), str(tmp_path / "taken.db")]) == 2
    assert "no backup" in capsys.readouterr().err
    backup(path, tmp_path / "future.db")
    connection = sqlite3.connect(tmp_path / "future.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(FerError, match="newer version"):
        restore(tmp_path / "future.db", path)
    assert names(path) == ["A"]
    assert list(tmp_path.glob("*.part")) == []
