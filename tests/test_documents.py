"""The documents that are written from the tests are those of today's tests."""

import ast
import json
import re
from pathlib import Path

from tests import attacks, roles

ROOT = Path(__file__).parents[1]


def tried():
    """What the tests' marks say is tried."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.attack":
                yield node.args[0].value


def test_roles_are_those_of_the_table():
    assert roles.PATH.read_text(encoding="utf-8") == roles.text(), "`make attacks` writes it anew"


def test_each_attack_is_in_the_log_with_an_answer():
    lines = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8").removeprefix(attacks.HEAD).splitlines()
    logged = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1].removesuffix(" |") for line in lines}
    assert set(logged) == set(tried()), "`make attacks` writes it anew"
    assert all(logged.values())


def test_each_row_of_the_verification_standard_names_tests_that_are_there():
    lines = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| V")]
    assert len(rows) > 20
    for chapter, _, state, proof in rows:
        named = re.findall(r"`(tests/[^`]*)`", proof)
        assert bool(named) == (state in ("holds", "partly")), chapter
        for path, _, test in (one.partition("::") for one in named):
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{chapter}: {test}"


def test_the_page_of_the_model_shows_the_other_programs_of_the_benchmarks():
    told = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").replace("`", "")
    shown = json.loads((ROOT / "train" / "results" / "other_programs" / "private_test.json").read_text())
    assert len(shown) == 4
    for one in shown:
        assert f"| {one['name']} | {one['accuracy']:.2%} | {one['macro_f1']:.2%} |".replace("%", " %") in told


def test_two_answers_to_one_attack_are_both_logged(tmp_path):
    attacks.write(tmp_path / "log.md", {"b": ["x|y"], "a": ["one", "two"]})
    assert (tmp_path / "log.md").read_text().removeprefix(attacks.HEAD) == "| a | one; two |\n| b | x/y |\n"
