"""`doctor` in broken states: it names each fault and its remedy, writes nothing, and never ends in a traceback.

docs/operations.md has the table: the first words of each row are the names here.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import weakref
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from backup import daily
from clinic import clock, console
from clinic.__main__ import main
from clinic.admin import backup_folders, key_folder, keyring, ownership
from clinic.recordings import uploads
from clinic.settings import Settings
from clinic.worker_health import WorkerHealth, write_health
from db.engine import migrate, open_database
from db.models import Job, Patient, Recording, new_id
from db.sqlite import sqlite3
from storage import at_work, keys
from storage.media import MARK
from tests import postgresql

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clinic(tmp_path, monkeypatch, copy_tables):
    """An installation that was started once, named by the environment alone."""
    for name in [name for name in os.environ if name.startswith(("FER_", "STREAMLIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "data"))
    settings = Settings.from_environment()
    copy_tables(settings.data_dir / "clinic.db")
    with closing(open_database(settings.database_url)) as database:
        keyring.settle(database, settings)
    write_health(settings, WorkerHealth(1, clock.now(), True, "The self-test passed.", "CPU", "a" * 64))
    return settings


def examined(capsys):
    """Run the command as a monitor does; return the exit code and the findings by name."""
    code = main(["doctor", "--json"])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    reported = json.loads(out)
    assert reported["sound"] == (code == 0)
    return code, {finding["name"]: finding for finding in reported["findings"]}


def written(folder):
    """What lies in a folder: each name with the content's hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def test_a_sound_installation_is_sound_and_nothing_is_written(clinic, tmp_path, capsys):
    before = written(tmp_path)
    code, found = examined(capsys)
    assert code == 0
    assert {name for name, finding in found.items() if finding["level"] != "ok"} <= {"database", "backups", "pages"}
    assert "worker 1" in found["analysis"]["sentence"]
    assert "aaaaaaaa on CPU" in found["analysis"]["sentence"]
    assert str(clinic.data_dir) in found["data folder"]["sentence"]
    assert found["master key"]["sentence"].startswith("The master key is the clinic's own")
    assert written(tmp_path) == before


def test_before_the_first_start_it_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "not" / "yet"))
    code, found = examined(capsys)
    assert code == 0
    assert found["data folder"]["level"] == found["database"]["level"] == "warning"
    assert list(tmp_path.iterdir()) == []


def execute(clinic, statement):
    with closing(sqlite3.connect(clinic.data_dir / "clinic.db")) as connection, connection:
        connection.execute(statement)


def lost_key(clinic, monkeypatch):
    keys.key_path(clinic).unlink()


def wrong_key(clinic, monkeypatch):
    monkeypatch.setenv("FER_MASTER_KEY", bytes(range(32)).hex())


def open_key(clinic, monkeypatch):
    keys.key_path(clinic).chmod(0o644)


def open_settings(clinic, monkeypatch):
    file = clinic.data_dir.with_name("expression-history.env")
    file.touch(0o644)
    monkeypatch.setattr(ownership, "SETTINGS_FILE", file)


def unfinished_rotation(clinic, monkeypatch):
    keys.make_at(keys.next_path(clinic))


def no_erasures(clinic, monkeypatch):
    clinic.erasures_path.unlink()


def no_database_file(clinic, monkeypatch):
    (clinic.data_dir / "clinic.db").write_bytes(b"another file, and no database at all" * 40)


def newer_database(clinic, monkeypatch):
    execute(clinic, "UPDATE alembic_version SET version_num = '9999'")


def older_database(clinic, monkeypatch):
    execute(clinic, "UPDATE alembic_version SET version_num = '0009'")


def foreign_database(clinic, monkeypatch):
    (clinic.data_dir / "clinic.db").unlink()
    execute(clinic, "CREATE TABLE recipe (id INTEGER)")


def unknown_scheme(clinic, monkeypatch):
    monkeypatch.setenv("FER_DATABASE_URL", "mangodb://host/clinic")


def missing_driver(clinic, monkeypatch):
    monkeypatch.setenv("FER_DATABASE_URL", "mysql://host/clinic")


def closed_port(clinic, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("FER_DATABASE_URL", f"postgresql+psycopg://clinic:secret@127.0.0.1:{port}/clinic")


def silent_scheduler(clinic, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("FER_DASK", f"tcp://127.0.0.1:{port}")


def dead_worker(clinic, monkeypatch):
    write_health(clinic, WorkerHealth(1, clock.now() - timedelta(hours=3), True))


def failed_self_test(clinic, monkeypatch):
    write_health(clinic, WorkerHealth(1, clock.now(), False, "The self-test failed: the face was not found."))


def taken_port(clinic, monkeypatch):
    taken = socket.create_server(("127.0.0.1", 0))
    weakref.finalize(monkeypatch, taken.close)
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", str(taken.getsockname()[1]))


def waiting_worker(clinic, monkeypatch):
    write_health(clinic, WorkerHealth(1, clock.now(), True, store_away=True))


def unknown_store(clinic, monkeypatch):
    monkeypatch.setenv("FER_MEDIA_URL", "no-such-protocol://bucket")


def empty_store(clinic, monkeypatch):
    """A recording waits, and the folder is the one on which the share of its file is to be mounted."""
    with closing(open_database(clinic.database_url)) as database, database.session() as session:
        visit = Recording(kind="video", recorded_on=clock.now().date(), created_at=clock.now())
        visit.job = Job(sources=[{"id": new_id()}], created_at=clock.now())
        session.add(Patient(name="Invented Person", created_at=clock.now(), recordings=[visit]))
    share = clinic.data_dir.with_name("share")
    share.mkdir()
    monkeypatch.setenv("FER_MEDIA_URL", str(share))


def unmounted_store(clinic, monkeypatch):
    """The disk of the media store is not mounted, and nothing waits in it."""
    with closing(open_database(clinic.database_url)) as database:
        key_folder.mark(database, clinic)
        uploads.check_quota(database, clinic, 1)
    shutil.rmtree(clinic.media_url)


def store_of_another(clinic, monkeypatch):
    with closing(open_database(clinic.database_url)) as database:
        key_folder.mark(database, clinic)
    Path(clinic.media_url).mkdir()
    (Path(clinic.media_url) / MARK).write_text(new_id())


def closed_to_this_account(folder, monkeypatch):
    """Let the system say that nothing can be written there, whatever rights the test has."""
    access = os.access
    monkeypatch.setattr("os.access", lambda place, *asked: Path(place) != folder and access(place, *asked))


def no_store(clinic, monkeypatch):
    outside = clinic.data_dir.with_name("outside")
    outside.mkdir()
    monkeypatch.setenv("FER_MEDIA_URL", str(outside / "not" / "there"))
    closed_to_this_account(outside, monkeypatch)


def no_data_folder(clinic, monkeypatch):
    outside = clinic.data_dir.with_name("outside")
    outside.mkdir()
    monkeypatch.setenv("FER_DATA_DIR", str(outside / "data"))
    closed_to_this_account(outside, monkeypatch)


def closed_data_folder(clinic, monkeypatch):
    closed_to_this_account(clinic.data_dir, monkeypatch)


def data_folder_is_a_file(clinic, monkeypatch):
    place = clinic.data_dir.with_name("a file")
    place.touch()
    monkeypatch.setenv("FER_DATA_DIR", str(place))


def closed_key_folder(clinic, monkeypatch):
    closed_to_this_account(clinic.key_dir, monkeypatch)


def no_key_folder(clinic, monkeypatch):
    monkeypatch.setenv("FER_KEY_DIR", str(clinic.key_dir.with_name("mistyped")))


def no_store_yet(clinic, monkeypatch):
    monkeypatch.setenv("FER_MEDIA_URL", str(clinic.data_dir.with_name("mistyped")))


def no_backups(clinic, monkeypatch):
    monkeypatch.setenv("FER_BACKUP_DIR", str(clinic.data_dir.with_name("mistyped")))


def unmounted_backups(clinic, monkeypatch):
    folder = clinic.data_dir.with_name("backups")
    folder.mkdir()
    monkeypatch.setenv("FER_BACKUP_DIR", str(folder))
    backup_folders.remember(clinic, folder)


def no_room_for_backups(clinic, monkeypatch):
    outside = clinic.data_dir.with_name("outside")
    outside.mkdir()
    monkeypatch.setenv("FER_BACKUP_DIR", str(outside / "backups"))
    closed_to_this_account(outside, monkeypatch)


def closed_backups(clinic, monkeypatch):
    folder = clinic.data_dir.with_name("backups")
    folder.mkdir()
    (folder / daily.name_at(clock.now() - timedelta(hours=1))).touch()
    monkeypatch.setenv("FER_BACKUP_DIR", str(folder))
    closed_to_this_account(folder, monkeypatch)


def file_for_backups(clinic, monkeypatch):
    place = clinic.data_dir.with_name("a file")
    place.touch()
    monkeypatch.setenv("FER_BACKUP_DIR", str(place))


def no_port(clinic, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", "85O1")


def port_too_high(clinic, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", "70000")


def full_disk_of(named):
    """Let the disk of one folder be full."""

    def fill(clinic, monkeypatch):
        folder = clinic.data_dir.with_name(f"full {named.casefold()}")
        folder.mkdir()
        name, usage = daily.name_at(clock.now() - timedelta(hours=1)), shutil.disk_usage
        (folder / name).write_bytes(b"a backup")
        monkeypatch.setenv(named, str(folder))
        full = SimpleNamespace(free=0)
        monkeypatch.setattr("shutil.disk_usage", lambda place: full if Path(place) == folder else usage(place))

    return fill


def relative_store(clinic, monkeypatch):
    monkeypatch.setenv("FER_MEDIA_URL", "a/folder")


def full_disk(clinic, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))


def bad_setting(clinic, monkeypatch):
    monkeypatch.setenv("FER_MAX_UPLOAD_GB", "lots")


def another_account(clinic, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: clinic.data_dir.stat().st_uid + 1)


def dead_pages(clinic, monkeypatch):
    (clinic.data_dir / at_work.PAGES).touch()


def shared_keys(clinic, monkeypatch):
    key_folder.path_of(clinic).write_text("b" * 32)


def empty_database(clinic, monkeypatch):
    (clinic.data_dir / "clinic.db").unlink()


def open_folder(clinic, monkeypatch):
    clinic.data_dir.chmod(0o755)


STATES = {
    "The key file is lost": (lost_key, "master key", "refused", "restore its file"),
    "Another clinic's key is installed": (wrong_key, "master key", "refused", "not the master key of this clinic"),
    "Others may read the key": (open_key, "master key", "refused", "mode 600"),
    "Others may read the file of settings": (open_settings, "settings file", "warning", "chmod 600"),
    "A change of the key was interrupted": (unfinished_rotation, "master key", "refused", "rotate-key"),
    "Two clinics use one key folder": (shared_keys, "key folder", "warning", "copy it for one of them"),
    "The key folder's clinic is in another database": (empty_database, "key folder", "refused", "FER_DATABASE_URL"),
    "The list of erased patients is lost": (no_erasures, "erasures", "warning", "backup of the key folder"),
    "The database file is another file": (no_database_file, "database", "broken", "restore a backup"),
    "A newer version wrote the database": (newer_database, "tables", "refused", "Start that version"),
    "The database is of an older version": (older_database, "tables", "warning", "run `migrate`"),
    "The database is another program's": (foreign_database, "database", "broken", "another program"),
    "The URL names a database that is not known": (unknown_scheme, "database", "refused", "postgresql+psycopg://"),
    "The URL names a driver that is not installed": (missing_driver, "database", "refused", "postgresql+psycopg://"),
    "The database server does not run": (closed_port, "database", "broken", "host and port"),
    "The scheduler does not run": (silent_scheduler, "cluster", "broken", "expression-history-scheduler"),
    "The worker died": (dead_worker, "analysis", "warning", "Start the pages or a worker"),
    "The pages ended": (dead_pages, "pages", "warning", "Start them"),
    "The self-test fails": (failed_self_test, "analysis", "warning", "`selftest`"),
    "Another program has the pages' port": (taken_port, "port", "warning", "STREAMLIT_SERVER_PORT"),
    "A worker does not find the media store": (waiting_worker, "analysis", "broken", "its disk or share is mounted"),
    "The media store's URL is not known": (unknown_store, "media store", "refused", "FER_MEDIA_URL"),
    "The media store lacks files": (empty_store, "media store", "broken", "its disk or share is mounted"),
    "The media store is not the one of before": (unmounted_store, "media store", "broken", "`lost-files --accept`"),
    "The media store is another clinic's": (store_of_another, "media store", "broken", "delete the file clinic.id"),
    "The media store's folder is not there": (no_store, "media store", "broken", "can't make it"),
    "A place is not named from / on": (relative_store, "named files", "warning", "FER_MEDIA_URL"),
    "The disk is full": (full_disk, "disk", "warning", "Free space"),
    "The disk of the media store is full": (full_disk_of("FER_MEDIA_URL"), "disk", "warning", "full fer_media_url"),
    "The disk of the backups is full": (full_disk_of("FER_BACKUP_DIR"), "disk", "warning", "full fer_backup_dir"),
    "The data folder can't be made": (no_data_folder, "data folder", "refused", "install -d -m 700 -o"),
    "Nothing can be written to the data folder": (closed_data_folder, "data folder", "refused", "ReadWritePaths="),
    "The data folder is a file": (data_folder_is_a_file, "data folder", "refused", "Name a folder"),
    "Nothing can be written to the key folder": (closed_key_folder, "key folder", "broken", "who owns it"),
    "The key folder is not there": (no_key_folder, "key folder", "broken", "FER_KEY_DIR"),
    "The media store is another folder, which is not there": (no_store_yet, "media store", "warning", "mistyped"),
    "The folder of the backups is not there": (no_backups, "backups", "warning", "mistyped"),
    "The backups are gone with their folder": (unmounted_backups, "backups", "broken", "Mount it"),
    "The folder of the backups can't be made": (no_room_for_backups, "backups", "broken", "install -d -m 700 -o"),
    "The folder of the backups is closed to this account": (closed_backups, "backups", "broken", "`chown` as root"),
    "The folder of the backups is a file": (file_for_backups, "backups", "broken", "Name a folder"),
    "The port of the pages is no number": (no_port, "port", "broken", "STREAMLIT_SERVER_PORT"),
    "There is no port of this number": (port_too_high, "port", "broken", "65535"),
    "A setting has no sense": (bad_setting, "settings", "refused", "FER_MAX_UPLOAD_GB"),
    "Another account runs the command": (another_account, "account", "refused", "as root"),
    "Others may look into the data folder": (open_folder, "data folder", "warning", "mode 700"),
}


@pytest.mark.parametrize(
    "url", ["/x/clinic.db", "postgres://a@b/c", "postgresql+psycopg://host:port/x", "sqlite://", "mysql://host/x"]
)
def test_what_hangs_on_an_unusable_address_is_no_fault_of_its_own(clinic, monkeypatch, capsys, url):
    monkeypatch.setenv("FER_DATABASE_URL", url)
    code, found = examined(capsys)
    assert code == 1
    assert found["database"]["level"] == "refused"
    assert {name for name, finding in found.items() if finding["level"] == "broken"} == set()
    assert "report this" not in str(found)
    for name in ("tables", "key folder", "leftover copies"):
        assert found[name]["remedy"] == "Repair the database first."


POSTGRESQL_STATES = {
    "The database's password is wrong": ("locked:wrong@/postgres", "broken", "user or password"),
    "The database's user does not exist": ("nobody_known@/postgres", "broken", "no such database or user"),
    "The database does not exist": ("clinic@/nowhere", "broken", "createdb"),
    "The user may not write to the database": ("reader@/{name}", "broken", "database's owner"),
    "The database is not of UTF-8": ("clinic@/ascii", "broken", "--encoding UTF8"),
    "The database server takes no writes": ("clinic@/{name}", "broken", "read-only"),
}


@pytest.mark.parametrize("state", STATES)
def test_each_fault_is_named_with_its_remedy_and_nothing_is_written(clinic, tmp_path, monkeypatch, capsys, state):
    make, name, level, remedy = STATES[state]
    make(clinic, monkeypatch)
    before = written(tmp_path)
    code, found = examined(capsys)
    assert (found[name]["level"], code) == (level, 0 if level == "warning" else 1)
    assert remedy in found[name]["sentence"] + found[name]["remedy"]
    assert found[name]["remedy"]
    assert written(tmp_path) == before


@pytest.fixture
def locked(postgresql_server, administer):
    """A user of the server whose password is asked for."""
    rules = postgresql_server / "data" / "pg_hba.conf"
    if "locked" not in rules.read_text():
        rules.write_text("local all locked scram-sha-256\n" + rules.read_text())
        administer("CREATE ROLE locked LOGIN PASSWORD 'right'")
        administer("CREATE ROLE reader LOGIN")
        administer("SELECT pg_reload_conf()")
    return postgresql_server


@pytest.mark.parametrize("state", POSTGRESQL_STATES)
def test_each_fault_of_a_database_server_is_named(
    clinic, monkeypatch, capsys, locked, administer, postgresql_url, state
):
    where, level, remedy = POSTGRESQL_STATES[state]
    name = re.search(r"/(test_\d+)", postgresql_url).group(1)
    migrate(postgresql_url)
    if "UTF8" in remedy:
        administer("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    if "read-only" in remedy:
        administer(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    if "owner" in remedy:
        with closing(open_database(postgresql_url)) as db, db.engine.begin() as connection:
            connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    url = f"postgresql+psycopg://{where.format(name=name)}?host={locked}"
    monkeypatch.setenv("FER_DATABASE_URL", url)
    code, found = examined(capsys)
    assert (found["database"]["level"], code) == (level, 1)
    assert remedy in found["database"]["remedy"]
    if "UTF8" in remedy:
        assert found["database"]["sentence"] == "The database can't hold every name."
        assert main(["migrate"]) == console.EX_CONFIG
    assert "secret" not in str(found)
    assert postgresql.OWNER not in found["database"]["remedy"]


def test_the_manual_s_table_has_each_of_these_states():
    manual = (ROOT / "docs" / "operations.md").read_text()
    reported = re.findall(r"^\| ([^|]+) \| `(\w[\w ]*): (\w+)` \|", manual, re.MULTILINE)
    expected = [(state, name, level) for state, (_, name, level, _) in STATES.items()]
    expected += [(state, "database", level) for state, (_, level, _) in POSTGRESQL_STATES.items()]
    assert sorted(reported) == sorted(expected)
