"""Every command answers a wrong input or state with a sentence and an exit code, and none with a traceback."""

import argparse
import errno
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from backup import __main__ as backup
from backup.archive import Secret
from clinic import __main__ as clinic
from clinic import console
from clinic.admin import keyring, setting_checks
from clinic.settings import Settings
from db.engine import open_database
from db.sqlite import sqlite3
from storage import at_work, keys

ARGUMENTS = {
    "worker": [],
    "reanalyse": ["--status"],
    "selftest": [],
    "migrate": [],
    "export": ["0" * 32, "{folder}/out.zip"],
    "import": ["{folder}/no.zip"],
    "import-folder": ["{folder}/nowhere"],
    "doctor": [],
    "rotate-key": [],
    "lost-files": [],
    "backup": ["--to", "{folder}/backups"],
    "restore": ["{folder}/no.backup"],
    "copy": ["--to", "sqlite:///{folder}/new.db"],
    "audit": ["verify"],
    "reset-password": ["Nobody"],
    "reset-second-step": ["Nobody"],
}
"""Each command with what it needs; `demo` has a database of its own, which no setting names."""


@pytest.fixture
def settings(tmp_path, monkeypatch, copy_tables):
    """A started installation that the environment names."""
    for name in ("FER_DATABASE_URL", "FER_DEMO", "FER_MASTER_KEY", "FER_KEY_DIR", "FER_MEDIA_URL", "FER_BACKUP_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "data"))
    found = Settings.from_environment()
    copy_tables(found.data_dir / "clinic.db")
    with closing(open_database(found.database_url)) as database:
        keyring.settle(database, found)
    return found


def no_server(settings, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    monkeypatch.setenv("FER_DATABASE_URL", f"postgresql+psycopg://clinic:secret@127.0.0.1:{port}/clinic")


def unknown_scheme(settings, monkeypatch):
    monkeypatch.setenv("FER_DATABASE_URL", "mangodb://clinic:secret@host/clinic")


def no_port(settings, monkeypatch):
    monkeypatch.setenv("FER_DATABASE_URL", "postgresql+psycopg://clinic:secret@host:port/clinic")


def in_memory(settings, monkeypatch):
    monkeypatch.setenv("FER_DATABASE_URL", "sqlite://")


def no_url(settings, monkeypatch):
    monkeypatch.setenv("FER_DATABASE_URL", "clinic secret")


def another_file(settings, monkeypatch):
    (settings.data_dir / "clinic.db").write_bytes(b"no database, and secret" * 100)


def newer(settings, monkeypatch):
    with closing(sqlite3.connect(settings.data_dir / "clinic.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def lost_key(settings, monkeypatch):
    keys.key_path(settings).unlink()


def bad_number(settings, monkeypatch):
    monkeypatch.setenv("FER_MAX_UPLOAD_GB", "secret")


def weak_key(settings, monkeypatch):
    monkeypatch.setenv("FER_MASTER_KEY", "secret")


def ftp_backups(settings, monkeypatch):
    monkeypatch.setenv("FER_BACKUP_DIR", "ftp://clinic:secret@127.0.0.1/backups")


def a_file_for_a_folder(settings, monkeypatch):
    (settings.data_dir.parent / "file").write_text("secret")
    monkeypatch.setenv("FER_DATA_DIR", str(settings.data_dir.parent / "file" / "data"))


def of_another_account(settings, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: settings.data_dir.stat().st_uid + 1)


STATES = {
    no_server: console.FAILED,
    unknown_scheme: console.EX_CONFIG,
    no_url: console.EX_CONFIG,
    no_port: console.EX_CONFIG,
    in_memory: console.EX_CONFIG,
    another_file: console.FAILED,
    newer: console.EX_CONFIG,
    lost_key: console.EX_CONFIG,
    bad_number: console.EX_CONFIG,
    weak_key: console.EX_CONFIG,
    ftp_backups: console.EX_CONFIG,
    a_file_for_a_folder: console.EX_CONFIG,
    of_another_account: console.EX_CONFIG,
}
FIRST = {"doctor", "import", "restore"}
"""What ends with a fault of its own: `doctor` has one code for all, and for the others there is no such file."""
WELL = {
    ("backup", newer),
    ("copy", lost_key),
}
"""What goes well all the same: data is saved also where the program would not start on it."""


def commands_of(parser):
    [found] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return set(found.choices)


def test_no_command_is_left_out():
    assert commands_of(clinic._parser()) == {*ARGUMENTS, "demo"}
    assert commands_of(backup._parser()) == {"backup", "restore", "verify", "copy"}


MAKES = {"doctor", "worker", "migrate", "import", "restore"}
"""What may run where there is no clinic yet; `doctor` writes nothing, and the others begin one."""


@pytest.mark.parametrize("command", sorted(ARGUMENTS.keys() - MAKES))
def test_where_there_is_no_clinic_none_is_made(tmp_path, monkeypatch, capsys, command):
    """A mistyped folder got a database and a key of its own, and from then on sound backups of nothing."""
    for name in ("FER_DATABASE_URL", "FER_DEMO", "FER_MASTER_KEY", "FER_KEY_DIR", "FER_MEDIA_URL", "FER_BACKUP_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "mistyped"))
    arguments = [argument.format(folder=tmp_path) for argument in ARGUMENTS[command]]
    assert clinic.main([command, *arguments]) == console.EX_CONFIG
    assert f"There is no clinic in {tmp_path / 'mistyped'}." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_server_s_empty_database_is_no_clinic_either(tmp_path, monkeypatch, capsys, postgresql_url):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FER_KEY_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("FER_DATABASE_URL", postgresql_url)
    assert clinic.main(["audit", "verify"]) == console.EX_CONFIG
    said = capsys.readouterr().err
    assert "There is no clinic in the database of FER_DATABASE_URL." in said
    assert postgresql_url not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["migrate", "audit", "backup"])
def test_another_program_s_database_is_left_alone(settings, tmp_path, monkeypatch, capsys, command):
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE theirs (id)")
    monkeypatch.setenv("FER_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert clinic.main([command, *(argument.format(folder=tmp_path) for argument in ARGUMENTS[command])]) == 78
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("command", ARGUMENTS)
def test_a_wrong_state_is_said(settings, monkeypatch, capsys, tmp_path, command, state):
    state(settings, monkeypatch)
    arguments = [argument.format(folder=tmp_path) for argument in ARGUMENTS[command]]
    code = clinic.main([command, *arguments])
    out, err = capsys.readouterr()
    said = out if command == "doctor" else err
    if (command, state) in WELL:
        assert code == 0
        return
    assert code in {STATES[state], *([console.FAILED] if command in FIRST else [])}
    assert said.strip().endswith((".", ")")), said
    assert "Traceback" not in out + err
    assert "secret" not in out + err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "0" * 32, "{folder}/out.zip"], "does not exist any more"),
        (["export", "no id", "{folder}/nowhere/out.zip"], "."),
        (["import", "{folder}"], "."),
        (["import", "{folder}/text"], "."),
        (["import", "/dev/zero"], "can't be read: /dev/zero is no file"),
        (["worker", "--number", "0"], "numbered from 1"),
        (["backup", "--to", "{folder}/text"], "is a file. Please name a folder"),
        (["reset-password", "Nobody"], "There is no account of this name."),
        (["reset-password", "\udcff"], "not text"),
        (["export", "\udcff", "{folder}/out.zip"], "not text"),
        (["export", "0" * 32, ""], "already exists"),
        (["backup", "--to", "{folder}/b", "--key-file", "/dev/zero"], "isn't text in UTF-8"),
        (["rotate-key", "--old-key-file", "/dev/zero"], "holds no key"),
        (["copy", "--to", "postgresql+psycopg://host:port/x"], "postgresql+psycopg://"),
        (["copy", "--to", "sqlite://"], "sqlite:////FOLDER"),
        (["copy", "--to", "sqlite+aiosqlite:///{folder}/new.db"], "sqlite:////FOLDER"),
        (["import-folder", "{folder}/text"], "."),
        (["reanalyse", "--patient", "Nobody"], "No patient"),
        (["backup"], "FER_BACKUP_DIR"),
        (["backup", "--to", "{folder}/b", "--keep", "0"], "At least one"),
        (["backup", "--to", "{folder}/b", "--key-file", "{folder}/text"], "64 hexadecimal"),
        (["backup", "--to", "{folder}/b", "--passphrase-file", "{folder}/none"], "can't be read"),
        (["backup", "--to", "{folder}/b", "--passphrase-file", "{folder}/empty"], "empty is empty"),
        (["backup", "--to", "{folder}/b", "--key-file", "{folder}/empty"], "64 hexadecimal"),
        (["restore", "{folder}/text", "--passphrase-file", "{folder}/empty"], "empty is empty"),
        (["restore", "--check", "{folder}/text", "--passphrase-file", "{folder}/empty"], "empty is empty"),
        (["restore", "{folder}/text", "--key-file", "{folder}/empty"], "64 hexadecimal"),
        (["restore", "{folder}/empty"], "not a backup of this program"),
        (["import", "{folder}/empty"], "."),
        (["rotate-key", "--old-key-file", "{folder}/empty"], "holds no key"),
        (["restore", "{folder}/text"], "not a backup of this program"),
        (["restore", "--check", "{folder}/text"], "not a backup of this program"),
        (["rotate-key", "--old-key-file", "{folder}/none"], "no such key file"),
        (["rotate-key", "--old-key-file", "{folder}/text"], "holds no key"),
        (["rotate-key", "--lost"], "nothing was changed"),
        (["copy", "--to", "mangodb://host/x"], "postgresql+psycopg://"),
        (["copy", "--to", "postgresql+psycopg://u@127.0.0.1:9/x"], "can't be reached"),
        (["copy", "--to", "sqlite:///{folder}/nowhere/new.db"], "can't be opened"),
        (["copy", "--to", "sqlite:///{data}/clinic.db"], "to itself"),
    ],
    ids=" ".join,
)
def test_a_wrong_input_is_said(settings, capsys, tmp_path, arguments, said):
    (tmp_path / "text").write_text("neither a key nor a backup")
    (tmp_path / "text").chmod(0o600)
    (tmp_path / "empty").touch(0o600)
    code = clinic.main([argument.format(folder=tmp_path, data=settings.data_dir) for argument in arguments])
    err = capsys.readouterr().err
    assert code in (console.FAILED, console.EX_CONFIG)
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backup", "{data}/clinic.db", "{folder}/a.backup"], "A passphrase can't be asked for here"),
        (["verify", "{data}/clinic.db", "{folder}/text"], "."),
        (["restore", "{data}/clinic.db", "{folder}/text", "--without-erasures"], "not a backup of this program"),
        (["restore", "{data}/clinic.db", "{folder}", "--without-erasures"], "."),
        (["restore", "{data}/clinic.db", "{folder}/text", "--erased", "/bin/sh"], "erased patients is damaged"),
        (["restore", "{data}/clinic.db", "{folder}/text", "--erased", "/dev/zero"], "erased patients is damaged"),
        (["verify", "x" * 300, "{folder}/text", "--key-file", "{folder}/text"], "64 hexadecimal"),
        (["copy", "--to", "mangodb://host/x"], "postgresql+psycopg://"),
        (["copy", "--to", "postgresql+psycopg://host:port/x"], "postgresql+psycopg://"),
        (["copy", "--to", "postgresql+psycopg://u@127.0.0.1:9/x"], "can't be reached"),
        (["copy", "--from", "no url", "--to", "sqlite:///{folder}/new.db"], "postgresql+psycopg://"),
        (["copy", "--to", "sqlite:///{folder}/nowhere/new.db"], "."),
    ],
    ids=" ".join,
)
def test_a_wrong_input_of_the_other_commands_is_said(settings, monkeypatch, capsys, tmp_path, arguments, said):
    (tmp_path / "text").write_text("no backup")

    def nobody(asked):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody)
    code = backup.main([argument.format(folder=tmp_path, data=settings.data_dir) for argument in arguments])
    err = capsys.readouterr().err
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_without_a_terminal_nothing_is_asked(settings, tmp_path):
    """As cron runs it: Python would warn that what is typed may be seen, and wait for nobody."""
    command = [sys.executable, "-m", "backup", "backup", settings.data_dir / "clinic.db", tmp_path / "copy"]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, check=False, text=True
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("A passphrase can't be asked for here.")


@pytest.mark.parametrize("command", ["backup", "restore", "verify"])
@pytest.mark.parametrize("folder", ["", "{folder}"])
def test_a_folder_in_the_place_of_the_database_is_said(tmp_path, capsys, command, folder):
    with pytest.raises(SystemExit) as end:
        backup.main([command, folder.format(folder=tmp_path), str(tmp_path / "a.backup")])
    assert end.value.code == 2
    assert "is a folder" in capsys.readouterr().err


def test_a_backup_without_the_clinic_s_key_makes_no_key_of_its_own(settings, tmp_path, capsys):
    """It would lie in a new key folder, and pass for all that has to be kept."""
    keys.key_path(settings).unlink()
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == console.EX_CONFIG
    assert "The master key is missing" in capsys.readouterr().err
    shutil.rmtree(settings.key_dir)
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == console.EX_CONFIG
    assert not settings.key_dir.exists()
    assert not (tmp_path / "backups").exists()
    other = tmp_path / "key"
    keys.make_at(other)
    assert clinic.main(["backup", "--to", str(tmp_path / "backups"), "--key-file", str(other)]) == 0


@pytest.mark.parametrize(("folder", "said"), [("data_dir", "lost together"), ("key_dir", "beside the key that opens")])
def test_a_backup_beside_what_it_copies_says_so(settings, capsys, folder, said):
    assert clinic.main(["backup", "--to", str(getattr(settings, folder) / "backups")]) == 0
    assert said in capsys.readouterr().err


def test_after_the_restore_of_a_backup_of_an_older_key_the_next_step_is_the_key(settings, tmp_path, capsys):
    folder = tmp_path / "backups"
    assert clinic.main(["backup", "--to", str(folder)]) == 0
    assert clinic.main(["rotate-key"]) == 0
    [old_key] = settings.key_dir.glob("master.key.*")
    [made] = folder.iterdir()
    assert clinic.main(["restore", str(made), "--old-key-file", str(old_key)]) == 1
    assert "belongs to --check" in capsys.readouterr().err
    assert clinic.main(["restore", str(made)]) == 0
    said = capsys.readouterr().out
    assert f"rotate-key --old-key-file {old_key}" in said
    assert "Start the program now" not in said
    assert clinic.main(["rotate-key", "--old-key-file", str(old_key)]) == 0
    assert clinic.main(["migrate"]) == 0


@pytest.mark.parametrize("folder", setting_checks.SWEPT)
def test_a_backup_where_the_program_cleans_is_refused(settings, capsys, folder):
    assert clinic.main(["backup", "--to", str(settings.data_dir / folder / "backups")]) == 1
    assert "the program's own" in capsys.readouterr().err


def test_a_key_that_was_lost_while_it_was_changed_is_not_asked_for_in_a_circle(settings, capsys):
    os.rename(keys.key_path(settings), keys.next_path(settings))
    assert clinic.main(["rotate-key"]) == console.EX_CONFIG
    assert clinic.main(["rotate-key", "--lost"]) == 1
    assert "not lost" in capsys.readouterr().err, "the one that was to come is the clinic's own here"
    assert clinic.main(["migrate"]) == 0


@pytest.mark.parametrize("arguments", [["migrate"], ["worker"], ["import", __file__], ["backup", "--to", "{folder}/b"]])
def test_beside_the_keys_of_a_clinic_no_other_one_begins(settings, tmp_path, capsys, arguments):
    """Its database's disk may not be there: an empty clinic would be shown, and backed up."""
    database = settings.data_dir / "clinic.db"
    database.unlink()
    code = clinic.main([argument.format(folder=tmp_path) for argument in arguments])
    assert code == console.EX_CONFIG
    assert "Traceback" not in capsys.readouterr().err
    assert not database.exists()


@pytest.mark.parametrize("url", ["ftp://clinic:secret@127.0.0.1/media", "ftp://", "gs://secret", "mangos://secret"])
@pytest.mark.parametrize("command", ["worker", "selftest", "backup", "rotate-key"])
def test_a_store_s_address_of_no_use_is_said(settings, monkeypatch, capsys, tmp_path, command, url):
    monkeypatch.setenv("FER_MEDIA_URL", url)
    arguments = [argument.format(folder=tmp_path) for argument in ARGUMENTS[command]]
    assert clinic.main([command, *arguments]) == console.EX_CONFIG
    said = capsys.readouterr().err
    assert "The address of the media store can't be used (FER_MEDIA_URL)" in said
    assert "secret" not in said


@pytest.mark.parametrize("arguments", [["backup", "--to"], ["restore"]])
def test_an_address_is_no_place_for_a_backup(settings, tmp_path, monkeypatch, capsys, arguments):
    """A folder `ftp:` was made where the command ran, and the backup lay there."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        clinic.main([*arguments, "ftp://host/backups"])
    assert end.value.code == 2
    assert "has to lie on this computer" in capsys.readouterr().err
    assert not (tmp_path / "ftp:").exists()


def test_a_restore_on_a_full_disk_says_what_is_free_and_what_was_kept(settings, tmp_path, monkeypatch, capsys):
    """The pages' sentence is for clinicians: "tell the person who looks after this computer"."""
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == 0
    [made] = (tmp_path / "backups").iterdir()
    before = (settings.data_dir / "clinic.db").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("backup.archive.copy_out", full)
    capsys.readouterr()
    assert clinic.main(["restore", str(made)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("The disk is full. Nothing was restored: the clinic is as it was before")
    assert f"On the disk of {settings.data_dir} are " in said
    assert "no patient can be opened" not in said
    assert (settings.data_dir / "clinic.db").read_bytes() == before


@pytest.mark.parametrize("there", ["no folder", "an empty folder"])
def test_a_folder_whose_backups_are_gone_is_refused_until_that_is_right(settings, tmp_path, capsys, there):
    """Below a disk that is not mounted a backup was written to the wrong disk, and found complete."""
    folder = tmp_path / "disk" / "backups"
    backup = ["backup", "--to", str(folder)]
    assert clinic.main(backup) == 0
    assert clinic.main(backup) == 0, "the second finds the first"
    away = folder.parent.rename(tmp_path / "unmounted")
    if there == "an empty folder":
        folder.mkdir(parents=True)
    assert clinic.main(backup) == 1
    assert "its disk or share may not be mounted. No backup was made." in capsys.readouterr().err
    assert not folder.exists() or list(folder.iterdir()) == []
    assert clinic.main(["backup", "--to", str(tmp_path / "another")]) == 0
    assert clinic.main([*backup, "--new-folder"]) == 0
    assert clinic.main(backup) == 0
    assert len(list(away.joinpath("backups").iterdir())) == 2


def test_a_second_backup_on_one_day_is_another_file(settings, tmp_path, monkeypatch, capsys):
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == 0
    first = capsys.readouterr().out
    assert "Keep a copy of that folder elsewhere" in first
    from clinic import clock

    later = clock.now().replace(microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: later.replace(year=later.year + 1))
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == 0
    assert len(list((tmp_path / "backups").iterdir())) == 2
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == 0
    assert len(list((tmp_path / "backups").iterdir())) == 3, "two of one second"


@pytest.mark.parametrize(
    "arguments", [["restore", "{backup}"], ["copy", "--to", "sqlite:///{folder}/new.db"], ["rotate-key"]], ids=" ".join
)
def test_what_changes_the_database_or_key_waits_until_the_program_is_stopped(settings, tmp_path, capsys, arguments):
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == 0
    [made] = (tmp_path / "backups").iterdir()
    arguments = [argument.format(backup=made, folder=tmp_path) for argument in arguments]
    with at_work.alone(settings.data_dir):
        assert clinic.main(arguments) == 1
        assert "Please stop the pages and all workers first" in capsys.readouterr().err
        assert clinic.main(["backup", "--to", str(tmp_path / "more")]) == 0
    assert clinic.main(arguments) == 0
    assert "erased" not in capsys.readouterr().out, "nobody was"


def test_after_a_restore_without_the_master_key_the_way_on_is_said(settings, tmp_path, capsys):
    """ "Start the program now" was said, and the start refused; nothing named `rotate-key --lost`."""
    assert clinic.main(["backup", "--to", str(tmp_path / "backups")]) == 0
    [made] = (tmp_path / "backups").iterdir()
    keys.key_path(settings).unlink()
    assert clinic.main(["restore", str(made)]) == 0
    said = capsys.readouterr().out
    assert "Before the start: The master key is missing" in said
    assert "rotate-key --lost" in said
    assert "What was entered after the backup of" in said
    assert "Start the program now" not in said
    assert clinic.main(["rotate-key", "--lost"]) == 0
    assert "A new key is in place.\nLost with the old one: 0 second steps." in capsys.readouterr().out
    assert clinic.main(["restore", str(made)]) == 0
    assert "Before the start: the backup belongs to another master key" in capsys.readouterr().out


def test_what_nobody_expected_is_a_traceback_still(settings, monkeypatch):
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        console.answered(broken)


def test_ctrl_c_ends_without_a_word(settings):
    def interrupted():
        raise KeyboardInterrupt

    assert console.answered(interrupted) == console.INTERRUPTED


def test_a_folder_that_can_only_be_read_is_a_wrong_setting(capsys):
    """A unit would start again and again: nothing but a person makes the folder writable."""

    def command():
        raise OSError(errno.EROFS, "Read-only file system", "/srv/clinic")

    assert console.answered(command) == console.EX_CONFIG
    said = capsys.readouterr().err
    assert "/srv/clinic" in said
    assert "ReadWritePaths" in said


def test_the_mark_that_some_editors_put_before_a_passphrase_is_no_part_of_it(tmp_path):
    plain, marked = tmp_path / "plain", tmp_path / "marked"
    plain.write_text("eight blue boats\n", encoding="utf-8")
    marked.write_text("eight blue boats\r\n", encoding="utf-8-sig", newline="")
    assert Secret.read_passphrase(marked) == Secret.read_passphrase(plain)
