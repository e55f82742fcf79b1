"""Who may import whom: the arrows of the architecture, read out of the source."""

import ast
import functools
import graphlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("pages", "web", "clinic", "backup", "storage", "db", "fer_core")
"""The program's folders from the top: each imports itself and what stands below it, and nothing above."""
ROOMS = (
    "admin",
    "worker",
    "reports",
    "erasure",
    "intake",
    "exchange",
    "training",
    "jobs",
    "recordings",
    "patients",
    "questionnaires",
    "training_queue",
    "accounts",
    "consent",
)
"""The clinic's rooms from the top, for which the same holds; what lies in `clinic/` itself stands below them all."""
COMMANDS = {"clinic/__main__.py", "clinic/installed.py"}
"""They stand above the rooms."""
BESIDE = ("train", "benchmarks")
RECIPES = "train.config"
"""What the clinic knows of the training: recipes, without torch. All else happens in processes of their own."""
OURS = (*ORDER, *BESIDE, "tests", "streamlit_app")
ALLOWED_OF_OURS = {folder: ORDER[place:] for place, folder in enumerate(ORDER)} | {"train": ("train", "fer_core")}
CORE_PLOT = ROOT / "fer_core" / "reading" / "plot.py"
"""The one module of the core that draws."""
CORE_TYPES = {"fer_core.types", "fer_core.emotions", "fer_core.errors"}

FORBIDDEN_OUTSIDE = {
    "fer_core": ("streamlit", "sqlalchemy", "plotly"),
    "db": ("torch", "streamlit"),
    "storage": ("torch", "streamlit", "sqlalchemy"),
    "backup": ("torch", "streamlit"),
    "clinic": ("streamlit",),
    "web": ("torch",),
    "train": ("streamlit", "sqlalchemy"),
    "pages": ("torch", "sqlalchemy", "torchvision"),
}


def sources(package):
    """Every module under one of the program's own folders."""
    return sorted((ROOT / package).rglob("*.py"))


@functools.cache
def imported(path):
    """The dotted names that a module imports; relative imports don't occur."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.append(node.module)
    return names


def imported_at_once(path):
    """Those that it imports when it is loaded itself, and not within a function or for types alone."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield node.module
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in modules if (ROOT / name.replace(".", "/")).with_suffix(".py").is_file())


def starts(name, prefixes):
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


@pytest.mark.parametrize("package", ALLOWED_OF_OURS)
def test_imports_follow_the_arrows(package):
    wrong = {
        (str(path.relative_to(ROOT)), name): why
        for path in sources(package)
        for name in imported(path)
        if (why := objection(package, path, name))
    }
    assert wrong == {}


def test_the_rooms_of_the_clinic_are_listed():
    assert sorted(ROOMS) == sorted(path.parent.name for path in (ROOT / "clinic").glob("*/__init__.py"))


def objection(package, path, name):
    """Return why a module of a folder may not import this name, None where it may."""
    if starts(name, OURS) and not starts(name, ALLOWED_OF_OURS[package]) and (package, name) != ("clinic", RECIPES):
        return f"{name} is above or beside {package}"
    if package == "clinic" and above(path, name):
        return f"{name} is in a room above"
    if package == "pages" and starts(name, ("db", "storage", "backup")):
        return f"pages ask the clinic, not {name}"
    if starts(name, FORBIDDEN_OUTSIDE[package]) and not (path == CORE_PLOT and starts(name, ("plotly",))):
        return f"{package} doesn't use {name}"
    if package != "benchmarks" and starts(name, ("facenet_pytorch",)):
        return "its weights are read without it (fer_core/faces/networks.py)"
    if package == "db" and starts(name, ("fer_core",)) and name not in CORE_TYPES:
        return f"the tables know only the types of the core, not {name}"
    return None


def above(path, name):
    """Return whether a name is in a room of the clinic above that of a module."""
    if not name.startswith("clinic.") or str(path.relative_to(ROOT)) in COMMANDS:
        return False
    return place_of(*name.split(".")[1:]) < place_of(*path.relative_to(ROOT / "clinic").parts)


def place_of(room, *_):
    """Return how far from the top a module of the clinic stands, by the parts of its name."""
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("fer_core", "clinic.access"),
        ("clinic", "web.gate"),
        ("clinic", "clinic.jobs.jobs"),
        ("clinic", "train.run"),
        ("pages", "db.models"),
        ("pages", "torch.nn"),
        ("fer_core", "plotly.graph_objects"),
        ("fer_core", "facenet_pytorch"),
        ("db", "fer_core.analyzer"),
    ],
)
def test_other_arrows_are_found(package, name):
    assert objection(package, ROOT / package / "some.py", name)


def test_no_module_waits_for_itself():
    """Two modules that load each other work only in one order, which another first import turns round."""
    found = [path for package in ALLOWED_OF_OURS for path in sources(package)]
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in found}
    graph = {
        name: {one for one in imported_at_once(path) if one in paths and one != name} for name, path in paths.items()
    }
    graphlib.TopologicalSorter(graph).prepare()


def test_pages_and_commands_load_no_torch(tmp_path):
    """Neither at the start nor for any page: it would take two seconds and 470 MB, and only a worker needs it."""
    commands = [ROOT / package / "__main__.py" for package in ("clinic", "backup", "fer_core")]
    paths = [ROOT / "streamlit_app.py", *(ROOT / "web").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), *commands]
    names = sorted({name for path in paths for name in imported_at_once(path) if starts(name, OURS)})
    script = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    environment = os.environ | {"FER_DATA_DIR": str(tmp_path)}
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert found.stdout.split() == [b"False"]


def test_each_part_of_a_page_is_drawn_by_one():
    """A part that no page draws is tested by itself, and nobody ever sees it."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "pages").rglob("*.py")]
    froms = [node for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    drawn = {node.module for node in froms} | {f"{node.module}.{one.name}" for node in froms for one in node.names}
    parts = {
        f"pages.{folder}.{path.stem}"
        for folder in ("views", "charts")
        for path in (ROOT / "pages" / folder).glob("*.py")
    }
    assert {name for name in parts if not name.endswith("__init__")} <= drawn


def test_charts_are_pure():
    for path in (ROOT / "pages" / "charts").glob("*.py"):
        for name in imported(path):
            assert not starts(name, ("streamlit", "clinic", "web"))


def test_the_core_reads_no_environment():
    texts = {path: path.read_text(encoding="utf-8") for path in sources("fer_core") if path.name != "__main__.py"}
    assert [str(path) for path, text in texts.items() if "os.environ" in text or "getenv" in text] == []


@pytest.mark.parametrize("package", sorted(set(ALLOWED_OF_OURS) - {"fer_core"}))
def test_init_files_hold_a_docstring_alone(package):
    body = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def test_one_copy_of_sqlite_is_used():
    """Two in one process drop each other's locks on a file, and the older one may damage it."""
    folders = (*ORDER, *BESIDE, "tests", "examples")
    found = {
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if any(starts(name, ("sqlite3", "pysqlite3")) for name in imported(path))
    }
    assert found == {Path("db/sqlite.py")}
