"""README and docs/: short, true where a test can say so, and without a link into nothing."""

import importlib
import itertools
import re
import subprocess
from pathlib import Path

import pytest

from clinic.environment import PREFIX, ClinicEnvironment

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "deploy" / "README.md", ROOT / "train" / "LOG.md"]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
OURS = ("fer_core", "train", "clinic", "backup", "benchmarks")
FOLDERS = (
    "pages",
    "web",
    "clinic",
    "backup",
    "storage",
    "db",
    "fer_core",
    "train",
    "benchmarks",
    "examples",
    "tests",
    "deploy",
    "docs",
)


def text_of(path):
    return path.read_text(encoding="utf-8")


def name_of(path):
    return str(path.relative_to(ROOT))


def anchors(path):
    """The anchors that GitHub gives to a page's headings."""
    for heading in re.findall(r"^#+ (.+)$", text_of(path), flags=re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def in_blocks(path):
    """The lines of a page's blocks, without their comments."""
    for language, block in BLOCK.findall(text_of(path)):
        if language == "":
            yield from (line.partition(" #")[0].strip() for line in block.splitlines())


def in_the_text(path):
    """The commands that a page's text names."""
    for command in re.findall(r"`((?:python -m|fer) [^`]+)`", BLOCK.sub("", text_of(path))):
        yield " ".join(command.split())


def test_the_readme_is_short():
    assert len(README.read_bytes()) < 7000


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    for target in LINK.findall(text_of(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), target
        assert not anchor or anchor in set(anchors(found)), target


def test_each_page_of_the_manual_is_linked_from_the_readme():
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in LINK.findall(text_of(README))}
    assert set((ROOT / "docs").glob("*.md")) <= linked


def test_the_map_has_each_folder_in_a_row():
    table = text_of(README).partition("## Map")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w.]+)/`", "".join(row.split("|")[1] for row in table.splitlines() if row.startswith("|")))
    assert sorted(named) == sorted(FOLDERS)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {name.partition("/")[0] for name in tracked if "/" in name and not name.startswith(".")} == set(named)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_files_that_are_named_exist(path):
    """In running text a path with a folder is written from the root."""
    if path.name in ("CHANGELOG.md", "LOG.md"):
        pytest.skip("it tells what was once")
    for name in re.findall(r"`((?:%s)/[\w./-]*\w)`" % "|".join(FOLDERS), text_of(path)):  # noqa: UP031 braces
        assert (ROOT / name).exists() or re.search(r"NAME|ROOM", name), name


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_make_knows_its_targets(path):
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    for line in re.findall(r"`make ([a-z ]+)`", text_of(path)) + re.findall(r"^make ([a-z ]+)", text_of(path), re.M):
        assert set(line.split("  ")[0].split()) <= targets, line


def split(line):
    """Split a command into our package that runs, or None, and its arguments."""
    words = [word for word in line.split() if not re.fullmatch(r"FER_\w+=.*", word)]
    if words[:2] == ["python", "-m"]:
        return (words[2] if words[2] in OURS else None), words[3:]
    return ("fer_core" if words[:1] == ["fer"] else None), words[1:]


def ours(lines):
    """A parameter for each command of ours on all pages."""
    found = {line for path in PAGES for line in lines(path) if split(line)[0]}
    return [pytest.param(*split(line), id=line) for line in sorted(found)]


def parser_of(package):
    return importlib.import_module(f"{package}.__main__")._parser()


@pytest.mark.parametrize(("package", "words"), ours(in_blocks))
def test_commands_are_understood(package, words):
    if "--help" in words:
        return
    parser_of(package).parse_args(words)


@pytest.mark.parametrize(("package", "words"), ours(in_the_text))
def test_commands_of_the_text_exist(package, words, capsys):
    """What they need besides may be left out."""
    plain = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    with pytest.raises(SystemExit) as end:
        parser_of(package).parse_args([*plain, "--help"])
    said = capsys.readouterr()
    assert end.value.code == 0, said.err
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[\w-]+", said.out))


def test_each_setting_is_in_the_manual():
    named = re.compile(r"\bFER_[A-Z_]*[A-Z]\b")
    read = {f"{PREFIX}{name.upper()}" for name in ClinicEnvironment.model_fields}
    table = "".join(line for line in text_of(ROOT / "docs" / "operations.md").splitlines(True) if line.startswith("|"))
    assert set(named.findall(table.replace("`", " "))) == read
