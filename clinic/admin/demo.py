"""Four invented patients, so that the charts can be seen without real people. Nobody here exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select

from clinic import audit, clock
from clinic.accounts import passwords
from clinic.accounts.accounts import grant, insert_account, name_key, replace_password
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients.trends import summarise
from clinic.version import VERSION
from db.engine import Database
from db.models import Account, Job, JobState, Patient, Recording, Role, Sample
from db.records import NO_TRACK, SampleTable
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.types import Status

ACCOUNT = "Demo"
EVERY_S = 0.2
LAST_DAY = date(2026, 11, 16)
UNCERTAIN_BELOW = 0.495
OLD_MODEL, NEW_MODEL = "demo-model-1", "demo-model-2"


@dataclass(frozen=True, slots=True)
class _Visit:
    """An invented recording: how long before the last day, its mean expression, and how much of it is usable."""

    days_ago: int
    happy: float
    sad: float
    usable: float = 0.9
    minutes: float = 5.0
    model: str = NEW_MODEL
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    note: str
    visits: Sequence[_Visit]


def _weekly(happy: Sequence[float], sad: Sequence[float], step: int = 14) -> list[_Visit]:
    """Return visits `step` days apart, the last one on the last day."""
    count = len(happy)
    return [_Visit((count - 1 - n) * step, h, s) for n, (h, s) in enumerate(zip(happy, sad, strict=True))]


PEOPLE = (
    _Person(
        "Ada (invented)",
        "Invented for the demonstration: a long, even baseline, then more happy-like time.",
        _weekly(
            [0.15, 0.18, 0.14, 0.17, 0.16, 0.15, 0.19, 0.16, 0.17, 0.4, 0.42, 0.45],
            [0.27, 0.24, 0.28, 0.25, 0.26, 0.28, 0.24, 0.27, 0.25, 0.11, 0.1, 0.09],
        ),
    ),
    _Person(
        "Bruno (invented)",
        "Invented: some recordings with too little of the face, and weeks without any.",
        [
            _Visit(150, 0.2, 0.2),
            _Visit(136, 0.22, 0.18, usable=0.3, note="Camera too far away"),
            _Visit(122, 0.2, 0.22),
            _Visit(52, 0.26, 0.16),
            _Visit(38, 0.28, 0.15, usable=0.85),
            _Visit(24, 0.0, 0.0, usable=0.0, minutes=3, note="Face turned away all the time"),
            _Visit(10, 0.3, 0.14),
        ],
    ),
    _Person(
        "Chen (invented)",
        "Invented: a new model from the seventh recording on, which starts a new line.",
        [
            _Visit((9 - n) * 21, 0.12 + 0.01 * n, 0.3 - 0.012 * n, model=OLD_MODEL if n < 6 else NEW_MODEL, usable=0.8)
            for n in range(10)
        ],
    ),
    _Person(
        "Dana (invented)",
        "Invented: a baseline that is still being built.",
        _weekly([0.31, 0.28, 0.33, 0.3, 0.29, 0.34], [0.1, 0.13, 0.09, 0.11, 0.12, 0.08], step=10),
    ),
)


def add_account(db: Database) -> str:
    """Add the demonstration's account, or give it a new password; return the password.

    It is an administrator, so that everything can be looked at, and sees the invented patients.
    """
    password = passwords.generate(groups=4)
    stored = passwords.hash_password(password)
    with db.session() as session:
        account = session.scalar(select(Account).where(Account.name_key == name_key(ACCOUNT)))
        if account is None:
            account = insert_account(session, ACCOUNT, Role.ADMINISTRATOR, stored, must_change=False)
        replace_password(session, account, stored, must_change=False)
        for patient_id in session.scalars(select(Patient.id).where(Patient.demo)).all():
            grant(session, account.id, patient_id)
        audit.write(session, AuditAction.PASSWORD_RESET, None, account=account.id, console=True)
    return password


def fill(db: Database) -> int:
    """Add the invented patients, marked as such, and return how many; 0 where they are there already."""
    with db.read() as session:
        if session.scalar(select(Patient.id).where(Patient.demo).limit(1)) is not None:
            return 0
    rng = np.random.default_rng(7)
    with db.session() as session:
        for person in PEOPLE:
            patient = Patient(name=person.name, note=person.note, demo=True, created_at=clock.now())
            session.add(patient)
            session.flush()
            first = max(visit.days_ago for visit in person.visits)
            given_on = LAST_DAY - timedelta(days=first)
            consent.add(session, patient.id, tuple(Scope), given_on, document="Invented: no paper was signed")
            for visit in person.visits:
                recording, table = _recording(patient.id, visit, rng)
                session.add(recording)
                session.flush()
                session.add(Job(recording_id=recording.id, state=JobState.DONE.value, created_at=clock.now()))
                session.execute(insert(Sample), _rows(recording.id, table))
    return len(PEOPLE)


def _recording(patient_id: str, visit: _Visit, rng: np.random.Generator) -> tuple[Recording, SampleTable]:
    table = _samples(visit, rng)
    choice = {"how": "only", "tracks": [0], "left_out": []}
    settings = {"every_s": EVERY_S, "uncertain_below": UNCERTAIN_BELOW, "face_choice": choice}
    recording = Recording(
        patient_id=patient_id,
        kind="video",
        recorded_on=LAST_DAY - timedelta(days=visit.days_ago),
        note=visit.note,
        source_name="invented.mp4",
        duration_s=visit.minutes * 60,
        width_px=1280,
        height_px=720,
        model_sha256=visit.model,
        settings=settings,
        program_version=VERSION,
        device="invented",
        patient_track=0,
        summary=asdict(summarise(table, "video", settings)),
        created_at=clock.now(),
        analysed_at=clock.now(),
    )
    return recording, table


def _samples(visit: _Visit, rng: np.random.Generator) -> SampleTable:
    """Return samples that resemble their neighbours, as those of a real face do."""
    count = round(visit.minutes * 60 / EVERY_S)
    base = np.array([0.05, 0.02, 0.04, max(0.01, visit.happy), max(0.01, visit.sad), 0.05, 0.0])
    base[Emotion.NEUTRAL] = max(0.1, 1 - base.sum())
    wandering = np.stack([_wander(count, 4.0, rng) for _ in Emotion], axis=1)
    logits = np.log(base) + 1.6 * wandering
    logits *= 1.9
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    status = np.where(probabilities.max(axis=1) >= UNCERTAIN_BELOW, Status.OK.value, Status.UNCERTAIN.value)
    status = status.astype("<U16")
    # A slow wave says when the face is lost; its height is set so that the wanted share stays.
    lost = _wander(count, 12.0, rng)
    gone = lost >= np.quantile(lost, visit.usable) if 0 < visit.usable < 1 else np.full(count, visit.usable == 0)
    status[gone] = np.where(_wander(count, 6.0, rng)[gone] > 0, Status.PROFILE.value, Status.NO_FACE.value)
    probabilities[gone] = np.nan
    absent = status == Status.NO_FACE.value
    boxes = np.tile([520.0, 180.0, 760.0, 500.0], (count, 1)) + 8 * _wander(count, 5.0, rng)[:, None]
    boxes[absent] = np.nan
    return SampleTable(
        frame_index=np.arange(count) * 6,
        time_s=np.arange(count, dtype=np.float64) * EVERY_S,
        track=np.where(absent, NO_TRACK, 0),
        status=status,
        probabilities=probabilities,
        boxes=boxes,
        confidence=np.where(absent, np.nan, 0.99),
    )


def _wander(count: int, memory_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a series of unit spread that forgets itself within about `memory_s` seconds."""
    width = max(1, round(memory_s / EVERY_S))
    noise = rng.normal(size=count + 2 * width)
    series = np.convolve(noise, np.hanning(2 * width + 1), mode="valid")
    wander: NDArray[np.float64] = series / series.std()
    return wander


def _rows(recording_id: str, table: SampleTable) -> list[dict[str, object]]:
    """Return the samples as rows; NaN becomes NULL."""
    numbers = np.concatenate([table.boxes, table.confidence[:, None], table.probabilities], axis=1)
    names = ("left", "top", "right", "bottom", "confidence", *EMOTION_LABELS)
    return [
        {
            "recording_id": recording_id,
            "frame_index": index,
            "track": track,
            "time_s": time_s,
            "status": status,
            **{name: None if value != value else value for name, value in zip(names, row, strict=True)},
        }
        for index, track, time_s, status, row in zip(
            table.frame_index.tolist(),
            table.track.tolist(),
            table.time_s.tolist(),
            table.status.tolist(),
            numbers.tolist(),
            strict=True,
        )
    ]
