"""README's map of files is the tree that is there."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAPPED = ("streamlit_app.py", "pages", "web", "clinic", "backup", "storage", "fer_core", "train", "db", "benchmarks")


def test_each_module_stands_in_the_map():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *MAPPED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    modules = {
        name
        for name in tracked
        if name.endswith(".py")
        and Path(name).name != "__init__.py"
        and "/versions/" not in name
        and (ROOT / name).exists()
    }
    named = set(re.findall(r"^\| `([^`]+\.py)` \|", text, flags=re.MULTILINE))
    assert named == modules
