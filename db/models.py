"""The tables. Times are UTC and exact; a missing value is NULL and never a guess."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    ScalarSelect,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    column,
    event,
    func,
    select,
    table,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from db.folding import search_key
from fer_core.types import Status


def new_id() -> str:
    """Return a random 128-bit id as 32 hexadecimal digits: it names nobody, so it may stand in a URL or a log."""
    return uuid.uuid4().hex


def next_number(of: str) -> ScalarSelect[int]:
    """Return the next number of a table's rows, in the order in which they were written.

    Instants do not say that order: a clock may be set back. Writers hold the only write lock (`db.engine.Database`).
    """
    return select(func.coalesce(func.max(column("number")), 0) + 1).select_from(table(of)).scalar_subquery()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Refuses a datetime without a zone; SQLite, which keeps none, gets it back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware datetime into UTC. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone is no moment")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The declarative base; constraint names are fixed, so that a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[dict[str, Any]]: JSON(none_as_null=True),
    }


class JobState(StrEnum):
    """Where an analysis stands. `CHOOSING`: several faces were found and the clinician has yet to say who is who."""

    QUEUED = "queued"
    RUNNING = "running"
    CHOOSING = "choosing"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What an account may do; of patients, each sees those of its own caseload alone (clinic/access.py)."""

    ADMINISTRATOR = "administrator"
    CLINICIAN = "clinician"
    VIEWER = "viewer"


class Scope(StrEnum):
    """What a patient agrees to, each on its own (clinic/consent/consent.py)."""

    ANALYSE = "analyse"
    KEEP_RESULTS = "keep_results"
    KEEP_VIDEO = "keep_video"
    EXPORT = "export"


class EventKind(StrEnum):
    """What a mark is of."""

    MEDICATION = "medication"
    SESSION = "session"
    EVENT = "event"


class ConditionKind(StrEnum):
    """What keeps labels from being interpreted."""

    PARKINSONISM = "parkinsonism"
    FACIAL_PALSY = "facial_palsy"
    RIGIDITY = "rigidity"
    BOTULINUM = "botulinum"
    AUTISM = "autism"
    COVERED = "covered"
    OTHER = "other"


class Installation(Base):
    """What an administrator set for the whole clinic: one row.

    `zone`: the clinic's time zone, such as ``Europe/Berlin``, NULL before one is known; `zone_confirmed`: whether a
    person chose it. `clock_jump_s`: by how many seconds the clock was last set forward, or back (below 0), NULL where
    an administrator has seen it; `clock_jumped_at`: when, by the new clock. `key_id`: the fingerprint of the master key
    (32 hexadecimal digits), which tells nothing of it; NULL before the first start with a key.
    """

    __tablename__ = "installation"
    ONLY: ClassVar[int] = 1

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    zone: Mapped[str | None] = mapped_column(String(64))
    zone_confirmed: Mapped[bool] = mapped_column(default=False)
    clock_jump_s: Mapped[float | None]
    clock_jumped_at: Mapped[datetime | None]
    key_id: Mapped[str | None] = mapped_column(String(32))


class Account(Base):
    """Someone who may sign in. `name_key` is the name as it is compared, so that no two differ by case alone."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("account"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(200), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(200))
    must_change: Mapped[bool] = mapped_column(default=False)
    """Whether the password is one that someone else has seen, so that nothing opens before it is changed."""
    statement: Mapped[int | None]
    """The version of the intended-use statement that was accepted last (`clinic.words.STATEMENT_VERSION`)."""
    accepted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    told: Mapped[int] = mapped_column(default=0)
    """Up to which row of the audit the person has read what administrators did (clinic/accounts/takeovers.py)."""
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the edits; who edits says which revision was on the screen (clinic/conflicts.py)."""


class SignIn(Base):
    """A browser that is signed in. Of the token in its cookie only the SHA-256 is kept; ending it deletes the row.

    `pending`: the password was right and the second step is still to come, so that nobody acts by it yet.
    `by_provider`: signed in at another provider (OIDC).
    """

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    pending: Mapped[bool] = mapped_column(default=False)
    by_provider: Mapped[bool] = mapped_column(default=False)


class SecondStep(Base):
    """The second step of an account's sign-in (clinic/accounts/totp.py): asked for when `on_since` is set.

    `secret`: sealed with the master key, in hexadecimal digits. `last_step`: the time step of the last code taken.
    `steps_ahead`: steps of codes that were taken while the clock was ahead; they are not taken a second time.
    """

    __tablename__ = "second_step"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(400))
    last_step: Mapped[int] = mapped_column(default=0)
    steps_ahead: Mapped[list[int]] = mapped_column(JSON(none_as_null=True), default=list)
    created_at: Mapped[datetime]
    on_since: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that stands in once for the second step; of it only the SHA-256 is kept, and using it deletes the row."""

    __tablename__ = "recovery_code"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class ProviderIdentity(Base):
    """Who an account is at the sign-in provider: known by `subject`, or by `email` until the first sign-in there."""

    __tablename__ = "provider_identity"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(320))

    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        UniqueConstraint("issuer", "email", name="uq_provider_identity_email"),
    )


class ProviderAttempt(Base):
    """A browser that was sent to the provider and is not back yet; deleted when it comes, so that none comes twice."""

    __tablename__ = "provider_attempt"

    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(index=True)


class SignInFailure(Base):
    """How often a name failed in a row, known or not; of the name only the SHA-256, for people type passwords there."""

    __tablename__ = "sign_in_failure"

    name_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(index=True)
    refused_until: Mapped[datetime]


class Access(Base):
    """An account that sees a patient: for good (`until` NULL: the caseload), or in an emergency until then."""

    __tablename__ = "access"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, index=True)
    until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class HandOverRequest(Base):
    """A caseload that one administrator wants to hand over and a second confirms (clinic/accounts/handover.py)."""

    __tablename__ = "hand_over_request"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    giver_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), unique=True)
    taker_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    asked_by: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]


class ApiToken(Base):
    """What lets a program act for an account at `/api/v1` (clinic/accounts/tokens.py); of it only the SHA-256 is kept.

    `used_at`: when it was last written down that it was used. Revoking it deletes the row.
    """

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("api_token"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiTokenPatient(Base):
    """A patient for whom a token acts; a token without any acts for no patient."""

    __tablename__ = "api_token_patient"

    token_id: Mapped[str] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, index=True)


class AuditRow(Base):
    """One deed, chained to the one before by its hash (clinic/audit.py); the database refuses to change or delete it.

    Ids alone and no references: the row stays when what it speaks of is erased, and then names nobody.
    """

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column("deed", String(32), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32))
    patient_id: Mapped[str | None] = mapped_column(String(32), index=True)
    recording_id: Mapped[str | None] = mapped_column(String(32))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class AuditText(Base):
    """What a person typed in a deed of the audit: it goes with the patient, the chain keeps its salted hash."""

    __tablename__ = "audit_text"

    number: Mapped[int] = mapped_column(ForeignKey("audit.number"), primary_key=True, autoincrement=False)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    salt: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)


class Patient(Base):
    """A person whose history is kept. `demo` marks an invented one. `search_key` is kept true to name, code and note.

    `code` (a clinic's number, or empty) and `born_on` tell people of one name apart. `revision` counts edits of this
    row, `consents_revision` those of the patient's consents, `sharing_revision` those of who sees the patient
    (clinic/conflicts.py). `visits` is the highest number that a visit was given: it is not given again.
    """

    __tablename__ = "patient"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("patient"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    code: Mapped[str] = mapped_column(String(40), default="")
    born_on: Mapped[date | None]
    note: Mapped[str] = mapped_column(Text, default="")
    search_key: Mapped[str] = mapped_column(Text, default=lambda row: search_key(row.get_current_parameters()))
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)
    consents_revision: Mapped[int] = mapped_column(default=1)
    sharing_revision: Mapped[int] = mapped_column(default=1)
    visits: Mapped[int] = mapped_column(default=0)
    recordings: Mapped[list[Recording]] = relationship(
        back_populates="patient", cascade="all, delete-orphan", passive_deletes=True
    )


@event.listens_for(Patient, "before_update")
def _renew_search_key(_mapper: Any, _connection: Any, patient: Patient) -> None:
    patient.search_key = search_key({"name": patient.name, "code": patient.code, "note": patient.note})


class PatientImport(Base):
    """A patient's archive that is brought in: queued -> running -> done, failed or cancelled.

    While it is queued or running, its patient is staged: rows are there, and nobody sees them (`clinic.access.staged`).
    `account_id`: whose caseload it is for, NULL for the console; `upload_id`: where the archive waits
    (clinic/recordings/incoming.py), NULL for the console's. Lease and token are those of `Job`. `share`: of the
    work, 0 to 1. An ended one has a patient only where it is done.
    """

    __tablename__ = "patient_import"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("patient_import"), index=True)
    account_id: Mapped[str | None] = mapped_column(String(32), index=True)
    upload_id: Mapped[str | None] = mapped_column(String(32))
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED.value, index=True)
    worker: Mapped[str] = mapped_column(String(64), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    share: Mapped[float] = mapped_column(default=0.0)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Consent(Base):
    """A patient's consent to one `scope`. Rows are added and never changed but for being withdrawn.

    Of several rows of a scope the one with the highest `number` counts, whatever the clock said. It was given on
    `given_on`, holds up to and with `expires_on` (NULL: until it is withdrawn), and `document` says where the signed
    paper is found. `recorded_by` and `withdrawn_by` are ids of accounts, no references: an import brings those of
    another installation.
    """

    __tablename__ = "consent"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("consent"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scope: Mapped[str] = mapped_column(String(16))
    given_on: Mapped[date]
    expires_on: Mapped[date | None]
    document: Mapped[str] = mapped_column(String(200), default="")
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(32))
    withdrawn_at: Mapped[datetime | None]


_IN_TREND = column("current", Boolean) & column("summary").is_not(None)


class Recording(Base):
    """One clinic visit's pictures or video, and how its results were made.

    `source_name` is display text alone. `summary` (see clinic/patients/summaries.py) is NULL until the analysis is
    done. `patient_track` is the face track chosen as the patient, NULL while unchosen. Analysed again with another
    model, a visit has several rows: `version_of` names the first, NULL in it, and one is `current`.
    """

    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("recording"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    version_of: Mapped[str | None] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    current: Mapped[bool] = mapped_column(default=True)
    """Whether lists and trends show this version: a new one becomes it when its analysis is done."""
    visit_number: Mapped[int]
    """Which of the patient's visits it is, from 1; all versions have it, and no other visit gets it, even later."""
    kind: Mapped[str] = mapped_column(String(16))
    """``"video"`` or ``"pictures"``."""
    recorded_on: Mapped[date] = mapped_column(index=True)
    recorded_time: Mapped[time | None]
    """The time of day on the clinic's clock, where it is known."""
    note: Mapped[str] = mapped_column(Text, default="")
    source_name: Mapped[str] = mapped_column(String(300), default="")
    source_sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    duration_s: Mapped[float | None]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    codec: Mapped[str | None] = mapped_column(String(32))
    """How the video was compressed, such as ``h264``; NULL for pictures, and where an earlier version analysed it."""
    model_sha256: Mapped[str | None] = mapped_column(String(64))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    program_version: Mapped[str] = mapped_column(String(32), default="")
    device: Mapped[str] = mapped_column(String(64), default="")
    damaged_frames: Mapped[int] = mapped_column(default=0)
    partial: Mapped[bool] = mapped_column(default=False)
    patient_track: Mapped[int | None]
    summary: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    analysed_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    """Counts the edits of day, time and note; all versions of a visit have the same."""
    patient: Mapped[Patient] = relationship(back_populates="recordings")
    samples: Mapped[list[Sample]] = relationship(
        back_populates="recording", cascade="all, delete-orphan", passive_deletes=True
    )
    chunks: Mapped[list[Chunk]] = relationship(
        back_populates="recording", cascade="all, delete-orphan", passive_deletes=True
    )
    job: Mapped[Job | None] = relationship(
        back_populates="recording", cascade="all, delete-orphan", passive_deletes=True, uselist=False
    )

    __table_args__ = (
        # The caseload counts tens of thousands of recordings: from these indexes alone, without reading a row.
        Index("ix_recording_listed", "patient_id", "current", "recorded_on"),
        Index(
            "ix_recording_in_trend",
            "patient_id",
            "number",
            "revision",
            sqlite_where=_IN_TREND,
            postgresql_where=_IN_TREND,
        ),
    )


class TrendDigest(Base):
    """A patient's trend in short, for the caseload (clinic/patients/digests.py): worked out of recordings, and again.

    `recordings`, `numbers`, `revisions`: how many recordings it was made of, and the sums of their numbers and
    revisions, by which it is known whether it still holds; `method`: the version of the program's way of making it.
    `outside`: whether the newest counting recording is marked for lying outside the patient's usual range.
    """

    __tablename__ = "trend_digest"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True)
    method: Mapped[int]
    recordings: Mapped[int]
    numbers: Mapped[int] = mapped_column(BigInteger)
    revisions: Mapped[int] = mapped_column(BigInteger)
    outside: Mapped[bool] = mapped_column(default=False)
    line: Mapped[dict[str, Any]]
    """See `clinic.patients.digests.SmallTrend`."""


@event.listens_for(Recording, "before_insert")
def _number_visit(_mapper: Any, connection: Connection, recording: Recording) -> None:
    """Give a recording its visit's number; of a deleted visit the number is not given again."""
    if recording.visit_number is not None:
        return
    if recording.version_of is not None:
        visit = select(Recording.visit_number).where(Recording.id == recording.version_of)
        recording.visit_number = connection.execute(visit).scalar_one()
        return
    of_patient = Patient.id == recording.patient_id
    connection.execute(update(Patient).where(of_patient).values(visits=Patient.visits + 1))
    # Where there is no such patient the row is refused anyway, for its reference.
    recording.visit_number = connection.execute(select(Patient.visits).where(of_patient)).scalar() or 1


class Sample(Base):
    """One face at one moment of a recording, or one moment without a face (`track` -1, everything else NULL).

    Probabilities stand in `Emotion` order and are NULL together wherever `status` is neither ok nor uncertain.
    """

    __tablename__ = "sample"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    frame_index: Mapped[int] = mapped_column(primary_key=True)
    track: Mapped[int] = mapped_column(primary_key=True, default=-1)
    time_s: Mapped[float]
    status: Mapped[str] = mapped_column(String(16), default=Status.NO_FACE.value)
    left: Mapped[float | None]
    top: Mapped[float | None]
    right: Mapped[float | None]
    bottom: Mapped[float | None]
    confidence: Mapped[float | None]
    sharpness: Mapped[float | None]
    brightness: Mapped[float | None]
    """Both see `fer_core.types.Quality`; NULL without a face, and where an earlier version analysed it."""
    mouth_change: Mapped[float | None]
    """See `fer_core.types.FaceExpression`; NULL in pictures too, and where there is nothing to compare with."""
    angry: Mapped[float | None]
    disgust: Mapped[float | None]
    fear: Mapped[float | None]
    happy: Mapped[float | None]
    sad: Mapped[float | None]
    surprise: Mapped[float | None]
    neutral: Mapped[float | None]
    recording: Mapped[Recording] = relationship(back_populates="samples")

    __table_args__ = (Index("ix_sample_recording_time", "recording_id", "time_s"),)


class RecordingMark(Base):
    """What a clinician says of a stretch of a visit's recording, seconds; the samples stay as they are.

    `recording_id`: the visit's first version. `verdict`, `label`, `reason`: see `clinic.recordings.marks`.
    `model_label`: what the model `model_sha256` had said of most of the stretch, NULL where it gave no label.
    """

    __tablename__ = "recording_mark"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("recording_mark"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    begin_s: Mapped[float]
    end_s: Mapped[float]
    verdict: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(Text, default="")
    model_label: Mapped[str | None] = mapped_column(String(16))
    model_sha256: Mapped[str | None] = mapped_column(String(64))
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)


class Chunk(Base):
    """About 10 s of video, or one picture, whose samples are written: in one transaction with this row, and only once.

    From `begin_s` to `end_s` of the recording, seconds; `samples`: moments looked at; `worked_s`: how long that took.
    `lease_token`: under which of the job's fencing tokens it was written.
    """

    __tablename__ = "chunk"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    begin_s: Mapped[float]
    end_s: Mapped[float]
    samples: Mapped[int]
    worked_s: Mapped[float]
    lease_token: Mapped[int]
    written_at: Mapped[datetime] = mapped_column(index=True)
    recording: Mapped[Recording] = relationship(back_populates="chunks")


class OwnScale(Base):
    """A questionnaire that the clinic defined: a name, a range of totals and its bands; no text of its questions.

    `bands`: ``{"least", "label"}`` each, in the order of the totals. `higher_is`: ``"worse"``, ``"better"`` or
    ``"neither"``. `reliability` and `spread` (the standard deviation it was found with) come from `source`; NULL where
    nobody gave them, and then no change is called reliable. A retired scale takes no new answers.
    """

    __tablename__ = "own_scale"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80))
    lowest: Mapped[float]
    highest: Mapped[float]
    higher_is: Mapped[str] = mapped_column(String(8))
    bands: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    reliability: Mapped[float | None]
    spread: Mapped[float | None]
    source: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class QuestionnaireAnswer(Base):
    """A questionnaire that a patient answered on one day: its items, or its total alone.

    `scale`: the key of a published scale (clinic/questionnaires/published.py), or the id of an `OwnScale`, which
    `definition` then describes as it was that day, so that the answer can be read elsewhere too; NULL for a published
    one. `items`: the number given for each question, null for one without an answer; NULL where only the total is
    known. `total`: NULL where too much is missing.
    `how` it came in: ``"items"``, ``"total"``, ``"patient"`` or ``"csv"``.
    """

    __tablename__ = "questionnaire_answer"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("questionnaire_answer"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    definition: Mapped[dict[str, Any] | None]
    answered_on: Mapped[date]
    items: Mapped[list[int | None] | None] = mapped_column(JSON(none_as_null=True))
    total: Mapped[float | None]
    how: Mapped[str] = mapped_column(String(8))
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class QuestionnaireSchedule(Base):
    """How often a patient is to answer a questionnaire: every so many days, from `first_due` on."""

    __tablename__ = "questionnaire_schedule"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(80))
    every_days: Mapped[int]
    first_due: Mapped[date]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("patient_id", "scale"),)


class HandOver(Base):
    """The clinic's device in a patient's hands: one questionnaire, and a PIN that gives the device back.

    Of the token in the browser's cookie only the SHA-256 is kept. `account_id`: who handed it over, and is signed in
    again by the PIN. `items`: the answers so far, null for none. `done_at`: when the last question was left.
    """

    __tablename__ = "hand_over"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    scale: Mapped[str] = mapped_column(String(32))
    items: Mapped[list[int | None]] = mapped_column(JSON(none_as_null=True))
    pin_hash: Mapped[str] = mapped_column(String(200))
    wrong_pins: Mapped[int] = mapped_column(default=0)
    by_provider: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class PatientEvent(Base):
    """Something on a patient's axis of time: ``"medication"``, ``"session"`` or ``"event"``, and what it was."""

    __tablename__ = "patient_event"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("patient_event"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    happened_on: Mapped[date]
    text: Mapped[str] = mapped_column(String(300), default="")
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class ImportedSeries(Base):
    """A table of another program on one recording, reduced to a figure for each measure (clinic/patients/imported.py).

    `tool`: ``"openface"``, ``"pyfeat"`` or ``"facereader"``. Never joined with this program's own results.
    """

    __tablename__ = "imported_series"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("imported_series"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    tool: Mapped[str] = mapped_column(String(16))
    recorded_on: Mapped[date]
    note: Mapped[str] = mapped_column(String(300), default="")
    moments: Mapped[int]
    readable_share: Mapped[float]
    measures: Mapped[dict[str, Any]]
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class FaceCondition(Base):
    """Why labels of a patient's expressions are not to be interpreted, such as ``"facial_palsy"``, and since when.

    `ended_on`: the first day on which it no longer holds, NULL while it does.
    """

    __tablename__ = "face_condition"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("face_condition"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(String(300), default="")
    began_on: Mapped[date]
    ended_on: Mapped[date | None]
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    recorded_at: Mapped[datetime]


class Reanalysis(Base):
    """A wish to analyse recordings again with another model: of one patient, or of everybody (`patient_id` NULL)."""

    __tablename__ = "reanalysis"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("reanalysis"), index=True)
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patient.id", ondelete="CASCADE"), index=True)
    model_sha256: Mapped[str] = mapped_column(String(64))
    paused: Mapped[bool] = mapped_column(default=False)
    without_file: Mapped[int] = mapped_column(default=0)
    """How many recordings could not be queued, because their file is no longer kept."""
    created_at: Mapped[datetime]


class Job(Base):
    """The analysis of one recording: queued -> running -> (choosing ->) done, partial, failed or cancelled.

    A worker holds a job by a lease: `lease_until` and the fencing token `lease_token`, which grows with every
    take-over, so that a worker that comes back from the dead can't write any more. `cursor` (see clinic/jobs/chunks.py)
    is what the next worker needs to go on after the last chunk, NULL before the first and after the end.
    """

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(default=next_number("job"), index=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), unique=True)
    key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The idempotency key: SHA-256 of visit, model, settings and chosen face. No second job has the same."""
    reanalysis_id: Mapped[str | None] = mapped_column(ForeignKey("reanalysis.id", ondelete="SET NULL"), index=True)
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED.value, index=True)
    priority: Mapped[int] = mapped_column(default=0)
    """Higher first: pictures pass long videos."""
    attempts: Mapped[int] = mapped_column(default=0)
    """How often a worker began since the last chunk was written."""
    not_before: Mapped[datetime | None]
    """After a worker died of it: when it is tried again."""
    worker: Mapped[str] = mapped_column(String(100), default="")
    """Who holds it, or held it last."""
    cursor: Mapped[dict[str, Any] | None]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    sources: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """The uploads to analyse, in order: ``{"id", "name", "sha256", "size", "kind"}`` each."""
    done_s: Mapped[float] = mapped_column(default=0.0)
    resumed_s: Mapped[float] = mapped_column(default=0.0)
    """What of `done_s` was done before the present holder began."""
    total_s: Mapped[float | None]
    frames: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    recording: Mapped[Recording] = relationship(back_populates="job")
