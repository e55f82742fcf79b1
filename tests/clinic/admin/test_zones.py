"""One time zone decides which day it is in the clinic."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from clinic import access, clock
from clinic.admin import zones
from clinic.admin.zones import Chosen
from clinic.conflicts import ConflictError
from clinic.consent import consent
from clinic.consent.consent import ConsentState, Scope
from db.models import AuditRow, Role
from fer_core.errors import FerError
from tests import doors
from tests.consents import agree

EVENING = datetime(2026, 4, 5, 22, 30, tzinfo=UTC)
"""Already the sixth in Berlin and Auckland, the fifth in Los Angeles."""


@pytest.fixture
def administrator(db):
    return doors.actor(db, "Dr. Keeper", role=Role.ADMINISTRATOR)


@pytest.fixture
def evening(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: EVENING)


def days(db):
    with db.read() as session:
        return clock.today(session), clock.latest_day(session), clock.begins(session, date(2026, 4, 6))


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Berlin", 6, datetime(2026, 4, 5, 22, tzinfo=UTC)),
        ("Pacific/Auckland", 6, datetime(2026, 4, 5, 12, tzinfo=UTC)),
        ("America/Los_Angeles", 5, datetime(2026, 4, 6, 7, tzinfo=UTC)),
    ],
)
def test_the_zone_says_which_day_it_is(db, administrator, evening, zone, day, begins):
    with db.session() as session:
        access.installation(session).zone = zone
    assert days(db) == (date(2026, 4, day), date(2026, 4, day), begins)


def test_before_there_is_a_zone_days_are_those_of_utc_and_any_clinic_s_today_is_taken(db, evening):
    assert days(db)[:2] == (date(2026, 4, 5), date(2026, 4, 6))


@pytest.mark.parametrize(
    ("zone", "state"), [("Pacific/Auckland", ConsentState.EXPIRED), ("America/New_York", ConsentState.STANDS)]
)
def test_a_consent_ends_at_the_clinic_s_midnight(db, who, patient, evening, zone, state):
    agree(db, patient, Scope.EXPORT, expires_on=date(2026, 4, 5))
    with db.session() as session:
        access.installation(session).zone = zone
        # It was recorded for longer: the midnight is what decides.
        covered = session.scalars(consent.covered(session, Scope.EXPORT)).all()
        assert (patient in covered) is (state is ConsentState.STANDS)
        assert (consent.missing(session, patient, Scope.EXPORT) is None) is (state is ConsentState.STANDS)


def test_the_first_administrator_s_browser_gives_the_zone_and_a_person_confirms_it(db, administrator):
    zones.adopt(db, administrator, "Nowhere/At all")
    assert zones.chosen(db) is None
    zones.adopt(db, administrator, "Pacific/Auckland")
    zones.adopt(db, administrator, "Europe/Berlin")
    assert zones.chosen(db) == Chosen("Pacific/Auckland", False)
    zones.choose(db, administrator, "Pacific/Auckland")
    assert zones.chosen(db) == Chosen("Pacific/Auckland", True)
    with db.read() as session:
        assert session.scalar(select(func.count()).where(AuditRow.action == "zone_changed")) == 1


def test_of_two_administrators_who_set_the_zone_at_once_the_second_is_notified(db, administrator):
    other = doors.actor(db, "Dr. Other", role=Role.ADMINISTRATOR)
    zones.adopt(db, administrator, "Pacific/Auckland")
    seen = zones.shown(zones.chosen(db))
    zones.choose(db, other, "Europe/Berlin", seen)
    with pytest.raises(ConflictError) as met:
        zones.choose(db, administrator, "Europe/Paris", seen)
    assert [(one.stored, one.wanted) for one in met.value.differences] == [("Europe/Berlin", "Europe/Paris")]
    with pytest.raises(ConflictError):
        zones.choose(db, administrator, "Pacific/Auckland", seen)
    assert zones.chosen(db) == Chosen("Europe/Berlin", True)
    # Both meant the same; and who has seen what the other one set may set another.
    zones.choose(db, administrator, "Europe/Berlin", seen)
    zones.choose(db, administrator, "Europe/Paris", met.value.revision)
    assert zones.chosen(db) == Chosen("Europe/Paris", True)


def test_the_environment_s_zone_counts(db, administrator, settings):
    zones.choose(db, administrator, "Pacific/Auckland")
    zones.take_setting(db, settings)
    assert zones.chosen(db).name == "Pacific/Auckland"
    zones.take_setting(db, replace(settings, timezone="Europe/Berlin"))
    assert zones.chosen(db) == Chosen("Europe/Berlin", True)
    with pytest.raises(FerError, match="not known"):
        zones.take_setting(db, replace(settings, timezone="Mars/Olympus"))


def test_others_than_administrators_set_no_zone(db, who):
    for set_zone in (zones.adopt, zones.choose):
        with pytest.raises(FerError) as refused:
            set_zone(db, who, "Europe/Berlin")
        assert refused.value.code == "only_administrators"
