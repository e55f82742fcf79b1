"""Patients who may be one person under two ids."""

from datetime import date

import pytest

from clinic.access import Role
from clinic.patients import caseload
from clinic.patients.doubles import Doubles, doubles
from db.models import Account
from tests import doors

BORN = date(1992, 2, 29)


@pytest.fixture
def ada(db):
    return doors.actor(db, "Ada", Role.CLINICIAN)


def told(db, actor, patient_id):
    with db.read() as session:
        return doubles(session, patient_id, session.get_one(Account, actor.account_id))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (("Ünal =1+1", "Z-7", BORN), "name, code and date of birth"),
        (("  UNAL  =1+1", "z-7", None), "name and code"),
        (("Ünal =1+1", "", BORN), "name and date of birth"),
        (("Ünal =1+1", "", None), "name"),
        (("Somebody", "Z-7", date(1950, 1, 1)), "code"),
        (("Ünal =1+1", "", date(1950, 1, 1)), None),
        (("Ünal =1+12", "Z-77", BORN), None),
        (("Somebody", "", BORN), None),
    ],
)
def test_what_is_the_same_is_said(db, ada, other, same):
    name, code, born_on = other
    there = caseload.add_patient(db, ada, name, note="Z-7\nÜnal =1+1", code=code, born_on=born_on)
    added = caseload.add_patient(db, ada, "Ünal =1+1", code="Z-7", born_on=BORN)
    found = told(db, ada, added)
    assert found.more == ()
    assert [(there[:6] in who, what) for who, what in found.seen] == ([(True, same)] if same else [])


def test_a_patient_without_a_code_is_like_no_other_without_one(db, ada):
    caseload.add_patient(db, ada, "Somebody")
    assert told(db, ada, caseload.add_patient(db, ada, "Nobody")) == Doubles()


def test_of_others_patients_only_the_existence_is_said_and_only_of_nearly_sure_ones(db, ada):
    ben = doors.actor(db, "Ben", Role.CLINICIAN)
    sure = caseload.add_patient(db, ben, "Ünal", code="Z-7", born_on=BORN)
    caseload.add_patient(db, ben, "Ünal")
    found = told(db, ada, caseload.add_patient(db, ada, "Ünal", code="Z-7", born_on=BORN))
    assert found == Doubles((), ("name, code and date of birth",))
    assert not any("Ünal" in one or sure[:6] in one for one in found.sentences())
