"""A moment: one session for all that a thread reads, which its own write ends."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from db.engine import open_database
from db.models import Patient
from db.moment import once
from tests.doors import statements


@pytest.fixture
def db(at_head, database_url):
    database = open_database(database_url)
    yield database
    database.close()


def add(db, name):
    with db.session() as session:
        session.add(Patient(id=name, name=name, created_at=datetime.now(UTC)))


def count(db):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Patient))


def elsewhere(work, *arguments):
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work, *arguments).result()


def test_all_that_is_read_is_of_one_moment(db):
    with db.moment():
        assert count(db) == 0
        elsewhere(add, db, "a")
        assert count(db) == 0
        assert elsewhere(count, db) == 1, "another thread is in no moment"
    assert count(db) == 1


def test_a_write_of_the_thread_ends_the_moment(db):
    with db.moment():
        assert count(db) == 0
        add(db, "a")
        assert count(db) == 1


def test_what_is_read_within_a_write_is_not_kept_beyond_it(db):
    with db.moment():
        with db.session() as session:
            session.add(Patient(id="a", name="a", created_at=datetime.now(UTC)))
            session.flush()
            assert count(db) == 0, "another session reads it"
        assert count(db) == 1


def test_a_write_that_fails_ends_the_moment_too(db):
    with db.moment():
        count(db)
        with suppress(ZeroDivisionError), db.session():
            raise ZeroDivisionError
        elsewhere(add, db, "a")
        assert count(db) == 1


def test_a_statement_that_fails_spoils_nothing(db):
    with db.moment():
        with pytest.raises(DBAPIError), db.read() as session:
            session.execute(text("SELECT nothing FROM nowhere"))
        assert count(db) == 0


def test_an_inner_moment_is_the_outer_one(db):
    with db.moment():
        with db.moment():
            assert count(db) == 0
        elsewhere(add, db, "a")
        assert count(db) == 0


def test_a_row_is_read_by_its_key_once(db):
    add(db, "a")
    with db.moment(), statements(db) as noted:
        for _ in range(3):
            with db.read() as session:
                assert session.get(Patient, "a").name == "a"
    assert len(noted) == 1


def test_a_question_is_asked_once_in_a_moment_and_each_time_outside(db):
    asked = []

    def ask():
        asked.append(1)
        return len(asked)

    def answer(key):
        with db.read() as session:
            return once(session, (key,), ask)

    with db.moment():
        assert [answer("one"), answer("one"), answer("other")] == [1, 1, 2]
        add(db, "a")
        assert answer("one") == 3
    assert [answer("one"), answer("one")] == [4, 5]


def test_a_moment_without_a_read_takes_no_connection(db):
    with db.moment():
        assert db.engine.pool.checkedout() == 0
        count(db)
        assert db.engine.pool.checkedout() == 1
        with db.session():
            pass
        assert db.engine.pool.checkedout() == 0
    assert db.engine.pool.checkedout() == 0
