"""Encrypted backups: made, verified, brought back after everything was wiped; and erased patients stay erased."""

import errno
import hashlib
import io
import json
import os
import shutil
import tarfile
import tracemalloc
import unicodedata
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
from alembic import command
from fsspec.core import url_to_fs
from sqlalchemy import create_engine, text

import db.migrate as db_migrate
from backup import archive, attached, erasures
from backup.__main__ import main
from backup.archive import Secret
from backup.attached import Stores
from backup.erasures import Erasure
from backup.restoring import restore_file
from db.account import account_name
from db.copies import CopyError, check
from db.engine import migrate, open_database
from db.models import Job, Patient, Recording, Sample, Training, new_id
from db.sqlite import sqlite3
from fer_core.errors import FerError
from storage.sealed import sealing
from storage.wrapping import Key
from tests import doors

PATIENT_OF_THEN = "INSERT INTO patient (id, name, note, demo, created_at) VALUES ('c', 'Old', '', false, '2026-01-01')"
PASSPHRASE = "correct horse battery staple"
NOBODY = 65534


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch):
    """The work that guards a real one is tested in tests/storage/test_format.py."""
    doors.cheap_passphrases(monkeypatch)


@pytest.fixture(scope="module")
def folder_of_two(tmp_path_factory, copy_tables):
    """A folder with a database of two patients, each with a waiting file and its preview, and a file of nobody."""
    folder = tmp_path_factory.mktemp("archive") / "data"
    (folder / "media").mkdir(parents=True)
    (folder / "media" / ("f" * 32)).write_bytes(b"of nobody")
    copy_tables(folder / "clinic.db")
    db = open_database(f"sqlite:///{folder / 'clinic.db'}")
    with db.session() as session:
        for name, media_id in (("Ann Invented", "a" * 32), ("Wilhelmine Zauberberg", "b" * 32)):
            patient = Patient(name=name, created_at=datetime.now(UTC))
            visit = Recording(kind="video", recorded_on=date(2026, 1, 1), created_at=datetime.now(UTC))
            visit.samples = [Sample(frame_index=index, time_s=index / 3) for index in range(500)]
            visit.job = Job(sources=[{"id": media_id}], created_at=datetime.now(UTC))
            patient.recordings.append(visit)
            session.add(patient)
            session.flush()
            (folder / "work" / visit.id).mkdir(parents=True)
            (folder / "work" / visit.id / "preview").write_bytes(b"sealed preview of " + media_id.encode())
            (folder / "work" / visit.id / "preview.part").write_bytes(b"half")
            (folder / "media" / media_id).write_bytes(b"sealed bytes " * 300_000 + media_id.encode())
    db.close()
    return folder


@pytest.fixture
def path(tmp_path, folder_of_two):
    """The database in a copy of that folder."""
    return shutil.copytree(folder_of_two, tmp_path / "data") / "clinic.db"


def stores_of(path):
    return Stores(str(path.parent / "media"), path.parent / "work")


def files(path):
    """What lies beside the database, by name."""
    found = [file for folder in ("media", "work") for file in (path.parent / folder).rglob("*") if file.is_file()]
    return {str(file.relative_to(path.parent)): file.read_bytes() for file in found}


def belonging(path):
    """The same without what a backup leaves out: rests, and a file that nobody refers to."""
    return {name: content for name, content in files(path).items() if not name.endswith((".part", "f" * 32))}


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
    """The schema and every row, in an order of their own."""
    connection = sqlite3.connect(path)
    schema = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
    tables = [name for kind, name, _ in schema if kind == "table"]
    rows = {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}
    connection.close()
    return schema, rows


def names(path):
    connection = sqlite3.connect(path)
    found = [name for (name,) in connection.execute("SELECT name FROM patient ORDER BY name")]
    connection.close()
    return found


LEFT = ["changing.lock", "clinic.db", "copies.lock", "media", "work"]


def test_back_up_wipe_restore_compare(path, backup, phrase, capsys):
    before, kept = dump(path), belonging(path)
    assert len(kept) == 4
    assert main(["backup", str(path), str(backup), *phrase]) == 0
    assert "files: 4 of" in capsys.readouterr().out
    assert [file.name for file in backup.parent.iterdir()] == ["clinic.backup"]
    assert backup.stat().st_mode & 0o077 == 0
    assert b"SQLite" not in backup.read_bytes()
    assert b"Zauberberg" not in backup.read_bytes()
    assert main(["verify", str(path), str(backup), *phrase]) == 0
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    assert main(["restore", str(path), str(backup), *phrase, "--without-erasures"]) == 0
    assert "files: 4 of 4 restored" in capsys.readouterr().out
    assert dump(path) == before
    assert files(path) == kept
    assert sorted(file.name for file in path.parent.iterdir()) == LEFT
    assert {file.stat().st_mode & 0o077 for file in path.parent.rglob("*") if file.is_file()} == {0}


def test_each_refusal_of_a_secret_names_the_way_on(tmp_path):
    made, other = tmp_path / "made", Key.of(bytes(range(32)))
    with made.open("wb") as file, sealing(file, other, archive.CONTEXT):
        pass
    for secret in (archive.Secret(key=bytes(32)), archive.Secret(passphrase="many words in one line")):
        opening = archive.opened_backup(made, secret, tmp_path / "clinic.db")
        with pytest.raises(FerError, match=r"--key-file FILE") as refusal, opening:
            pass
        assert refusal.value.code in ("wrong_key", "wrong_passphrase")
    opening = archive.opened_backup(made, archive.Secret(key=other.secret), tmp_path / "clinic.db")
    with pytest.raises(FerError, match=r"cut off.* name another one"), opening:
        pass


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("read", [archive.Secret.read_passphrase, archive.Secret.read_key])
def test_a_file_in_another_encoding_is_to_be_saved_as_utf_8(tmp_path, encoding, read):
    (tmp_path / "phrase").write_bytes("Gr\u00fc\u00dfe aus der Praxis\n".encode(encoding))
    with pytest.raises(FerError, match="save it as UTF-8"):
        read(tmp_path / "phrase")
    with pytest.raises(FerError, match="No such file"):
        read(tmp_path / "none")


def test_a_key_file_opens_what_it_sealed(path, backup, tmp_path, capsys):
    for name, key in (("key", bytes(range(32))), ("other", bytes(range(1, 33)))):
        (tmp_path / name).write_text(key.hex() + "\n")
    assert main(["backup", str(path), str(backup), "--key-file", str(tmp_path / "key")]) == 0
    assert main(["verify", str(path), str(backup), "--key-file", str(tmp_path / "other")]) == 2
    assert "another key" in capsys.readouterr().err
    assert main(["verify", str(path), str(backup), "--key-file", str(tmp_path / "key")]) == 0
    assert "0 of them no longer beside" in capsys.readouterr().out


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
    reported = capsys.readouterr()
    assert reported.err == ""
    assert "files: 2 of 4 restored" in reported.out
    assert sorted(name.partition("/")[0] for name in files(path)) == ["media", "work"]
    for file in path.parent.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert b"Zauberberg" not in content, file.name
        assert b"b" * 32 not in content, file.name


def test_without_the_list_nothing_is_restored_before_a_person_says_so(path, backup, phrase, capsys):
    main(["backup", str(path), str(backup), *phrase])
    before = dump(path)
    assert main(["restore", str(path), str(backup), *phrase]) == 2
    assert "no list of erased patients" in capsys.readouterr().err
    assert dump(path) == before
    assert main(["restore", str(path), str(backup), *phrase, "--without-erasures"]) == 0


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
    archive.seal_backup(path, backup, secret, stores_of(path))
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


def test_a_passphrase_opens_a_backup_however_its_accents_are_typed(path, backup, monkeypatch):
    """One keyboard gives `ü` as one character, another as `u` and two dots; earlier versions sealed with what came."""
    composed, apart = (unicodedata.normalize(form, "fünf nasse Regenschirme") for form in ("NFC", "NFD"))
    archive.seal_backup(path, backup, Secret(passphrase=apart), stores_of(path))
    older = backup.with_name("older")
    monkeypatch.setattr(Secret, "to_seal", lambda secret: Key.of_passphrase(secret.passphrase))
    archive.seal_backup(path, older, Secret(passphrase=apart), stores_of(path))
    for file in (backup, older):
        for typed in (composed, apart):
            with archive.opened_backup(file, Secret(passphrase=typed), path) as found:
                assert len(names(found.copy)) == 2
        with (
            pytest.raises(FerError) as refusal,
            archive.opened_backup(file, Secret(passphrase="fünf nasse Schirme"), path),
        ):
            pass
        assert refusal.value.code == "wrong_passphrase"


def test_the_manifest_tells_when_and_what(path, backup):
    secret = Secret(key=bytes(range(32)))
    manifest = archive.seal_backup(path, backup, secret, stores_of(path))
    with archive.opened_backup(backup, secret, path) as found:
        assert found.manifest == manifest
        assert names(found.copy) == ["Ann Invented", "Wilhelmine Zauberberg"]
    assert not found.copy.exists()
    sizes = {file.name: file.size for file in manifest.media}
    assert sizes == {name: len(content) for name, content in belonging(path).items()}
    assert manifest.tables["patient"] == 2
    assert "Zauberberg" not in json.dumps(manifest.made_at)
    (path.parent / "media" / ("a" * 32)).write_bytes(b"changed!!!!!")
    assert archive.lost_media(manifest, stores_of(path)) == ["media/" + "a" * 32]


def test_a_file_that_goes_in_this_moment_is_left_out(path, backup):
    (path.parent / "media" / ("a" * 32)).unlink()
    manifest = archive.seal_backup(path, backup, Secret(key=bytes(range(32))), stores_of(path))
    assert [file.name for file in manifest.media if file.name.startswith("media")] == ["media/" + "b" * 32]


def test_a_large_file_passes_through_in_pieces(path, backup):
    """A file of 200 MB is backed up and brought back with a few MB of memory."""
    with (path.parent / "media" / ("a" * 32)).open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1 << 20))
    before = files(path)["media/" + "a" * 32]
    digest = hashlib.sha256(before).digest()
    del before
    tracemalloc.start()
    archive.seal_backup(path, backup, Secret(key=bytes(range(32))), stores_of(path))
    shutil.rmtree(path.parent / "media")
    with archive.opened_backup(backup, Secret(key=bytes(range(32))), path) as found:
        assert found.bring_back(stores_of(path), attached.wanted(found.copy).has) == 4
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
    assert hashlib.sha256((path.parent / "media" / ("a" * 32)).read_bytes()).digest() == digest


def test_a_store_elsewhere_is_backed_up_and_filled_again(path, backup):
    stores = Stores(f"memory://{new_id()}", path.parent / "work")
    fs, root = url_to_fs(stores.media_url)
    fs.makedirs(root, exist_ok=True)
    fs.pipe_file(f"{root}/{'a' * 32}", b"sealed far away")
    secret = Secret(key=bytes(range(32)))
    archive.seal_backup(path, backup, secret, stores)
    fs.rm(root, recursive=True)
    with archive.opened_backup(backup, secret, path) as found:
        assert found.bring_back(stores, attached.wanted(found.copy).has) == 3
    assert fs.cat_file(f"{root}/{'a' * 32}") == b"sealed far away"
    assert [place.rsplit("/", 1)[-1] for place in fs.find(root)] == ["a" * 32]


@pytest.fixture
def trained(path):
    """A training whose model is in use, with a checkpoint; beside it the folder of one that was deleted."""
    kept = Training(kind="run", data="faces", created_at=datetime.now(UTC))
    with closing(open_database(f"sqlite:///{path}")) as db, db.session() as session:
        session.add(kept)
        session.flush()
        training_id = kept.id
    folder = path.parent / "training" / training_id
    contents = {"epochs.jsonl": b"{}", "model/trained-1.json": b"card", "model/trained-1.safetensors": b"weights"}
    for name, content in {**contents, "checkpoint.pt": b"state"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (path.parent / "training" / ("e" * 32) / "model").mkdir(parents=True)
    (path.parent / "training" / ("e" * 32) / "model" / "gone.json").write_bytes(b"of nobody")
    in_use = f'{{"cards": ["training/{training_id}/model/trained-1.json"]}}'.encode()
    (path.parent / "model_in_use.json").write_bytes(in_use)
    return {f"training/{training_id}/{name}": content for name, content in contents.items()} | {
        "model_in_use.json": in_use
    }


def test_trained_models_come_back_with_the_one_in_use(path, backup, trained):
    secret = Secret(key=bytes(range(32)))
    manifest = archive.seal_backup(path, backup, secret, stores_of(path))
    assert {file.name for file in manifest.media if file.name.startswith("training")} == {
        name if name.startswith("training") else f"training/{name}" for name in trained
    }
    shutil.rmtree(path.parent / "training")
    (path.parent / "model_in_use.json").unlink()
    assert len(archive.lost_media(manifest, stores_of(path))) == len(trained)
    with archive.opened_backup(backup, secret, path) as found:
        assert found.bring_back(stores_of(path), attached.wanted(found.copy).has) == 4 + len(trained)
    assert {name: (path.parent / name).read_bytes() for name in trained} == trained
    assert archive.lost_media(manifest, stores_of(path)) == []


@pytest.mark.parametrize("rest", ["best.safetensors", "model/", "model/../x", "model/a/b", "../model/x", "model", ""])
def test_of_a_training_only_its_curves_and_model_are_restored(path, trained, rest):
    training_id = next(iter(trained)).split("/")[1]
    asked = attached.wanted(path)
    assert asked.has(f"training/{training_id}/model/x.json")
    assert not asked.has(f"training/{training_id}/{rest}")
    assert not asked.has(f"training/{'e' * 32}/model/x.json")


def test_a_backup_of_the_first_version_still_opens(path, backup, monkeypatch):
    secret = Secret(key=bytes(range(32)))
    monkeypatch.setattr(archive.attached, "present", lambda stores, asked: iter(()))
    monkeypatch.setattr(archive.Manifest.__init__, "__defaults__", (archive.FORMAT, 1))
    archive.seal_backup(path, backup, secret, stores_of(path))
    with archive.opened_backup(backup, secret, path) as found:
        assert found.manifest.version == 1
        assert found.bring_back(stores_of(path), attached.wanted(found.copy).has) == 0


def tables_of_then(path, revision="0009"):
    """Make a database as the last release had it, with one patient."""
    engine, config = create_engine(f"sqlite:///{path}"), db_migrate._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text(PATIENT_OF_THEN))
    engine.dispose()


def test_a_backup_of_the_last_release_still_opens(path, backup):
    """Version 2 held the database as it is, of the tables of that time."""
    secret = Secret(key=bytes(range(32)))
    before = path.with_name("before.db")
    tables_of_then(before)
    content = before.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    reported = {"made_at": "2026-01-01", "tables": check(before), "sha256": sha256, "media": []}
    manifest = json.dumps({**reported, "format": archive.FORMAT, "version": 2}).encode()
    with (
        backup.open("wb") as file,
        sealing(file, secret.to_seal(), archive.CONTEXT) as sealed,
        tarfile.open(fileobj=sealed, mode="w|") as tar,
    ):
        for name, part in (("clinic.db", content), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(part)
            tar.addfile(entry, io.BytesIO(part))
    restore_file(backup, secret, path, stores_of(path), [])
    migrate(f"sqlite:///{path}")
    assert names(path) == ["Old"]


def test_the_database_is_compressed(path, backup):
    manifest = archive.seal_backup(path, backup, Secret(key=bytes(range(32))), stores_of(path))
    files = sum(file.size for file in manifest.media)
    assert backup.stat().st_size - files < 0.5 * path.stat().st_size


@pytest.mark.parametrize(
    "name", ["../x", "media/../x", "media/" + "f" * 32, "work/../clinic.db", "work/" + "a" * 32 + "/x", "work//x", "x"]
)
def test_no_name_in_a_backup_leads_elsewhere(path, name):
    assert not attached.wanted(path).has(name)


def test_a_restore_that_fails_leaves_the_files_as_they_were(path, backup, monkeypatch):
    """After a change of the key they were those of the backup, which the installed key doesn't open."""
    secret = Secret(key=bytes(range(32)))
    archive.seal_backup(path, backup, secret, stores_of(path))
    for file in (path.parent / "media").iterdir():
        file.write_bytes(b"sealed again with another key")
    before, kept = dump(path), files(path)

    def full(live, source):
        raise CopyError("full")

    with monkeypatch.context() as patched:
        patched.setattr("backup.backup.overwrite", full)
        with pytest.raises(CopyError, match="full"):
            restore_file(backup, secret, path, stores_of(path), [])
    assert (dump(path), files(path)) == (before, kept)
    assert restore_file(backup, secret, path, stores_of(path), []).files == 4
    assert files(path) != kept


@pytest.fixture
def closed_file(tmp_path):
    """A file that this process may not open, also where root runs the tests."""
    place = tmp_path / "closed"
    place.mkdir(mode=0o700)
    (place / "file").write_text(PASSPHRASE)
    place.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield place / "file"
    if root:
        os.seteuid(0)
    place.chmod(0o700)


@pytest.mark.parametrize("read", [Secret.read_passphrase, Secret.read_key])
def test_a_file_that_is_closed_to_the_account_is_said_with_its_name(closed_file, read):
    """Root named its own file: the command runs as another account, and the name was right."""
    with pytest.raises(FerError) as refusal:
        read(closed_file)
    account = account_name(os.geteuid())
    assert f"can't be read (Permission denied; this runs as the account {account})" in refusal.value.message
    assert "check its name" not in refusal.value.message


def closed(*_arguments):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/media/DISK")


def test_a_place_that_is_closed_to_the_account_is_not_taken_for_a_full_disk(path, tmp_path, monkeypatch):
    copy, secret = tmp_path / "a.backup", Secret(key=bytes(32))
    archive.seal_backup(path, copy, secret, stores_of(path))
    said = f"closed to the account {account_name(os.geteuid())}, as which this runs (Permission denied): /media/DISK."
    with monkeypatch.context() as there:
        there.setattr("backup.leftovers.delete_parts", closed)
        with pytest.raises(FerError) as refusal:
            archive.seal_backup(path, tmp_path / "b.backup", secret, stores_of(path))
    assert refusal.value.message.endswith(said)
    monkeypatch.setattr("backup.archive.copy_out", closed)
    with pytest.raises(FerError) as refusal, archive.opened_backup(copy, secret, path):
        pass
    assert refusal.value.message.endswith(said)


def test_a_backup_without_the_files_that_analyses_wait_for_says_so(path, tmp_path, capsys):
    (tmp_path / "key").write_text("ab" * 32)
    (tmp_path / "empty").mkdir()
    named = ["--key-file", str(tmp_path / "key"), "--media", str(tmp_path / "empty")]
    assert main(["backup", str(path), str(tmp_path / "a.backup"), *named]) == 2
    assert "not in the media store: 2." in capsys.readouterr().err
    assert (tmp_path / "a.backup").exists()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE job SET state = 'done'")
    assert main(["backup", str(path), str(tmp_path / "b.backup"), *named]) == 0
    assert "files: 2 of" in capsys.readouterr().out, "the previews"
