"""The table of `permissions.py` as a page to read: ``python -m tests.roles`` writes docs/roles.md."""

import importlib
import inspect
from pathlib import Path

from tests.permissions import FUNCTIONS, PAGES, PEOPLE, ROUTES

ROOT = Path(__file__).parents[1]
PATH = ROOT / "docs" / "roles.md"
MODULES = {path.stem: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("clinic/**/*.py")}
HEAD = """# Who may do what

Written by `make attacks` from the table that the tests walk (`tests/permissions.py`): each cell is tried. *viewer*: the
patient is shared with them; *foreign*: a clinician with another caseload; *emergency*: the same with emergency access;
*clinician*: the patient's own; *administrator*: without this patient; *disabled*: the patient's clinician, disabled.
A word that is not *yes* is the code of the refusal. `/metrics` asks for no sign-in, but for a token of its own
(`FER_METRICS_TOKEN`); `/api/v1` knows the tokens of programs alone, each for its own patients (docs/api.md).
"""
WORDS = {"ok": "yes", "open": "yes"}


def text():
    """Return the page."""
    return "\n".join(
        [
            HEAD,
            *table("Functions", {f"`{name}`: {meaning(name)}": line for name, line in sorted(FUNCTIONS.items())}),
            *table("Pages", {f"`{name}`": line for name, line in PAGES.items()}),
            *table("Addresses (HTTP status)", {f"`{path}`": line for path, line in ROUTES.items()}),
        ]
    )


def table(title, rows):
    yield f"## {title}\n"
    yield "| | " + " | ".join(PEOPLE) + " |"
    yield "| --- " * (len(PEOPLE) + 1) + "|"
    for name, line in rows.items():
        yield f"| {name} | " + " | ".join(WORDS.get(cell, cell) for cell in line.split()) + " |"
    yield ""


def meaning(name):
    """Return the first sentence of a function's docstring."""
    module, _, function = name.partition(".")
    reported = inspect.getdoc(getattr(importlib.import_module(MODULES[module]), function))
    return reported.partition("\n")[0].partition(". ")[0].rstrip(".").replace("|", "/")


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
