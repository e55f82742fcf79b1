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


def test_limits_key_and_store_can_be_named_but_not_for_the_demo(tmp_path, monkeypatch):
    for name, value in {
        "FER_DATA_DIR": str(tmp_path / "data"),
        "FER_MAX_UPLOAD_GB": "1.5",
        "FER_MEDIA_URL": "memory://somewhere",
        "FER_KEY_DIR": str(tmp_path / "safe"),
        "FER_MASTER_KEY": bytes(range(32)).hex(),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FER_DEMO", raising=False)
    settings = Settings.from_environment()
    assert (settings.max_upload_bytes, settings.media_url) == (1_500_000_000, "memory://somewhere")
    assert (settings.key_dir, settings.master_key) == (tmp_path / "safe", bytes(range(32)))
    monkeypatch.setenv("FER_DEMO", "1")
    demo = Settings.from_environment()
    assert demo.max_upload_bytes == 1_500_000_000
    assert demo.media_url == str(tmp_path / "data" / "demo" / "media")
    assert demo.key_dir == tmp_path / "data-keys" / "demo"
    assert demo.master_key is None


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("FER_MAX_UPLOAD_GB", "much", "bad_setting"),
        ("FER_MEDIA_QUOTA_GB", "-1", "bad_setting"),
        ("FER_MEDIA_QUOTA_GB", "nan", "bad_setting"),
        ("FER_MASTER_KEY", "00" * 32, "weak_key"),
        ("FER_MASTER_KEY", "secret", "weak_key"),
        ("FER_MASTER_KEY", bytes(range(31)).hex(), "weak_key"),
    ],
)
def test_values_of_no_use_are_refused(tmp_path, monkeypatch, name, value, code):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("FER_DEMO", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(FerError) as refusal:
        Settings.from_environment()
    assert refusal.value.code == code
    assert value not in refusal.value.message


def test_another_model_is_named_by_its_card(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    assert Settings.from_environment().model is None
    monkeypatch.setenv("FER_MODEL", str(tmp_path / "own.json"))
    assert Settings.from_environment().model == tmp_path / "own.json"


@pytest.mark.parametrize(
    ("issuer", "secret", "told"),
    [
        ("https://login.example.test/", "s", "https://login.example.test"),
        ("http://127.0.0.1:9000", "s", "http://127.0.0.1:9000"),
        ("", "", None),
        ("http://login.example.test", "s", "refused"),
        ("https://login.example.test", "", "refused"),
        ("", "s", "refused"),
        ("login.example.test", "s", "refused"),
    ],
)
def test_a_provider_is_named_wholly_and_with_tls(monkeypatch, tmp_path, issuer, secret, told):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FER_OIDC_ISSUER", issuer)
    monkeypatch.setenv("FER_OIDC_CLIENT_ID", "clinic" if issuer else "")
    monkeypatch.setenv("FER_OIDC_CLIENT_SECRET", secret)
    if told == "refused":
        with pytest.raises(FerError) as refusal:
            Settings.from_environment()
        assert refusal.value.code == "bad_setting"
        return
    provider = Settings.from_environment().provider
    assert (provider.issuer if provider else None) == told
    assert "client_secret=" not in repr(provider)
