"""Patients are listed, found as they are written, and leave no byte when they go."""

from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import event

from clinic import words
from clinic.accounts import accounts, sessions
from clinic.admin import demo, demo_people
from clinic.patients import caseload, edits
from clinic.patients.fields import PatientFields
from db.models import Account, Recording
from fer_core.errors import FerError


def test_added_patients_are_listed_by_name(db, who):
    for name in ("berta", "Anna", "Carl"):
        caseload.add_patient(db, who, f"  {name} ")
    assert [patient.name for patient in caseload.list_patients(db, who)] == ["Anna", "berta", "Carl"]
    assert caseload.list_patients(db, who)[0].recordings == 0
    assert caseload.list_patients(db, who)[0].last_recorded_on is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb", "a\0b", "a\u202eb", "\ud800"])
def test_names_that_hide_something_are_refused(db, name, who):
    with pytest.raises(FerError) as refusal:
        caseload.add_patient(db, who, name)
    assert refusal.value.code == "bad_name"
    assert caseload.list_patients(db, who) == []


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "Robert'); DROP TABLE patient;--", "=cmd()", "100 %_x"])
def test_odd_names_are_text_and_searched_as_they_are(db, name, who):
    caseload.add_patient(db, who, name)
    caseload.add_patient(db, who, "someone else")
    assert [patient.name for patient in caseload.list_patients(db, who, name)] == [name]


def test_search_takes_wildcards_literally(db, who):
    caseload.add_patient(db, who, "50 % of it", note="under_score")
    caseload.add_patient(db, who, "50 and more")
    assert [p.name for p in caseload.list_patients(db, who, "%")] == ["50 % of it"]
    assert [p.name for p in caseload.list_patients(db, who, "r_s")] == ["50 % of it"]
    assert len(caseload.list_patients(db, who, "50")) == 2


@pytest.mark.parametrize("search", ["MÜLLER", "mu\u0308ller", "Müller", " müll "])
def test_case_and_composition_do_not_hide_a_patient(db, search, who):
    caseload.add_patient(db, who, "Käthe Müller")
    caseload.add_patient(db, who, "Miller")
    assert [p.name for p in caseload.list_patients(db, who, search)] == ["Käthe Müller"]


@pytest.mark.parametrize("search", ["muller", "MULLER", "kathe", "soren", "STRASSE"])
def test_accents_do_not_hide_a_patient(db, search, who):
    wanted = caseload.add_patient(db, who, "Käthe Müller", "von Søren, Hauptstraße")
    caseload.add_patient(db, who, "Somebody")
    assert [p.id for p in caseload.list_patients(db, who, search)] == [wanted]
    edits.edit_patient(db, who, wanted, 1, PatientFields("Other"))
    assert caseload.list_patients(db, who, search) == []


def test_a_very_long_search_finds_nothing_and_breaks_nothing(db, who):
    caseload.add_patient(db, who, "A")
    assert caseload.list_patients(db, who, "x%" * 100_000) == []


def test_marks_around_a_name_are_not_kept(db, who):
    caseload.add_patient(db, who, "\u2068Mu\u0308ller\u2069")
    assert [p.name for p in caseload.list_patients(db, who)] == ["Müller"]


def test_accents_do_not_change_the_order(db, who):
    for name in ("Zoe", "Özlem", "otto", "Émile", "Fritz"):
        caseload.add_patient(db, who, name)
    assert [p.name for p in caseload.list_patients(db, who)] == ["Émile", "Fritz", "otto", "Özlem", "Zoe"]


def test_renaming_and_unknown_ones(db, who):
    patient_id = caseload.add_patient(db, who, "A")
    edits.edit_patient(db, who, patient_id, 1, PatientFields("B", "a note\nof two lines"))
    assert caseload.get_patient(db, who, patient_id).note == "a note\nof two lines"
    for ask in (caseload.get_patient, caseload.get_recording):
        with pytest.raises(FerError):
            ask(db, who, "0" * 32)


@pytest.fixture
def filled(db, who, invented):
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, who.account_id))
    return db


def test_the_demo_is_marked_and_not_doubled(filled, who):
    patients = caseload.list_patients(filled, who)
    assert len(patients) == len(demo_people.PEOPLE)
    assert all(patient.demo and "invented" in patient.name for patient in patients)
    assert demo.fill(filled) == 0
    assert len(caseload.list_patients(filled, who)) == len(demo_people.PEOPLE)


def test_the_demo_shows_what_there_is_to_see(filled, who):
    details = [caseload.get_patient(filled, who, patient.id) for patient in caseload.list_patients(filled, who)]
    points = [point for detail in details for point in detail.trend.points]
    assert any(point.excluded for point in points)
    assert any(point.outside for point in points)
    assert any(change.what == "model" for detail in details for change in detail.trend.changes)
    assert any(detail.trend.building for detail in details)
    assert any(detail.trend.baseline for detail in details)
    first = details[0].recordings[0]
    table = caseload.samples(filled, who, first.id)
    assert len(table) == first.samples
    assert caseload.get_recording(filled, who, first.id) == first


def test_the_demo_s_account_sees_them_and_gets_a_new_password_each_time(db, invented):
    first, second = demo.add_account(db), demo.add_account(db)
    with pytest.raises(FerError):
        sessions.sign_in(db, demo.ACCOUNT, first)
    actor = sessions.actor_of(db, sessions.sign_in(db, demo.ACCOUNT, second))
    accounts.accept_statement(db, actor, words.STATEMENT_VERSION)
    assert len(caseload.list_patients(db, actor)) == len(demo_people.PEOPLE)


def test_the_list_costs_two_queries_however_long_it_is(filled, who):
    asked = []
    event.listen(filled.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    caseload.list_patients(filled, who)
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 2


def test_recordings_of_one_day_stand_in_the_order_of_their_times(db, who, patient):
    at = [time(15), time(9, 30), None]
    with db.session() as session:
        for when in at:
            session.add(
                Recording(
                    patient_id=patient,
                    kind="video",
                    recorded_on=date(2026, 1, 5),
                    recorded_time=when,
                    created_at=datetime.now(UTC),
                )
            )
            session.flush()
    newest_first = [one.recorded_time for one in caseload.get_patient(db, who, patient).recordings]
    assert newest_first == [None, time(15), time(9, 30)]
