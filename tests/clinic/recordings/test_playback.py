"""A kept video is handed out in parts, to those who may watch it while the consent stands, and that is written down."""

import os
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from clinic.access import Role
from clinic.accounts import accounts, sessions
from clinic.audit import AuditAction
from clinic.consent.consent import Scope
from clinic.erasure import withdrawal
from clinic.jobs import jobs, leases
from clinic.patients import sharing
from clinic.recordings import playback
from clinic.worker import analysis
from db.models import AuditRow, Job
from fer_core.errors import FerError
from storage.sealed import CHUNK_BYTES
from tests import doors
from tests.clinic.fakes import FakeAnalyzer
from tests.consents import agree, expire
from tests.web.test_routes import client_of

CONTENT = os.urandom(3 * CHUNK_BYTES + 1234)
SIZE = len(CONTENT)


@pytest.fixture
def settings(settings):
    return replace(settings, keep_files=True)


@pytest.fixture
def upload(an_upload):
    return replace(an_upload("video", CONTENT), media_type="video/mp4")


@pytest.fixture
def recording(db, settings, who, patient, upload):
    """A recording whose video was kept."""
    asked = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 5, 4), model_sha256="fake-model")
    claimed = leases.claim(db)
    analysis.run(db, settings, claimed, lambda: FakeAnalyzer([[(0,)]]), analysis.Reporter(db, claimed))
    assert upload.path.exists()
    return asked.recording_id


@pytest.fixture
def get(db, settings, who, recording):
    """Return a function that asks for the video."""
    client = client_of(db, settings, who)

    def ask(wanted=None, method="GET"):
        headers = {"Range": wanted} if wanted is not None else {}
        return client.request(method, f"/recordings/{recording}/video", headers=headers)

    return ask


def views(db):
    with db.read() as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == AuditAction.VIDEO_VIEWED.value)))


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        (f"bytes={CHUNK_BYTES - 2}-{CHUNK_BYTES + 2}", CHUNK_BYTES - 2, CHUNK_BYTES + 2),
        (f"bytes={2 * CHUNK_BYTES}-", 2 * CHUNK_BYTES, SIZE - 1),
        (f"bytes={SIZE - 1}-{SIZE + 99}", SIZE - 1, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        (f"bytes=-{SIZE + 5}", 0, SIZE - 1),
    ],
)
def test_a_part(get, wanted, first, last):
    answer = get(wanted)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.content == CONTENT[first : last + 1]


@pytest.mark.parametrize(
    "wanted", [None, "bytes=5-4", "bytes=0-1,5-6", "lines=0-5", "bytes=", "bytes=-", "bytes=a-b", "x" * 5000]
)
def test_what_is_no_single_range_gets_all(get, wanted):
    answer = get(wanted)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0", f"bytes={10**17}-"])
def test_a_part_behind_the_end(get, wanted):
    answer = get(wanted)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


def test_the_headers_say_what_it_is_and_keep_it_out_of_caches(get, db):
    for method in ("HEAD", "GET"):
        headers = get(method=method).headers
        assert headers["content-type"] == "video/mp4"
        assert headers["content-length"] == str(SIZE)
        assert headers["accept-ranges"] == "bytes"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("sandbox")
    answer = get("bytes=0-5", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")


def test_only_the_chunks_that_are_asked_for_are_opened(get, upload, caplog):
    sealed = bytearray(upload.path.read_bytes())
    sealed[CHUNK_BYTES] ^= 1
    upload.path.write_bytes(sealed)
    assert get(f"bytes={CHUNK_BYTES}-{2 * CHUNK_BYTES - 1}").content == CONTENT[CHUNK_BYTES : 2 * CHUNK_BYTES]
    with caplog.at_level("INFO"):
        assert get("bytes=0-5").content == b""
    assert "an answer was broken off" in caplog.text


def test_a_view_is_written_down_once_for_each_sign_in(db, settings, who, recording, patient, get):
    get(method="HEAD")
    assert views(db) == []
    for wanted in (None, "bytes=0-5", "bytes=6-9"):
        get(wanted)
    [row] = views(db)
    assert (row.account_id, row.patient_id, row.recording_id) == (who.account_id, patient, recording)
    assert row.details == {"sign_in": who.sign_in_id}
    again = sessions.actor_of(db, sessions.sign_in(db, who.name, doors.PASSWORD))
    client_of(db, settings, again).get(f"/recordings/{recording}/video")
    assert len(views(db)) == 2


def test_who_does_not_see_the_patient_gets_nothing(db, settings, who, recording, patient):
    path = f"/recordings/{recording}/video"
    for role in (Role.CLINICIAN, Role.ADMINISTRATOR):
        answer = client_of(db, settings, doors.actor(db, f"A {role}", role)).get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_patient")
    viewer = doors.actor(db, "A viewer", Role.VIEWER)
    sharing.share(db, who, patient, viewer.name)
    assert client_of(db, settings, viewer).get(path).content == CONTENT
    sharing.unshare(db, who, patient, viewer.account_id)
    assert client_of(db, settings, viewer).get(path).status_code == 403
    accounts.disable(db, doors.actor(db, "Admin", Role.ADMINISTRATOR), who.account_id)
    assert client_of(db, settings, who).get(path).status_code == 403


@pytest.mark.parametrize("guessed", ["0" * 32, "x", "..%2f..%2fclinic.db"])
def test_guesses_are_unknown(db, settings, who, guessed):
    assert client_of(db, settings, who).get(f"/recordings/{guessed}/video").status_code == 404


def test_each_request_asks_for_the_consent(db, settings, who, patient, get):
    assert get("bytes=0-5").status_code == 206
    expire(db, patient, Scope.KEEP_VIDEO)
    answer = get("bytes=6-9")
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_expired")
    agree(db, patient, Scope.KEEP_VIDEO)
    assert get("bytes=6-9").status_code == 206
    withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_VIDEO])
    assert get("bytes=6-9").json()["code"] == "consent_withdrawn"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda db, who, patient: expire(db, patient, Scope.KEEP_VIDEO), "consent_expired"),
        (lambda db, who, patient: sessions.sign_out(db, who), "signed_out"),
    ],
    ids=["consent", "sign-in"],
)
def test_in_the_middle_of_an_answer_it_is_asked_again(db, settings, who, patient, recording, monkeypatch, end, code):
    monkeypatch.setattr(playback, "CHECKED_EVERY_BYTES", CHUNK_BYTES)
    part = playback.open_part(db, settings, who, recording)
    parts = playback.content(db, settings, who, recording, part)
    assert next(parts) == CONTENT[:CHUNK_BYTES]
    end(db, who, patient)
    with pytest.raises(FerError) as refusal:
        next(parts)
    assert refusal.value.code == code
    assert part.file.closed


@pytest.mark.parametrize("media_type", [None, "text/html", "video/mp4\r\nX-Header: y"])
def test_what_is_not_kept_or_not_played_is_no_video(db, settings, who, recording, upload, get, media_type):
    with db.session() as session:
        job = session.scalar(select(Job))
        job.sources = [job.sources[0] | {"media_type": media_type}]
    assert playback.kept(db, settings, who, recording).media_type is None
    assert get().json()["code"] == "no_video"
    upload.path.unlink()
    assert playback.kept(db, settings, who, recording) is None
    assert get().status_code == 404


def test_where_the_pictures_begin_in_the_file_is_kept_with_it(db, settings, who, recording):
    assert playback.kept(db, settings, who, recording).begins_s == 0
    with db.session() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording))
        job.sources = [job.sources[0] | {"begins_s": 3.0}]
    assert playback.kept(db, settings, who, recording).begins_s == 3.0
