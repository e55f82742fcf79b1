"""What a recording of an archive holds as JSON is checked before any page, or the worker, counts with it."""

import copy
import json
import math
from dataclasses import asdict

import pytest

from clinic.exchange.summary_checks import check_settings, check_summary, need_plain
from clinic.patients.summaries import LABELS, StillPart, Summary

REFUSED = (ValueError, TypeError, LookupError)
SHARES = dict.fromkeys(LABELS, 0.125)
STILL = asdict(StillPart(100.0, SHARES, SHARES, SHARES, dict.fromkeys(LABELS, 12.0), [SHARES, SHARES]))
WHOLE = asdict(
    Summary(
        *("video", 1500, 1350, 0.9, 270.0, 12.6, {"no_face": 0.06, "others": 0.04}, SHARES, SHARES, SHARES),
        *(dict.fromkeys(LABELS, 40.0), [SHARES, SHARES], 240.0, 0.5, 0.5, 70.0),
    )
) | {"still": STILL, "movement": 0.2, "framing_kept": 0.8, "framing_tried": 30}
SETTINGS = {
    "every_s": 0.2,
    "uncertain_below": 0.495,
    "face_choice": {"how": "clinician", "tracks": [0, 3], "left_out": [0.25], "carried_from": "only", "pictures": 2},
    "splits": [{"track": 0, "at_s": 3.5, "new": 4}],
    "choose": 3,
    "of a later version": {"anything": None},
}


def places(value, path=()):
    """Every place in a value of JSON, itself too."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*path, name))


def put(value, path, other):
    """The value with something else at a place."""
    if not path:
        return other
    changed = copy.deepcopy(value)
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = other
    return changed


def test_what_the_program_makes_is_taken():
    check_summary(json.loads(json.dumps(WHOLE)), "video")
    check_summary(asdict(Summary("pictures", 0, 0, 0.0, None, None, {}, None, None, None)), "pictures")
    check_settings(SETTINGS)
    check_settings({})


def taken(check, whole, other):
    """The places at which something else is taken."""

    def takes(path):
        try:
            check(put(whole, path, other))
        except REFUSED:
            return False
        return True

    return [path for path in places(whole) if takes(path)]


@pytest.mark.parametrize("other", ["x", -1e9, [], {"x": "x"}, "0.9"], ids=repr)
def test_nothing_else_is_taken_in_any_place_of_a_summary(other):
    # A recording that can't be halved has no halves.
    free = [("halves",), ("still", "halves")] if other == [] else []
    assert taken(lambda summary: check_summary(summary, "video"), WHOLE, other) == free


@pytest.mark.parametrize("other", [1e308, {"x": "x"}, True], ids=repr)
def test_nothing_else_is_taken_in_any_place_of_settings(other):
    # What is not known is left as it is, and no moment is too late.
    free = [(), ("face_choice",)] if other == {"x": "x"} else [("splits", 0, "at_s")] if other == 1e308 else []
    found = taken(check_settings, SETTINGS, other)
    assert [path for path in found if path[:1] != ("of a later version",)] == free


@pytest.mark.parametrize("name", ["usable_samples", "samples", "usable_share", "reasons", "kind"])
def test_what_every_summary_has_is_never_missing(name):
    for changed in (WHOLE | {name: None}, {key: value for key, value in WHOLE.items() if key != name}):
        with pytest.raises(REFUSED):
            check_summary(changed, "video")


@pytest.mark.parametrize(
    "changes",
    [
        {"usable_samples": 1501},
        {"reasons": {"angry": 0.1}},
        {"shares": None},
        {"low": None},
        {"sizes": dict.fromkeys(LABELS, 0.0)},
        {"halves": [SHARES]},
        {"shares": dict.fromkeys(LABELS[1:], 0.125)},
        {"high": SHARES | {"angry": 1.5}},
    ],
    ids=str,
)
def test_parts_that_do_not_fit_together_are_refused(changes):
    with pytest.raises(REFUSED):
        check_summary(WHOLE | changes, "video")
    with pytest.raises(REFUSED):
        check_summary(WHOLE, "pictures")


@pytest.mark.parametrize("value", [math.inf, math.nan, 10**400, -(2**64), "\ud800", "a\0b"], ids=repr)
def test_what_no_file_can_hold_is_found_wherever_it_is(value):
    for holding in (value, [1, value], {"a": [{"b": value}]}, {"a": ({"b": 1}, value)}):
        with pytest.raises(ValueError, match=r"."):
            need_plain(holding)
    if isinstance(value, str):
        with pytest.raises(ValueError, match=r"."):
            need_plain({value: 1})
    need_plain({"ä 漢": [None, True, 1, -(2**62), 0.5, {"x": ("y",)}]})
