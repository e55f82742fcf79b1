"""Access rules: every function that touches a patient asks here, in its own transaction, with the acting user.

An account sees only the patients of its own caseload, whatever its role. Administrators also manage accounts; viewers
change nothing. What an account may do is read again each time, so that a change takes effect at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from clinic import audit, clock, words
from clinic.audit import AuditAction
from db.engine import Database
from db.models import Access, Account, Installation, JobState, Patient, PatientImport, Recording
from db.models import Role as Role  # the pages know no tables
from db.moment import once
from fer_core.errors import FerError

EMERGENCY = timedelta(hours=1)
"""How long an emergency access lasts."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting user: an account and its sign-in.

    Nothing opens until the password is changed (`must_change`) or the intended-use statement is accepted.
    `second_step`: whether the account is asked for a code when it signs in, or signed in at the provider, which asks
    for what it thinks fit. `token_id`: the token by which a program acts for the account, empty for a person.
    `patients`: the only ones for whom it then acts, None for a person, who acts for all that the account sees.
    """

    account_id: str
    sign_in_id: str
    name: str
    role: Role
    must_change: bool = False
    second_step: bool = False
    must_accept: bool = False
    token_id: str = ""
    patients: frozenset[str] | None = None

    @property
    def writes(self) -> bool:
        """Whether this role changes anything."""
        return self.role is not Role.VIEWER


CONSOLE = Actor("", "", "the command line", Role.ADMINISTRATOR)
"""The user of the machine's own console: who can start the program's commands there can also read its files."""


class Forbidden(FerError):
    """A refusal because of the acting user; the codes are those of `REFUSALS`."""

    code = "forbidden"


REFUSALS: dict[str, str] = {
    "signed_out": "You are signed out. Please sign in again.",
    "statement": "Please read and accept the intended use first: reload this page.",
    "only_administrators": "Only administrators may do this.",
    "read_only": "Your account may view, but not change anything. Please ask the patient's clinician.",
    "not_your_patient": "This patient is not on your caseload. The patient's clinician can share the patient with you.",
    "not_in_token": "This token was not made for this patient.",
    "emergency_reads_only": "Emergency access is for reading. The patient's clinician can share the patient with you.",
}


def refusal(code: str) -> Forbidden:
    """Return the refusal of a code, with its sentence."""
    return Forbidden(REFUSALS[code], code)


def signed_in(session: Session, actor: Actor | None) -> Account:
    """Return the account that acts. Raises Forbidden ``signed_out`` for nobody and for a disabled account."""
    account = session.get(Account, actor.account_id) if actor is not None else None
    return _enabled(account)


def acting(session: Session, actor: Actor | None) -> Account:
    """Return the account that acts and has accepted the intended use.

    Raises Forbidden ``signed_out`` for nobody and for a disabled account, ``statement``.
    """
    return admitted(signed_in(session, actor))


def admitted(account: Account | None) -> Account:
    """Return an account that was read, if it may act. Raises Forbidden ``signed_out``, ``statement``."""
    account = _enabled(account)
    if must_accept(account):
        raise refusal("statement")
    return account


def must_accept(account: Account) -> bool:
    """Return whether the account has yet to accept the intended-use statement in its present version."""
    return account.statement != words.STATEMENT_VERSION


def require_administrator(session: Session, actor: Actor | None) -> Account:
    """Return the acting administrator. Raises Forbidden ``signed_out``, ``only_administrators``."""
    account = acting(session, actor)
    # No program manages accounts, not even with an administrator's token.
    if account.role != Role.ADMINISTRATOR or (actor is not None and actor.token_id):
        raise refusal("only_administrators")
    return account


def require_administrator_or_console(session: Session, actor: Actor | None) -> str | None:
    """Return the id of the acting administrator's account, None for the console.

    Raises Forbidden ``signed_out``, ``only_administrators``.
    """
    return None if actor is CONSOLE else require_administrator(session, actor).id


def require_writer(session: Session, actor: Actor | None) -> Account:
    """Return the acting account if it may change things. Raises Forbidden ``signed_out``, ``read_only``."""
    account = acting(session, actor)
    if account.role == Role.VIEWER:
        raise refusal("read_only")
    return account


def writer(session: Session, account_id: str) -> Account:
    """Return an account if it may change things now: for work that goes on without the person.

    Raises Forbidden ``signed_out``, ``statement``, ``read_only``.
    """
    account = admitted(session.get(Account, account_id))
    if account.role == Role.VIEWER:
        raise refusal("read_only")
    return account


def require_reader_of(session: Session, actor: Actor | None, patient_id: str) -> Account:
    """Return the acting account if it sees the patient.

    Raises Forbidden ``signed_out``, ``not_in_token``, ``not_your_patient``, FerError ``unknown_patient``.
    """
    account = acting(session, actor)
    # Checked first, so that a token doesn't reveal which other patients exist.
    if actor is not None and actor.patients is not None and patient_id not in actor.patients:
        raise refusal("not_in_token")
    # As rows: what is asked next of the access, or of the patient, is then read already.
    asked = (
        select(Access, Patient)
        .join(Patient, Patient.id == Access.patient_id)
        .where(Access.account_id == account.id, Access.patient_id == patient_id, stands())
    )
    if not once(session, ("sees", account.id, patient_id), lambda: session.execute(asked).first()):
        need_patient(session, patient_id)
        raise refusal("not_your_patient")
    return account


def require_writer_of(session: Session, actor: Actor | None, patient_id: str) -> Account:
    """Return the acting account if it may change the patient: its own caseload's, and not in an emergency.

    Raises Forbidden ``signed_out``, ``read_only``, ``not_your_patient``, ``emergency_reads_only``, FerError
    ``unknown_patient``.
    """
    account = require_reader_of(session, actor, patient_id)
    require_writer(session, actor)
    if session.get_one(Access, (account.id, patient_id)).until is not None:
        raise refusal("emergency_reads_only")
    return account


def require_writer_of_or_console(session: Session, actor: Actor | None, patient_id: str) -> str | None:
    """Return the id of the acting account if it may add to the patient or export it, None for the console.

    Raises what `writer_of` raises.
    """
    if actor is not CONSOLE:
        return require_writer_of(session, actor, patient_id).id
    need_patient(session, patient_id)
    return None


def need_patient(session: Session, patient_id: str) -> None:
    """Refuse unless the patient exists and is completely imported. Raises FerError ``unknown_patient``."""
    if session.scalar(select(Patient.id).where(Patient.id == patient_id, ~staged(Patient.id))) is None:
        raise unknown_patient()


def staged(patient_id: Any) -> ColumnElement[bool]:
    """Return the condition that a patient is still being imported and therefore hidden; `patient_id` is a column.

    Every query for patients that does not use an account's access leaves these out.
    """
    coming = PatientImport.state.in_([JobState.QUEUED, JobState.RUNNING])
    named = select(PatientImport.id).where(PatientImport.patient_id == patient_id, coming)
    return named.correlate_except(PatientImport).exists()


def require_writer_or_console(session: Session, actor: Actor | None) -> Account | None:
    """Return the acting account if it may add patients and files, None for the console. Raises what `writer` raises."""
    return None if actor is CONSOLE else require_writer(session, actor)


def recording_of(session: Session, recording_id: str) -> Recording:
    """Return a recording. Raises FerError ``unknown_recording``."""
    recording = session.get(Recording, recording_id)
    if recording is None:
        raise FerError("This recording does not exist any more.", "unknown_recording")
    return recording


def visible(account: Account) -> Select[str]:
    """Return the query of the ids of the patients that the account sees now."""
    return _seen_by(account.id)


def sees(account_id: Any, patient_id: Any) -> ColumnElement[bool]:
    """Return the condition that an account sees a patient now; each is an id, or the column that holds it."""
    return _seen_by(account_id).where(Access.patient_id == patient_id).correlate_except(Access).exists()


def cares(account_id: Any, patient_id: Any) -> ColumnElement[bool]:
    """Return the condition that a patient is on an account's caseload; the arguments are those of `sees`."""
    mine = select(Access.patient_id).where(Access.account_id == account_id, Access.patient_id == patient_id)
    return mine.where(Access.until.is_(None)).correlate_except(Access).exists()


def _seen_by(account_id: Any) -> Select[str]:
    """Return the query of the patients that an account sees now: the only place where that is decided."""
    return select(Access.patient_id).where(Access.account_id == account_id, stands())


def stands() -> ColumnElement[bool]:
    """Return the condition that an access is permanent, or an emergency that is not over."""
    return or_(Access.until.is_(None), clock.pending(Access.until, EMERGENCY, clock.now()))


def _enabled(account: Account | None) -> Account:
    if account is None or account.disabled_at is not None:
        raise refusal("signed_out")
    return account


def note_view(db: Database, actor: Actor, patient_id: str) -> None:
    """Check that the actor sees the patient, and log the view unless the same one was just logged.

    Raises what `reader_of` raises.
    """
    with db.read() as session:
        account = require_reader_of(session, actor, patient_id)
        key = ("viewed", account.id, patient_id)
        if once(session, key, lambda: audit.viewed_lately(session, account.id, patient_id)):
            return
    with db.session() as session:
        account = require_reader_of(session, actor, patient_id)
        audit.write(session, AuditAction.PATIENT_VIEWED, account.id, patient_id)


def installation(session: Session) -> Installation:
    """Return the row of the clinic-wide settings, created if it is missing."""
    known = session.get(Installation, Installation.ONLY)
    if known is None:
        known = Installation()
        session.add(known)
        session.flush()
    return known


def unknown_patient() -> FerError:
    """Return the error of a patient that does not exist."""
    return FerError("This patient does not exist any more.", "unknown_patient")
