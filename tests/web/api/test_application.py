"""The API: who gets what by which token, and what is kept."""

import asyncio
import hashlib
import io
import json
from contextlib import ExitStack
from datetime import timedelta
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import func, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from clinic import clock, words
from clinic.accounts import accounts, tokens
from clinic.audit import AuditAction
from clinic.consent.consent import Scope
from clinic.exchange import downloads, handing_out
from clinic.exchange.downloads import Kind
from clinic.exchange.exports import NEEDED
from clinic.patients import caseload, conditions, sharing
from clinic.patients.conditions import ConditionKind
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from clinic.recordings import incoming, uploads
from db.models import Access, Account, ApiToken, AuditRow, Base, Job, Recording, Role, Sample
from fer_core.emotions import EMOTION_LABELS
from storage.sealed import CHUNK_BYTES
from tests import doors, loops
from tests.clinic.patients.test_digests import FIRST, add
from tests.consents import agree, revoke
from tests.media import moving_face, scene, write_clip
from tests.web.api.conftest import of_token
from web import routes as web_routes
from web.api import expressions, limits
from web.api.limits import TokenLimit
from web.resources import database

BYTES, JSON = {"Content-Type": "application/octet-stream"}, {"Content-Type": "application/json"}
DAY = clock.now().date().isoformat()
UNKNOWN = "0" * 32


def png(picture=None):
    content = io.BytesIO()
    Image.fromarray(scene() if picture is None else picture).save(content, "PNG")
    return content.getvalue()


def clip(tmp_path):
    return write_clip(tmp_path / "visit.mp4", moving_face(4)).read_bytes()


def announced(content):
    return {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def upload(client, content):
    """Send a file in one piece and return its id."""
    begun = client.post("/api/v1/uploads", json=announced(content)).json()
    state = client.patch(f"/api/v1/uploads/{begun['id']}", content=content, headers=BYTES | {"Upload-Offset": "0"})
    assert state.json() == {"id": begun["id"], "offset": len(content), "length": len(content), "whole": True}
    return begun["id"]


def hand_in(client, patient_id, upload_id):
    new = {"upload_id": upload_id, "patient_id": patient_id, "recorded_on": DAY, "name": "visit.mp4"}
    return client.post("/api/v1/recordings", json=new)


def rows(db):
    with db.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table))
            for name, table in Base.metadata.tables.items()
            if not name.startswith(("audit", "api_token"))
        }


def files(folder):
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "clinic.db" not in path.name
    }


def actions(db):
    with db.read() as session:
        return list(session.scalars(select(AuditRow.action).order_by(AuditRow.number)))


def test_a_picture_gives_faces_and_nothing_is_kept(world, client):
    before = rows(world.db), files(world.settings.data_dir)
    answer = client.post("/api/v1/expressions", content=png(), headers=BYTES)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (face,) = found["faces"]
    assert found["skipped_frames"] == 0
    assert face["label"] == "happy"
    assert face["status"] == "ok"
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert face["quality"]["size_px"] > 50
    assert (rows(world.db), files(world.settings.data_dir)) == before
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"", 422, "empty"), (b"no picture", 415, "unknown_type"), (png()[:2000], 422, "damaged_image")],
    ids=["empty", "text", "cut"],
)
def test_what_is_no_picture_is_refused(client, content, status, code):
    answer = client.post("/api/v1/expressions", content=content, headers=BYTES)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_video_in_the_place_of_a_picture_is_called_one(client, tmp_path):
    answer = client.post("/api/v1/expressions", content=clip(tmp_path), headers=BYTES)
    assert (answer.status_code, answer.json()["code"]) == (415, "unknown_type")
    assert answer.json()["detail"] == "This is a video. Please send a picture here, and videos to /uploads."


def test_a_video_becomes_a_job_once(world, client, tmp_path):
    content = clip(tmp_path)
    first = hand_in(client, world.patient, upload(client, content))
    assert first.status_code == 202, first.text
    again = hand_in(client, world.patient, upload(client, content)).json()
    recording_id = first.json()["recording_id"]
    fresh = {"also_here": [], "counted_twice": 0, "also_elsewhere": False}
    assert first.json() == {"recording_id": recording_id, "duplicate": False, "differs": [], **fresh}
    assert again == {"recording_id": recording_id, "duplicate": True, "differs": [], **fresh}
    reported = client.get(f"/api/v1/recordings/{recording_id}").json()
    assert (reported["state"], reported["patient_id"], reported["shares"]) == ("waiting", world.patient, None)
    assert [one["id"] for one in client.get(f"/api/v1/patients/{world.patient}/recordings").json()] == [recording_id]
    early = client.get(f"/api/v1/recordings/{recording_id}/samples")
    assert (early.status_code, early.json()["code"]) == (409, "analysis_under_way")
    with world.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
    assert {AuditAction.TOKEN_USED, AuditAction.RECORDING_ADDED, AuditAction.PATIENT_VIEWED} <= set(actions(world.db))


def test_under_a_condition_of_the_face_no_label_leaves(world, client):
    (recording_id,) = add(world.db, world.patient, 1)
    outputs = dict.fromkeys(EMOTION_LABELS, 0.1) | {"happy": 0.4}
    with world.db.session() as session:
        session.add(Sample(recording_id=recording_id, frame_index=0, track=0, time_s=0.0, status="ok", **outputs))

    def answers():
        one = client.get(f"/api/v1/recordings/{recording_id}").json()
        (listed,) = client.get(f"/api/v1/patients/{world.patient}/recordings").json()
        samples = client.get(f"/api/v1/recordings/{recording_id}/samples").json()
        assert one == listed
        assert one["excluded"] == samples["excluded"]
        return one["shares"], samples["samples"][0]["probabilities"], one["not_interpreted"], samples["not_interpreted"]

    shares, probabilities, *held = answers()
    assert (shares["happy"], probabilities["happy"], held) == (pytest.approx(0.3), 0.4, [False, False])
    conditions.add(world.db, world.who, world.patient, ConditionKind.COVERED, FIRST)
    assert answers() == (None, None, True, True)


def test_a_duplicate_says_what_is_not_stored_as_it_was_sent(world, client, tmp_path):
    content = clip(tmp_path)
    first = hand_in(client, world.patient, upload(client, content)).json()
    new = {"patient_id": world.patient, "recorded_on": "2015-05-14", "recorded_time": "14:05", "note": "archive tape"}
    again = client.post("/api/v1/recordings", json=new | {"upload_id": upload(client, content)}).json()
    assert (again["recording_id"], again["duplicate"]) == (first["recording_id"], True)
    assert again["differs"] == [
        {"field": "recorded_on", "stored": DAY, "sent": "2015-05-14"},
        {"field": "recorded_time", "stored": None, "sent": "14:05"},
        {"field": "note", "stored": "", "sent": "archive tape"},
    ]
    stored = client.get(f"/api/v1/recordings/{first['recording_id']}").json()
    assert (stored["recorded_on"], stored["recorded_time"]) == (DAY, None)


def test_what_was_not_sent_again_does_not_differ(world, client, tmp_path):
    content = clip(tmp_path)
    new = {"patient_id": world.patient, "recorded_on": DAY}
    said = {"recorded_time": "00:00", "note": "archive tape"}
    first = client.post("/api/v1/recordings", json=new | said | {"upload_id": upload(client, content)}).json()
    again = client.post("/api/v1/recordings", json=new | {"upload_id": upload(client, content)}).json()
    assert (again["recording_id"], again["duplicate"], again["differs"]) == (first["recording_id"], True, [])
    assert client.get(f"/api/v1/recordings/{first['recording_id']}").json()["recorded_time"] == "00:00"


def test_a_file_that_lies_somewhere_else_too_is_reported(world, client, tmp_path):
    content = clip(tmp_path)
    first = hand_in(client, world.patient, upload(client, content)).json()["recording_id"]
    new = {"patient_id": world.patient, "recorded_on": DAY, "every_s": 0.5, "upload_id": upload(client, content)}
    second = client.post("/api/v1/recordings", json=new).json()
    assert (second["duplicate"], second["also_here"], second["also_elsewhere"]) == (False, [first], False)
    with world.db.session() as session:
        other = caseload.add_patient(world.db, world.who, "Another Person")
        session.execute(update(Recording).values(patient_id=other))
    third = hand_in(client, world.patient, upload(client, content)).json()
    assert (third["duplicate"], third["also_here"], third["also_elsewhere"]) == (False, [], True)


def test_an_interrupted_upload_goes_on(client):
    content = bytes(range(256)) * 12 * 1024
    path = f"/api/v1/uploads/{client.post('/api/v1/uploads', json=announced(content)).json()['id']}"
    client.patch(path, content=content[: 2 * 2**20], headers=BYTES | {"Upload-Offset": "0"})
    offset = client.get(path).json()["offset"]
    assert 0 < offset < len(content)
    rest = client.patch(path, content=content[offset:], headers=BYTES | {"Upload-Offset": str(offset)})
    assert rest.json()["whole"]
    wrong = client.patch(path, content=b"x", headers=BYTES | {"Upload-Offset": "7"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "upload_offset")


def test_consent_is_asked_for_and_the_upload_stays(world, client, tmp_path):
    upload_id = upload(client, clip(tmp_path))
    revoke(world.db, world.patient, Scope.ANALYSE)
    refused = hand_in(client, world.patient, upload_id)
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_withdrawn")
    assert client.get(f"/api/v1/uploads/{upload_id}").json()["whole"]
    with world.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Recording)) == 0


def test_a_refusal_of_what_was_sent_with_it_leaves_the_upload(world, client, tmp_path):
    upload_id = upload(client, clip(tmp_path))
    new = {"upload_id": upload_id, "patient_id": world.patient, "recorded_on": DAY, "name": "visit.mp4"}
    for wrong, code in (({"recorded_on": "1989-12-31"}, "bad_day"), ({"note": "a\0b"}, "bad_note")):
        refused = client.post("/api/v1/recordings", json=new | wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert client.get(f"/api/v1/uploads/{upload_id}").json()["whole"]
    assert hand_in(client, world.patient, upload_id).status_code == 202


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_json_under_another_name_is_asked_for_as_json(client, kind):
    refused = client.post("/api/v1/uploads", content=json.dumps(announced(b"x")), headers={"Content-Type": kind})
    assert (refused.status_code, refused.json()["code"]) == (415, "unknown_type")
    assert "Content-Type: application/json" in refused.json()["detail"]


def test_questionnaires_and_patients_are_reported_without_names(world, client):
    answers.record(world.db, world.who, world.patient, Given("gad7", clock.now().date(), total=4))
    (reported,) = client.get(f"/api/v1/patients/{world.patient}/questionnaires").json()
    assert (reported["scale"], reported["total"]) == ("gad7", 4)
    listed = client.get("/api/v1/patients")
    assert [one["id"] for one in listed.json()] == [world.patient]
    assert "Invented" not in listed.text


def bundle(client, patient_id):
    return client.get(f"/api/v1/patients/{patient_id}/fhir")


def test_a_bundle_is_the_export_of_the_page(world, client):
    answers.record(world.db, world.who, world.patient, Given("gad7", clock.now().date(), total=4))
    answer = bundle(client, world.patient)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    found = answer.json()
    assert {"Patient", "Observation"} <= {one["resource"]["resourceType"] for one in found["entry"]}
    exported = handing_out.prepare(world.db, world.settings, world.who, world.patient, Kind.FHIR)
    with downloads.take(world.db, world.settings, world.who, exported).file as file:
        file.seek(0)
        page = json.load(file)
    assert found["entry"] == page["entry"]
    assert actions(world.db).count(AuditAction.PATIENT_EXPORTED) == 2


@pytest.mark.attack("API: a FHIR bundle without the consent to keep results")
def test_a_bundle_needs_the_consent_of_an_export(world, client, attack):
    revoke(world.db, world.patient, *NEEDED)
    attack(lambda: bundle(client, world.patient), 403)
    assert AuditAction.PATIENT_EXPORTED not in actions(world.db)


@pytest.mark.attack("API: a FHIR bundle with the token of a viewer, who may look at the patient and not export")
def test_a_viewer_exports_no_bundle(world, attack):
    viewer = doors.actor(world.db, "Dr. Viewer", Role.VIEWER)
    sharing.share(world.db, world.who, world.patient, "Dr. Viewer")
    client = of_token(world, tokens.make(world.db, viewer, "a script", [world.patient], doors.PASSWORD))
    assert client.get(f"/api/v1/patients/{world.patient}/recordings").status_code == 200
    attack(lambda: bundle(client, world.patient), 403)


PATHS = ["/patients/{}/recordings", "/patients/{}/questionnaires", "/patients/{}/fhir"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.attack("API: a token for one patient, used for another patient of the account, and for no patient's id")
def test_another_patient_is_out_of_reach(world, client, attack, path):
    attack(lambda: client.get("/api/v1" + path.format(world.other)), 403)
    attack(lambda: client.get("/api/v1" + path.format(UNKNOWN)), 403)


@pytest.mark.attack("API: a recording handed in for a patient of the account that the token was not made for")
def test_nothing_is_handed_in_for_another_patient(world, client, attack, tmp_path):
    upload_id = upload(client, clip(tmp_path))
    attack(lambda: hand_in(client, world.other, upload_id), 403)


@pytest.mark.attack("API: a token for no patient, asked for a patient's results, and given a file to keep")
def test_a_token_for_no_patient_reads_faces_alone(world, attack):
    nobody = of_token(world, tokens.make(world.db, world.who, "faces", [], doors.PASSWORD))
    assert nobody.post("/api/v1/expressions", content=png(), headers=BYTES).status_code == 200
    attack(lambda: nobody.get(f"/api/v1/patients/{world.patient}/recordings"), 403)
    attack(lambda: nobody.post("/api/v1/uploads", json=announced(b"12345")), 403)
    assert nobody.get("/api/v1/patients").json() == []


def revoked(world):
    (row,) = tokens.listed(world.db, world.who)
    tokens.revoke(world.db, world.who, row.id)


def run_out(world):
    with world.db.session() as session:
        session.scalar(select(ApiToken)).created_at = clock.now() - tokens.LASTS - timedelta(minutes=2)


def disabled(world):
    accounts.disable(world.db, doors.actor(world.db, "Admin", Role.ADMINISTRATOR), world.who.account_id)


def new_password(world):
    administrator = doors.actor(world.db, "Admin", Role.ADMINISTRATOR)
    accounts.reset_password(world.db, administrator, world.who.account_id)


@pytest.mark.parametrize("end", [revoked, run_out, disabled, new_password])
@pytest.mark.attack("API: a token that was revoked, has run out, or whose account was disabled or got another password")
def test_a_token_that_ended_is_worth_nothing(world, client, attack, end):
    assert client.get("/api/v1/patients").status_code == 200
    end(world)
    attack(lambda: client.get("/api/v1/patients"), 401)


@pytest.mark.parametrize("end", [revoked, run_out, disabled])
@pytest.mark.attack(
    "API: a file that goes on coming in after its token was revoked or ran out, or its account disabled"
)
def test_a_body_stops_when_its_token_ends(world, client, attack, monkeypatch, end):
    monkeypatch.setattr(web_routes, "ASKED_EVERY_S", 0.001)
    begun = client.post("/api/v1/uploads", json=announced(bytes(64 * CHUNK_BYTES))).json()

    def body():
        for number in range(64):
            if number == 4:
                end(world)
            yield bytes(CHUNK_BYTES)

    headers = BYTES | {"Upload-Offset": "0"}
    attack(lambda: client.patch(f"/api/v1/uploads/{begun['id']}", content=body(), headers=headers), 403)
    (state,) = uploads.uploads_dir(world.settings).glob("*.json")
    owner = json.loads(state.read_text())["owner"]
    assert incoming.status(world.settings, begun["id"], owner).offset < 64 * CHUNK_BYTES


@pytest.mark.attack("API: a token that was made within an emergency access: changing and exporting, and after the hour")
def test_a_token_reaches_no_further_than_an_emergency(world, attack):
    colleague = doors.actor(world.db, "Dr. Colleague")
    sharing.open_in_emergency(world.db, colleague, "Invented Person", "an emergency")
    client = of_token(world, tokens.make(world.db, colleague, "a script", [world.patient], doors.PASSWORD))
    recordings = f"/api/v1/patients/{world.patient}/recordings"
    assert client.get(recordings).status_code == 200
    attack(lambda: bundle(client, world.patient), 403)
    upload_id = upload(client, png())
    attack(lambda: hand_in(client, world.patient, upload_id), 403)
    with world.db.session() as session:
        session.execute(update(Access).where(Access.until.is_not(None)).values(until=clock.now() - timedelta(hours=1)))
    attack(lambda: client.get(recordings), 403)


@pytest.mark.attack("API: the token of a clinician who was made a viewer: a file, and a recording")
def test_a_token_has_the_role_of_its_account_now(world, client, attack):
    administrator, upload_id = doors.actor(world.db, "Admin", Role.ADMINISTRATOR), upload(client, png())
    doors.actor(world.db, "Dr. Remaining")
    for patient in caseload.list_patients(world.db, world.who):
        sharing.share(world.db, world.who, patient.id, "Dr. Remaining")
    accounts.set_role(world.db, administrator, world.who.account_id, Role.VIEWER)
    attack(lambda: client.post("/api/v1/uploads", json=announced(b"12345")), 403)
    attack(lambda: hand_in(client, world.patient, upload_id), 403)


@pytest.mark.attack("API: the upload of another account, by its right id")
def test_another_account_s_upload_is_out_of_reach(world, client, attack):
    begun = client.post("/api/v1/uploads", json=announced(b"12345")).json()["id"]
    colleague = doors.actor(world.db, "Dr. Colleague")
    mine = caseload.add_patient(world.db, colleague, "Colleague's Own")
    agree(world.db, mine)
    stranger = of_token(world, tokens.make(world.db, colleague, "a script", [mine], doors.PASSWORD))
    attack(lambda: stranger.get(f"/api/v1/uploads/{begun}"), 404)
    piece = {"content": b"x", "headers": BYTES | {"Upload-Offset": "0"}}
    attack(lambda: stranger.patch(f"/api/v1/uploads/{begun}", **piece), 404)
    attack(lambda: hand_in(stranger, mine, begun), 404)


@pytest.mark.attack("API: the upload of another program of the same account, by its right id")
def test_another_program_s_upload_is_out_of_reach(world, client, attack, tmp_path):
    """Each program acts for its own patients: by a mixed-up id, one patient's file would be stored for another."""
    mine = caseload.add_patient(world.db, world.who, "Another Patient")
    agree(world.db, mine)
    other = of_token(world, tokens.make(world.db, world.who, "another script", [mine], doors.PASSWORD))
    whole, begun = upload(client, clip(tmp_path)), client.post("/api/v1/uploads", json=announced(b"12345")).json()["id"]
    attack(lambda: other.get(f"/api/v1/uploads/{whole}"), 404)
    piece = {"content": b"x", "headers": BYTES | {"Upload-Offset": "0"}}
    attack(lambda: other.patch(f"/api/v1/uploads/{begun}", **piece), 404)
    attack(lambda: hand_in(other, mine, whole), 404)
    assert hand_in(client, world.patient, whole).status_code == 202


def test_a_disabled_account_gets_its_tokens_not_back(world, client):
    administrator = doors.actor(world.db, "Admin", Role.ADMINISTRATOR)
    accounts.disable(world.db, administrator, world.who.account_id)
    accounts.enable(world.db, administrator, world.who.account_id)
    assert client.get("/api/v1/patients").status_code == 401


def test_a_patient_who_is_no_longer_shared_is_out_of_reach(world):
    viewer = doors.actor(world.db, "Dr. Viewer")
    sharing.share(world.db, world.who, world.patient, "Dr. Viewer")
    client = of_token(world, tokens.make(world.db, viewer, "a script", [world.patient], doors.PASSWORD))
    path = f"/api/v1/patients/{world.patient}/recordings"
    assert client.get(path).status_code == 200
    sharing.unshare(world.db, world.who, world.patient, viewer.account_id)
    refused = client.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_patient")


@pytest.mark.attack("API: a browser's sign-in at the API, and a token at the pages")
def test_cookie_and_token_open_their_own_doors_alone(world, client, attack):
    browser = TestClient(world.app, "http://clinic.test", cookies={"sign_in": world.cookie}, follow_redirects=False)
    attack(lambda: browser.get("/api/v1/patients"), 401)
    assert browser.get("/api-description").status_code == 200
    attack(lambda: client.get("/api-description.json"), 401)


OPENS_NOTHING = ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1x", "/api/v1/%2e%2e/caseload", "/api/v1/%0A/samples"]


@pytest.mark.parametrize("path", OPENS_NOTHING)
def test_a_token_opens_operations_alone(client, path):
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == (401 if path == "/api/v1x" else 404)
    assert path == "/api/v1x" or answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_answered_with_all_that_there_are(client):
    for path, methods in ((f"uploads/{UNKNOWN}", "GET, PATCH"), ("uploads", "POST"), ("patients", "GET")):
        answer = client.delete(f"/api/v1/{path}")
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    "sent",
    [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer fer_" + "x" * 43}, {"Authorization": "Basic eDp5"}],
)
def test_without_a_token_there_is_nothing(world, sent):
    stranger = TestClient(world.app, "http://clinic.test", headers=sent)
    for path in ("/api/v1", "/api/v1/openapi.json", "/api/v1/patients", "/api/v1/nothing"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_token")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.attack("API: a token whose account has yet to accept the intended use")
def test_an_account_that_has_something_to_do_first_acts_by_no_token(world, client, attack):
    with world.db.session() as session:
        session.execute(update(Account).values(statement=words.STATEMENT_VERSION - 1))
    attack(lambda: client.get("/api/v1/patients"), 403)


@pytest.mark.attack("API: more requests of one token than it may make")
def test_requests_of_a_token_are_limited(world, client, attack):
    world.app.routes[0].app.state.parts.limit = TokenLimit(burst=2, refill_s=60)
    assert [client.get("/api/v1/patients").status_code for _ in range(2)] == [200, 200]
    attack(lambda: client.get("/api/v1/patients"), 429)
    assert int(client.get("/api/v1/patients").headers["retry-after"]) >= 1


@pytest.mark.attack("API: a body without end")
def test_a_body_is_bounded(client, monkeypatch, attack):
    monkeypatch.setattr(limits, "PICTURE_BYTES", 1000)

    def endless():
        yield from (b"x" * 600 for _ in range(4))

    attack(lambda: client.post("/api/v1/expressions", content=endless(), headers=BYTES), 413)
    monkeypatch.setattr(limits, "JSON_BYTES", 1000)
    attack(lambda: client.post("/api/v1/uploads", content=b"[" * 1001, headers=JSON), 413)


@pytest.mark.attack("API: a body that is nothing but brackets")
def test_a_body_that_cannot_be_read_is_said_to_be_so(client, attack):
    attack(lambda: client.post("/api/v1/uploads", content=b"[" * 60_000, headers=JSON), 400)


@pytest.mark.attack("API: a body that never comes to its end, of a picture and of an upload's announcement")
@pytest.mark.parametrize(("path", "headers"), [("/api/v1/expressions", BYTES), ("/api/v1/uploads", JSON)])
def test_a_body_has_its_time(world, monkeypatch, attack, path, headers):
    monkeypatch.setattr(limits, "BODY_WITHIN_S", 0.01)

    async def answer():
        came, said = iter([{"type": "http.request", "body": b"{", "more_body": True}]), []

        async def receive():
            return next(came, None) or await asyncio.Event().wait()

        async def send(message):
            said.append(message)

        given = headers | {"Authorization": f"Bearer {world.token}"}
        sent = [(name.lower().encode(), value.encode()) for name, value in given.items()]
        scope = {"type": "http", "method": "POST", "path": path, "headers": sent, "query_string": b"", "scheme": "http"}
        await world.app(scope, receive, send)
        return said[0]["status"]

    attack(lambda: loops.run(answer()), 408)
    assert not expressions._WAITING, "the place is free again"


@pytest.mark.attack("API: more pictures at once than may lie in memory")
def test_pictures_that_come_in_take_a_place_before_they_are_read(client, monkeypatch, attack):
    monkeypatch.setattr(expressions, "MOST_WAITING", 1)

    async def never(_request):
        await asyncio.Event().wait()

    # Nothing of the body is read where there is no place: it would wait for ever.
    with monkeypatch.context() as endless:
        endless.setattr(Request, "body", never)
        with expressions._place("somebody else's"):
            attack(lambda: client.post("/api/v1/expressions", content=png(), headers=BYTES), 503)
            busy = client.post("/api/v1/expressions", content=png(), headers=BYTES)
        assert busy.headers["retry-after"] == "1"
    assert client.post("/api/v1/expressions", content=b"", headers=BYTES).status_code == 422, "the place is free again"
    assert not expressions._WAITING


@pytest.mark.attack("API: all places for pictures, taken by one account that sends them slowly; and another one then")
def test_one_account_leaves_places_for_others(attack):
    with ExitStack() as taken:
        for _ in range(expressions.MOST_OF_ONE):
            taken.enter_context(expressions._place("one"))
        attack(lambda: taken.enter_context(expressions._place("one")), "busy")
        with expressions._place("another"):
            attack(lambda: sorted(expressions._WAITING), ["another", "one"])
    assert not expressions._WAITING


@pytest.mark.attack("API: more requests of one account at once than it may have open; and another account then")
def test_requests_that_are_open_at_once_are_bounded(attack, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OPEN_OF_ONE", 2)
    monkeypatch.setattr(limits, "MOST_OPEN", 3)
    began, goes_on = [], asyncio.Event()

    async def waits(scope, receive, send):
        began.append(scope["actor"].account_id)
        await goes_on.wait()
        await Response("answered")(scope, receive, send)

    def asked(limit, account_id):
        async def work():
            found = []

            async def send(message):
                found.append(message)

            scope = {"type": "http", "method": "GET", "headers": [], "actor": SimpleNamespace(account_id=account_id)}
            await limit(scope, None, send)
            return found[0]["status"]

        return asyncio.create_task(work())

    async def tried():
        limit = limits.OpenLimit(waits)
        open_ones = [asked(limit, one) for one in ("a", "a")]
        refused = await asked(limit, "a")
        open_ones.append(asked(limit, "b"))
        while len(began) < 3:
            await asyncio.sleep(0)
        full = await asked(limit, "c")
        goes_on.set()
        answered = await asyncio.gather(*open_ones)
        return [refused, full, *answered, await asked(limit, "a")]

    attack(lambda: loops.run(tried()), [429, 503, 200, 200, 200, 200])


@pytest.mark.attack("API: bodies that don't come, of more accounts than there are places; and another account then")
def test_a_place_of_all_is_taken_when_the_body_is_there(attack, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OPEN", 2)
    waiting, comes, goes_on = [], asyncio.Event(), asyncio.Event()

    async def reads(scope, receive, send):
        if scope["method"] == "POST":
            try:
                await receive()
            except Exception:  # noqa: BLE001  # as the library catches it
                await Response("no body", 400)(scope, receive, send)
                return
            waiting.append(scope["actor"])
            await goes_on.wait()
        await Response("answered")(scope, receive, send)

    def asked(limit, account_id, method):
        async def receive():
            await comes.wait()
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def work():
            found = []

            async def send(message):
                found.append(message)

            scope = {"type": "http", "method": method, "headers": [], "actor": SimpleNamespace(account_id=account_id)}
            await limit(scope, receive, send)
            return found[0]["status"]

        return asyncio.create_task(work())

    async def tried():
        limit = limits.OpenLimit(reads)
        slow = [asked(limit, str(number), "POST") for number in range(3)]
        beside = await asked(limit, "another", "GET")
        comes.set()
        refused = await slow[2]
        full = await asked(limit, "another", "GET")
        goes_on.set()
        return [beside, refused, full, *await asyncio.gather(*slow[:2]), await asked(limit, "0", "POST")]

    attack(lambda: loops.run(tried()), [200, 503, 503, 200, 200, 200])
    assert len(waiting) == 3


def test_a_use_is_noted_once_and_again_later(world, client, monkeypatch):
    for _ in range(3):
        client.get("/api/v1/patients")
    assert actions(world.db).count(AuditAction.TOKEN_USED) == 1
    monkeypatch.setattr(tokens, "NOTED_EVERY", timedelta(0))
    client.get("/api/v1/patients")
    assert actions(world.db).count(AuditAction.TOKEN_USED) == 2


def test_no_answer_repeats_what_was_wrong(client):
    answer = client.post("/api/v1/recordings", json={"note": ["Invented Person"], "upload_id": "x"})
    assert answer.status_code == 422
    assert "Invented" not in answer.text


def test_a_failure_is_a_problem_without_details(world, client, monkeypatch):
    monkeypatch.setattr(caseload, "list_patients", lambda *a: 1 / 0)
    answer = client.get("/api/v1/patients")
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")


def test_the_description_is_for_people_too(world):
    browser = TestClient(world.app, "http://clinic.test", cookies={"sign_in": world.cookie})
    assert "/api/v1/expressions" in browser.get("/api-description").text
    described = browser.get("/api-description.json").json()
    assert described["openapi"].startswith("3.1")
    assert database() is world.db
