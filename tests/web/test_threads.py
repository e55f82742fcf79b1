"""While the database can't be written to, everybody else is still answered."""

import asyncio
import threading
from contextlib import suppress

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from clinic import words
from clinic.accounts import sessions, tokens
from clinic.patients import caseload
from clinic.settings import Settings
from db.engine import Database
from tests import doors, loops
from tests.consents import agree
from web import monitoring, patient_mode, sign_in
from web.api import application as api
from web.gate import Behind, Gate
from web.resources import database

ACCEPTED = {"accepted": "yes", "version": str(words.STATEMENT_VERSION)}


async def here(_request):
    return PlainTextResponse("here")


@pytest.fixture
def app(settings):
    routes = [
        *sign_in.ROUTES,
        *patient_mode.ROUTES,
        *monitoring.routes(Settings.from_environment, database),
        *api.routes(Settings.from_environment, database),
        Route("/", here),
    ]
    return Starlette(
        routes=routes, middleware=[Middleware(Gate, behind=Behind(database, lambda message: True, b"", ""))]
    )


@pytest.fixture
def attacker():
    """The headers of an account's browser and of its program, and the id of its patient."""
    db = database()
    token = doors.sign_in(db, "Dr. Attacker")
    who = sessions.actor_of(db, token)
    patient = caseload.add_patient(db, who, "Invented Person")
    agree(db, patient)
    program = tokens.make(db, who, "a program", [patient], doors.PASSWORD)
    return {"Cookie": f"sign_in={token}"}, {"Authorization": f"Bearer {program}"}, patient


@pytest.mark.attack("many writes of one account while the database can't be written to: whether others are answered")
@pytest.mark.parametrize("kind", ["forms", "a program"])
def test_nobody_waits_behind_those_who_write(app, attacker, attack, kind, monkeypatch):
    browser, program, patient = attacker
    other = {"Cookie": f"sign_in={doors.sign_in(database(), 'Dr. Other')}"}
    held, free = threading.Event(), threading.Event()

    def hold():
        with database().session() as session:
            session.connection()
            held.set()
            free.wait(60)

    async def tried():
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://clinic.test", timeout=60) as client:

            def write():
                if kind == "forms":
                    return client.post("/intended-use", data=ACCEPTED, headers=browser)
                return client.get(f"/api/v1/patients/{patient}/fhir", headers=program)

            writing = [asyncio.create_task(write()) for _ in range(50)]
            while len(wanted) < 5:
                await asyncio.sleep(0)
            answered = []
            # Some times, since those who write get there one after the other.
            with suppress(TimeoutError):
                async with asyncio.timeout(15):
                    for path in ("/", "/sign-in", "/healthz") * 10:
                        answered.append((await client.get(path, headers=other)).status_code)
            waiting = sum(not task.done() for task in writing)
            free.set()
            await asyncio.gather(*writing)
        return answered, waiting

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait(60)
    wanted, real = [], Database.session
    monkeypatch.setattr(Database, "session", lambda db: wanted.append(1) or real(db))
    try:
        answered, waiting = loops.run(tried())
    finally:
        free.set()
        holding.join()
    assert waiting >= 5, "they wait for the database, and it is not free yet"
    assert set(answered) == {200, 303}
    attack(lambda: len(answered), 30)
