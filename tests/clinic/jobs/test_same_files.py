"""The same file for another patient: said before anything starts, and of patients of others no more than that."""

from datetime import date

import pytest

from clinic.jobs import jobs
from clinic.jobs.same_files import elsewhere
from clinic.patients import caseload
from tests import doors

DAY = date(2026, 5, 4)


@pytest.fixture
def other(db, who):
    return caseload.add_patient(db, who, "Other Person")


@pytest.fixture
def stored(db, settings, who, patient, an_upload):
    """The hashes of two pictures that are stored for the patient."""
    files = [an_upload("image"), an_upload("image")]
    jobs.enqueue(db, settings, who, patient, files, DAY, model_sha256="m")
    return [file.sha256 for file in files]


def test_a_file_of_an_own_patient_is_told_with_whose_it_is(db, who, other, patient, stored):
    found = elsewhere(db, who, other, list(reversed(stored)))
    assert ([(one.id, one.visit_number) for one in found.seen], found.more) == ([(patient, 1)], False)
    assert elsewhere(db, who, patient, stored) == elsewhere(db, who, other, ["0" * 64])


def test_a_file_of_somebody_else_s_patient_names_nobody(db, stored):
    foreign = doors.actor(db, "Dr. Foreign")
    found = elsewhere(db, foreign, caseload.add_patient(db, foreign, "Own Person"), stored)
    assert (found.seen, found.more) == ((), True)
