"""The audit is a chain: each change, gap and swap is found, and by its number."""

import pytest
from sqlalchemy import text

from clinic import audit
from clinic.audit import AuditAction


@pytest.fixture
def filled(db):
    """Ten deeds."""
    for number in range(10):
        with db.session() as session:
            audit.write(session, AuditAction.PATIENT_VIEWED, "a" * 32, f"{number:032x}", number=number)
    return db


TRIGGERS = {
    "sqlite": ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
    "postgresql": ("DROP TRIGGER audit_no_change ON audit",),
}


def tamper(db, statement):
    """Change the audit as one who owns the database can: without the triggers that refuse it."""
    with db.session() as session:
        for wanted in (*TRIGGERS[db.engine.dialect.name], statement):
            session.execute(text(wanted))


def test_an_untouched_audit_is_sound(filled):
    verdict = audit.verify(filled)
    assert (verdict.rows, verdict.first_bad) == (10, None)
    assert verdict.head in verdict.sentence


def test_an_empty_audit_is_sound(db):
    assert audit.verify(db) == audit.ChainCheck(0, audit.NOTHING, None, audit.verify(db).sentence)


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE audit SET account_id = 'b' WHERE number = 4", 4),
        ("UPDATE audit SET at = '2020-01-01 00:00:00' WHERE number = 5", 5),
        ("UPDATE audit SET details = '{}' WHERE number = 10", 10),
        ("UPDATE audit SET sha256 = previous WHERE number = 6", 6),
        ("DELETE FROM audit WHERE number = 7", 7),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("UPDATE audit SET number = 99 WHERE number = 3", 3),
        ("UPDATE audit SET previous = sha256 WHERE number = 8", 8),
    ],
)
def test_the_first_bad_row_is_named(filled, statement, first_bad):
    tamper(filled, statement)
    verdict = audit.verify(filled)
    assert verdict.first_bad == first_bad
    assert f"row {first_bad} " in verdict.sentence


def test_rows_cut_off_at_the_end_show_in_the_head(filled):
    before = audit.verify(filled)
    tamper(filled, "DELETE FROM audit WHERE number > 8")
    after = audit.verify(filled)
    assert after.first_bad is None
    assert (after.rows, after.head) != (before.rows, before.head)


def test_a_deed_that_is_undone_leaves_no_row(filled):
    def undone():
        with filled.session() as session:
            audit.write(session, AuditAction.PATIENT_ADDED, "a" * 32, "b" * 32)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert audit.verify(filled).rows == 10
