"""Fixtures of the web's tests: those of the pages."""

from tests.pages.conftest import enter, settings

__all__ = ["enter", "settings"]
