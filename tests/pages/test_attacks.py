"""Attacks on the doors and routes as a whole; those on a part stand with its tests. `make attacks` writes the log."""

import io
import os
import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from clinic.accounts import accounts, sessions
from clinic.erasure import deletion
from clinic.exchange import downloads
from clinic.jobs import control
from clinic.patients import caseload, edits, sharing
from clinic.patients.fields import PatientFields
from clinic.recordings import incoming, uploads
from db.models import Role, SignIn
from tests.consents import agree
from tests.doors import PASSWORD, actor, add_account
from web import account, sign_in
from web.gate import Behind, Gate
from web.resources import database
from web.routes import routes

NAME = "Dr. Invented"
FORM = {"name": NAME, "password": PASSWORD}
HTML = {"accept": "text/html"}
IDS = ["/uploads/" + "a" * 32, "/downloads/" + "a" * 32]


@pytest.fixture
def client(settings):
    home = Route("/", lambda request: PlainTextResponse(f"Hello {request.scope['actor'].name}"))
    behind = Behind(database, lambda message: True, b"", "default-src 'self'")
    app = Starlette(
        routes=[*sign_in.ROUTES, *account.ROUTES, *routes(lambda: settings, database), home],
        middleware=[Middleware(Gate, behind=behind)],
    )
    return TestClient(app, base_url="http://clinic.test", follow_redirects=False)


@pytest.fixture
def signed_in(client):
    """The client of a clinician."""
    add_account(database(), NAME)
    client.post("/sign-in", data=FORM)
    return client


@pytest.fixture
def patient(client):
    """The id of a patient, and her clinician."""
    who = actor(database(), "Dr. Other")
    return caseload.add_patient(database(), who, "Ann Invented"), who


@pytest.mark.attack("media, uploads, downloads, metrics and pages without a sign-in")
@pytest.mark.parametrize(
    "path",
    [
        "/media/a.mp4",
        "/_stcore/upload_file/a/b",
        "/uploads/" + "a" * 32,
        "/downloads/" + "a" * 32,
        "/_stcore/metrics",
        "/",
    ],
)
def test_anonymous(client, attack, path):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        attack(lambda method=method: client.request(method, path), 401)


@pytest.mark.attack("the pages' websocket without a sign-in")
def test_anonymous_websocket(client, attack):
    attack(lambda: client.websocket_connect("/_stcore/stream").__enter__(), 1008)


@pytest.mark.attack("media of Streamlit's own store, by one who is signed in")
def test_streamlit_media(signed_in, attack):
    attack(lambda: signed_in.get("/media/" + "a" * 64 + ".mp4"), 404)


@pytest.mark.attack("another clinician's patient, by the right id")
def test_foreign_clinician(client, patient, attack, settings):
    patient_id, _ = patient
    foreign = actor(database(), "Dr. Foreign")
    tries = (
        lambda: caseload.get_patient(database(), foreign, patient_id),
        lambda: edits.edit_patient(database(), foreign, patient_id, 1, PatientFields("Mine")),
        lambda: deletion.delete_patient(database(), settings, foreign, patient_id),
        lambda: downloads.prepare(database(), settings, foreign, patient_id),
        lambda: sharing.share(database(), foreign, patient_id, "Dr. Foreign"),
    )
    for tried in tries:
        attack(tried, "not_your_patient")


@pytest.mark.attack("an administrator who looks into the patients of others")
def test_administrator(client, patient, attack):
    admin = actor(database(), "Admin", Role.ADMINISTRATOR)
    attack(lambda: caseload.get_patient(database(), admin, patient[0]), "not_your_patient")


@pytest.mark.attack("a viewer who changes a patient that is shared")
def test_viewer(client, patient, attack):
    patient_id, who = patient
    viewer = actor(database(), "Viewer", Role.VIEWER)
    sharing.share(database(), who, patient_id, "Viewer")
    attack(lambda: edits.edit_patient(database(), viewer, patient_id, 1, PatientFields("Mine")), "read_only")


@pytest.mark.attack("guessed ids of patients and recordings")
def test_guessed_patients(client, attack, settings):
    who = actor(database(), NAME)
    attack(lambda: caseload.get_patient(database(), who, "a" * 32), "unknown_patient")
    attack(lambda: control.cancel(database(), settings, who, "a" * 32), "unknown_recording")


@pytest.mark.attack("making one's own account an administrator")
def test_role(client, attack):
    who = actor(database(), NAME)
    attack(lambda: accounts.set_role(database(), who, who.account_id, Role.ADMINISTRATOR), "only_administrators")


@pytest.mark.attack("guessed and foreign ids of uploads and downloads")
def test_guessed_ids(signed_in, patient, attack, settings):
    patient_id, other = patient
    agree(database(), patient_id)
    theirs = incoming.begin(database(), settings, other, 10)
    ticket = downloads.prepare(database(), settings, other, patient_id)
    own = {"sec-fetch-site": "same-origin"}
    for path in (f"/uploads/{theirs.id}", f"/uploads/{'0' * 32}"):
        attack(lambda path=path: signed_in.head(path, headers=own), 404)
    for path in (f"/downloads/{ticket}", f"/downloads/{'0' * 32}", f"/recordings/{'0' * 32}/video"):
        attack(lambda path=path: signed_in.get(path), 404)


@pytest.mark.attack("a path in the place of an id")
@pytest.mark.parametrize("path", ["/downloads/..%2f..%2fclinic.db", "/downloads/%2e%2e", "/downloads/%00"])
def test_path_traversal(signed_in, attack, path):
    attack(lambda: signed_in.get(path), 404)


@pytest.mark.attack("a path in a file's name: what is kept of ../../etc/passwd and C:\\Windows\\win.ini")
def test_path_in_a_name(attack):
    attack(lambda: uploads.clean_name("../../etc/passwd"), "passwd")
    attack(lambda: uploads.clean_name("C:\\Windows\\win.ini"), "win.ini")


@pytest.mark.attack("a playlist that is called a video and names another file")
def test_playlist(client, attack, settings):
    who = actor(database(), NAME)
    (settings.data_dir / "victim.mp4").write_bytes(os.urandom(100))
    content = b"ffconcat version 1.0\nfile victim.mp4\n"
    attack(lambda: uploads.store(database(), settings, who, io.BytesIO(content), "visit.mp4"), "not_a_video")
    assert list((settings.data_dir / "uploads").iterdir()) == []


@pytest.mark.attack("a stolen cookie after signing out")
def test_cookie_after_sign_out(signed_in, attack):
    token = signed_in.cookies["sign_in"]
    sessions.sign_out(database(), sessions.actor_of(database(), token))
    attack(lambda: signed_in.get("/"), 401)


@pytest.mark.attack("a stolen cookie after a quarter of an hour without an action")
def test_cookie_after_idling(signed_in, attack):
    with database().session() as session:
        session.scalar(select(SignIn)).seen_at -= timedelta(minutes=15)
    attack(lambda: signed_in.get("/"), 401)


@pytest.mark.attack("a cookie that was planted before the sign-in (session fixation)")
def test_fixation(client, attack):
    add_account(database(), NAME)
    planted = "planted-" + "x" * 35
    client.cookies.set("sign_in", planted)
    answer = client.post("/sign-in", data=FORM)
    assert planted not in answer.headers["set-cookie"]
    client.cookies.clear()
    client.cookies.set("sign_in", planted)
    attack(lambda: client.get("/"), 401)


@pytest.mark.attack("guessing a password: the sixth attempt")
def test_brute_force(client, attack):
    add_account(database(), NAME)
    for _ in range(5):
        assert client.post("/sign-in", data=FORM | {"password": "wrong"}).status_code == 403
    attack(lambda: client.post("/sign-in", data=FORM), 429)


@pytest.mark.attack("telling known names from unknown ones by the answer")
def test_known_names(client, attack):
    add_account(database(), NAME)
    known = client.post("/sign-in", data={"name": NAME, "password": "wrong"})
    unknown = client.post("/sign-in", data={"name": "Nobody", "password": "wrong"})
    assert known.text.replace(NAME, "") == unknown.text.replace("Nobody", "")
    attack(lambda: unknown, 403)


@pytest.mark.attack("a flood of uploads: the one after the thirty-second")
def test_upload_flood(client, attack, settings, monkeypatch):
    monkeypatch.setattr(incoming, "SMALL_BYTES", 0)
    who = actor(database(), NAME)
    others = [actor(database(), f"Other {number}") for number in range(incoming.MOST_AT_ONCE // incoming.MOST_OF_ONE)]
    for number in range(incoming.MOST_AT_ONCE):
        incoming.begin(database(), settings, others[number % len(others)], 10)
    attack(lambda: incoming.begin(database(), settings, who, 10), "too_many_uploads")


@pytest.mark.attack("an upload that is larger than it was said to be")
def test_longer_upload(signed_in, attack, settings):
    who = sessions.actor_of(database(), signed_in.cookies["sign_in"])
    upload = incoming.begin(database(), settings, who, 10)
    reported = {
        "upload-offset": "0",
        "content-type": "application/offset+octet-stream",
        "sec-fetch-site": "same-origin",
    }
    attack(lambda: signed_in.patch(f"/uploads/{upload.id}", content=bytes(11), headers=reported), 413)


@pytest.mark.attack("a form from another site, with the victim's cookie (XSRF)")
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=str,
)
def test_forged_request(signed_in, attack, headers):
    for path in ("/change-password", "/your-account", "/uploads/" + "a" * 32):
        attack(lambda path=path: signed_in.post(path, headers=headers), 403)


@pytest.mark.attack("a websocket from another site, with the victim's cookie")
def test_forged_websocket(signed_in, attack):
    headers = {"host": "clinic.test", "origin": "https://elsewhere.test"}
    attack(lambda: signed_in.websocket_connect("/_stcore/stream", headers=headers).__enter__(), 1008)


@pytest.mark.attack("a forged Host header: where one who is not signed in is sent")
def test_forged_host(client, attack):
    headers = HTML | {"host": "elsewhere.test"}
    attack(lambda: client.get("/caseload", headers=headers).headers["location"], "/sign-in")


@pytest.mark.attack("a forged Host header with the origin of the real one")
def test_forged_host_in_a_form(signed_in, attack):
    headers = {"host": "elsewhere.test", "origin": "http://clinic.test"}
    attack(lambda: signed_in.post("/change-password", headers=headers), 403)


@pytest.mark.attack("a script in the name at the sign-in: how it is shown")
def test_script_in_a_name(client, attack):
    add_account(database(), NAME)
    answer = client.post("/sign-in", data={"name": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>" not in answer.text
    shown = re.search(r'name="name"[^>]*value="([^"]*)"', answer.text).group(1)
    attack(lambda: shown, "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;")


@pytest.mark.attack("signing in as a second first administrator")
def test_second_first_run(client, attack):
    add_account(database(), NAME)
    form = {"code": "x", "name": "Eve", "password": PASSWORD, "again": PASSWORD}
    attack(lambda: client.post("/first-run", data=form).headers["location"], "/sign-in")
