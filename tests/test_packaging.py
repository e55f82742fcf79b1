"""What an installation takes from this repository: the library with its model, the command `fer`, and nothing else."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = ("app", "train", "cluster", "dev")
"""The extras whose packages stand in constraints.txt."""
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
PUBLIC = ("Analyzer", "Emotion", "FerError", "ModelCard", "RecordingAnalysis", "Status")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from copies, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder)
    for package in ("fer_core", "db", "pages", "train", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", "out", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = (folder / "out").iterdir()
    return built


def test_the_wheel_holds_the_library_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "fer_core").rglob("*") if path.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    assert {"fer_core/py.typed", "fer_core/__main__.py"} <= ours
    assert {name for name in names if ".dist-info/" not in name} == ours
    assert {name.partition("/")[2] for name in names - ours} >= {"licenses/LICENSE", "licenses/NOTICE"}


def test_the_wheel_brings_the_command_and_asks_for_the_core_s_packages_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [entry] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        [reported] = [name for name in archive.namelist() if name.endswith("METADATA")]
        assert "fer = fer_core.__main__:main" in archive.read(entry).decode()
        needed = Parser().parsestr(archive.read(reported).decode()).get_all("Requires-Dist")
    always = {line for line in needed if "extra ==" not in line}
    assert not [line for line in always if line.startswith(("streamlit", "sqlalchemy", "optuna", "pytest"))]
    assert len(always) == len(PROJECT["dependencies"])


def test_the_example_of_the_readme_runs_with_the_installed_library(wheel, tmp_path):
    from PIL import Image
    from skimage.data import astronaut

    [example] = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 6
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    Image.fromarray(astronaut()[:300, 80:380]).save(tmp_path / "portrait.jpg")
    code = f"import sys; sys.path.insert(0, 'site')\n{example}\nprint(fer_core.__file__)"
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    face, module = said.stdout.splitlines()
    assert face.startswith("Box(")
    assert " happy " in face
    assert module.endswith("site/fer_core/__init__.py")


def test_import_alone_loads_no_torch():
    code = (
        "import sys, fer_core; fer_core.Emotion, fer_core.FerError, fer_core.Status; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there(name):
    import fer_core

    assert getattr(fer_core, name).__name__ == name
    assert name in dir(fer_core)


def test_another_name_is_refused():
    import fer_core

    with pytest.raises(AttributeError, match="'nothing'"):
        fer_core.nothing  # noqa: B018


def lines_of(name):
    """The lines of a requirements file, without its comments."""
    return [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda path: path.name)
def test_requirements_only_point_to_the_project(path):
    *constraints, pointer = lines_of(path.name)
    assert constraints in ([], ["-c constraints.txt"])
    assert set(Requirement(f"x{pointer.removeprefix('-e .')}").extras) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("name", ["Makefile", "requirements-dev.txt"])
def test_what_is_locked_is_what_is_tested(name):
    assert f"-e .[{','.join(LOCKED)}]".removeprefix("-e ") in (ROOT / name).read_text(encoding="utf-8")


def test_each_package_that_is_asked_for_is_locked_within_its_range():
    lock = {canonicalize_name(name): version for name, _, version in map(partition, lines_of("constraints.txt"))}
    asked = [*PROJECT["dependencies"], *(one for extra in LOCKED for one in PROJECT["optional-dependencies"][extra])]
    for one in map(Requirement, asked):
        # pip freezes no setuptools.
        assert one.name == "setuptools" or one.specifier.contains(lock[canonicalize_name(one.name)]), str(one)


def partition(line):
    """Split ``name==version``."""
    return line.partition("==")
