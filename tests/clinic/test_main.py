"""The clinic's command line."""

import pytest
from sqlalchemy import func, select

from clinic import caseload, doctor
from clinic.__main__ import main
from clinic.settings import Settings
from db.engine import open_database
from db.models import Patient


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
    assert patients(Settings.at(folder).as_demo()) == 4
    assert "already" in capsys.readouterr().out


def test_a_patient_goes_out_and_comes_back(folder, capsys, monkeypatch):
    assert main(["migrate"]) == 0
    database = open_database(Settings.at(folder).database_url)
    patient_id = caseload.add_patient(database, "Invented Person")
    database.close()
    assert main(["export", patient_id, str(folder / "patient.zip")]) == 0
    assert main(["import", str(folder / "patient.zip")]) == 1
    assert "in the list already" in capsys.readouterr().err
    monkeypatch.setenv("FER_DATA_DIR", str(folder / "elsewhere"))
    assert main(["import", str(folder / "patient.zip")]) == 0
    assert patients(Settings.at(folder / "elsewhere")) == 1
    assert main(["import", str(folder / "none.zip")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_doctor_lists_all_checks_and_fails_where_one_refuses(folder, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == len(doctor.SERVER_CHECKS) + len(doctor.INSTALLATION_CHECKS)
    monkeypatch.setenv("STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION", "false")
    assert main(["doctor"]) == 1
    assert "refused  xsrf" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["worker", "selftest", "migrate", "demo", "export", "import", "doctor"])
def test_each_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert command in capsys.readouterr().out


def test_without_a_command_it_says_what_there_is(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "command" in capsys.readouterr().err
