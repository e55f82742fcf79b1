"""What JSON holds is read back as it was, and nothing else is."""

import json
from dataclasses import dataclass

import pytest

from fer_core.carry import CarryError, from_json, to_json
from fer_core.types import Box


@dataclass(frozen=True, slots=True)
class Inner:
    pair: tuple[float, float]
    name: str


@dataclass(frozen=True, slots=True)
class Outer:
    count: int
    inside: Inner | None
    who: int | Box | None
    many: tuple[Inner, ...]


VALUES = [
    Outer(3, None, None, ()),
    Outer(0, Inner((0.1, 1 / 3), "a"), 7, (Inner((1.0, 2.0), ""), Inner((3.0, 4.0), "b"))),
    Outer(-1, None, Box(1.0, 2.0, 3.5, 4.25), ()),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back(value):
    assert from_json(Outer, json.loads(json.dumps(to_json(value)))) == value


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("count", "3"),
        ("count", True),
        ("count", 3.5),
        ("inside", {"pair": [1.0], "name": "a"}),
        ("inside", {"pair": [1.0, 2.0], "name": "a", "more": 1}),
        ("inside", {"pair": 1.0, "name": "a"}),
        ("who", {"left": 3.0, "top": 0.0, "right": 1.0, "bottom": 1.0}),
        ("who", "x"),
        ("many", [3]),
    ],
)
def test_another_shape_is_refused(name, wrong):
    with pytest.raises(CarryError):
        from_json(Outer, to_json(VALUES[0]) | {name: wrong})


def test_a_missing_field_is_refused():
    reported = to_json(VALUES[0])
    del reported["many"]
    with pytest.raises(CarryError):
        from_json(Outer, reported)
    with pytest.raises(CarryError):
        from_json(Outer, [1, 2])
