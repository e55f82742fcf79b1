"""Questionnaires that patients answered: entering, listing, and deleting one that was entered by mistake."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from backup import erasures
from backup.erasures import Erasure
from clinic import access, audit, clock, phrases
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import need_seen
from clinic.questionnaires import scales, scoring
from clinic.questionnaires.published import Scale
from clinic.questionnaires.scoring import Score
from clinic.settings import Settings
from db.engine import Database
from db.models import Account, OwnScale, Patient, QuestionnaireAnswer
from fer_core.errors import FerError

How = Literal["items", "total", "patient", "csv"]
HOW = frozenset(get_args(How))


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be entered: the answers to each question (`items`), or a `total` that was worked out elsewhere."""

    scale: str
    answered_on: date
    items: tuple[int | None, ...] | None = None
    total: float | None = None
    how: How = "items"


@dataclass(frozen=True, slots=True)
class Answer:
    """A questionnaire that was answered, with its score. `by`: who entered it, None for an account from elsewhere."""

    id: str
    number: int
    scale: Scale
    answered_on: date
    items: tuple[int | None, ...] | None
    score: Score
    how: str
    by: str | None


def record(db: Database, actor: Actor, patient_id: str, given: Given, seen: Collection[str] | None = None) -> Answer:
    """Enter a questionnaire and return it with its score.

    `seen`: the ids of the patient's answers that were on the screen, None where there was none. Another one of this
    day and scale is refused. Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``unknown_scale``,
    ``bad_items``, ``bad_total``, ``bad_answer_day``, ``answer_exists``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        _need_seen(session, patient_id, given, seen)
        row = add(session, patient_id, given, account.id)
        return _answer(row, account.name)


def add(session: Session, patient_id: str, given: Given, account_id: str | None) -> QuestionnaireAnswer:
    """Check a questionnaire and write its row and its audit; see `record` for what is raised."""
    scale = scales.of_key(session, given.scale)
    score = entered_score(scale, given)
    objection = answer_days(session, patient_id).objection(given.answered_on)
    if objection is not None:
        raise objection
    if (given.scale, given.answered_on, given.items, score.total) in known(session, patient_id):
        raise FerError("The same answers are already stored for this day.", "answer_exists")
    row = QuestionnaireAnswer(
        patient_id=patient_id,
        scale=scale.key,
        definition=scales.described(scale),
        answered_on=given.answered_on,
        items=list(given.items) if given.items is not None else None,
        total=score.total,
        how=given.how,
        recorded_by=account_id,
        recorded_at=clock.now(),
    )
    session.add(row)
    session.flush()
    _write_down(session, AuditAction.QUESTIONNAIRE_ADDED, account_id, row, scale, how=given.how)
    return row


def listed(db: Database, actor: Actor, patient_id: str) -> list[Answer]:
    """Return what a patient answered, the newest first. Raises Forbidden, FerError ``unknown_patient``."""
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        return of_patient(session, patient_id)


def of_patient(session: Session, patient_id: str) -> list[Answer]:
    """Return what a patient answered, the newest first; the caller has checked the rights."""
    rows = session.execute(
        select(QuestionnaireAnswer, Account.name, OwnScale.retired_at)
        .outerjoin(Account, Account.id == QuestionnaireAnswer.recorded_by)
        .outerjoin(OwnScale, OwnScale.id == QuestionnaireAnswer.scale)
        .where(QuestionnaireAnswer.patient_id == patient_id)
        .order_by(QuestionnaireAnswer.answered_on.desc(), QuestionnaireAnswer.number.desc())
    )
    return [_until(session, _answer(row, name), retired_at) for row, name, retired_at in rows]


def _until(session: Session, answer: Answer, retired_at: datetime | None) -> Answer:
    """Return an answer whose questionnaire, if it is retired, says so: another one may have the same name."""
    if retired_at is None:
        return answer
    name = f"{answer.scale.name} (until {phrases.day(clock.day_of(session, retired_at))})"
    return replace(answer, scale=replace(answer.scale, name=name))


def remove(db: Database, settings: Settings, actor: Actor, answer_id: str) -> None:
    """Delete an answer permanently, also from backups that are restored later.

    Raises Forbidden, FerError ``unknown_answer``, ``erasures_unwritable``.
    """
    with db.session() as session:
        row = session.get(QuestionnaireAnswer, answer_id)
        if row is None:
            raise FerError("This questionnaire does not exist any more.", "unknown_answer")
        account = access.require_writer_of(session, actor, row.patient_id)
        erasures.remember(settings.erasures_path, Erasure("questionnaire_answer", answer_id, {"questionnaires": 1}))
        scale = scales.read_description(row.scale, row.definition)
        _write_down(session, AuditAction.QUESTIONNAIRE_DELETED, account.id, row, scale)
        session.delete(row)
    db.forget_deleted()


def _write_down(
    session: Session, action: AuditAction, by: str | None, row: QuestionnaireAnswer, scale: Scale, **details: str
) -> None:
    """Write into the audit which questionnaire it was, for the patient's history; nothing of what was answered."""
    which = f"{scale.name}, {phrases.day(row.answered_on)}, no. {row.number}"
    audit.write(session, action, by, row.patient_id, typed=which, scale=row.scale, **details)


def _need_seen(session: Session, patient_id: str, given: Given, seen: Collection[str] | None) -> None:
    """Refuse a second questionnaire of a day where the first one came in since the screen was drawn."""
    scale = scales.of_key(session, given.scale)
    same_day = {one.id: in_words(one.score) for one in of_day(of_patient(session, patient_id), given)}
    wanted = in_words(score_of(scale, given.items, given.total))
    need_seen(f"the answers to {scale.name} of this day", seen, same_day, wanted)


def of_day(found: Sequence[Answer], given: Given) -> list[Answer]:
    """Return those of the same scale and day."""
    return [one for one in found if (one.scale.key, one.answered_on) == (given.scale, given.answered_on)]


def in_words(score: Score) -> str:
    """Return a score in two words, for a comparison."""
    return "no total" if score.total is None else f"total {score.total:g}"


def score_of(scale: Scale, items: Sequence[int | None] | None, total: float | None) -> Score:
    """Return the score of answers, or of a total where there are none. Raises FerError ``bad_items``, ``bad_total``."""
    if items is not None:
        return scoring.score_items(scale, items)
    if total is None:
        raise FerError(f"Please give the total of {scale.name}.", "bad_total")
    return scoring.score_total(scale, total)


def entered_score(scale: Scale, given: Given) -> Score:
    """Return the score of what is to be entered. Raises FerError ``bad_items``, ``bad_total``."""
    score = score_of(scale, given.items, given.total)
    if given.items is None and score.total is not None:
        scoring.check_possible(scale, score.total)
    return score


@dataclass(frozen=True, slots=True)
class AnswerDays:
    """The days on which a patient can have answered, both included; `since` says in words when they begin."""

    first: date
    last: date
    since: str

    def objection(self, day: date) -> FerError | None:
        """Return why a day is none of them, None if it is one."""
        if self.first <= day <= self.last:
            return None
        return FerError(f"Please give the day of the answers: a day from {self.since} to today.", "bad_answer_day")


def answer_days(session: Session, patient_id: str) -> AnswerDays:
    """Return the days from a patient's birth, or from 1990 if it isn't known, to today."""
    born_on = session.get_one(Patient, patient_id).born_on
    return AnswerDays(born_on or clock.FIRST_DAY, clock.latest_day(session), clock.first_day_in_words(born_on))


Known = set[tuple[str, date, tuple[int | None, ...] | None, float | None]]


def known(session: Session, patient_id: str) -> Known:
    """Return scale, day, items and total of everything that a patient answered."""
    rows = session.scalars(select(QuestionnaireAnswer).where(QuestionnaireAnswer.patient_id == patient_id))
    return {(row.scale, row.answered_on, _items(row), row.total) for row in rows}


def _items(row: QuestionnaireAnswer) -> tuple[int | None, ...] | None:
    return tuple(row.items) if row.items is not None else None


def _answer(row: QuestionnaireAnswer, by: str | None) -> Answer:
    scale, items = scales.read_description(row.scale, row.definition), _items(row)
    score = score_of(scale, items, row.total)
    return Answer(row.id, row.number, scale, row.answered_on, items, score, row.how, by)
