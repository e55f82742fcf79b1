"""Bytes at rest: sealed files, their keys, and where they are kept."""
