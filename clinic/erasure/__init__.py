"""Deleting data: deletion, withdrawal of consent, retention."""
