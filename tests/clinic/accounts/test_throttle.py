"""Delays after failures: they grow, they last, and a hundred attempts at once are a hundred."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from clinic.accounts import throttle
from db.engine import open_database
from db.models import SignInFailure
from fer_core.errors import FerError


def wait(db, passed):
    """Let time pass for all names."""
    with db.session() as session:
        for row in session.query(SignInFailure):
            row.refused_until -= passed
            row.failed_at -= passed


def test_delays_begin_at_the_fifth_failure_and_grow_up_to_a_limit():
    delays = [throttle.delay(failures).total_seconds() for failures in range(1, 14)]
    assert delays == [0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert throttle.delay(100_000) == throttle.LONGEST_DELAY


def test_the_sixth_attempt_waits_also_after_a_restart(db, settings):
    for _ in range(5):
        throttle.charge(db, "somebody")
    for database in (db, again := open_database(settings.database_url)):
        with pytest.raises(FerError, match="15 seconds") as refusal:
            throttle.charge(database, "somebody")
        assert refusal.value.code == "sign_in_delayed"
    again.close()
    throttle.charge(db, "somebody else")
    wait(db, timedelta(seconds=16))
    throttle.charge(db, "somebody")
    with pytest.raises(FerError, match="30 seconds"):
        throttle.charge(db, "somebody")


def test_attempts_at_once_are_counted_one_by_one(db):
    def attempt(_):
        try:
            throttle.charge(db, "somebody")
        except FerError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_failures_are_forgotten_after_a_day_and_names_are_not_kept(db, settings):
    throttle.charge(db, "a name that may be a password")
    with db.session() as session:
        session.execute(update(SignInFailure).values(failed_at=datetime.now(UTC) - timedelta(hours=25)))
    throttle.charge(db, "another")
    with db.read() as session:
        assert session.query(SignInFailure).count() == 1
    for path in settings.data_dir.iterdir():
        assert path.is_dir() or b"may be a password" not in path.read_bytes()
