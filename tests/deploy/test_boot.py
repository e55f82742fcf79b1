"""All units on a booted systemd, as shipped: health over TLS, an analysis on a cluster, a backup, and a wrong setting.

The machine that runs the test is booted a second time, without a network, over a layer that is thrown away. It needs
root, systemd-nspawn (Debian: systemd-container), nginx and an overlay file system.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "docs" / "install.md"
HOME = "/opt/expression-history"
UNITS = ("web", "worker@2", "scheduler", "machine")
BOOT_WITHIN_S = 900
FOLDERS = ("backup", "clinic", "db", "deploy", "fer_core", "pages", "storage", "web", ".streamlit")
CHECK = """
import json, ssl, subprocess, time, urllib.request
from pathlib import Path

found = {}

def call(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}

def eventually(condition, within_s=200):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            answer = condition()
        except OSError:
            answer = None
        if answer:
            return answer
        time.sleep(1)
    raise TimeoutError(condition.__name__)

def health():
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return urllib.request.urlopen("https://127.0.0.1/healthz", context=trusting, timeout=5).read().decode()

def analysing():
    answer = call("/usr/local/bin/expression-history", "doctor", "--json")
    found["doctor"] = answer
    named = {one["name"]: one for one in json.loads(answer["out"])["findings"]}
    return "Model" in named["analysis"]["sentence"] and named["analysis"]["level"] == "ok"

def state_of(unit):
    return call("systemctl", "is-active", f"expression-history-{unit}")["out"].strip()

def failed():
    return state_of("web.service") == "failed"

try:
    found["start"] = call("sh", "-e", "-c", START)
    call("systemctl", "start", *[f"expression-history-{unit}" for unit in UNITS])
    found["health"] = eventually(health)
    found["analysing"] = eventually(analysing)
    found["active"] = {unit: state_of(f"{unit}.service") for unit in UNITS}
    found["timer"] = state_of("backup.timer")
    found["backup"] = call("systemctl", "start", "expression-history-backup.service")
    backups = sorted(Path("/var/backups/expression-history").iterdir())
    found["drill"] = call("/usr/local/bin/expression-history", "restore", "--check", str(backups[-1]))
    found["owners"] = sorted({path.owner() for path in Path("/var/lib/expression-history").rglob("*")})
    settings = Path("/etc/expression-history.env")
    settings.write_text(settings.read_text() + "FER_MAX_UPLOAD_GB=lots\\n")
    call("systemctl", "restart", "expression-history-web")
    found["failed"] = eventually(failed, 60)
    shown = call("systemctl", "show", "expression-history-web", "-p", "ExecMainStatus", "-p", "NRestarts")["out"]
    found["stopped"] = dict(line.split("=") for line in shown.split())
finally:
    found["log"] = call("journalctl", "--no-pager", "-n", "200")["out"]
    Path("/result/found.json").write_text(json.dumps(found))
    call("systemctl", "poweroff", "--force")
"""


def why_not():
    """The reason why nothing can be booted here, or None."""
    if os.geteuid() != 0:
        return "booting needs root"
    for program, package in (("systemd-nspawn", "systemd-container"), ("nginx", "nginx-light"), ("openssl", "openssl")):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: {package})"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "there is no overlay file system"
    return None


@pytest.fixture
def machine(tmp_path):
    """The root folder of a machine that is this one, with a layer over it that is thrown away."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    layer, root = tmp_path / "layer", tmp_path / "root"
    layer.mkdir()
    root.mkdir()
    with ExitStack() as mounts:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layer], check=False).returncode:
            pytest.skip("nothing can be mounted here")
        mounts.callback(subprocess.run, ["umount", "--lazy", layer], check=True)
        for name in ("upper", "work"):
            (layer / name).mkdir()
        options = f"lowerdir=/,upperdir={layer / 'upper'},workdir={layer / 'work'}"
        if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, root], check=False).returncode:
            pytest.skip("no layer can be laid over this machine's files")
        mounts.callback(subprocess.run, ["umount", "--lazy", root], check=True)
        yield root


def put_program(root):
    """Lay the program where the units expect it; return what has to be bound into the machine for its Python."""
    home = root / HOME.lstrip("/")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "streamlit_app.py", home)
    base, packages = Path(sys.base_prefix), Path(sysconfig.get_path("purelib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    inside = home / ".venv" / "lib" / version / "site-packages"
    inside.mkdir(parents=True)
    (home / ".venv" / "bin").mkdir()
    (home / ".venv" / "pyvenv.cfg").write_text("home = /opt/python/bin\ninclude-system-site-packages = false\n")
    (home / ".venv" / "bin" / "python").symlink_to(f"/opt/python/bin/{version}")
    (root / "opt" / "python").mkdir()
    # A Python that is built with a library of its own finds it where it was built, which the units can't see.
    (root / "etc/systemd/system.conf.d").mkdir(exist_ok=True)
    (root / "etc/systemd/system.conf.d/python.conf").write_text(
        "[Manager]\nDefaultEnvironment=LD_LIBRARY_PATH=/opt/python/lib\n"
    )
    return [f"--bind-ro={base}:/opt/python", f"--bind-ro={packages}:/{inside.relative_to(root)}"]


def blocks():
    """The blocks of docs/install.md that say of themselves that this test runs them."""
    found = re.findall(r"^```\n([^`]*)^```\n\nRun by `tests/deploy/test_boot.py`", INSTALL.read_text(), re.MULTILINE)
    return [re.sub(r" +# +\d+$", "", block, flags=re.MULTILINE) for block in found]


def put_settings(root):
    """Do what docs/install.md says before the units are started, word for word."""
    *before, _ = blocks()
    for block in before:
        subprocess.run(["chroot", root, "sh", "-e", "-c", block], check=True, capture_output=True)
    with (root / "etc/expression-history.env").open("a") as settings:
        settings.write("FER_DASK=tcp://127.0.0.1:8786\n")


def put_check(root):
    """Let the machine start the units and nothing else of this one, and then the check."""
    (root / "opt/check.py").write_text(f"UNITS = {UNITS!r}\nSTART = {blocks()[-1]!r}\n{CHECK}")
    (root / "etc/systemd/system/boot-test.target").write_text(
        "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=boot-test.service\n"
    )
    (root / "etc/systemd/system/boot-test.service").write_text(
        f"[Service]\nType=oneshot\nExecStart={HOME}/.venv/bin/python /opt/check.py\n"
        "ExecStopPost=systemctl poweroff --force\n"
    )


def boot(command, console):
    """Run a machine until it powers itself off; one that doesn't is ended with all that runs in it."""
    container = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        container.wait(BOOT_WITHIN_S)
    finally:
        # The machine outlives a program that is killed: its first process goes, and all others with it.
        for inside in psutil.Process(container.pid).children() if container.poll() is None else ():
            inside.kill()
        container.wait(60)


def test_the_manual_s_blocks_are_found():
    assert len(blocks()) == 3
    assert "useradd" in blocks()[0]
    assert "nginx" in blocks()[1]
    assert "systemctl enable --now" in blocks()[2]
    assert not re.search(r"# +\d", "".join(blocks()))


@pytest.mark.machines
@pytest.mark.timeout(BOOT_WITHIN_S + 300)
def test_the_units_as_shipped_work_on_a_booted_machine(machine, tmp_path):
    bound = put_program(machine)
    put_settings(machine)
    put_check(machine)
    result = tmp_path / "result"
    result.mkdir()
    command = ["systemd-nspawn", "--quiet", "-D", str(machine), "--private-network", "--register=no", "--keep-unit"]
    command += [*bound, f"--bind={result}:/result", "-b", "systemd.unit=boot-test.target"]
    with (tmp_path / "console").open("wb") as console:
        boot(command, console)
    if not (result / "found.json").exists():
        said = (tmp_path / "console").read_text(errors="replace")
        pytest.skip(f"nothing boots here: {said[-300:]}") if "Failed" in said[-300:] else pytest.fail(said)
    found = json.loads((result / "found.json").read_text())
    assert found.get("health") == "ok", found
    assert found["active"] == dict.fromkeys(UNITS, "active"), found["log"]
    assert found["analysing"], found
    assert found["doctor"]["code"] == 0, found["doctor"]
    report = json.loads(found["doctor"]["out"])
    assert report["sound"]
    assert [one["level"] for one in report["findings"] if one["name"] in ("pages", "key folder")] == ["ok", "ok"]
    assert found["timer"] == "active"
    assert found["backup"]["code"] == 0, found["log"]
    assert found["drill"]["code"] == 0, found["drill"]
    assert "The backup can be restored." in found["drill"]["out"]
    assert found["owners"] == ["expression-history"], "root left nothing in the data folder"
    assert found["failed"]
    assert found["stopped"] == {"ExecMainStatus": "78", "NRestarts": "0"}
