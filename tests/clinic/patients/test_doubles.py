"""Patients who may be one person under two ids."""

from datetime import date

import pytest

from clinic.access import Role
from clinic.patients import caseload
from clinic.patients.doubles import Doubles, LikeError, doubles, like, need_no_other, others
from clinic.patients.fields import PatientFields
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


@pytest.mark.parametrize(
    ("wanted", "same"),
    [
        (("ANA müller", "", None), "name"),
        (("Ana Muller", "", BORN), "name and date of birth"),
        (("Anna Mueller", "", BORN), "date of birth and a similar name"),
        (("Müller, Ana", "", BORN), "date of birth and a similar name"),
        (("Berta Müller", "", BORN), "date of birth and a similar name"),
        (("Somebody", "z-7", None), "code"),
        (("Anna Mueller", "", None), None),
        (("Somebody", "", BORN), None),
        (("Ana Müller", "", date(1950, 1, 1)), None),
    ],
)
def test_fields_of_a_new_patient_are_compared_with_those_on_the_caseload(db, ada, wanted, same):
    there = caseload.add_patient(db, ada, "Ana Müller", code="Z-7", born_on=BORN)
    name, code, born_on = wanted
    said = like(db, ada, PatientFields(name, code=code, born_on=born_on))
    who = f"Ana Müller · Z-7 · born 29 Feb 1992 · ID {there[:6]}"
    assert said == ([f"{who} has the same {same}."] if same else [])


def test_a_patient_is_not_like_itself_and_what_was_accepted_is_not_asked_again(db, ada):
    one = caseload.add_patient(db, ada, "Ana Müller")
    other = caseload.add_patient(db, ada, "Berta")
    assert like(db, ada, PatientFields("Ana Muller"), one) == []
    with pytest.raises(LikeError) as met:
        need_no_other(db, ada, PatientFields("Ana Muller"), other, ())
    need_no_other(db, ada, PatientFields("Ana Muller"), other, met.value.sentences)
    caseload.add_patient(db, ada, "ana muller")
    with pytest.raises(LikeError):
        need_no_other(db, ada, PatientFields("Ana Muller"), other, met.value.sentences)


def test_of_others_caseloads_nothing_is_said_before_a_patient_is_added(db, ada):
    ben = doors.actor(db, "Ben", Role.CLINICIAN)
    caseload.add_patient(db, ben, "Ünal", born_on=BORN)
    assert like(db, ada, PatientFields("Unal", born_on=BORN)) == []
    added = caseload.add_patient(db, ada, "Unal", born_on=BORN)
    assert others(db, ada, added) == ["A patient on another caseload has the same name and date of birth."]
