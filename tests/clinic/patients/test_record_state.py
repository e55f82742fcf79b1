"""What was prepared from a record is out of date as soon as anything of the record was changed, in any way."""

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import JSON, Boolean, Date, Enum, Float, Integer, String, update

from clinic.jobs import jobs
from clinic.patients.record_state import BESIDE, state_of
from db.models import Recording, RecordingMark
from tests import consents

KEPT = {"id", "patient_id", "recording_id"}
NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
OTHER = {Boolean: True, Integer: 7, Float: 7.5, Date: date(2026, 5, 5), JSON: {"other": 1}, String: "other"}
FIRST = {Boolean: False, Integer: 3, Float: 3.5, Date: date(2026, 5, 4), JSON: {}, String: "first"}


def value_of(column, values):
    """Return a value that the column may have."""
    if isinstance(column.type, Enum):
        return list(column.type.enum_class)[values is OTHER]
    kinds = (kind for kind in values if isinstance(column.type, kind))
    return values[kind] if (kind := next(kinds, None)) else NOW.replace(hour=10 if values is OTHER else 9)


@pytest.fixture
def recording(db, settings, who, patient, an_upload):
    consents.agree(db, patient)
    return jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m").recording_id


def state(db, patient):
    with db.read() as session:
        return state_of(session, patient)


@pytest.mark.parametrize("table", [RecordingMark, *BESIDE], ids=lambda table: table.__tablename__)
def test_each_column_of_what_stands_beside_counts(db, patient, recording, table):
    """The beginning of a condition was corrected, and a report that was prepared before was handed out."""
    columns = [column for column in table.__table__.columns if column.name not in KEPT]
    owner = {"recording_id": recording} if table is RecordingMark else {"patient_id": patient}
    seen = [state(db, patient)]
    with db.session() as session:
        session.add(table(id="a" * 32, **owner, **{column.name: value_of(column, FIRST) for column in columns}))
    seen.append(state(db, patient))
    for column in columns:
        with db.session() as session:
            session.execute(update(table).values({column.name: value_of(column, OTHER)}))
        seen.append(state(db, patient))
    assert len(set(seen)) == len(columns) + 2


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 2},
        {"current": False},
        {"analysed_at": NOW},
        {"patient_track": 1},
        {"summary": {}},
    ],
    ids=str,
)
def test_another_result_of_a_recording_counts_and_its_progress_does_not(db, patient, recording, change):
    """A result that was discarded, for the patient was not there, left no trace in what was prepared before."""
    before = state(db, patient)
    with db.session() as session:
        session.execute(update(Recording).values(duration_s=9.5, width_px=640, recorded_time=time(9)))
    assert state(db, patient) == before
    with db.session() as session:
        session.execute(update(Recording).values(change))
    assert state(db, patient) != before
