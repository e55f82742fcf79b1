"""The routes: pieces of uploads from this program's own pages, archives handed out once, nothing for guesses."""

import asyncio
import hashlib
import io
import os
import threading
import zipfile
from dataclasses import replace
from datetime import date

import httpx2
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from clinic.accounts import accounts, sessions
from clinic.exchange import downloads
from clinic.jobs import jobs
from clinic.patients import caseload, sharing
from clinic.recordings import incoming
from clinic.recordings.incoming import Incoming
from db.models import Consent, Role, Scope, new_id
from fer_core.errors import FerError
from storage.sealed import CHUNK_BYTES
from tests import doors, loops
from tests.clinic.conftest import an_upload, cheap_hashes, db, patient, seal, settings, who  # noqa: F401  # fixtures
from tests.consents import agree
from web import routes as web_routes
from web.routes import PIECE_TYPE, routes

OWN = {"Sec-Fetch-Site": "same-origin"}


class SignedIn:
    """Puts who acts into the scope, as the gate does."""

    def __init__(self, app, actor):
        self.app, self.actor = app, actor

    async def __call__(self, scope, receive, send):
        scope["actor"] = self.actor
        await self.app(scope, receive, send)


def client_of(db, settings, actor):
    gate = [Middleware(SignedIn, actor=actor)]
    served = Starlette(routes=routes(lambda: settings, lambda: db), middleware=gate)
    return TestClient(served, base_url="http://127.0.0.1:8501")


@pytest.fixture
def client(db, settings, who):
    return client_of(db, settings, who)


def patch(client, upload_id, offset, content, **headers):
    reported = {"Upload-Offset": str(offset), "Content-Type": PIECE_TYPE, **OWN, **headers}
    return client.patch(f"/uploads/{upload_id}", content=content, headers=reported)


def test_a_file_goes_up_in_pieces(db, settings, who, client):
    content = os.urandom(2 * CHUNK_BYTES + 7)
    upload = incoming.begin(db, settings, who, len(content))
    answer = patch(client, upload.id, 0, content[:CHUNK_BYTES])
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(CHUNK_BYTES))
    assert answer.headers["cache-control"] == "no-store"
    reported = client.head(f"/uploads/{upload.id}", headers=OWN)
    assert reported.headers["upload-offset"] == str(CHUNK_BYTES)
    assert reported.headers["upload-length"] == str(len(content))
    answer = patch(client, upload.id, 5, content)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_offset")
    answer = patch(client, upload.id, CHUNK_BYTES, content[CHUNK_BYTES:])
    assert answer.headers["upload-offset"] == str(len(content))
    assert incoming.status(settings, upload.id, who.account_id).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8501"},
        {"Sec-Fetch-Site": "", "Origin": "http://127.0.0.1:8501"},
    ],
)
def test_other_pages_cannot_send(db, settings, who, client, headers):
    upload = incoming.begin(db, settings, who, 10)
    answer = patch(client, upload.id, 0, b"x", **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "other_origin")
    assert client.delete(f"/uploads/{upload.id}", headers=headers).status_code == 403
    assert incoming.status(settings, upload.id, who.account_id).offset == 0


@pytest.mark.parametrize(
    ("origin", "status"), [("http://127.0.0.1:8501", 204), ("http://evil.example", 403), (None, 403)]
)
def test_an_old_browser_is_recognised_by_its_origin(db, settings, who, client, origin, status):
    upload = incoming.begin(db, settings, who, 1)
    reported = {"Upload-Offset": "0", "Content-Type": PIECE_TYPE} | ({"Origin": origin} if origin else {})
    assert client.patch(f"/uploads/{upload.id}", content=b"x", headers=reported).status_code == status


def test_what_is_no_piece_is_refused(db, settings, who, client):
    upload = incoming.begin(db, settings, who, 10)
    for reported in (
        {"Content-Type": "text/plain"},
        {"Upload-Offset": "-1"},
        {"Upload-Offset": "x"},
        {"Upload-Offset": ""},
        {"Upload-Offset": "1" * 5000},
    ):
        assert patch(client, upload.id, 0, b"x", **reported).json()["code"] == "no_piece"
    assert patch(client, upload.id, 0, bytes(11)).status_code == 413
    assert patch(client, "0" * 32, 0, b"x").status_code == 404
    assert patch(client, "..%2fworker", 0, b"x").status_code == 404
    assert client.get(f"/uploads/{upload.id}", headers=OWN).status_code == 405
    assert client.post(f"/uploads/{upload.id}", headers=OWN).status_code == 405


def test_a_refusal_in_the_middle_of_a_piece_is_answered(db, settings, who):
    upload = incoming.begin(db, settings, who, 4 * CHUNK_BYTES)
    full = client_of(db, replace(settings, min_free_bytes=1 << 62), who)
    answer = patch(full, upload.id, 0, (bytes(100_000) for _ in range(10)))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert patch(client_of(db, settings, who), upload.id, 0, bytes(4 * CHUNK_BYTES)).status_code == 204


def test_giving_up_leaves_nothing(db, settings, who, client):
    upload = incoming.begin(db, settings, who, 10)
    assert client.delete(f"/uploads/{upload.id}", headers=OWN).status_code == 204
    assert client.head(f"/uploads/{upload.id}", headers=OWN).status_code == 404


def test_what_came_before_the_connection_broke_is_kept(db, settings, who, client):
    content = os.urandom(3 * CHUNK_BYTES)
    upload = incoming.begin(db, settings, who, len(content))

    def broken():
        yield content[: CHUNK_BYTES + 5]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        patch(client, upload.id, 0, broken())
    offset = int(client.head(f"/uploads/{upload.id}", headers=OWN).headers["upload-offset"])
    assert offset in (0, CHUNK_BYTES)
    assert patch(client, upload.id, offset, content[offset:]).status_code == 204
    assert incoming.status(settings, upload.id, who.account_id).sha256 == hashlib.sha256(content).hexdigest()


def test_another_user_s_upload_is_unknown(db, settings, who):
    upload = incoming.begin(db, settings, who, 1)
    assert patch(client_of(db, settings, doors.actor(db, "Bob")), upload.id, 0, b"x").status_code == 404
    assert patch(client_of(db, settings, who), upload.id, 0, b"x").status_code == 204


def test_an_archive_is_handed_out_once(db, settings, who, client):
    patient_id = caseload.add_patient(db, who, "Wilhelmine Zauberberg")
    agree(db, patient_id)
    ticket = downloads.prepare(db, settings, who, patient_id)
    (path,) = (settings.data_dir / "downloads").iterdir()
    assert b"Zauberberg" not in path.read_bytes()
    answer = client.get(f"/downloads/{ticket}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="patient-export.zip"'
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "Zauberberg" in archive.read("patient.json").decode()
    assert not path.exists()
    assert client.get(f"/downloads/{ticket}").status_code == 404


def test_a_link_that_is_followed_too_late_opens_a_page_that_says_so(client):
    answer = client.get(f"/downloads/{'0' * 32}", headers={"Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert (
        "This download does not exist any more. Please prepare it again, if it may still be handed out." in answer.text
    )


@pytest.mark.parametrize("guessed", ["0" * 32, "x", "..%2f..%2fclinic.db"])
def test_guessed_tickets_are_unknown(client, guessed):
    assert client.get(f"/downloads/{guessed}").status_code == 404


def test_a_ticket_is_its_owner_s_and_ends(db, settings, who):
    patient_id = caseload.add_patient(db, who, "Ann Invented")
    agree(db, patient_id)
    ticket = downloads.prepare(db, settings, who, patient_id)
    assert client_of(db, settings, doors.actor(db, "Bob")).get(f"/downloads/{ticket}").status_code == 404
    (path,) = (settings.data_dir / "downloads").iterdir()
    os.utime(path, (0, 0))
    assert client_of(db, settings, who).get(f"/downloads/{ticket}").status_code == 404
    assert not path.exists()


def test_a_stored_video_is_no_download(db, settings, who, client, an_upload):
    upload = an_upload()
    assert client.get(f"/downloads/{upload.id}").status_code == 404
    assert client.head(f"/uploads/{upload.id}", headers=OWN).status_code == 404


def test_a_refused_export_leaves_no_file(db, settings, who, patient, an_upload):
    jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 1, 1), model_sha256="m")
    with pytest.raises(FerError):
        downloads.prepare(db, settings, who, patient)
    assert list((settings.data_dir / "downloads").iterdir()) == []


@pytest.fixture
def ticket(db, settings, who):
    """A ticket for the archive of a patient whom two clinicians see, and the patient's id."""
    patient_id = caseload.add_patient(db, who, "Ann Invented")
    agree(db, patient_id)
    doors.actor(db, "Colleague")
    sharing.share(db, who, patient_id, "Colleague")
    return downloads.prepare(db, settings, who, patient_id), patient_id


def taken_away(db, settings, who, patient_id):
    sharing.unshare(db, who, patient_id, who.account_id)


def made_a_viewer(db, settings, who, patient_id):
    accounts.set_role(db, doors.actor(db, "Admin", Role.ADMINISTRATOR), who.account_id, Role.VIEWER)


def withdrawn(db, settings, who, patient_id):
    with db.session() as session:
        asked = select(Consent).where(Consent.patient_id == patient_id, Consent.scope == Scope.EXPORT.value)
        session.scalar(asked).withdrawn_at = doors.now()


def signed_out(db, settings, who, patient_id):
    sessions.sign_out(db, who)


def no_files_kept(db, settings, who, patient_id):
    with db.session() as session:
        asked = select(Consent).where(Consent.patient_id == patient_id, Consent.scope == Scope.KEEP_VIDEO.value)
        session.scalar(asked).withdrawn_at = doors.now()


@pytest.mark.attack("an archive that was prepared before access or consent was taken away, fetched afterwards")
@pytest.mark.parametrize("change", [taken_away, made_a_viewer, withdrawn, signed_out, no_files_kept])
def test_a_ticket_asks_again_at_the_fetch(db, settings, who, client, ticket, change, attack):
    change(db, settings, who, ticket[1])
    attack(lambda: client.get(f"/downloads/{ticket[0]}"), 403)


def test_head_leaves_the_archive(client, ticket):
    reported = client.head(f"/downloads/{ticket[0]}")
    assert (reported.status_code, reported.content) == (200, b"")
    answer = client.get(f"/downloads/{ticket[0]}")
    assert (answer.status_code, len(answer.content)) == (200, int(reported.headers["content-length"]))


@pytest.mark.attack("an upload that goes on after its account was disabled or made a viewer")
@pytest.mark.parametrize("change", [made_a_viewer, signed_out])
def test_a_body_stops_when_its_account_ends(db, settings, who, client, change, attack, monkeypatch):
    monkeypatch.setattr(web_routes, "ASKED_EVERY_S", 0.001)
    upload = incoming.begin(db, settings, who, 64 * CHUNK_BYTES)

    def body():
        for number in range(64):
            if number == 4:
                change(db, settings, who, "")
            yield bytes(CHUNK_BYTES)

    attack(lambda: patch(client, upload.id, 0, body()), 403)
    assert incoming.status(settings, upload.id, who.account_id).offset < 64 * CHUNK_BYTES


def test_a_video_that_ends_at_sign_out_breaks_off_without_a_traceback(db, settings, who, client, ticket, monkeypatch):
    monkeypatch.setattr(downloads, "READ_BYTES", 16)
    monkeypatch.setattr(downloads, "ASKED_EVERY_BYTES", 16)
    archive = downloads.take(db, settings, who, ticket[0])
    content = downloads.content(db, who, archive)

    def ending():
        yield next(content)
        sessions.sign_out(db, who)
        yield from content

    sent = []

    async def send(message):
        sent.append(message)

    loops.run(web_routes._Stream(ending()).stream_response(send))
    assert sent[0]["type"] == "http.response.start"
    assert all(message.get("more_body", True) for message in sent)


def test_nothing_waits_for_the_disk_in_the_loop(db, settings, who, client, monkeypatch):
    """Neither where a piece ends, nor where its connection breaks."""
    waited = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: waited.append(threading.current_thread().name) or real(file))
    upload = incoming.begin(db, settings, who, 3 * CHUNK_BYTES)
    waited.clear()
    patch(client, upload.id, 0, bytes(CHUNK_BYTES))
    with pytest.raises(ConnectionResetError):
        patch(client, upload.id, CHUNK_BYTES, broken_off())
    offset = int(client.head(f"/uploads/{upload.id}", headers=OWN).headers["upload-offset"])
    patch(client, upload.id, offset, bytes(3 * CHUNK_BYTES - offset))
    assert len(waited) >= 3
    assert {name.rpartition("_")[0] for name in waited} == {"disk"}


@pytest.mark.attack("30 uploads at once while the disk makes nothing safe before the server has done something else")
def test_thirty_uploads_on_a_slow_disk_do_not_hold_up_the_loop(db, settings, who, attack, monkeypatch):
    """Each wait for the disk ends only once the loop has made another turn, which it can't where it waits itself."""
    real, held_up, uploads = os.fsync, [], []
    for _ in range(30):
        uploads.append(incoming._open(settings, Incoming(new_id(), 2 * CHUNK_BYTES, who.account_id)).id)

    async def send_all():
        loop = asyncio.get_running_loop()

        def slow(descriptor):
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            held_up.append(not turned.wait(2))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", slow)
        served = Starlette(routes=routes(lambda: settings, lambda: db), middleware=[Middleware(SignedIn, actor=who)])
        reported = {"Upload-Offset": "0", "Content-Type": PIECE_TYPE, **OWN}
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(served), base_url="http://127.0.0.1:8501"
        ) as client:
            sent = (client.patch(f"/uploads/{one}", content=bytes(CHUNK_BYTES), headers=reported) for one in uploads)
            return await asyncio.gather(*sent)

    answers = loops.run(send_all())
    assert [answer.status_code for answer in answers] == [204] * 30
    assert len(held_up) >= 30
    attack(lambda: any(held_up), False)


def broken_off():
    yield bytes(CHUNK_BYTES + 5)
    raise ConnectionResetError
