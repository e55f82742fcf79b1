"""The clinic's one time zone: it decides which day it is, for every recording, consent and list. Instants stay UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from clinic import access, audit
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.conflicts import ConflictError, Difference
from clinic.environment import zone_names
from clinic.settings import Settings
from db.engine import Database
from db.models import Installation
from fer_core.errors import FerError


@dataclass(frozen=True, slots=True)
class Chosen:
    """The clinic's zone, such as ``Europe/Berlin``; `confirmed`: a person chose it, and not the first browser."""

    name: str
    confirmed: bool

    @property
    def zone(self) -> tzinfo:
        """The same as a Python object."""
        return ZoneInfo(self.name)


names = zone_names


def chosen(db: Database) -> Chosen | None:
    """Return the clinic's zone, None before there is one: days are those of UTC then."""
    with db.read() as session:
        return _stored(session.get(Installation, Installation.ONLY))


def adopt(db: Database, actor: Actor, name: str | None) -> None:
    """Take the zone of an administrator's browser if the clinic has none yet; an unknown one is ignored.

    Raises Forbidden.
    """
    if name in names():
        with db.session() as session:
            by = access.require_administrator(session, actor)
            if not access.installation(session).zone:
                _change(session, str(name), confirmed=False, account_id=by.id)


def choose(db: Database, actor: Actor, name: str, seen: frozenset[str] | None = None) -> None:
    """Set the clinic's zone. `seen`: what was on the screen (`shown`), None where nothing was.

    Raises Forbidden, ConflictError where another administrator has set another zone since, FerError ``bad_zone``.
    """
    _check(name)
    with db.session() as session:
        by = access.require_administrator(session, actor)
        stored = _stored(access.installation(session))
        if seen is not None and seen != shown(stored) and stored is not None and stored.name != name:
            raise ConflictError("the time zone", shown(stored), [Difference("Time zone", stored.name, name)])
        _change(session, name, confirmed=True, account_id=by.id)


def shown(found: Chosen | None) -> frozenset[str]:
    """Return what a screen shows of the zone, to notice what another administrator sets meanwhile."""
    return frozenset() if found is None else frozenset({f"{found.name}, {'set' if found.confirmed else 'proposed'}"})


def take_setting(db: Database, settings: Settings) -> None:
    """Set the zone that ``FER_TIMEZONE`` names, where it names one. Raises FerError ``bad_zone``."""
    if settings.timezone is None:
        return
    _check(settings.timezone)
    if chosen(db) != Chosen(settings.timezone, True):
        with db.session() as session:
            _change(session, settings.timezone, confirmed=True, account_id=None)


def _stored(known: Installation | None) -> Chosen | None:
    return Chosen(known.zone, known.zone_confirmed) if known is not None and known.zone else None


def _change(session: Session, name: str, confirmed: bool, account_id: str | None) -> None:
    known = access.installation(session)
    if known.zone != name:
        audit.write(session, AuditAction.ZONE_CHANGED, account_id, zone=name)
    known.zone, known.zone_confirmed = name, confirmed


def _check(name: str) -> None:
    if name not in names():
        raise FerError("This time zone is not known. Please give a name such as Europe/Berlin.", "bad_zone")
