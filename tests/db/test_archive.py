"""Encrypted backups: made, verified, brought back after everything was wiped; and erased patients stay erased."""

import json
import shutil
import sqlite3
from datetime import UTC, date, datetime

import pytest

from db import archive, erasures
from db.__main__ import main
from db.archive import Secret
from db.copies import check
from db.engine import migrate, open_database
from db.erasures import Erasure
from db.models import Patient, Recording, Sample
from fer_core.errors import FerError

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def path(tmp_path):
    """A database with two patients, in a data folder with one sealed file."""
    folder = tmp_path / "data"
    (folder / "media").mkdir(parents=True)
    (folder / "media" / ("a" * 32)).write_bytes(b"sealed bytes")
    migrate(f"sqlite:///{folder / 'clinic.db'}")
    db = open_database(f"sqlite:///{folder / 'clinic.db'}")
    with db.session() as session:
        for name in ("Ann Invented", "Wilhelmine Zauberberg"):
            patient = Patient(name=name, created_at=datetime.now(UTC))
            visit = Recording(kind="video", recorded_on=date(2026, 1, 1), created_at=datetime.now(UTC))
            visit.samples = [Sample(frame_index=index, time_s=index / 3) for index in range(500)]
            patient.recordings.append(visit)
            session.add(patient)
    db.close()
    return folder / "clinic.db"


@pytest.fixture
def backup(tmp_path):
    """Where the backup goes: a disk of its own."""
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk" / "clinic.backup"


@pytest.fixture
def phrase(tmp_path):
    (tmp_path / "phrase").write_text(f"{PASSPHRASE}\n")
    return ["--passphrase-file", str(tmp_path / "phrase")]


def dump(path):
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def names(path):
    connection = sqlite3.connect(path)
    found = [name for (name,) in connection.execute("SELECT name FROM patient ORDER BY name")]
    connection.close()
    return found


def test_back_up_wipe_restore_compare(path, backup, phrase, capsys):
    before = dump(path)
    assert main(["backup", str(path), str(backup), *phrase]) == 0
    assert "media: 1 files" in capsys.readouterr().out
    assert [file.name for file in backup.parent.iterdir()] == ["clinic.backup"]
    assert backup.stat().st_mode & 0o077 == 0
    assert b"SQLite" not in backup.read_bytes()
    assert b"Zauberberg" not in backup.read_bytes()
    assert main(["verify", str(path), str(backup), *phrase]) == 0
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    assert main(["restore", str(path), str(backup), *phrase]) == 0
    assert "1 of them no longer there" in capsys.readouterr().out
    assert dump(path) == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["clinic.db"]


def test_a_key_file_opens_what_it_sealed(path, backup, tmp_path, capsys):
    for name, key in (("key", bytes(range(32))), ("other", bytes(range(1, 33)))):
        (tmp_path / name).write_text(key.hex() + "\n")
    assert main(["backup", str(path), str(backup), "--key-file", str(tmp_path / "key")]) == 0
    assert main(["verify", str(path), str(backup), "--key-file", str(tmp_path / "other")]) == 2
    assert "another key" in capsys.readouterr().err
    assert main(["verify", str(path), str(backup), "--key-file", str(tmp_path / "key")]) == 0
    assert "0 of them no longer there" in capsys.readouterr().out


def test_erased_patients_stay_erased_after_a_restore(path, backup, phrase, tmp_path, capsys):
    assert main(["backup", str(path), str(backup), *phrase]) == 0
    db = open_database(f"sqlite:///{path}")
    with db.session() as session:
        gone = session.query(Patient).filter_by(name="Wilhelmine Zauberberg").one()
        erasures.remember(tmp_path / "data-keys" / "erased.jsonl", Erasure("patient", gone.id, {}))
        session.delete(gone)
    db.forget_deleted()
    db.close()
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    assert main(["restore", str(path), str(backup), *phrase]) == 0
    assert names(path) == ["Ann Invented"]
    assert check(path)["sample"] == 500
    assert capsys.readouterr().err == ""
    for file in path.parent.rglob("*"):
        assert b"Zauberberg" not in file.read_bytes(), file.name


def test_without_the_list_it_says_what_that_means(path, backup, phrase, capsys):
    main(["backup", str(path), str(backup), *phrase])
    assert main(["restore", str(path), str(backup), *phrase]) == 0
    assert "no list of erased patients" in capsys.readouterr().err


def test_a_damaged_list_stops_the_restore(path, backup, phrase, tmp_path, capsys):
    main(["backup", str(path), str(backup), *phrase])
    (tmp_path / "list").write_text("{}\n{}\n")
    before = dump(path)
    assert main(["restore", str(path), str(backup), *phrase, "--erased", str(tmp_path / "list")]) == 2
    assert "damaged" in capsys.readouterr().err
    assert dump(path) == before


@pytest.mark.parametrize("change", ["flip", "cut", "swap"])
def test_a_changed_backup_is_refused_and_nothing_is_touched(path, backup, tmp_path, change):
    secret = Secret(key=bytes(range(32)))
    archive.seal_backup(path, backup, secret, str(path.parent / "media"))
    content = bytearray(backup.read_bytes())
    if change == "flip":
        content[len(content) // 2] ^= 1
    elif change == "cut":
        del content[-100:]
    else:
        content[-40:], content[200:240] = content[200:240], content[-40:]
    backup.write_bytes(content)
    before = dump(path)
    with pytest.raises(FerError) as refusal, archive.opened_backup(backup, secret, path):
        pass
    assert refusal.value.code == "backup_damaged"
    assert dump(path) == before
    assert list(path.parent.glob("*.before-*")) == []


def test_refusals(path, backup, phrase, tmp_path, capsys, monkeypatch):
    (tmp_path / "short").write_text("too short\n")
    assert main(["backup", str(path), str(backup), "--passphrase-file", str(tmp_path / "short")]) == 2
    assert main(["backup", str(path), str(backup), "--passphrase-file", str(tmp_path / "none")]) == 2
    assert main(["backup", str(path), str(backup), "--key-file", str(tmp_path / "short")]) == 2
    assert main(["backup", str(path), str(tmp_path / "nowhere" / "copy"), *phrase]) == 2
    assert main(["backup", str(tmp_path / "none.db"), str(backup), *phrase]) == 2
    assert main(["verify", str(path), str(backup), *phrase]) == 2
    assert not backup.exists()
    assert main(["backup", str(path), str(backup), *phrase]) == 0
    assert main(["backup", str(path), str(backup), *phrase]) == 2
    capsys.readouterr()
    monkeypatch.setattr("getpass.getpass", lambda asked: "another long passphrase")
    assert main(["verify", str(path), str(backup)]) == 2
    assert "passphrase is wrong" in capsys.readouterr().err
    assert list(path.parent.glob("*.before-*")) == []


def test_a_passphrase_is_asked_for_twice_for_a_new_backup(path, backup, monkeypatch, capsys):
    answers = iter([PASSPHRASE, "a slip of the finger"])
    monkeypatch.setattr("getpass.getpass", lambda asked: next(answers))
    assert main(["backup", str(path), str(backup)]) == 2
    assert "differ" in capsys.readouterr().err
    monkeypatch.setattr("getpass.getpass", lambda asked: PASSPHRASE)
    assert main(["backup", str(path), str(backup)]) == 0


def test_the_manifest_tells_when_and_what(path, backup):
    secret = Secret(key=bytes(range(32)))
    manifest = archive.seal_backup(path, backup, secret, str(path.parent / "media"))
    with archive.opened_backup(backup, secret, path) as (copy, again):
        assert again == manifest
        assert names(copy) == ["Ann Invented", "Wilhelmine Zauberberg"]
    assert not copy.exists()
    (file,) = manifest.media
    assert (file.name, file.size) == ("a" * 32, 12)
    assert manifest.tables["patient"] == 2
    assert "Zauberberg" not in json.dumps(manifest.made_at)
    (path.parent / "media" / file.name).write_bytes(b"changed!!!!!")
    assert archive.lost_media(manifest, str(path.parent / "media")) == ["a" * 32]
