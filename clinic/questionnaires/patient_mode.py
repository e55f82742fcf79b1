"""Patient mode: the clinic's device in a patient's hands, with one questionnaire and nothing else.

Handing it over ends the sign-in of that browser, so that no page, no address and no other tab opens any more. The
browser keeps a token that answers the questions and does nothing else; with the PIN the sign-in goes on, no longer than
it would have lasted, unless the account's sign-ins were ended meanwhile.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock
from clinic.access import Actor, Forbidden
from clinic.accounts import passwords, sessions
from clinic.audit import AuditAction
from clinic.questionnaires import answers, scales
from clinic.questionnaires.answers import Given
from clinic.questionnaires.published import Scale
from db.engine import Database
from db.models import Account, HandOver, SignIn
from fer_core.errors import FerError

PIN = re.compile(r"\d{4,12}")
TRIES = 5
"""Wrong PINs after which the account has to sign in as usual."""
LASTS = timedelta(hours=2)
OVER = "This questionnaire is closed. Please give the device back."


@dataclass(frozen=True, slots=True)
class ShownQuestionnaire:
    """What the device shows: the questionnaire, the answers so far, and whether the patient has finished.

    `id`: of this hand-over, so that a screen of an earlier one answers nothing.
    """

    id: str
    scale: Scale
    items: tuple[int | None, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class InHands:
    """A questionnaire that a device in a patient's hands shows: its name, since when, and how far it is answered."""

    name: str
    since: datetime
    answered: int
    questions: int


def begin(db: Database, actor: Actor, patient_id: str, scale_key: str, pin: str) -> str:
    """Hand the device over: end this browser's sign-in and return the token that answers the questions.

    Raises Forbidden, FerError ``unknown_patient``, ``unknown_scale``, ``no_items``, ``bad_pin``.
    """
    if not PIN.fullmatch(pin):
        raise FerError("Please choose a PIN of 4 to 12 digits.", "bad_pin")
    pin_hash, token = passwords.hash_password(pin), secrets.token_urlsafe(32)
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        scale = scales.of_key(session, scale_key)
        if not scale.items:
            raise FerError(
                f"{scale.name} is entered as a total: the program does not contain its questions.", "no_items"
            )
        signed_in = session.get(SignIn, actor.sign_in_id)
        session.add(
            HandOver(
                token_sha256=_digest(token),
                account_id=account.id,
                patient_id=patient_id,
                scale=scale.key,
                items=[None] * len(scale.items),
                pin_hash=pin_hash,
                by_provider=signed_in.by_provider if signed_in is not None else False,
                signed_in_at=signed_in.created_at if signed_in is not None else None,
                created_at=clock.now(),
            )
        )
        if signed_in is not None:
            session.delete(signed_in)
        audit.write(session, AuditAction.DEVICE_HANDED_OVER, account.id, patient_id, scale=scale.key)
    return token


def in_hands(db: Database, actor: Actor, patient_id: str) -> list[InHands]:
    """Return what the patient is asked on devices now, the oldest first.

    Raises Forbidden, FerError ``unknown_patient``.
    """
    with db.read() as session:
        access.require_reader_of(session, actor, patient_id)
        rows = session.execute(
            select(HandOver.scale, HandOver.created_at, HandOver.items)
            .where(HandOver.patient_id == patient_id, HandOver.done_at.is_(None), _lives())
            .order_by(HandOver.created_at, HandOver.id)
        )
        return [
            InHands(
                scales.of_key(session, row.scale).name,
                row.created_at,
                sum(item is not None for item in row.items),
                len(row.items),
            )
            for row in rows
        ]


def asked(db: Database, token: str | None) -> ShownQuestionnaire | None:
    """Return what the device of this token shows, None after the end."""
    with db.read() as session:
        row = _row(session, token)
        if row is None:
            return None
        return ShownQuestionnaire(row.id, scales.of_key(session, row.scale), tuple(row.items), row.done_at is not None)


def answer(db: Database, token: str | None, place: int, item: int | None) -> None:
    """Keep the answer to question `place` (from 0); None leaves it open. Raises FerError ``over``, ``bad_items``."""
    with db.session() as session:
        row = _open_row(session, token)
        scale = scales.of_key(session, row.scale)
        if not 0 <= place < len(scale.items) or not (item is None or 0 <= item < len(scale.answers)):
            raise FerError("This is not one of the answers.", "bad_items")
        row.items = [item if number == place else known for number, known in enumerate(row.items)]


def finish(db: Database, token: str | None) -> None:
    """Store the answers: the patient has finished, and can't go back. Raises FerError ``over``."""
    with db.session() as session:
        row = _open_row(session, token)
        _store(session, row)
        row.done_at = clock.now()


def give_back(db: Database, token: str | None, pin: str) -> tuple[str, str]:
    """Return a new sign-in's token and the patient's id for the right PIN; what was answered so far is stored.

    After `TRIES` wrong ones it is over, as where the sign-in is, and the account has to sign in as usual.
    Raises Forbidden ``pin_refused``, ``signed_out``, FerError ``over``.
    """
    with db.read() as session:
        row = _row(session, token)
        if row is None:
            raise FerError(OVER, "over")
        stored = row.pin_hash
    right = passwords.verify(stored, pin)
    with db.session() as session:
        row = _row(session, token)
        if row is None:
            raise FerError(OVER, "over")
        going_on = _goes_on(row)
        if right and going_on and row.wrong_pins < TRIES:
            return _signed_in_again(session, row)
        if not right:
            row.wrong_pins += 1
            audit.write(session, AuditAction.PIN_REFUSED, row.account_id, row.patient_id)
        left = TRIES - row.wrong_pins
        if right or left <= 0:
            _leave(session, row)
    if right:
        raise Forbidden("Your sign-in has ended. Please sign in with your password.", "signed_out")
    said = "This PIN is wrong." if left > 0 else "This PIN is wrong. Please sign in with your password."
    raise Forbidden(said, "pin_refused" if left > 0 else "signed_out")


def sweep(db: Database) -> int:
    """Close hand-overs that are too old and store their answers; return how many."""
    with db.read() as session:
        if not session.scalar(select(HandOver.id).where(~_lives()).limit(1)):
            return 0
    with db.session() as session:
        over = session.scalars(select(HandOver).where(~_lives())).all()
        for row in over:
            _leave(session, row)
    return len(over)


def _signed_in_again(session: Session, row: HandOver) -> tuple[str, str]:
    account, patient_id = session.get_one(Account, row.account_id), row.patient_id
    if account.disabled_at is not None:
        raise access.refusal("signed_out")
    by_provider, since = row.by_provider, row.signed_in_at
    _close(session, row)
    audit.write(session, AuditAction.DEVICE_GIVEN_BACK, account.id, patient_id)
    return sessions.start(session, account, by_provider=by_provider, since=since), patient_id


def _goes_on(row: HandOver) -> bool:
    """Return whether the sign-in that was handed over with the device would not have ended by now."""
    return row.signed_in_at is not None and bool(clock.within(row.signed_in_at, sessions.ABSOLUTE, clock.now()))


def _leave(session: Session, row: HandOver) -> None:
    """Close a hand-over of which nobody takes the device back, and log a questionnaire that was not finished."""
    if row.done_at is None:
        answered = sum(item is not None for item in row.items)
        audit.write(session, AuditAction.QUESTIONNAIRE_LEFT, row.account_id, row.patient_id, answered=answered)
    _close(session, row)


def _close(session: Session, row: HandOver) -> None:
    """Store what was answered, unless it is stored already, and forget the token."""
    if row.done_at is None:
        _store(session, row)
    session.delete(row)
    session.flush()


def _store(session: Session, row: HandOver) -> None:
    if all(item is None for item in row.items):
        return
    # The clock may have been set back since: no answer is from a day to come.
    day = min(clock.day_of(session, row.created_at), clock.latest_day(session))
    given = Given(row.scale, day, tuple(row.items), None, "patient")
    try:
        answers.add(session, row.patient_id, given, row.account_id)
    except FerError as refusal:
        # The same answers are already stored for this day: the patient need not know.
        if refusal.code != "answer_exists":
            raise


def _open_row(session: Session, token: str | None) -> HandOver:
    row = _row(session, token)
    if row is None or row.done_at is not None:
        raise FerError(OVER, "over")
    return row


def _row(session: Session, token: str | None) -> HandOver | None:
    asked_for = select(HandOver).where(HandOver.token_sha256 == _digest(token or ""), _lives())
    return session.scalar(asked_for)


def _lives() -> ColumnElement[bool]:
    # A clock that is set back by less doesn't take the device from somebody who is answering.
    now = clock.now()
    return (HandOver.created_at > now - LASTS) & (HandOver.created_at < now + LASTS)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
