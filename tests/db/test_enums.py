"""Columns of states and kinds give members of their enums, and hold the same text as before they did."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Enum, select, text

from db.engine import open_database
from db.models import Base, Job, JobState, Patient, Recording, RecordingKind

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
LENGTHS = {"conditionkind": 24}


@pytest.fixture
def db(at_head, database_url):
    database = open_database(database_url)
    with database.session() as session:
        session.add(Patient(id="p", name="A", created_at=NOW))
        session.flush()
        kept = Recording(id="r", patient_id="p", kind=RecordingKind.VIDEO, recorded_on=NOW.date(), created_at=NOW)
        session.add_all([kept, Job(recording_id="r", created_at=NOW)])
    yield database
    database.close()


def enum_columns():
    return [
        column for table in Base.metadata.sorted_tables for column in table.columns if isinstance(column.type, Enum)
    ]


def test_each_state_kind_role_and_scope_is_a_column_of_its_enum():
    assert sorted(f"{column.table.name}.{column.name}" for column in enum_columns()) == [
        "account.role",
        "consent.scope",
        "face_condition.kind",
        "job.state",
        "patient_event.kind",
        "patient_import.state",
        "recording.kind",
        "report_job.state",
        "training.state",
        "video_copy.state",
    ]


@pytest.mark.parametrize("column", enum_columns(), ids=str)
def test_every_value_fits_its_column(column):
    assert column.type.length == LENGTHS.get(column.type.name, 16)
    assert max(map(len, column.type.enums)) <= column.type.length
    assert column.type.enums == [member.value for member in column.type.enum_class]


@pytest.mark.parametrize("state", JobState)
def test_the_text_of_a_state_comes_back_as_its_member(db, state):
    """`is` works, and rows that were written as text are read and found alike."""
    with db.session() as session:
        session.execute(text("UPDATE job SET state = :state"), {"state": str(state)})
    with db.read() as session:
        job = session.scalars(select(Job).where(Job.state == state)).one()
        assert job.state is state
        assert session.get_one(Recording, "r").kind is RecordingKind.VIDEO


@pytest.mark.parametrize("state", JobState)
def test_a_member_is_stored_as_its_text(db, state):
    with db.session() as session:
        session.scalars(select(Job)).one().state = state
    with db.read() as session:
        assert session.execute(text("SELECT state FROM job")).scalar_one() == state.value


def test_a_state_that_nobody_knows_is_no_guess(db):
    """What a row of another version means isn't known: reading it fails, and its patient can still be deleted."""
    with db.session() as session:
        session.execute(text("UPDATE job SET state = 'frozen'"))
    with db.read() as session, pytest.raises(LookupError, match="frozen"):
        session.scalars(select(Job)).all()
    with db.session() as session:
        session.delete(session.get_one(Patient, "p"))
    with db.read() as session:
        assert session.scalar(select(Job.id)) is None
