"""Loads the program when it is imported, for the process whose copies are servers."""

from tests.e2e import serving

serving.load()
