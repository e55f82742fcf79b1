"""Fixtures of the storage's tests: those of the clinic."""

from tests.clinic.conftest import an_upload, cheap_hashes, db, patient, seal, settings, who

__all__ = ["an_upload", "cheap_hashes", "db", "patient", "seal", "settings", "who"]
