"""Frozen dataclasses to JSON and back: the one codec of what a later pass over a video goes on from."""

from __future__ import annotations

import types
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

LARGEST = 2**63 - 1
"""The largest whole number that is taken."""
Json = dict[str, Any]
"""A dataclass as JSON holds it."""
T = TypeVar("T")


class CarryError(ValueError):
    """JSON that is not that of the dataclass asked for: another release's, or damaged."""


def to_json(value: Any) -> Json:
    """Return a dataclass instance as JSON holds it: numbers, text, None, lists and objects of these."""
    found: Json = asdict(value)
    return found


def from_json(kind: type[T], data: Any) -> T:
    """Return the dataclass that `to_json` wrote. Raises CarryError where names or types differ."""
    found: T = _read(kind, data)
    return found


def _read(kind: Any, data: Any) -> Any:
    if is_dataclass(kind):
        return _instance(kind, data)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), data)
    if origin is tuple:
        return _tuple(get_args(kind), data)
    # A whole number may stand for a float, as JSON has no other sign of it; True is no number.
    if type(data) is kind or (kind is float and type(data) is int):
        if type(data) is int and abs(data) > LARGEST:
            raise CarryError("no database and no float holds this number")
        return kind(data)
    raise CarryError(f"{kind} was expected")


def _instance(kind: Any, data: Any) -> Any:
    names = [one.name for one in fields(kind)]
    if not isinstance(data, dict) or set(data) != set(names):
        raise CarryError(f"{kind.__name__} has other fields")
    hints = _hints(kind)
    try:
        return kind(**{name: _read(hints[name], data[name]) for name in names})
    except ValueError as error:
        raise CarryError(f"{kind.__name__} can't hold these values") from error


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields; to work them out takes longer than all the rest."""
    return get_type_hints(kind)


def _one_of(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        if is_dataclass(kind) == isinstance(data, dict) and kind is not type(None):
            return _read(kind, data)
    raise CarryError("none of the types fits")


def _tuple(kinds: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise CarryError("a list was expected")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], one) for one in data)
    if len(kinds) != len(data):
        raise CarryError("the list has another length")
    return tuple(_read(kind, one) for kind, one in zip(kinds, data, strict=True))
