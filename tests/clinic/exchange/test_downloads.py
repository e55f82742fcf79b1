"""What was edited, added or deleted after a file was prepared doesn't leave with it."""

from datetime import date

import pytest

from clinic.erasure import deletion
from clinic.exchange import downloads, handing_out
from clinic.exchange.downloads import Kind
from clinic.patients import caseload, edits, events
from clinic.patients.events import EventKind
from clinic.patients.fields import PatientFields, RecordingFields
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from clinic.recordings import marks
from clinic.recordings.verdicts import MarkFields, Verdict
from db.models import Recording
from fer_core.errors import FerError
from tests import consents
from tests.clinic.patients.test_digests import FIRST, add

DAY = date(2026, 5, 4)


@pytest.fixture
def filled(db, who, patient):
    """A patient with two recordings and a questionnaire."""
    consents.agree(db, patient)
    add(db, patient, 2)
    answers.record(db, who, patient, Given("phq9", DAY, total=5))
    return patient


def rename(db, settings, who, patient):
    edits.edit_patient(db, who, patient, 1, PatientFields("Another Name"))


def move(db, settings, who, patient):
    row = caseload.get_patient(db, who, patient).recordings[0]
    edits.edit_recording(db, who, row.id, row.revision, RecordingFields(FIRST, None, "moved"))


def delete_answer(db, settings, who, patient):
    answers.remove(db, settings, who, answers.listed(db, who, patient)[0].id)


def add_event(db, settings, who, patient):
    events.add(db, who, patient, EventKind.SESSION, DAY, "a session")


def mark(db, settings, who, patient):
    row = caseload.get_patient(db, who, patient).recordings[0]
    marks.add(db, who, row.id, MarkFields(0.0, 1.0, Verdict.UNCLEAR))


CHANGES = [rename, move, delete_answer, add_event, mark]


def prepare(db, settings, who, patient, kind):
    if kind is Kind.ARCHIVE:
        return downloads.prepare(db, settings, who, patient)
    return handing_out.prepare(db, settings, who, patient, kind)


@pytest.mark.parametrize("kind", [Kind.ARCHIVE, Kind.XLSX])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_file_made_before_a_change_is_refused_and_deleted(db, settings, who, filled, kind, change):
    ticket = prepare(db, settings, who, filled, kind)
    change(db, settings, who, filled)
    with pytest.raises(FerError) as refused:
        downloads.take(db, settings, who, ticket)
    assert refused.value.code == "download_stale"
    assert list((settings.data_dir / "downloads").iterdir()) == []
    downloads.take(db, settings, who, prepare(db, settings, who, filled, kind)).file.close()


def test_looking_at_the_patient_changes_nothing_and_deleting_a_recording_takes_all_that_waits(
    db, settings, who, filled
):
    ticket = prepare(db, settings, who, filled, Kind.XLSX)
    row = caseload.get_patient(db, who, filled).recordings[0]
    downloads.take(db, settings, who, ticket).file.close()
    deletion.delete_recording(db, settings, who, row.id)
    with pytest.raises(FerError):
        downloads.take(db, settings, who, ticket)
    with db.read() as session:
        assert session.get(Recording, row.id) is None
