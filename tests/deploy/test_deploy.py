"""What stands in deploy/ names only what there is: settings, files, commands, networks and volumes."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from clinic.environment import NAMES

yaml = pytest.importorskip("yaml", reason="PyYAML comes with the cluster's requirements")

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PYTHON = "/opt/expression-history/.venv/bin/python"


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def known_settings():
    """The environment variables that the program reads, and the manual's table of them."""
    reported = set(re.findall(r"`(FER_[A-Z_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    return NAMES & reported


def test_the_manual_lists_every_setting():
    assert known_settings() == NAMES


def test_the_services_are_those_of_the_readme(compose):
    assert set(compose["services"]) == {"proxy", "web", "worker", "database", "scheduler", "machine"}
    reported = (DEPLOY / "README.md").read_text()
    assert all(f"`{name}`" in reported for name in compose["services"])


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.*")), ids=lambda path: path.name)
def test_each_setting_that_is_named_exists(path):
    assert set(re.findall(r"FER_[A-Z_]+", path.read_text())) <= known_settings() | {"FER_"}


def test_each_volume_and_network_that_is_used_is_declared(compose):
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or source.startswith("./"), volume
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service.get("depends_on", [])) <= set(compose["services"])
    used = [
        volume.partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])
    ]
    assert set(compose["volumes"]) <= set(used)


def test_only_the_proxy_is_reached_from_outside(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert compose["networks"]["back"]["internal"]
    inside = {name for name, service in compose["services"].items() if "front" not in service["networks"]}
    assert inside == {"worker", "database", "scheduler", "machine"}


def test_the_machines_of_a_cluster_get_no_database_and_write_no_file(compose):
    machine = compose["services"]["machine"]
    assert "environment" not in machine
    assert all(volume.endswith(":ro") for volume in machine["volumes"])


def test_files_lie_under_one_path_everywhere(compose):
    reported = (DEPLOY / "Dockerfile").read_text()
    folders = set(re.findall(r"FER_(?:DATA|KEY)_DIR=(\S+)", reported))
    assert len(folders) == 2
    for name in ("web", "worker", "machine"):
        assert {volume.split(":")[1] for volume in compose["services"][name]["volumes"]} == folders


def test_the_mounted_files_are_there(compose):
    for volume in compose["services"]["proxy"]["volumes"]:
        source = DEPLOY / volume.partition(":")[0]
        assert source.exists() or source.name == "tls", "the certificate alone is the clinic's own"


def taken_by_the_image():
    """What Docker copies from the checkout: both of its builders read this file: all but a few names stays out."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not list(DEPLOY.glob("*.dockerignore")), "the older builder does not read it"
    return {rule.removeprefix("!") for rule in rules if rule.startswith("!")}


def test_the_image_takes_nothing_but_the_program():
    """A password, a key or a backup that lies in the checkout does not come along, whatever it is called."""
    program = {"backup", "clinic", "db", "fer_core", "pages", "storage", "train", "web"}
    program |= {"streamlit_app.py", ".streamlit"}
    copied = re.search(r"^COPY (.*) \./$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    read = {"docs/statistics.md"}
    assert taken_by_the_image() == program | set(copied[1].split()) | read
    assert all((ROOT / name).exists() for name in taken_by_the_image())


def test_the_image_takes_every_file_that_the_program_reads():
    """A file elsewhere in the checkout is missed in a container alone, when somebody opens what shows it."""
    taken = taken_by_the_image()
    named = re.compile(r"Path\(__file__\)(?:\.resolve\(\))?\.parents\[(\d)\]((?: / \"[^\"]+\")+)")
    found = set()
    for name in sorted(name for name in taken if (ROOT / name).is_dir()):
        for source in (ROOT / name).rglob("*.py"):
            for up, path in named.findall(source.read_text()):
                there = source.parents[int(up)].joinpath(*re.findall(r'"([^"]+)"', path)).relative_to(ROOT)
                assert there.as_posix() in taken or there.parts[0] in taken, f"{source}: {there}"
                found.add(there.as_posix())
    assert "docs/statistics.md" in found


def test_password_and_key_stay_out_of_history():
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"deploy/.env", "deploy/tls/"} <= set(ignored)


def test_the_proxy_lays_nothing_down_and_lets_lines_stay_open():
    reported = (DEPLOY / "nginx.conf").read_text()
    for needed in ("proxy_request_buffering  off", "proxy_buffering          off", "return 301 https://"):
        assert needed in reported
    assert "Upgrade $http_upgrade" in reported
    [limit] = re.findall(r"client_max_body_size (\d+)m;", reported)
    [piece] = re.findall(r"PIECE = (\d+) \* 1024 \* 1024", (ROOT / "pages/views/assets/uploader.js").read_text())
    config = (ROOT / ".streamlit" / "config.toml").read_text()
    assert int(limit) >= max(int(piece), int(re.findall(r"maxUploadSize = (\d+)", config)[0]))


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").iterdir()), ids=lambda path: path.name)
def test_systemd_finds_no_fault_but_that_nothing_is_installed(unit):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False).stderr
    faults = [line for line in said.splitlines() if unit.name.split("@")[0].split(".")[0] in line]
    assert all("is not executable: No such file or directory" in fault for fault in faults), said


SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_units_have_a_home_and_few_rights(unit):
    """With an account whose home can't be read, Streamlit answers every page with 500."""
    lines = unit.read_text().splitlines()
    assert "User=expression-history" in lines
    assert any(line.startswith("Environment=HOME=/var/lib/expression-history") for line in lines)
    for needed in (
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "UMask=0077",
    ):
        assert needed in lines, needed
    assert any(line.startswith("RestrictAddressFamilies=") for line in lines)
    if "Restart=always" in lines:
        assert {"RestartPreventExitStatus=78", "OOMPolicy=continue"} <= set(lines)
        assert any(line.startswith("MemoryMax=") for line in lines)
    if "EnvironmentFile=" in unit.read_text() and "machine" not in unit.name:
        assert "ReadWritePaths=" in unit.read_text()


def test_no_unit_starts_with_a_step_whose_code_systemd_does_not_look_at():
    """RestartPreventExitStatus looks at ExecStart alone: a migration before it would be tried again for ever."""
    assert not any("ExecStartPre" in unit.read_text() for unit in SERVICES)


@pytest.mark.parametrize("page", [ROOT / "docs" / "install.md", DEPLOY / "README.md"], ids=lambda path: path.name)
def test_each_block_of_commands_is_run_by_a_test_or_says_that_it_is_not(page):
    text = page.read_text()
    blocks = len(re.findall(r"^```$", text, re.MULTILINE)) // 2
    reported = re.findall(r"^```\n\n(?:Run by `(tests/[\w/]+\.py)`|Not run)", text, re.MULTILINE)
    assert len(reported) == blocks > 0
    assert all((ROOT / test).exists() for test in reported if test)


def test_the_proxy_s_log_holds_no_ids():
    reported = (DEPLOY / "nginx.conf").read_text()
    [form] = re.findall(r"log_format \w+ '([^']*)'", reported)
    assert not re.search(r"\$(request|request_uri|uri|args|query_string|http_referer|http_cookie)\b", form)
    assert reported.count("access_log") == reported.count("without_ids;") == 2


def test_the_proxy_finds_no_fault_in_its_file(tmp_path):
    if shutil.which("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("nginx or openssl is not installed")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=clinic.test"]
    request += ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run(request, check=True, capture_output=True)
    site = (DEPLOY / "nginx.conf").read_text().replace("http://web:", "http://127.0.0.1:")
    site = site.replace("/etc/nginx/tls", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n")
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_units_may_write_where_the_program_keeps_its_data_and_its_key():
    for name in ("web", "worker@", "backup"):
        unit = (DEPLOY / "systemd" / f"expression-history-{name}.service").read_text()
        assert "StateDirectory=expression-history expression-history-keys" in unit


def test_the_linter_finds_no_fault_in_the_image_s_file():
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
