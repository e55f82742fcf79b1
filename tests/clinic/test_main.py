"""The clinic's command line."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from clinic import console
from clinic.__main__ import main
from clinic.accounts import sessions
from clinic.admin.installation_checks import CHECKS
from clinic.admin.server_checks import SERVER_CHECKS
from clinic.patients import caseload
from clinic.settings import Settings
from db.engine import open_database
from db.models import Patient
from db.sqlite import sqlite3
from fer_core.errors import FerError
from storage.owner import account_name
from tests import doors
from tests.consents import agree


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("FER_DATABASE_URL", "FER_DEMO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    return tmp_path


def patients(settings):
    database = open_database(settings.database_url)
    try:
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(Patient))
    finally:
        database.close()


def test_migrate_makes_an_empty_database(folder, capsys):
    assert main(["migrate"]) == 0
    assert main(["migrate"]) == 0
    assert patients(Settings.at(folder)) == 0
    assert "up to date" in capsys.readouterr().out


def test_demo_keeps_away_from_the_real_patients(folder, capsys):
    assert main(["migrate"]) == 0
    assert main(["demo"]) == 0
    assert main(["demo"]) == 0
    assert patients(Settings.at(folder)) == 0
    assert patients(Settings.at(folder).as_demo()) == 8
    assert "already" in capsys.readouterr().out


def test_a_patient_goes_out_and_comes_back(folder, capsys, monkeypatch):
    assert main(["migrate"]) == 0
    database = open_database(Settings.at(folder).database_url)
    patient_id = caseload.add_patient(database, doors.actor(database), "Invented Person")
    assert main(["export", patient_id, str(folder / "patient.zip")]) == 1
    assert "No consent to export" in capsys.readouterr().err
    agree(database, patient_id)
    database.close()
    assert main(["export", patient_id, str(folder / "patient.zip")]) == 0
    assert main(["import", str(folder / "patient.zip")]) == 1
    assert "already exists" in capsys.readouterr().err
    monkeypatch.setenv("FER_DATA_DIR", str(folder / "elsewhere"))
    assert main(["import", str(folder / "patient.zip")]) == 0
    assert patients(Settings.at(folder / "elsewhere")) == 1
    assert main(["import", str(folder / "none.zip")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_a_place_that_is_closed_full_or_not_there_is_named(folder, capsys, monkeypatch):
    assert main(["migrate"]) == 0
    with closing(open_database(Settings.at(folder).database_url)) as database:
        patient_id = caseload.add_patient(database, doors.actor(database), "Invented Person")
        agree(database, patient_id)
    assert main(["export", patient_id, str(folder / "nowhere" / "patient.zip")]) == 1
    assert f"There is no folder {folder / 'nowhere'}." in capsys.readouterr().err
    archive = folder / "patient.zip"
    assert main(["export", patient_id, str(archive)]) == 0
    opened = Path.open

    def refusing(number):
        def refuse(path, *asked, **named):
            if path.name.startswith("patient.zip"):
                raise OSError(number, os.strerror(number), str(path))
            return opened(path, *asked, **named)

        return refuse

    capsys.readouterr()
    monkeypatch.setattr(Path, "open", refusing(errno.EACCES))
    account = f"the account {account_name(os.geteuid())}"
    assert main(["import", str(archive)]) == 1
    assert account in capsys.readouterr().err
    archive.unlink()
    assert main(["export", patient_id, str(archive)]) == 1
    assert account in capsys.readouterr().err
    monkeypatch.setattr(Path, "open", refusing(errno.ENOSPC))
    assert main(["export", patient_id, str(archive)]) == 1
    assert "The disk is full." in capsys.readouterr().err
    assert not list(folder.glob("patient.zip*"))


def test_doctor_lists_all_checks_and_fails_where_one_refuses(folder, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == len(SERVER_CHECKS) + len(CHECKS)
    assert main(["doctor", "--strict"]) == 1
    monkeypatch.setenv("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false")
    assert main(["doctor"]) == 1
    assert "refused  xsrf" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["worker", "selftest", "migrate", "demo", "export", "import", "doctor", "audit", "reset-password"]
)
def test_each_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert command in capsys.readouterr().out


def test_audit_verify_names_the_first_bad_row(folder, capsys):
    assert main(["migrate"]) == 0
    database = open_database(Settings.at(folder).database_url)
    doors.sign_in(database)
    database.close()
    assert main(["audit", "verify"]) == 0
    assert "sound: 1 row. " in capsys.readouterr().out
    with closing(sqlite3.connect(folder / "clinic.db")) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET account_id = NULL")
        connection.commit()
    assert main(["audit", "verify"]) == 1
    assert "row 1 was changed" in capsys.readouterr().out


def test_a_forgotten_password_is_reset_on_the_console(folder, capsys):
    assert main(["migrate"]) == 0
    database = open_database(Settings.at(folder).database_url)
    doors.add_account(database)
    assert main(["reset-password", "Dr. Invented"]) == 0
    password = capsys.readouterr().out.split()[-1]
    assert sessions.sign_in(database, "Dr. Invented", password)
    database.close()
    assert main(["reset-password", "Nobody"]) == 1


def test_a_lost_telephone_is_reported_on_the_console(folder, capsys):
    assert main(["migrate"]) == 0
    database = open_database(Settings.at(folder).database_url)
    doors.add_account(database)
    database.close()
    assert main(["reset-second-step", "Dr. Invented"]) == 0
    assert "only its password" in capsys.readouterr().out
    assert main(["reset-second-step", "Nobody"]) == 1


def test_a_folder_is_brought_in_on_the_console(folder, tmp_path, capsys):
    assert main(["migrate"]) == 0
    (tmp_path / "march" / "Nobody Known").mkdir(parents=True)
    assert main(["import-folder", str(tmp_path / "march")]) == 1
    out = capsys.readouterr().out
    assert "refused        Nobody Known: No patient has this code." in out
    assert "0 imported, 1 refused." in out
    assert main(["import-folder", str(tmp_path / "nowhere")]) == 1


def test_without_a_command_it_says_what_there_is(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "command" in capsys.readouterr().err


def test_what_to_do_on_a_full_disk_is_said_once(folder):
    for said in ("It is full.", "It can't be copied: the disk is full. Please free space on it, and try again."):
        assert console.no_room(FerError(said, "disk_full")).count("Please free space") == 1
