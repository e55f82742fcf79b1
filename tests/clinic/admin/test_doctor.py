"""Each unsafe setting is refused with its reason, alone, and the shipped ones are safe."""

import errno
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backup import daily, erasures
from backup.erasures import Erasure
from clinic import clock
from clinic.admin import doctor, installation_checks, ownership
from clinic.admin.doctor import Level, UnsafeError
from clinic.admin.serving import DEFAULTS, read_options
from clinic.settings import Settings
from clinic.worker_health import WorkerHealth, write_health
from fer_core.errors import FerError
from storage import keys
from storage.media import open_store

ROOT = Path(__file__).parents[3]


@pytest.fixture
def options():
    """The options that the program is shipped with."""
    return read_options([ROOT], {})


def refused(settings, options):
    return [finding.name for finding in doctor.examine(settings, options) if finding.level is Level.REFUSED]


def warned(settings, options):
    return {finding.name for finding in doctor.examine(settings, options) if finding.level is Level.WARNING}


def test_the_shipped_settings_are_safe(settings, options):
    assert refused(settings, options) == []
    assert warned(settings, options) <= {"database", "tables", "pages", "analysis", "backups"}
    at_start = {finding.name for finding in doctor.require_safe(settings, options)}
    assert at_start == {"backups"}, "tables and a worker are what the start brings"
    assert doctor.sound(doctor.examine(settings, options))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.5.5.5", "localhost", "::1"])
def test_this_computer_alone_is_safe(settings, options, address):
    assert refused(settings, {**options, "server.address": address}) == []


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "clinic.example"])
def test_the_network_needs_tls_or_a_declared_proxy(settings, options, address):
    open_to_all = {**options, "server.address": address}
    assert refused(settings, open_to_all) == ["address"]
    assert refused(settings, {**open_to_all, "server.sslCertFile": "c.pem"}) == ["address"]
    assert refused(settings, {**open_to_all, "server.sslCertFile": "c.pem", "server.sslKeyFile": "k.pem"}) == []
    assert refused(replace(settings, behind_tls=True), open_to_all) == []


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [
        ("server.enableXsrfProtection", False, "xsrf"),
        ("server.enableCORS", False, "cors"),
        ("server.corsAllowedOrigins", ["*"], "cors"),
        ("server.trustedUserHeaders", {"X-User": "email"}, "trusted headers"),
        ("server.unsafeMetricsUserAttributes", ["email"], "metrics"),
        ("browser.gatherUsageStats", True, "telemetry"),
        ("server.enableStaticServing", True, "interfaces"),
        ("server.enableAgentApi", True, "interfaces"),
    ],
)
def test_an_unsafe_option_is_refused(settings, options, option, value, name):
    assert refused(settings, {**options, option: value}) == [name]


def test_streamlit_s_own_defaults_are_not_safe(settings):
    assert refused(settings, DEFAULTS) == ["address", "telemetry"]
    assert "errors" in warned(settings, DEFAULTS)


def test_a_mistyped_variable_is_named_with_the_one_that_is_meant(settings, options, monkeypatch):
    """``FER_DATADIR`` was silent: the data lay in another place than their administrator thought."""
    monkeypatch.setenv("FER_DATADIR", "/srv/secret")
    monkeypatch.setenv("FER_NEED_TOPT", "1")
    [said] = [finding for finding in doctor.require_safe(settings, options) if finding.name == "settings"]
    assert "FER_DATADIR (do you mean FER_DATA_DIR?); FER_NEED_TOPT (do you mean FER_NEED_TOTP?)" in said.sentence
    assert "secret" not in doctor.line(said)


def test_what_the_settings_name_is_looked_for(settings, options, tmp_path):
    assert "named files" in warned(replace(settings, import_dir=tmp_path / "nowhere"), options)
    lost = doctor.examine(replace(settings, model=tmp_path / "nowhere.json"), options)
    assert [finding.name for finding in lost if finding.level is Level.BROKEN] == ["named files"]
    (tmp_path / "no card").write_text("root:x:0:0")
    [said] = [
        finding
        for finding in doctor.examine(replace(settings, model=tmp_path / "no card"), options)
        if finding.level is Level.BROKEN
    ]
    assert (said.name, "not a model's card" in said.sentence) == ("named files", True)


@pytest.mark.parametrize("value", ["data", "./data", "~/data"])
def test_a_path_that_hangs_on_the_current_folder_is_named(settings, options, monkeypatch, value):
    """A command of cron took another folder than the pages, and began another clinic there."""
    monkeypatch.setenv("FER_DATA_DIR", value)
    [said] = [finding for finding in doctor.require_safe(settings, options) if finding.name == "named files"]
    assert "FER_DATA_DIR" in said.sentence


def test_a_file_in_the_place_of_the_data_folder_is_named(settings, options, tmp_path):
    (tmp_path / "a file").touch()
    found = {one.name: one for one in doctor.examine(Settings.at(tmp_path / "a file"), options)}
    assert found["data folder"].sentence.endswith("is a file.")
    assert not [one for one in found.values() if "could not be checked" in one.sentence]


@pytest.mark.parametrize(("place", "why"), [("data_dir", "lost together"), ("key_dir", "the key that opens them")])
def test_backups_beside_what_they_save_are_warned_of(settings, options, place, why, tmp_path_factory):
    near = replace(settings, backup_dir=getattr(settings, place) / "backups")
    [said] = [finding for finding in doctor.examine(near, options) if finding.name == "backups"]
    assert said.level is Level.WARNING
    assert why in said.sentence
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(getattr(settings, place))
    [said] = [one for one in doctor.examine(replace(settings, backup_dir=link), options) if one.name == "backups"]
    assert why in said.sentence


def test_one_folder_for_data_and_key_is_warned_of(settings, options):
    same = replace(settings, key_dir=settings.data_dir)
    keys.make(same)
    assert "master key" in warned(same, options)


def test_a_proxy_may_say_who_someone_is(settings, options):
    reported = {**options, "server.trustedUserHeaders": {"X-User": "email"}}
    assert refused(replace(settings, behind_tls=True), reported) == []


def test_a_key_that_others_may_read_is_refused(settings, options):
    open_store(settings)
    keys.key_path(settings).chmod(0o644)
    assert refused(settings, options) == ["master key"]
    with pytest.raises(UnsafeError, match="mode 600") as refusal:
        doctor.require_safe(settings, options)
    assert refusal.value.code == "unsafe_settings"


def test_a_file_of_settings_that_others_may_read_is_warned_of(settings, options, monkeypatch, tmp_path):
    file = tmp_path / "expression-history.env"
    monkeypatch.setattr(ownership, "SETTINGS_FILE", file)
    for mode, expected in ((0o600, False), (0o640, True), (0o604, True)):
        file.touch()
        file.chmod(mode)
        assert ("settings file" in warned(settings, options)) is expected
    file.unlink()
    assert "settings file" not in warned(settings, options)


def test_a_store_that_cannot_be_reached_is_refused(settings, options):
    assert refused(replace(settings, media_url="no-such-protocol://bucket"), options) == ["media store"]


def test_warnings(settings, options, tmp_path):
    inside = replace(settings, key_dir=tmp_path / "keys")
    keys.make(inside)
    assert "master key" in warned(inside, options)
    assert "disk" in warned(replace(settings, min_free_bytes=1 << 62), options)
    assert "analysis" in warned(settings, options), "no worker ever spoke"
    settings.data_dir.chmod(0o755)
    assert "data folder" in warned(settings, options)
    settings.data_dir.chmod(0o700)
    assert "data folder" not in warned(settings, options)
    erasures.remember(settings.erasures_path, Erasure("patient", "a" * 32, {}))
    settings.erasures_path.write_text("{}\n{}\n")
    assert "erasures" in warned(settings, options)
    write_health(settings, WorkerHealth(1, clock.now(), sound=True))
    assert "analysis" not in warned(settings, options)
    write_health(settings, WorkerHealth(1, clock.now(), sound=False, sentence="The self-test failed."))
    assert "analysis" in warned(settings, options)
    folder = settings.data_dir.with_name("backups")
    assert "backups" in warned(replace(settings, backup_dir=folder), options), "there is none"
    folder.mkdir()
    (folder / daily.name_at(clock.now())).touch()
    assert "backups" not in warned(replace(settings, backup_dir=folder), options)
    (folder / daily.name_at(clock.now() + timedelta(days=400))).touch()
    assert "backups" in warned(replace(settings, backup_dir=folder), options), "a clock was wrong"


def test_what_this_account_may_not_look_at_is_named(settings, options, monkeypatch):
    """As another account sees it, or root's own after a copy: the program's log says nothing of that."""

    def closed(folder):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "pages.lock"))

    monkeypatch.setattr("storage.at_work.pages_since", closed)
    [said] = [finding for finding in doctor.examine(settings, options) if finding.name == "pages"]
    assert said.level is Level.BROKEN
    assert said.sentence.endswith(f"(Permission denied): {settings.data_dir}/pages.lock.")
    assert "owner" in said.remedy


def test_every_finding_is_a_sentence(settings, options):
    for reported in (options, DEFAULTS):
        for finding in doctor.examine(settings, reported):
            assert finding.sentence[0].isupper() or finding.sentence[0].isdigit()
            assert finding.sentence.endswith(".")
            assert bool(finding.remedy) == (finding.level is not Level.OK), finding
            assert finding.remedy == "" or finding.remedy.endswith(".")


def test_a_check_that_fails_itself_is_a_finding(settings, monkeypatch):
    def faint(seen):
        raise RuntimeError("secret place")

    monkeypatch.setitem(installation_checks.CHECKS, "disk", faint)
    [found] = [finding for finding in installation_checks.check_all(settings) if finding.name == "disk"]
    assert found.level is Level.BROKEN
    assert "RuntimeError" in found.sentence
    assert "secret" not in found.sentence


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"database_url": "sqlite:///x"}, "are on this computer"),
        ({"dask": "tcp://scheduler:8786"}, "reach the folder media of the data folder"),
        ({"database_url": "postgresql+psycopg://host/clinic"}, "FER_KEY_DIR"),
        ({"dask": "tcp://scheduler:8786", "media_url": "s3://bucket/prefix"}, "reach the store of FER_MEDIA_URL"),
    ],
)
def test_it_says_what_other_machines_need(settings, changed, said):
    seen = installation_checks.Installation(replace(settings, **changed), FerError("not asked"))
    assert said in installation_checks._machines(seen).sentence
