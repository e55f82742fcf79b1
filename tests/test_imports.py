"""Who may import whom: the arrows of the architecture, read out of the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("pages", "web", "clinic", "backup", "storage", "db", "fer_core")
"""The program's folders from the top: each imports itself and what stands below it, and nothing above."""
BESIDE = ("train", "benchmarks")
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


def sources():
    """Every module under the program's own folders, with its package."""
    for package in ALLOWED_OF_OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield pytest.param(package, path, id=str(path.relative_to(ROOT)))


def imported(path):
    """The dotted names that a module imports; relative imports don't occur."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def starts(name, prefixes):
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


@pytest.mark.parametrize(("package", "path"), list(sources()))
def test_imports_follow_the_arrows(package, path):
    for name in imported(path):
        if starts(name, OURS):
            assert starts(name, ALLOWED_OF_OURS[package]), f"{name} is above or beside {package}"
            if package == "pages":
                assert not starts(name, ("db", "storage", "backup")), f"pages ask the clinic, not {name}"
        if path != CORE_PLOT or not starts(name, ("plotly",)):
            assert not starts(name, FORBIDDEN_OUTSIDE[package]), f"{package} doesn't use {name}"
        if starts(name, ("facenet_pytorch",)):
            assert package == "benchmarks", "its weights are read without it (fer_core/faces/networks.py)"
        if package == "db" and starts(name, ("fer_core",)):
            assert name in CORE_TYPES


def test_charts_are_pure():
    for path in (ROOT / "pages" / "charts").glob("*.py"):
        for name in imported(path):
            assert not starts(name, ("streamlit", "clinic", "web"))


@pytest.mark.parametrize("path", [p for p in (ROOT / "fer_core").rglob("*.py") if p.name != "__main__.py"], ids=str)
def test_the_core_reads_no_environment(path):
    text = path.read_text(encoding="utf-8")
    assert "os.environ" not in text
    assert "getenv" not in text


@pytest.mark.parametrize("package", sorted(set(ALLOWED_OF_OURS) - {"fer_core"}))
def test_init_files_hold_a_docstring_alone(package):
    body = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def test_neither_the_pages_nor_the_command_line_load_torch():
    """Through no module in between: it takes seconds and some hundred MB, and the worker alone needs it."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in ("web", "clinic", "backup", "storage", "db")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts and path.name != "__init__.py"
    ]
    told = (
        f"import importlib, sys; [importlib.import_module(name) for name in {modules}]; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
