"""A copy of a kept video shows the patient's face alone, and is there for who asked for it, while that is allowed."""

import errno
import io
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import select, update

from clinic.accounts.accounts import grant
from clinic.admin import demo, key_folder
from clinic.consent.consent import ConsentError
from clinic.erasure import deletion
from clinic.exchange import downloads, lease, video_copies
from clinic.exchange.downloads import Kind
from clinic.jobs import obstacles
from clinic.patients import conditions
from clinic.patients.conditions import ConditionKind
from clinic.recordings import marks, uploads
from clinic.recordings.verdicts import MarkFields, Verdict
from clinic.worker import copying, store_watch
from clinic.worker.endings import StoppingError
from clinic.worker.worker import Worker
from clinic.worker_health import read_health
from db.models import AuditRow, Consent, Job, JobState, Role, Scope, VideoCopy, new_id
from db.records import save_results
from fer_core.errors import FerError
from fer_core.media.video import frames
from fer_core.types import Box, Face, FaceExpression, FrameResult, Status
from tests import doors
from tests.clinic.fakes import FakeAnalyzer
from tests.media import write_clip

BOX = Box(100, 60, 180, 140)


@pytest.fixture
def recording(db, settings, patient, tmp_path):
    """The id of an analysed recording of two seconds of noise, whose video is kept."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 40, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    path = write_clip(tmp_path / "visit.mp4", list(noise))
    with path.open("rb") as file:
        kept = uploads.take_in(settings, file, "visit.mp4", new_id())
    stored, _ = demo._recording(patient, demo.InventedVisit(0, 0.3, 0.2, minutes=0.1), np.random.default_rng(1))
    stored.duration_s = 2.0
    outputs = (0.01, 0.01, 0.01, 0.94, 0.01, 0.01, 0.01)
    with db.session() as session:
        session.add(stored)
        session.flush()
        job = Job(recording_id=stored.id, state=JobState.DONE.value, created_at=doors.now())
        job.sources = [{"id": kept.id, "media_type": "video/mp4"}]
        session.add(job)
        face = FaceExpression(Face(BOX, 0.9), Status.OK, outputs)
        seen = [FrameResult(index, index / 5, (face,) if index < 8 else ()) for index in range(10)]
        save_results(session, stored.id, seen)
        return stored.id


def made(db, settings, go_on=lambda: None):
    copying.make(db, settings, video_copies.claim(db), go_on)


def state_of(db):
    with db.read() as session:
        return session.scalars(select(VideoCopy.state).order_by(VideoCopy.number.desc())).first()


def fetched(db, settings, who, recording):
    ticket = video_copies.standing(db, settings, who, recording).ticket
    waiting = downloads.take(db, settings, who, ticket)
    assert waiting.kind is Kind.VIDEO
    assert waiting.with_files
    return b"".join(downloads.content(db, who, waiting))


def detail(part):
    """How much a part of a picture varies: of the noise about 70, of coarse cells made of it about a fifth."""
    return float(part.astype(float).std())


def test_the_copy_shows_the_patient_s_face_alone(db, settings, who, recording):
    marks.add(db, who, recording, MarkFields(0.8, 1.2, Verdict.NOT_PATIENT))
    video_copies.ask(db, settings, who, recording)
    made(db, settings)
    found = list(frames(io.BytesIO(fetched(db, settings, who, recording)), 0))
    assert [frame.time_s for frame in found] == pytest.approx([number / 10 for number in range(20)], abs=0.001)
    face, beside = (slice(70, 130), slice(110, 170)), (slice(0, 240), slice(220, 320))
    shown = detail(found[2].rgb[face])
    assert shown > 50
    assert detail(found[2].rgb[beside]) < 0.6 * shown, "whoever is beside the patient"
    assert detail(found[10].rgb[face]) < 0.6 * shown, "somebody said that it is not the patient"
    assert detail(found[19].rgb[face]) < 0.6 * shown, "no face was found any more"
    assert video_copies.standing(db, settings, who, recording) is None, "it is fetched once"
    with db.read() as session:
        assert "video_copy_asked" in session.scalars(select(AuditRow.action)).all()


def test_a_worker_makes_it_and_a_repeated_wish_is_one(db, settings, who, recording):
    first = video_copies.ask(db, settings, who, recording)
    assert video_copies.ask(db, settings, who, recording) == first
    worker = Worker(settings, db, FakeAnalyzer)
    assert worker.copy_once()
    assert not worker.copy_once()
    assert state_of(db) == "done"


def test_it_is_cancelled_while_it_waits_and_while_it_is_made(db, settings, who, recording, monkeypatch):
    monkeypatch.setattr(copying, "PROGRESS_EVERY_S", 0.0)
    video_copies.ask(db, settings, who, recording)
    video_copies.cancel(db, who, recording)
    assert state_of(db) == "cancelled"
    assert video_copies.claim(db) is None
    video_copies.ask(db, settings, who, recording)
    calls = iter(range(100))
    made(db, settings, lambda: video_copies.cancel(db, who, recording) if next(calls) == 5 else None)
    assert state_of(db) == "cancelled"
    assert list((settings.data_dir / "downloads").iterdir()) == []


@pytest.mark.attack(
    "a copy of a video that was finished while its patient was deleted, or it was cancelled: what is left"
)
@pytest.mark.parametrize("end", ["deleted", "cancelled"])
def test_a_copy_that_nobody_may_have_is_not_left(db, settings, who, patient, recording, monkeypatch, attack, end):
    real = downloads.keep

    def keep(*args, **kwargs):
        ticket = real(*args, **kwargs)
        if end == "deleted":
            # The files go before the rows, and this one came between.
            monkeypatch.setattr(downloads, "sweep", lambda *args, **kwargs: 0)
            deletion.delete_patient(db, settings, who, patient)
        else:
            video_copies.cancel(db, who, recording)
        return ticket

    video_copies.ask(db, settings, who, recording)
    monkeypatch.setattr(downloads, "keep", keep)
    made(db, settings)
    attack(lambda: list((settings.data_dir / "downloads").iterdir()), [])


def test_a_worker_that_ends_puts_it_back(db, settings, who, recording):
    video_copies.ask(db, settings, who, recording)

    def stopping():
        raise StoppingError

    made(db, settings, stopping)
    assert state_of(db) == "queued"
    made(db, settings)
    assert state_of(db) == "done"


@pytest.fixture
def unmount(db, settings, recording, unmount):
    """The functions of `unmount`, for a store that the clinic has marked as its own."""
    key_folder.mark(db, settings)
    uploads.check_quota(db, settings, 1)
    return unmount


def test_a_copy_waits_for_the_media_store(db, settings, who, recording, unmount, monkeypatch):
    monkeypatch.setattr(store_watch, "STORE_EVERY_S", 0.0)
    away, back = unmount
    video_copies.ask(db, settings, who, recording)
    away()
    worker = Worker(settings, db, FakeAnalyzer)
    assert not worker.copy_once()
    assert state_of(db) == "queued"
    assert obstacles.obstacle(settings) == obstacles.STORE_AWAY, "the page says it"
    back()
    assert worker.copy_once()
    assert state_of(db) == "done"
    assert not read_health(settings).store_away


def test_a_store_that_goes_while_a_copy_is_made_fails_nothing(db, settings, who, recording, unmount, monkeypatch):
    monkeypatch.setattr(store_watch, "STORE_EVERY_S", 0.0)
    away, back = unmount
    video_copies.ask(db, settings, who, recording)
    worker, calls = Worker(settings, db, FakeAnalyzer), iter(range(100))

    def between_frames():
        if next(calls) == 5:
            away()
            raise OSError(errno.ESTALE, "stale file handle")

    monkeypatch.setattr(worker, "_between_frames", between_frames)
    assert worker.copy_once()
    assert state_of(db) == "queued"
    back()
    assert worker.copy_once()
    assert state_of(db) == "done"


def test_a_copy_whose_video_alone_is_lost_fails(db, settings, who, recording, unmount):
    video_copies.ask(db, settings, who, recording)
    with db.read() as session:
        uploads.discard(settings, video_copies.files_of(session, recording))
    assert Worker(settings, db, FakeAnalyzer).copy_once()
    assert state_of(db) == "failed"


def test_a_worker_that_died_three_times_of_it_is_the_last(db, settings, who, recording):
    video_copies.ask(db, settings, who, recording)
    for _ in range(lease.MAX_ATTEMPTS):
        held = video_copies.claim(db)
        assert video_copies.claim(db) is None, "somebody has it"
        with db.session() as session:
            session.execute(update(VideoCopy).values(lease_until=doors.now() - timedelta(minutes=2)))
    assert video_copies.claim(db) is None
    assert state_of(db) == "failed"
    assert not video_copies.end(db, held, JobState.DONE, "0" * 32), "who comes back from the dead writes nothing"


def test_withdrawn_consent_ends_it(db, settings, who, patient, recording, monkeypatch):
    monkeypatch.setattr(copying, "PROGRESS_EVERY_S", 0.0)
    video_copies.ask(db, settings, who, recording)
    with db.session() as session:
        session.execute(update(Consent).where(Consent.scope == Scope.EXPORT).values(withdrawn_at=doors.now()))
    made(db, settings)
    assert state_of(db) == "cancelled"
    with pytest.raises(ConsentError):
        video_copies.ask(db, settings, who, recording)


def test_a_colleague_does_not_fetch_it(db, settings, who, patient, recording):
    video_copies.ask(db, settings, who, recording)
    made(db, settings)
    ticket = video_copies.standing(db, settings, who, recording).ticket
    other = doors.actor(db, "Ben", Role.CLINICIAN)
    with db.session() as session:
        grant(session, other.account_id, patient)
    assert video_copies.standing(db, settings, other, recording) is None
    with pytest.raises(FerError) as refusal:
        downloads.take(db, settings, other, ticket)
    assert refusal.value.code == "download_unknown"


def test_without_a_kept_video_there_is_none(db, settings, who, recording):
    with db.session() as session:
        session.scalars(select(Job)).one().sources = []
    with pytest.raises(FerError) as refusal:
        video_copies.ask(db, settings, who, recording)
    assert refusal.value.code == "no_video"


def test_under_a_condition_of_the_face_no_label_is_written_into_a_copy(db, settings, who, patient, recording):
    video_copies.ask(db, settings, who, recording)
    conditions.add(db, who, patient, ConditionKind.COVERED, date(2020, 1, 1))
    made(db, settings)
    assert state_of(db) == JobState.FAILED.value
    with pytest.raises(FerError) as refused:
        video_copies.ask(db, settings, who, recording)
    assert refused.value.code == "not_interpreted"
