"""What replaces or moves a database waits until the program is stopped, whichever command it is."""

import os

import pytest
from sqlalchemy import create_engine

from backup import stopped
from backup.__main__ import main
from backup.stopped import nobody_at_work
from db import connection
from db.connection import make_engine
from db.migrate import upgrade
from fer_core.errors import FerError
from storage import at_work


@pytest.fixture
def data(tmp_path):
    """The data folder of a clinic on SQLite."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    upgrade(f"sqlite:///{folder / 'clinic.db'}")
    assert main(["backup", str(folder / "clinic.db"), str(tmp_path / "plain"), "--unencrypted"]) == 0
    return folder


COMMANDS = {
    "restore": ["restore", "{data}/clinic.db", "{beside}/plain", "--without-erasures"],
    "copy from": ["copy", "--from", "sqlite:///{data}/clinic.db", "--to", "sqlite:///{beside}/new.db"],
    "copy within": ["copy", "--from", "sqlite:///{data}/clinic.db", "--to", "sqlite:///{data}/new.db"],
    "copy to": ["copy", "--from", "sqlite:///{beside}/plain", "--to", "sqlite:///{data}/new.db"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_waits_until_the_program_is_stopped(data, tmp_path, capsys, command):
    arguments = [argument.format(data=data, beside=tmp_path) for argument in COMMANDS[command]]
    before = (data / "clinic.db").read_bytes()
    with at_work.alone(data):
        assert main(arguments) == 2
        assert "Please stop the pages and all workers first" in capsys.readouterr().err
        assert (data / "clinic.db").read_bytes() == before
        assert sorted(path.name for path in tmp_path.glob("**/*.db")) == ["clinic.db"]
    assert main(arguments) == 0


@pytest.mark.parametrize("command", ["restore", "copy within"])
def test_a_folder_of_another_account_is_left_alone(data, tmp_path, capsys, monkeypatch, command):
    owner = data.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert main([argument.format(data=data, beside=tmp_path) for argument in COMMANDS[command]]) == 2
    assert "belongs to" in capsys.readouterr().err


def test_a_database_server_knows_who_is_connected(postgresql_url, monkeypatch):
    """Pages and workers of other machines too, whose locks lie elsewhere; not this process, nor other programs."""
    monkeypatch.setattr(stopped, "CLOSED_WITHIN_S", 0.0)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(connection, "_PROCESS", "expression-history 00000000")
        pages = make_engine(postgresql_url)
        pages.connect().close()
    own, another = make_engine(postgresql_url), create_engine(postgresql_url)
    own.connect().close()
    another.connect().close()
    with pytest.raises(FerError) as refusal, nobody_at_work(postgresql_url):
        pass
    assert refusal.value.code == "already_running"
    pages.dispose()
    monkeypatch.setattr(stopped, "CLOSED_WITHIN_S", 30.0)
    with nobody_at_work(postgresql_url):
        pass
    own.dispose()
    another.dispose()
