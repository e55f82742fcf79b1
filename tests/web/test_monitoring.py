"""What programs ask: health for everybody, figures for the one who shows the token, and no name in either."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from backup import daily
from clinic import clock
from clinic.worker_health import WorkerHealth, write_health
from db.models import Job, Recording, Role
from tests import doors
from tests.clinic.conftest import cheap_hashes, db, patient, settings, who  # noqa: F401  # fixtures
from web import monitoring
from web.gate import Behind, Gate

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TOKEN = "of-the-tests-" + "0" * 32


def client_of(settings, open_db):
    behind = Behind(open_db, lambda message: False, b"", "default-src x")
    app = Starlette(routes=monitoring.routes(lambda: settings, open_db), middleware=[Middleware(Gate, behind=behind)])
    return TestClient(app, base_url="http://clinic.test")


@pytest.fixture
def reported(settings):
    return replace(settings, metrics_token=TOKEN)


def figures(client, token=TOKEN):
    answer = client.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert re.fullmatch(r"(# (HELP|TYPE) \w+ [^\n]+\n|\w+(\{\w+=\"[\w.]+\"\})? [\d.e+]+\n|\w+ \+Inf\n)+", answer.text)
    return dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))


def test_health_is_for_everybody(settings, db):
    answer = client_of(settings, lambda: db).get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_without_its_database_it_is_not_well_and_says_no_more(settings):
    def gone():
        raise OperationalError("SELECT secret", {}, Exception("host"))

    answer = client_of(settings, gone).get("/healthz", headers={"cookie": "sign_in=x"})
    assert (answer.status_code, answer.text) == (503, "not well")


@pytest.mark.attack("figures for monitoring: without a token set, without the token, with a wrong one, with a sign-in")
def test_figures_are_for_the_token_alone(settings, reported, db, who, attack):
    attack(lambda: client_of(settings, lambda: db).get("/metrics"), 404)
    client = client_of(reported, lambda: db)
    attack(lambda: client.get("/metrics"), 401)
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer é"):
        attack(lambda wrong=wrong: client.get("/metrics", headers={"authorization": wrong.encode()}), 401)
    signed_in = doors.sign_in(db, "Admin", Role.ADMINISTRATOR)
    attack(lambda: client.get("/metrics", headers={"cookie": f"sign_in={signed_in}"}), 401)
    assert client.post("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 405


def test_the_figures(reported, db, patient, who):
    client = client_of(replace(reported, backup_dir=reported.data_dir / "backups"), lambda: db)
    first = figures(client)
    assert first["expression_history_backup_age_seconds"] == "+Inf"
    assert "expression_history_backup_free_bytes" not in first, "the folder is not there, nor is its disk"
    assert "expression_history_media_free_bytes" not in first
    write_health(reported, WorkerHealth(1, clock.now(), sound=True))
    write_health(reported, WorkerHealth(2, clock.now(), sound=False), number=2)
    for folder in ("backups", "media"):
        (reported.data_dir / folder).mkdir(exist_ok=True)
    (reported.data_dir / "backups" / daily.name_at(clock.now())).touch()
    found = figures(client)
    assert found['expression_history_jobs{state="queued"}'] == "0"
    assert found["expression_history_oldest_job_age_seconds"] == "0"
    assert float(found['expression_history_worker_age_seconds{worker="1"}']) < 60
    assert found['expression_history_worker_sound{worker="1"}'] == "1"
    assert found['expression_history_worker_sound{worker="2"}'] == "0"
    for disk in ("disk", "media", "backup"):
        assert float(found[f"expression_history_{disk}_free_bytes"]) > 0
    assert float(found["expression_history_backup_age_seconds"]) < 60
    assert "Invented" not in str(found)


def test_a_waiting_analysis_is_counted_with_its_age(reported, db, patient):
    with db.session() as session:
        began = clock.now() - timedelta(hours=2)
        recording = Recording(patient_id=patient, kind="image", recorded_on=date(2026, 1, 1), created_at=began)
        session.add(recording)
        session.flush()
        session.add(Job(recording_id=recording.id, created_at=began))
    found = figures(client_of(reported, lambda: db))
    assert found['expression_history_jobs{state="queued"}'] == "1"
    assert float(found["expression_history_oldest_job_age_seconds"]) >= 7200
