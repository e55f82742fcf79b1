"""The administrators' command reads a server's settings and acts as the installation's account; a boot test runs it."""

import json
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from clinic import console, installed
from clinic.admin import ownership
from clinic.settings import Settings
from fer_core.errors import FerError

TOLD = """
# A comment with FER_NOT=1
; another
FER_DATA_DIR={folder}/data
FER_DATABASE_URL=postgresql+psycopg://u:p%40&;x@host/clinic?a=b
FER_TIMEZONE="Europe/Berlin"
  FER_KEEP_FILES = '1'

"""


@pytest.fixture
def settings_file(tmp_path, monkeypatch):
    """A server's settings, in place of the machine's own."""
    for name in [name for name in os.environ if name.startswith("FER_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USER", "LOGNAME"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    file = tmp_path / "settings.env"
    file.write_text(TOLD.format(folder=tmp_path))
    monkeypatch.setattr(installed, "SETTINGS_FILE", file)
    monkeypatch.setattr(ownership, "SETTINGS_FILE", file)
    return file


def test_settings_are_read_as_systemd_reads_them(settings_file, tmp_path):
    assert installed.read_settings(settings_file) == {
        "FER_DATA_DIR": f"{tmp_path}/data",
        "FER_DATABASE_URL": "postgresql+psycopg://u:p%40&;x@host/clinic?a=b",
        "FER_TIMEZONE": "Europe/Berlin",
        "FER_KEEP_FILES": "1",
    }
    assert installed.read_settings(tmp_path / "none") == {}


def test_settings_that_are_root_s_are_asked_for_as_root(settings_file, monkeypatch, capsys):
    def closed(*_):
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", closed)
    assert installed.main(["doctor"]) == console.FAILED
    assert "as root (sudo)" in capsys.readouterr().out
    assert installed.main(["backup"]) == console.FAILED
    assert "as root (sudo)" in capsys.readouterr().err


def test_doctor_reports_a_value_of_no_use_to_a_program_that_watches(settings_file, monkeypatch, capsys):
    """Root reads the settings to see whose account it becomes, and ended with a sentence that is no JSON."""
    settings_file.write_text("FER_BACKUP_DIR=ftp://host/backups\n")
    monkeypatch.setattr(installed.os, "geteuid", lambda: 0)
    monkeypatch.setattr(installed, "_become", lambda _: pytest.fail("as which account?"))
    assert installed.main(["doctor", "--json"]) == console.FAILED
    [found] = json.loads(capsys.readouterr().out)["findings"]
    assert (found["name"], found["level"]) == ("settings", "refused")
    assert installed.main(["backup"]) == console.EX_CONFIG


@pytest.mark.parametrize(
    "line",
    [
        b"FER_SECRET='hush",
        b"FER_SECRET='it's hush",
        b'FER_SECRET="hush',
        "FER_SECRET=/srv/hush/Pr\u00e4xis".encode("latin-1"),
        "FER_SECRET=hush".encode("utf-16"),
        "FER_SECRET=hush".encode("utf-16-le"),
        b"\xef\xbb\xbfFER_SECRET=hush",
        b"export FER_SECRET=hush",
        b"=hush",
        b"FER_SECRET=hush\\",
        b"FER_SECRET: hush",
        b"hush",
        "FER_SECRET=\u201chush\u201d".encode(),
        b"FER_SECRET=/srv/hush # where",
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(settings_file, capsys, line):
    """It ended in a traceback, or the command acted on another folder than the pages."""
    settings_file.write_bytes(b"# first\r\nFER_KEEP_FILES=1\n" + line + b"\nFER_TIMEZONE=Europe/Berlin\n")
    assert installed.main(["backup"]) == console.EX_CONFIG
    said = capsys.readouterr()
    assert f"Line 3 of {settings_file}" in said.err
    assert installed.main(["doctor", "--json"]) == console.FAILED
    [found] = json.loads(capsys.readouterr().out)["findings"]
    assert (found["name"], found["level"]) == ("settings", "refused")
    assert "Line 3" in found["remedy"]
    assert "hush" not in said.err + found["remedy"]
    assert "FER_TIMEZONE" not in os.environ


def test_a_folder_in_the_place_of_the_settings_is_named(settings_file, capsys):
    settings_file.unlink()
    settings_file.mkdir()
    assert installed.main(["backup"]) == console.EX_CONFIG
    assert "is a folder" in capsys.readouterr().err


def test_backslashes_are_read_as_systemd_reads_them(settings_file):
    settings_file.write_bytes(b"A=a\\tb\nB='a\\tb'\nC=it's\nD=end\\\\\n")
    assert installed.read_settings(settings_file) == {"A": "atb", "B": r"a\tb", "C": "it's", "D": "end\\"}


def test_root_becomes_the_owner_of_the_data_before_anything_is_done(settings_file, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    owner = SimpleNamespace(pw_name="clinic", pw_uid=4711, pw_gid=4712, pw_dir="/var/lib/clinic")
    asked, done = [], []
    monkeypatch.setattr("pwd.getpwuid", lambda uid: asked.append(uid) or owner)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for name in ("initgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda *words, name=name: done.append((name, *words)))
    monkeypatch.setattr(installed.clinic, "main", lambda arguments, prog: done.append((prog, *arguments)) or 0)
    assert installed.main(["doctor"]) == 0
    assert asked == [(tmp_path / "data").stat().st_uid]
    assert done == [
        ("initgroups", "clinic", 4712),
        ("setgid", 4712),
        ("setuid", 4711),
        ("expression-history", "doctor"),
    ]
    assert os.environ["HOME"] == "/var/lib/clinic"


def test_before_the_first_start_it_is_the_account_of_the_units(tmp_path, monkeypatch):
    monkeypatch.setattr("pwd.getpwnam", lambda name: SimpleNamespace(pw_name=name))
    assert installed.account_of(tmp_path / "none").pw_name == "expression-history"

    def unknown(name):
        raise KeyError(name)

    monkeypatch.setattr("pwd.getpwnam", unknown)
    with pytest.raises(FerError, match="useradd --system"):
        installed.account_of(tmp_path / "none")


def test_a_python_that_the_account_can_t_read_is_named(settings_file, tmp_path, monkeypatch, capsys):
    """One in root's home: parts of it were missing, and `doctor` asked to report a fault of the program."""
    (tmp_path / "data").mkdir()
    me, access = pwd.getpwuid(os.geteuid()), os.access
    monkeypatch.setattr("pwd.getpwuid", lambda uid: SimpleNamespace(pw_name=me.pw_name, pw_uid=0, pw_dir=me.pw_dir))
    monkeypatch.setattr("pwd.getpwnam", lambda name: SimpleNamespace(pw_name=me.pw_name, pw_uid=0, pw_dir=me.pw_dir))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.access", lambda place, *asked: place != os.__file__ and access(place, *asked))
    assert installed.main(["doctor"]) == console.EX_CONFIG
    said = capsys.readouterr().err
    assert os.__file__ in said
    assert "/usr/bin/python3 -m venv" in said


ACCOUNTS = {0: "root", 4711: "expression-history", 4712: "clinic"}


@pytest.fixture
def owned(tmp_path, monkeypatch):
    """A function that gives the data folder of the settings an owner, and returns it."""

    def by_uid(uid):
        return SimpleNamespace(pw_name=ACCOUNTS[uid], pw_uid=uid)

    def by_name(name):
        return by_uid({known: uid for uid, known in ACCOUNTS.items()}[name])

    monkeypatch.setattr("pwd.getpwuid", by_uid)
    monkeypatch.setattr("pwd.getpwnam", by_name)

    def give(uid):
        (tmp_path / "data").mkdir()
        stat = Path.stat

        def of(place, **options):
            found = stat(place, **options)
            return SimpleNamespace(st_uid=uid, st_mode=found.st_mode) if place == tmp_path / "data" else found

        monkeypatch.setattr(Path, "stat", of)
        return tmp_path / "data"

    return give


@pytest.mark.parametrize(("uid", "name"), [(0, "expression-history"), (998, "expression-history"), (4712, "clinic")])
def test_a_folder_that_a_copy_gave_to_root_is_not_worked_in_as_root(owned, uid, name):
    """What root then wrote, the pages could not open; of a number without a name `useradd` was the remedy."""
    assert installed.account_of(owned(uid)).pw_name == name


@pytest.mark.parametrize(
    ("uid", "remedy"),
    [
        (0, "chown -R expression-history: {folder}"),
        (998, "chown -R expression-history: {folder}"),
        (4712, "run this as clinic;"),
    ],
)
def test_whose_folder_it_is_is_said_with_the_way_out(owned, monkeypatch, uid, remedy):
    folder = owned(uid)
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    with pytest.raises(FerError) as refusal:
        ownership.refuse_other(Settings.at(folder))
    assert remedy.format(folder=folder) in refusal.value.message


def test_one_s_own_folder_stays_one_s_own(tmp_path):
    assert installed.account_of(tmp_path) == pwd.getpwuid(os.geteuid())


def test_root_begins_no_second_installation_beside_a_server_s(settings_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(FerError) as refusal:
        ownership.refuse_other(Settings.at(tmp_path / "none"))
    assert refusal.value.code == "other_owner"
    assert "expression-history" in refusal.value.message
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "named"))
    ownership.refuse_other(Settings.at(tmp_path / "named"))


@pytest.mark.parametrize("folder", ["data", "data-keys"])
def test_folders_of_another_account_are_refused(settings_file, tmp_path, monkeypatch, folder):
    (tmp_path / folder).mkdir()
    uid = (tmp_path / folder).stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: uid + 1)
    with pytest.raises(FerError) as refusal:
        ownership.refuse_other(Settings.at(tmp_path / "data"))
    assert refusal.value.code == "other_owner"
