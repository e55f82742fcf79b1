"""Where things are kept."""

import stat

import pytest

from clinic.settings import Settings
from fer_core.errors import FerError


def test_the_folder_is_the_user_s_own_and_closed_to_others(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("FER_DATABASE_URL", raising=False)
    monkeypatch.delenv("FER_DEMO", raising=False)
    settings = Settings.from_environment()
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path / 'data' / 'clinic.db'}"
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(FerError, match="FER_DATA_DIR"):
        Settings.from_environment()


def test_another_database_can_be_named_but_not_for_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FER_DATABASE_URL", "postgresql+psycopg://db/clinic")
    monkeypatch.delenv("FER_DEMO", raising=False)
    settings = Settings.from_environment()
    assert settings.database_url == "postgresql+psycopg://db/clinic"
    assert settings.as_demo().database_url == f"sqlite:///{tmp_path / 'demo' / 'clinic.db'}"
    monkeypatch.setenv("FER_DEMO", "1")
    demo = Settings.from_environment()
    assert demo.demo
    assert demo.database_url == f"sqlite:///{tmp_path / 'demo' / 'clinic.db'}"
    assert demo.as_demo() == demo
