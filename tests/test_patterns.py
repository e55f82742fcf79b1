"""No regular expression of the program takes more than its text's length: read from each pattern's structure.

`re` keeps the whole process waiting while it matches. A pattern is slow where one text can be shared out between two
repeats in many ways (``\\d*\\d*x``), where a repeat stands in a repeat, and where a search begins again inside of it.
"""

import ast
import re
import string
from itertools import combinations
from pathlib import Path
from re import _constants as names
from re import _parser as parser

import pytest

PRODUCT = ("backup", "clinic", "db", "fer_core", "pages", "storage", "train", "web")
ROOT = Path(__file__).parents[1]
ALPHABET = frozenset(map(ord, string.printable + "éß \u2028０＝"))
MANY = 1000
"""From so many times on a repeat counts as one without an end."""
WHOLE = {"match", "fullmatch"}
SEARCHES = {"search", "sub", "subn", "split", "findall", "finditer", "compile"}
BOUNDED = {
    "clinic/reports/pdf.py": "the typesetter's own message",
    "clinic/admin/serving.py": "names of options",
    "web/streamlit_protocol.py": "Streamlit's own page",
}
"""Files whose patterns see no text from outside."""


def patterns():
    """Yield file, line, the function that takes it, and the text of each pattern that stands in the program."""
    for path in sorted(one for folder in PRODUCT for one in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = {
            node.func.value.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WHOLE
            if isinstance(node.func.value, ast.Name)
        }
        searched = {
            node.func.value.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if node.func.attr in SEARCHES - {"compile"} and isinstance(node.func.value, ast.Name)
        }
        for name, call in named_calls(tree):
            used = call.func.attr
            if used == "compile" and name in whole - searched:
                used = "fullmatch"
            yield path.relative_to(ROOT).as_posix(), call.lineno, used, call.args[0].value


def named_calls(tree):
    """Yield each call of `re` with a constant pattern, and the name that the compiled pattern gets, if any."""
    given = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]
                given |= {id(value): left.id for left, value in pairs if isinstance(left, ast.Name)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in WHOLE | SEARCHES
            and isinstance(node.args[0], ast.Constant)
        ):
            yield given.get(id(node)), node


def slow(pattern, searched):
    """Return why a pattern may be slow, None where it is not."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    for sequence in sequences(parser.parse(text)):
        if any(item[0] == "nested" for item in sequence):
            return "a repeat in a repeat"
        steps = [("repeat", ALPHABET, True), *sequence] if searched and not anchored(sequence) else sequence
        repeats = [place for place, (kind, _, _) in enumerate(steps) if kind in ("repeat", "held")]
        for first, second in combinations(repeats, 2):
            if steps[first][0] == "held":
                continue
            common = steps[first][1] & steps[second][1]
            for _, chars, may_be_empty in steps[first + 1 : second]:
                common = common if may_be_empty else common & chars
            kept_out = any(k == "not behind" and steps[second][1] <= chars for k, chars, _ in steps[first + 1 : second])
            if common and not kept_out and (not searched or any(not empty for _, _, empty in steps[second + 1 :])):
                return f"two repeats of {''.join(map(chr, sorted(common)))[:10]!r}"
    return None


def anchored(sequence):
    return bool(sequence) and sequence[0][0] == "begin"


def sequences(parsed, most=500):
    """Return the ways through a pattern, as lists of (kind, characters, whether it may be empty)."""
    ways = [[]]
    for item in parsed:
        ways = [way + more for way in ways for more in steps_of(item)][:most]
    return ways


def steps_of(item):
    op, value = item
    if op in (names.MAX_REPEAT, names.MIN_REPEAT, names.POSSESSIVE_REPEAT):
        least, most, body = value
        inner = sequences(body)
        if most < MANY:
            return [[(kind, taken, empty or not least) for kind, taken, empty in way] for way in inner]
        if any(kind in ("repeat", "nested") for way in inner for kind, _, _ in way):
            return [[("nested", ALPHABET, True)]]
        kind = "held" if op is names.POSSESSIVE_REPEAT else "repeat"
        taken = frozenset().union(*(chars for way in inner for _, chars, _ in way))
        once = [(kind_, chars, empty) for kind_, chars, empty in inner[0]] if least else []
        return [[*once, (kind, taken, True)]]
    if op is names.SUBPATTERN:
        return sequences(value[3])
    if op is names.ATOMIC_GROUP:
        return sequences(value)
    if op is names.BRANCH:
        return [way for branch in value[1] for way in sequences(branch)]
    if op is names.AT:
        at_begin = value in (names.AT_BEGINNING, names.AT_BEGINNING_STRING)
        return [[("begin" if at_begin else "at", frozenset(), not at_begin and value is names.AT_BOUNDARY)]]
    if op is names.ASSERT_NOT and value[0] == -1:
        # A search doesn't begin again within characters that may not stand before it.
        return [[("not behind", way[0][1] if len(way) == 1 else frozenset(), True)] for way in sequences(value[1])]
    if op in (names.ASSERT, names.ASSERT_NOT):
        return [[("at", ALPHABET, True)]]
    if op is names.GROUPREF:
        return [[("one", ALPHABET, True)]]
    return [[("one", characters(item), False)]]


def characters(item):
    """Return which characters of `ALPHABET` a step takes."""
    op, value = item
    if op is names.LITERAL:
        return frozenset({value})
    if op is names.NOT_LITERAL:
        return ALPHABET - {value}
    if op is names.ANY:
        return ALPHABET
    assert op is names.IN, op
    taken, negated = set(), False
    for kind, one in value:
        if kind is names.NEGATE:
            negated = True
        elif kind is names.LITERAL:
            taken.add(one)
        elif kind is names.RANGE:
            taken |= {char for char in ALPHABET if one[0] <= char <= one[1]}
        else:
            taken |= {char for char in ALPHABET if re.match(CATEGORIES[one], chr(char))}
    return frozenset(ALPHABET - taken if negated else taken)


CATEGORIES = {
    names.CATEGORY_DIGIT: r"\d",
    names.CATEGORY_NOT_DIGIT: r"\D",
    names.CATEGORY_SPACE: r"\s",
    names.CATEGORY_NOT_SPACE: r"\S",
    names.CATEGORY_WORD: r"\w",
    names.CATEGORY_NOT_WORD: r"\W",
}
FOUND = list(patterns())


def test_patterns_are_found():
    assert len(FOUND) > 60
    assert {path for path, *_ in FOUND} >= {"clinic/questionnaires/incoming_csv.py", *BOUNDED}


@pytest.mark.parametrize(("path", "line", "used", "pattern"), FOUND, ids=lambda one: str(one)[:60])
def test_no_pattern_takes_longer_than_its_text(path, line, used, pattern):
    if path not in BOUNDED:
        assert slow(pattern, used in SEARCHES) is None, f"{path}:{line}"


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        (r"[-+]?[\d.,]*\d[\d.,]*", False),
        (r"(a+)+b", False),
        (r"(?:\w*,)*\w*x", False),
        (r"[ \t]+$", True),
        (r"((?:^|[\t;])[\s]*?)([=+])", True),
        (r"\d+(?:\.\d+)?\d+x", False),
    ],
)
def test_a_slow_pattern_is_recognised(pattern, searched):
    assert slow(pattern, searched) is not None


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        (r"[-+]?[.,]*\d[\d.,]*", False),
        (r"\W+", True),
        (r"^\s+", True),
        (r"a\d+b\d+", False),
        (r"[ ]*+", False),
        (r"(?<![\s;])[\s;]*+=", True),
    ],
)
def test_a_quick_pattern_passes(pattern, searched):
    assert slow(pattern, searched) is None
