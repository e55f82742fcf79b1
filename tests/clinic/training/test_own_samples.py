"""What the clinic's own people labelled is counted by patient, and only where a label was given."""

from datetime import date

import pytest
from sqlalchemy import select

from clinic.access import Forbidden
from clinic.consent.consent import Scope
from clinic.patients import caseload
from clinic.training import own_samples
from clinic.training.own_samples import OwnSamples
from clinic.training_queue import uses
from db.models import Patient, Recording, RecordingMark
from tests import consents, doors

LABELLED = [("agree", None, "sad"), ("other", "happy", "sad"), ("impression", "fear", None)]
NOT_LABELLED = [
    ("agree", None, "uncertain"),
    ("unclear", None, "sad"),
    ("not_patient", None, "sad"),
    ("event", None, None),
]


@pytest.fixture
def clinician(db):
    return doors.actor(db)


@pytest.fixture
def mark(db):
    """Return a function that adds marks to a new recording of a patient."""

    def add(patient_id, marks):
        with db.session() as session:
            recording = Recording(patient_id=patient_id, visit_number=1, kind="video", created_at=doors.now())
            recording.recorded_on = date(2026, 1, 1)
            session.add(recording)
            session.flush()
            for second, (verdict, label, model_label) in enumerate(marks):
                stretch = {"begin_s": second, "end_s": second + 1}
                row = RecordingMark(recording_id=recording.id, **stretch, verdict=verdict, label=label)
                row.model_label, row.recorded_at = model_label, doors.now()
                session.add(row)
                session.flush()

    return add


def test_labels_are_counted_by_patient_and_by_the_consent_to_their_use(db, admin, clinician, mark):
    first, second, demo = (caseload.add_patient(db, clinician, name) for name in ("A Person", "B Person", "C Person"))
    with db.session() as session:
        session.get_one(Patient, demo).demo = True
    consents.agree(db, first, *uses.NEEDED)
    mark(first, LABELLED * 7 + NOT_LABELLED)
    mark(second, LABELLED * 10)
    mark(demo, LABELLED)
    assert own_samples.count(db, admin) == OwnSamples(51, 2, 21, 1, 1)
    consents.revoke(db, first, Scope.TRAIN)
    assert own_samples.count(db, admin) == OwnSamples(51, 2, 0, 0, 0)


def test_who_is_no_administrator_gets_no_count(db, clinician):
    with pytest.raises(Forbidden):
        own_samples.count(db, clinician)


def test_what_is_mostly_a_stranger_s_is_not_counted(db, admin, clinician, mark):
    patient = caseload.add_patient(db, clinician, "A Person")
    mark(patient, LABELLED)
    with db.session() as session:
        row = session.scalars(select(RecordingMark).order_by(RecordingMark.begin_s)).first()
        for begin_s, end_s in ((0.0, 0.45), (0.55, 1.0)):
            stretch = {"recording_id": row.recording_id, "begin_s": begin_s, "end_s": end_s}
            session.add(RecordingMark(**stretch, verdict="not_patient", recorded_at=doors.now()))
            session.flush()
    assert own_samples.count(db, admin).marks == len(LABELLED) - 1
