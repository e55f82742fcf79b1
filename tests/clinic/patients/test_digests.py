"""A digest is of the recordings as they are now, and goes with what it was made of."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from clinic import clock
from clinic.erasure import deletion
from clinic.patients import caseload, digests, edits
from clinic.patients.fields import RecordingFields
from db.models import Patient, Recording, TrendDigest
from tests.clinic.patients.test_trends import recording

FIRST = date(2026, 1, 5)


def add(db, patient, count, happy=0.3, start=0):
    """Recordings as the tests of trends make them, a week apart; returns their ids."""
    ids = []
    with db.session() as session:
        for number in range(start, start + count):
            made = recording(number, happy)
            row = Recording(
                patient_id=patient,
                kind=made.kind,
                recorded_on=FIRST + timedelta(weeks=number),
                model_sha256=made.model_sha256,
                settings=made.settings,
                summary=made.summary,
                created_at=clock.now(),
            )
            session.add(row)
            session.flush()
            ids.append(row.id)
    return ids


def stored(db, patient):
    with db.read() as session:
        return digests.small_trends(session, [patient]).get(patient)


def test_it_is_made_once_and_again_when_recordings_change(db, who, patient):
    assert digests.refresh(db) == 0, "nothing to make it of"
    ids = add(db, patient, 3)
    assert digests.refresh(db) == 1
    assert digests.refresh(db) == 0, "it still holds"
    assert stored(db, patient).dates() == [FIRST, FIRST + timedelta(weeks=1), FIRST + timedelta(weeks=2)]
    moved = RecordingFields(FIRST + timedelta(days=1))
    edits.edit_recording(db, who, ids[0], 1, moved)
    assert digests.refresh(db) == 1
    assert stored(db, patient).dates()[0] == FIRST + timedelta(days=1)
    add(db, patient, 1, start=3)
    assert digests.refresh(db) == 1
    assert len(stored(db, patient).days) == 4


def test_a_patient_who_can_not_be_read_holds_up_nobody(db, who, patient, caplog):
    other = caseload.add_patient(db, who, "Other Person")
    (broken,) = add(db, patient, 1)
    add(db, other, 2)
    with db.session() as session:
        row = session.get_one(Recording, broken)
        row.summary = row.summary | {"usable_share": "x"}
    assert digests.refresh(db) == 2
    assert len(stored(db, other).days) == 2
    assert stored(db, patient).days == []
    assert digests.refresh(db) == 0, "it is not tried without an end"
    assert "a patient's trend can't be made: TypeError" in caplog.text
    caplog.clear()


def test_another_version_of_a_visit_makes_it_again(db, patient):
    first = add(db, patient, 1)[0]
    digests.refresh(db)
    second = add(db, patient, 1, happy=0.6)[0]
    with db.session() as session:
        session.get_one(Recording, first).current = False
        session.get_one(Recording, second).version_of = first
    assert digests.refresh(db) == 1
    assert len(stored(db, patient).days) == 1
    assert stored(db, patient).shares["happy"][0] > 0.5


def test_no_share_of_a_deleted_recording_stays(db, settings, who, patient):
    ids = add(db, patient, 2)
    digests.refresh(db)
    deletion.delete_recording(db, settings, who, ids[0])
    assert stored(db, patient) is None
    digests.refresh(db)
    assert len(stored(db, patient).days) == 1
    deletion.delete_patient(db, settings, who, patient)
    with db.read() as session:
        assert session.scalars(select(TrendDigest)).all() == []


def test_what_was_made_in_another_way_is_made_again(db, patient, monkeypatch):
    add(db, patient, 1)
    digests.refresh(db)
    monkeypatch.setattr(digests, "METHOD", digests.METHOD + 1)
    assert digests.refresh(db) == 1


def test_recordings_that_do_not_count_are_gaps_and_the_range_is_the_baseline_s(db, patient):
    add(db, patient, 8)
    bad = add(db, patient, 1, start=8)[0]
    with db.session() as session:
        session.get_one(Recording, bad).partial = True
    digests.refresh(db)
    found = stored(db, patient)
    assert found.shares["happy"][-1] is None
    assert None not in found.shares["happy"][:-1]
    assert found.low["happy"] < 0.3 < found.high["happy"]


def test_the_interval_is_that_of_the_newest_recording_that_counts(db, patient):
    add(db, patient, 1)
    newest, bad = add(db, patient, 2, happy=0.6, start=1)
    with db.session() as session:
        row = session.get_one(Recording, newest)
        high = row.summary["high"] | {"happy": 0.7549600001}
        summary = row.summary = row.summary | {"high": high}
        session.get_one(Recording, bad).partial = True
    digests.refresh(db)
    low, high = stored(db, patient).intervals["happy"]
    assert (low, high) == (summary["low"]["happy"], summary["high"]["happy"]), "rounded twice, it would be another"
    assert low <= 0.6 <= high


def test_without_a_recording_that_counts_there_is_no_interval(db, patient):
    [bad] = add(db, patient, 1)
    with db.session() as session:
        session.get_one(Recording, bad).partial = True
    digests.refresh(db)
    assert stored(db, patient).intervals is None


@pytest.mark.parametrize(("last", "outside"), [(0.3, False), (0.7, True)])
def test_outside_is_reported_for_the_newest_counting_recording(db, patient, last, outside):
    add(db, patient, 8)
    add(db, patient, 2, happy=last, start=8)
    digests.refresh(db)
    with db.read() as session:
        assert session.get_one(TrendDigest, patient).outside is outside
    add(db, patient, 1, start=10)
    digests.refresh(db)
    with db.read() as session:
        assert session.get_one(TrendDigest, patient).outside is False


def test_a_page_makes_those_that_it_shows_and_a_worker_the_rest(db, patient, monkeypatch):
    with db.session() as session:
        other = Patient(name="Other", created_at=clock.now())
        session.add(other)
    add(db, patient, 1)
    add(db, other.id, 1)
    assert digests.refresh(db, [other.id]) == 1
    assert (stored(db, patient), stored(db, other.id) is not None) == (None, True)
    assert digests.refresh(db) == 1
    assert stored(db, patient) is not None
    add(db, patient, 1, start=1)
    add(db, other.id, 1, start=1)
    monkeypatch.setattr(digests, "AT_ONCE", 1)
    assert [digests.refresh(db) for _ in range(3)] == [1, 1, 0]


def test_a_patient_who_was_deleted_meanwhile_has_none(db, patient):
    with db.session() as session:
        digests._renew(session, "0" * 32)
        assert session.scalars(select(TrendDigest)).all() == []
