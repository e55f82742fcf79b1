"""A wall clock that a test can move. Python loads this module at start-up where its folder is on PYTHONPATH.

Only the tests put it there (`tests/e2e/conftest.py`): the program itself knows nothing of it. The offset in seconds
is read from the file that TEST_CLOCK_FILE names, at each question, so that it can change while the server runs.
Monotonic time is left alone, as it is where somebody sets a computer's clock. So are times of files.
"""

import contextlib
import datetime
import importlib
import os
import time

FIRST = ("pandas", "pyarrow", "pydantic.v1")
"""Loaded while the classes are the interpreter's own: what is compiled knows their size, and a subclass of `date` in
pydantic has a metaclass that doesn't go with the one below."""
_FILE = os.environ.get("TEST_CLOCK_FILE")
_time, _time_ns = time.time, time.time_ns
_datetime, _date = datetime.datetime, datetime.date


def _offset_s():
    try:
        with open(_FILE, encoding="ascii") as file:
            return float(file.read() or 0)
    except OSError:
        return 0.0


def _moved():
    return _time() + _offset_s()


class _LikeDatetime(type):
    """Moments that were made before, or in C, are moments too."""

    def __instancecheck__(cls, value):
        return isinstance(value, _datetime)

    def __subclasscheck__(cls, other):
        return issubclass(other, _datetime)


class _LikeDate(type):
    def __instancecheck__(cls, value):
        return isinstance(value, _date)

    def __subclasscheck__(cls, other):
        return issubclass(other, _date)


class _Datetime(_datetime, metaclass=_LikeDatetime):
    @classmethod
    def now(cls, tz=None):
        return _datetime.fromtimestamp(_moved(), tz)

    @classmethod
    def utcnow(cls):
        return _datetime.fromtimestamp(_moved(), datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls):
        return _datetime.fromtimestamp(_moved())


class _Date(_date, metaclass=_LikeDate):
    @classmethod
    def today(cls):
        return _date.fromtimestamp(_moved())


def _install():
    for name in FIRST:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for made, name in ((_Datetime, "datetime"), (_Date, "date")):
        made.__name__ = made.__qualname__ = name
        made.__module__ = "datetime"
        setattr(datetime, name, made)
    time.time = _moved
    time.time_ns = lambda: _time_ns() + int(_offset_s() * 1e9)


if _FILE:
    _install()
