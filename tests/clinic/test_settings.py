"""Where things are kept."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from clinic import settings as settings_module
from clinic.environment import NAMES, ClinicEnvironment, unknown, zone_names
from clinic.settings import Provider, Retention, Settings
from fer_core.errors import FerError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
FOLDERS = st.lists(st.sampled_from(["a", "clinic data", "ä", "-keys", "demo"]), min_size=1, max_size=3).map(
    lambda parts: Path("/nowhere", *parts)
)
BYTES = st.integers(1, 1 << 60)
DAYS = st.none() | st.integers(1, 100_000)
SHARED = {
    "max_upload_bytes": BYTES,
    "quota_bytes": BYTES,
    "behind_tls": st.booleans(),
    "keep_files": st.booleans(),
    "keep_faces": st.booleans(),
    "own_worker": st.booleans(),
    "dask": st.none() | TEXT,
    "model": st.none() | FOLDERS,
    "timezone": st.none() | st.sampled_from(zone_names()),
    "metrics_token": st.none() | st.text("0123456789abcdef", min_size=32, max_size=64),
    "training_dir": st.none() | FOLDERS,
    "training_threads": st.integers(1, 512),
    "training_nice": st.integers(0, 19),
}
OF_A_CLINIC = {
    "database_url": TEXT,
    "media_url": TEXT,
    "key_dir": FOLDERS,
    "master_key": st.none() | st.permutations(range(32)).map(bytes),
    "import_dir": st.none() | FOLDERS,
    "backup_dir": st.none() | FOLDERS,
    "need_second_step": st.booleans(),
    "provider": st.none() | st.builds(Provider, st.just("https://login.example.test/realm"), TEXT, TEXT),
    "retention": st.builds(Retention, DAYS, DAYS, DAYS, DAYS),
}


def read(variables):
    """Return the settings of a process with these variables and no other ``FER_`` ones."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        return Settings.from_environment(make=False)


@tried(deadline=None)
@given(FOLDERS, st.fixed_dictionaries(SHARED), st.fixed_dictionaries(OF_A_CLINIC))
def test_another_process_reads_the_very_same_settings(folder, shared, of_a_clinic):
    settings = replace(Settings.at(folder), **shared, **of_a_clinic)
    assert read(settings.to_environment()) == settings


@tried(deadline=None)
@given(FOLDERS, st.fixed_dictionaries(SHARED))
def test_another_process_reads_the_very_same_demo(folder, shared):
    settings = replace(Settings.at(folder).as_demo(make=False), **shared)
    variables = settings.to_environment()
    assert read(variables) == settings
    # What real patients have in the environment is nothing to the demo.
    real = {"FER_MASTER_KEY": "no key", "FER_DATABASE_URL": "postgresql+psycopg://db/clinic", "FER_KEY_DIR": "/safe"}
    assert read(variables | real) == settings


def test_the_round_trip_tries_every_setting_that_has_a_variable():
    tried = {*SHARED, *OF_A_CLINIC, "data_dir", "demo"}
    # Nothing sets this one but tests and benchmarks.
    assert tried == {*Settings.__dataclass_fields__} - {"min_free_bytes"}


def test_every_variable_names_its_own_field():
    assert len(NAMES) == len(ClinicEnvironment.model_fields) == 29
    assert all(name.startswith("FER_") for name in NAMES)


def test_what_is_no_setting_is_named_with_the_one_that_is_meant():
    names = [
        "FER_DEMO",
        "export FER_NEED_TOTP",
        "\ufeffFER_DATA_DIR",
        "FER_KEEPFILES",
        "FER_" + "Q" * 30,
        "OFFER_URL",
        "PATH",
    ]
    assert unknown(names) == {
        "export FER_NEED_TOTP": "FER_NEED_TOTP",
        "\ufeffFER_DATA_DIR": "FER_DATA_DIR",
        "FER_KEEPFILES": "FER_KEEP_FILES",
        "FER_" + "Q" * 30: None,
    }


def test_variables_that_say_nothing_are_not_handed_on(tmp_path):
    handed = Settings.at(tmp_path).to_environment()
    assert sorted(handed) == ["FER_DATABASE_URL", "FER_DATA_DIR", "FER_KEY_DIR", "FER_MEDIA_URL"]


def test_a_process_reads_its_variables_once(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    readings = []

    class Counted(ClinicEnvironment):
        def __init__(self):
            readings.append(os.getpid())
            super().__init__()

    monkeypatch.setattr(settings_module, "ClinicEnvironment", Counted)
    assert len({id(Settings.from_environment(make=False)) for _ in range(5)}) == 1
    assert len(readings) == 1
    monkeypatch.setenv("FER_NEED_TOTP", "1")
    assert Settings.from_environment(make=False).need_second_step
    assert len(readings) == 2


@pytest.mark.parametrize("text", ["1", "true", "Yes", "on"])
def test_a_switch_is_on_in_any_common_spelling(text):
    assert read({"FER_NEED_TOTP": text, "FER_DATA_DIR": "/nowhere"}).need_second_step


def test_an_empty_variable_is_as_if_it_were_not_set():
    settings = read(dict.fromkeys(NAMES, "") | {"FER_DATA_DIR": "/nowhere"})
    assert settings == read({"FER_DATA_DIR": "/nowhere"}) == Settings.at(Path("/nowhere"))


def test_limits_are_exact_to_the_byte():
    assert read({"FER_MAX_UPLOAD_GB": "0.000000001"}).max_upload_bytes == 1
    assert read({"FER_MEDIA_QUOTA_GB": "1.000000003"}).quota_bytes == 1_000_000_003


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
    with pytest.raises(FerError, match="make the folder for the data"):
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
        ("FER_MEDIA_QUOTA_GB", "Infinity", "bad_setting"),
        ("FER_MEDIA_QUOTA_GB", "1e999999999", "bad_setting"),
        ("FER_NEED_TOTP", "maybe", "bad_setting"),
        ("FER_KEEP_PATIENTS_DAYS", "a year", "bad_setting"),
        ("FER_KEEP_COPIES_DAYS", "-7", "bad_setting"),
        ("FER_METRICS_TOKEN", "too short", "bad_setting"),
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
    assert code == "weak_key" or refusal.value.message.startswith(f"{name} must ")


def test_another_model_is_named_by_its_card(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    assert Settings.from_environment().model is None
    monkeypatch.setenv("FER_MODEL", str(tmp_path / "own.json"))
    assert Settings.from_environment().model == tmp_path / "own.json"


@pytest.mark.parametrize(
    ("issuer", "secret", "reported"),
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
def test_a_provider_is_named_wholly_and_with_tls(monkeypatch, tmp_path, issuer, secret, reported):
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FER_OIDC_ISSUER", issuer)
    monkeypatch.setenv("FER_OIDC_CLIENT_ID", "clinic" if issuer else "")
    monkeypatch.setenv("FER_OIDC_CLIENT_SECRET", secret)
    if reported == "refused":
        with pytest.raises(FerError) as refusal:
            Settings.from_environment()
        assert refusal.value.code == "bad_setting"
        return
    provider = Settings.from_environment().provider
    assert (provider.issuer if provider else None) == reported
    assert "client_secret=" not in repr(provider)
