"""The audit is a chain: each change, gap and swap is found, and by its number."""

import pytest
from sqlalchemy import text

from clinic import audit
from clinic.audit import AuditAction
from clinic.erasure import deletion
from clinic.patients import sharing
from db.copies import sqlite_path
from tests import doors


@pytest.fixture
def filled(db):
    """Ten actions."""
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


def test_an_action_that_is_undone_leaves_no_row(filled):
    def undone():
        with filled.session() as session:
            audit.write(session, AuditAction.PATIENT_ADDED, "a" * 32, "b" * 32)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert audit.verify(filled).rows == 10


REASON = "Zauberberg lies in the hall and cannot speak"


def emergency(db, patient):
    sharing.open_in_emergency(db, doors.actor(db, "Colleague"), patient, REASON)


@pytest.mark.attack("part of a name in the reason of an emergency, looked for after the patient was deleted")
def test_a_reason_goes_with_the_patient_and_the_chain_stays_sound(db, settings, who, patient, attack):
    emergency(db, patient)
    assert audit.verify(db).first_bad is None
    deletion.delete_patient(db, settings, who, patient)
    assert audit.verify(db).first_bad is None
    with db.read() as session:
        said = [*session.execute(text("SELECT * FROM audit")), *session.execute(text("SELECT * FROM audit_text"))]
    attack(lambda: "Zauberberg" in str(said), False)
    path = sqlite_path(settings.database_url)
    if path is not None:
        assert not any(b"Zauberberg" in file.read_bytes() for file in path.parent.glob("clinic.db*"))


@pytest.mark.attack("a reason that is changed in the table beside the audit")
def test_a_changed_reason_is_found(db, patient, attack):
    emergency(db, patient)
    with db.session() as session:
        session.execute(text("UPDATE audit_text SET text = 'nothing at all happened'"))
    attack(lambda: "text of row" in audit.verify(db).sentence, True)


def test_a_chain_with_reasons_of_an_earlier_version_is_sound(db, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(audit, "_refuse_free_text", lambda details: None)
        with db.session() as session:
            audit.write(session, AuditAction.EMERGENCY_ACCESS, "a" * 32, "b" * 32, reason=REASON)
    assert audit.verify(db).first_bad is None


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "x" * 65, ["fine", "not fine"], {"text": "a"}])
def test_the_chain_takes_no_free_text(db, value):
    with db.session() as session, pytest.raises(ValueError, match="free text"):
        audit.write(session, AuditAction.PATIENT_VIEWED, "a" * 32, value=value)
