"""A backup is whole, although it is written to meanwhile, and comes back as it was."""

import os
import re
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup import leftovers
from backup.__main__ import main
from backup.backup import backup, restore
from db import copies
from db.copies import CopyError
from db.engine import open_database
from db.migrate import upgrade
from db.models import Patient
from db.sqlite import sqlite3
from fer_core.errors import FerError


@pytest.fixture
def path(tmp_path, copy_tables):
    path = tmp_path / "clinic.db"
    copy_tables(path)
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
    assert main(["backup", str(path), str(tmp_path / "copy.db"), "--unencrypted"]) == 0
    for file in tmp_path.glob("clinic.db*"):
        file.unlink()
    assert main(["restore", str(path), str(tmp_path / "copy.db"), "--without-erasures"]) == 0
    assert names(path) == ["A", "B"]


def test_what_was_there_is_kept_beside(path, tmp_path):
    add(path, "old")
    backup(path, tmp_path / "copy.db")
    add(path, "newer")
    restore(tmp_path / "copy.db", path)
    assert names(path) == ["old"]
    [kept] = tmp_path.glob("clinic.db.before-*")
    assert names(kept) == ["newer", "old"]


def test_a_log_without_its_database_is_not_read_into_the_restored_one(path, tmp_path):
    """Somebody deleted clinic.db alone: SQLite would take what its log holds for rows of the next database."""
    add(path, "old")
    backup(path, tmp_path / "copy.db")
    log = tmp_path / "clinic.db-wal"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM patient").fetchall()
        add(path, "newer")
        content = log.read_bytes()
    assert content
    for file in tmp_path.glob("clinic.db*"):
        file.unlink()
    log.write_bytes(content)
    restore(tmp_path / "copy.db", path)
    assert not log.exists()
    assert names(path) == ["old"]


def limit_of_pages(path, monkeypatch):
    """Let the disk be full for whatever makes a database larger than this one is."""
    opened, pages = copies._open, path.stat().st_size // 4096

    def smaller(database, mode):
        connection = opened(database, mode)
        if mode != "ro" and database.name == path.name:
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        return connection

    monkeypatch.setattr(copies, "_open", smaller)


def test_a_restore_that_fails_leaves_nothing_of_its_own(path, tmp_path, monkeypatch):
    """What it kept of the database took the room of the next attempt, and nobody named it."""
    large = tmp_path / "large" / "clinic.db"
    large.parent.mkdir()
    backup(path, large)
    add(large, *("N" * 5000 for _ in range(200)))
    backup(large, tmp_path / "copy.db")
    add(path, "old")
    before = sorted(file.name for file in tmp_path.iterdir())
    with monkeypatch.context() as full:
        limit_of_pages(path, full)
        with pytest.raises(CopyError) as refusal:
            restore(tmp_path / "copy.db", path)
    assert refusal.value.code == "disk_full"
    assert "the disk is full" in refusal.value.message
    assert sorted(file.name for file in tmp_path.iterdir() if file.name != copies.LOCK) == before
    assert names(path) == ["old"]
    restore(tmp_path / "copy.db", path)
    assert len(names(path)) == 200


def test_a_journal_that_a_full_disk_left_goes_with_its_copy(path, tmp_path, monkeypatch):
    def full(_source, target):
        target.with_name(f"{target.name}-journal").touch()
        raise CopyError("The disk is full.", "disk_full")

    monkeypatch.setattr(copies, "_copy", full)
    with pytest.raises(CopyError):
        backup(path, tmp_path / "copy.db")
    assert list(tmp_path.glob("copy.db*")) == []


def test_each_name_that_is_written_on_the_way_is_known_as_left(path, tmp_path, monkeypatch):
    """With each of SQLite's own files beside it: `doctor` names what a kill leaves, and the next backup deletes it."""
    written = set()

    def noting(call):
        def noted(*arguments, **named):
            written.update(Path(name) for name in arguments if isinstance(name, str | Path))
            return call(*arguments, **named)

        return noted

    sealed, phrase = str(tmp_path / "away" / "x.backup"), tmp_path / "phrase"
    Path(sealed).parent.mkdir()
    phrase.write_text("a phrase of many words\n")
    secret = ["--passphrase-file", str(phrase)]
    add(path, "old")
    with monkeypatch.context() as watched:
        for name in ("open", "replace", "mkdir"):
            watched.setattr(os, name, noting(getattr(os, name)))
        assert main(["backup", str(path), sealed, *secret]) == 0
        assert main(["restore", str(path), sealed, *secret, "--without-erasures"]) == 0
        assert main(["verify", str(path), sealed, *secret]) == 0
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '0058'")
        with pytest.raises(Exception, match=r"table|column|already"):
            upgrade(f"sqlite:///{path}")
    ours = {found.name for found in written if found.parent == tmp_path} - {phrase.name, "away"}
    stays = re.compile(r"clinic\.db|[a-z]+\.lock|clinic\.db\.before-(restore-\d+T\d+Z(-\d+)?|\d{4})")
    passing = {name for name in ours if not stays.fullmatch(name)}
    assert len(passing) >= 6
    rests = {f"{name}{suffix}" for name in passing for suffix in ("", "-journal", "-wal", "-shm")}
    for name in rests:
        (tmp_path / name).touch()
    assert {found.name for found in leftovers.copies(tmp_path)} == rests
    with leftovers.copying(tmp_path):
        assert not any((tmp_path / name).exists() for name in rests)
    assert names_of_kept(tmp_path)


def names_of_kept(folder):
    return [file.name for file in folder.glob("clinic.db.before-*")]


def test_a_second_restore_keeps_what_the_first_kept(path, tmp_path, capsys):
    """The wrong backup is restored, and the command repeated: what was entered since the last backup stays."""
    backup(path, tmp_path / "empty.db")
    add(path, "of today")
    said = []
    for _ in range(3):
        assert main(["restore", str(path), str(tmp_path / "empty.db"), "--without-erasures"]) == 0
        said += [line for line in capsys.readouterr().out.splitlines() if "kept as" in line]
    kept = sorted(tmp_path.glob("clinic.db.before-restore-*"))
    assert [names(copy) for copy in kept] == [["of today"], [], []]
    assert [str(copy) in line for copy, line in zip(kept, said, strict=True)] == [True] * 3


def test_a_damaged_database_is_kept_too(path, tmp_path):
    backup(path, tmp_path / "copy.db")
    for content in (b"first" * 1000, b"second" * 1000):
        path.write_bytes(content)
        restore(tmp_path / "copy.db", path)
    assert [copy.read_bytes()[:5] for copy in sorted(tmp_path.glob("clinic.db.before-*"))] == [b"first", b"secon"]


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
    assert main(["restore", str(path), str(tmp_path / "taken.db"), "--without-erasures"]) == 2
    assert "not a backup" in capsys.readouterr().err
    backup(path, tmp_path / "future.db")
    connection = sqlite3.connect(tmp_path / "future.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(FerError, match="newer version"):
        restore(tmp_path / "future.db", path)
    assert names(path) == ["A"]
    assert list(tmp_path.glob("*.part")) == []


def test_a_program_that_has_it_open_goes_on_with_the_backup(path, tmp_path):
    add(path, "old")
    backup(path, tmp_path / "copy.db")
    add(path, "newer")
    open_all_the_time = open_database(f"sqlite:///{path}")
    with open_all_the_time.read() as reader:
        assert reader.query(Patient).count() == 2
        restore(tmp_path / "copy.db", path)
        assert reader.query(Patient).count() == 2
    with open_all_the_time.session() as session:
        session.add(Patient(name="written afterwards", created_at=datetime.now(UTC)))
    open_all_the_time.close()
    assert names(path) == ["old", "written afterwards"]


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0" + bytes(range(256)) * 64, None])
def test_a_damaged_database_is_replaced(path, tmp_path, damage):
    add(path, *(f"patient {number}" for number in range(40)))
    backup(path, tmp_path / "copy.db")
    broken = bytearray(path.read_bytes())
    broken[4096:12288] = b"\xa5" * 8192
    path.write_bytes(bytes(broken) if damage is None else damage)
    assert restore(tmp_path / "copy.db", path)["patient"] == 40
    assert len(names(path)) == 40


def test_a_copy_is_one_file_for_this_user_alone(path, tmp_path):
    add(path, "A")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    backup(path, folder / "copy.db")
    assert names(path) == ["A"]
    assert [file.name for file in folder.iterdir()] == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


def test_a_full_or_missing_folder_leaves_nothing(path, tmp_path):
    with pytest.raises(FerError, match="folder"):
        backup(path, tmp_path / "missing" / "copy.db")
    assert names(path) == []


def test_a_restore_makes_its_folder(path, tmp_path):
    backup(path, tmp_path / "copy")
    there = tmp_path / "new" / "clinic" / "clinic.db"
    restore(tmp_path / "copy", there)
    assert names(there) == names(path)
    assert stat.S_IMODE(there.parent.stat().st_mode) == 0o700


def test_erasing_reaches_what_a_restore_kept(path, tmp_path):
    backup(path, tmp_path / "copy.db")
    add(path, "Zauberberg")
    restore(tmp_path / "copy.db", path)
    restore(tmp_path / "copy.db", path)
    assert b"Zauberberg" in min(tmp_path.glob("clinic.db.before-restore-*")).read_bytes()
    db = open_database(f"sqlite:///{path}")
    db.forget_deleted()
    db.close()
    for file in tmp_path.iterdir():
        assert b"Zauberberg" not in file.read_bytes(), file.name
