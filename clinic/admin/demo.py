"""Invented patients (demo_people.py), so that everything can be seen without real people. None of them exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from clinic import audit, clock
from clinic.accounts import passwords
from clinic.accounts.accounts import grant, insert_account, name_key, replace_password
from clinic.admin.demo_people import OWN_SCALE, PEOPLE, Answered, InventedPerson, InventedVisit
from clinic.audit import AuditAction
from clinic.consent import giving
from clinic.consent.consent import Scope
from clinic.patients.summaries import summarise
from clinic.questionnaires import scales
from clinic.questionnaires.published import PUBLISHED, HigherIs, Scale
from clinic.questionnaires.scoring import score_items
from clinic.version import VERSION
from db.engine import Database
from db.models import (
    Account,
    FaceCondition,
    Job,
    JobState,
    OwnScale,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingKind,
    Role,
    Sample,
)
from db.records import NO_TRACK, SampleTable
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.types import Status

ACCOUNT = "Demo"
EVERY_S = 0.2
LAST_DAY = date(2026, 11, 16)
UNCERTAIN_BELOW = 0.495


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


def fill(db: Database, people: Sequence[InventedPerson] = PEOPLE) -> int:
    """Add invented patients, marked as such, and return how many; 0 where there are some already."""
    with db.read() as session:
        if session.scalar(select(Patient.id).where(Patient.demo).limit(1)) is not None:
            return 0
    rng = np.random.default_rng(7)
    with db.session() as session:
        own = _own_scale(session)
        for person in people:
            _add(session, person, own, rng)
    return len(people)


def _own_scale(session: Session) -> Scale:
    """Add the clinic's own questionnaire of the demonstration."""
    own = OwnScale(
        name=OWN_SCALE,
        lowest=0.0,
        highest=40.0,
        higher_is=HigherIs.BETTER.value,
        bands=[{"least": 0.0, "label": "low"}, {"least": 25.0, "label": "middle"}, {"least": 34.0, "label": "high"}],
        created_at=clock.now(),
    )
    session.add(own)
    session.flush()
    return scales.of_key(session, own.id)


def _add(session: Session, person: InventedPerson, own: Scale, rng: np.random.Generator) -> None:
    patient = Patient(name=person.name, note=person.note, demo=True, created_at=clock.now())
    session.add(patient)
    session.flush()
    given_on = _day(max(visit.days_ago for visit in person.visits))
    agreed = tuple(scope for scope in Scope if scope is not Scope.TRAIN)
    giving.add(session, patient.id, agreed, given_on, document="Invented: no paper was signed")
    oldest_sampled = len(person.visits) - (person.sampled or len(person.visits))
    for number, visit in enumerate(person.visits):
        recording, table = _recording(patient.id, visit, rng)
        session.add(recording)
        session.flush()
        session.add(Job(recording_id=recording.id, state=JobState.DONE, created_at=clock.now()))
        if number >= oldest_sampled:
            session.execute(insert(Sample), _rows(recording.id, table))
    for answered in person.answered:
        session.add(_answer(patient.id, answered, own, rng))
        # One by one: rows that are written together get one number.
        session.flush()
    _add_beside(session, patient.id, person)
    session.flush()


def _add_beside(session: Session, patient_id: str, person: InventedPerson) -> None:
    """Add what accompanies recordings and questionnaires: marks, due dates, a condition of the face."""
    now = clock.now()
    for event in person.events:
        values = {"kind": event.kind, "happened_on": _day(event.days_ago), "text": event.text}
        session.add(PatientEvent(patient_id=patient_id, recorded_at=now, **values))
        session.flush()
    for key, every in person.every_days:
        first = min(_day(one.days_ago) for one in person.answered if one.scale == key)
        name = PUBLISHED[key].name
        session.add(
            QuestionnaireSchedule(
                patient_id=patient_id, scale=key, name=name, every_days=every, first_due=first, created_at=now
            )
        )
    if person.condition is not None:
        values = {"kind": person.condition.value, "began_on": _day(max(visit.days_ago for visit in person.visits))}
        session.add(FaceCondition(patient_id=patient_id, recorded_at=now, **values))


def _answer(patient_id: str, answered: Answered, own: Scale, rng: np.random.Generator) -> QuestionnaireAnswer:
    scale = own if answered.scale == OWN_SCALE else PUBLISHED[answered.scale]
    items = _items(scale, answered, rng) if scale.items else None
    total = score_items(scale, items).total if items is not None else float(answered.total)
    return QuestionnaireAnswer(
        patient_id=patient_id,
        scale=scale.key,
        definition=scales.described(scale),
        answered_on=_day(answered.days_ago),
        items=items,
        total=total,
        how="total" if items is None else "items",
        recorded_at=clock.now(),
    )


def _items(scale: Scale, answered: Answered, rng: np.random.Generator) -> list[int | None]:
    """Return answers that add up to the wanted total, spread over the questions by chance."""
    items = [0] * len(scale.items)
    if scale.watched is not None:
        items[scale.watched] = answered.watched
    free = [place for place in range(len(items)) if place != scale.watched]
    while sum(items) < answered.total:
        place = int(rng.choice([one for one in free if items[one] < len(scale.answers) - 1]))
        items[place] += 1
    left_open = set(rng.choice(free, answered.open, replace=False).tolist()) if answered.open else set()
    return [None if place in left_open else item for place, item in enumerate(items)]


def _day(days_ago: int) -> date:
    return LAST_DAY - timedelta(days=days_ago)


def _recording(patient_id: str, visit: InventedVisit, rng: np.random.Generator) -> tuple[Recording, SampleTable]:
    table = _samples(visit, rng)
    choice = {"how": "only", "tracks": [0], "left_out": []}
    settings = {"every_s": EVERY_S, "uncertain_below": UNCERTAIN_BELOW, "face_choice": choice}
    recording = Recording(
        patient_id=patient_id,
        kind=RecordingKind.VIDEO,
        recorded_on=_day(visit.days_ago),
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
        summary=asdict(summarise(table, RecordingKind.VIDEO, settings)),
        created_at=clock.now(),
        analysed_at=clock.now(),
    )
    return recording, table


def _samples(visit: InventedVisit, rng: np.random.Generator) -> SampleTable:
    """Return samples that resemble their neighbours, like those of a real face."""
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
