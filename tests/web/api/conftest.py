"""The API behind its gate, with a token for one patient."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from clinic.accounts import sessions, tokens
from clinic.patients import caseload
from clinic.settings import Settings
from tests import doors
from tests.consents import agree
from tests.pages.conftest import settings
from web.api import application as api
from web.gate import Behind, Gate
from web.resources import database, resources

__all__ = ["settings"]


@pytest.fixture
def world(settings):
    """A clinician with one patient of the token's and one of nobody's, and the whole app."""
    db = database()
    signed_in = doors.sign_in(db)
    who = sessions.actor_of(db, signed_in)
    patient, other = (caseload.add_patient(db, who, name) for name in ("Invented Person", "Another Person"))
    for patient_id in (patient, other):
        agree(db, patient_id)
    token = tokens.make(db, who, "a script", [patient], doors.PASSWORD)
    behind = Behind(database, lambda message: True, b"", "default-src 'self'")
    app = Starlette(
        routes=api.routes(Settings.from_environment, database), middleware=[Middleware(Gate, behind=behind)]
    )
    return SimpleNamespace(
        db=db,
        settings=resources().settings,
        who=who,
        cookie=signed_in,
        patient=patient,
        other=other,
        token=token,
        app=app,
    )


@pytest.fixture
def client(world):
    """A program with the token."""
    return of_token(world, world.token)


def of_token(world, token):
    """Return a program with a token."""
    return TestClient(
        world.app, "http://clinic.test", headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False
    )
