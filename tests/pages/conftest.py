"""Fixtures of the pages' tests: an installation of the test's own, and someone who is signed in."""

import shutil

import pytest

from clinic.accounts import sessions
from clinic.settings import Settings
from db.models import Role
from storage import keys
from tests import doors, page_runs
from web import provider, sign_in
from web.attempts import BURST, REFILL_S, AddressLimit
from web.resources import resources

page_runs.share_found_components()


@pytest.fixture
def settings(tmp_path, monkeypatch, request):
    """An installation of the test's own, with more environment variables if asked; its worker is not started."""
    monkeypatch.setenv("FER_DATA_DIR", str(tmp_path))
    for name in (
        "FER_DATABASE_URL",
        "FER_DEMO",
        "FER_BEHIND_TLS",
        "FER_MEDIA_URL",
        "FER_KEY_DIR",
        "FER_MASTER_KEY",
        "FER_KEEP_FILES",
        "FER_KEEP_FACES",
        "FER_MODEL",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in getattr(request, "param", {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("clinic.worker.supervisor.Supervisor.ensure", lambda self: None)
    doors.cheap_hashes(monkeypatch)
    # What one test has failed at is not counted in the next.
    for attempts in (sign_in.ATTEMPTS, provider._WAITING):
        monkeypatch.setattr(attempts, "_limit", AddressLimit(BURST, REFILL_S))
    template = request.getfixturevalue("demo_at_head" if "patients" in request.fixturenames else "sqlite_at_head")
    shutil.copyfile(template, tmp_path / "clinic.db")
    settings = Settings.from_environment()
    keys.make(settings)
    yield settings
    resources().db.close()


@pytest.fixture
def enter(settings, monkeypatch):
    """Return a function that signs somebody in, in the browser that the pages' tests stand for; returns who acts."""

    def sign_in(name="Dr. Invented", role=Role.CLINICIAN):
        token = doors.sign_in(resources().db, name, role)
        monkeypatch.setattr("pages.session.token", lambda: token)
        return sessions.actor_of(resources().db, token)

    return sign_in
