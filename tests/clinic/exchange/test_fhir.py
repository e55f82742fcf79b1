"""A Bundle is valid R4 by its schema and by our own rules, and each of those rules finds what it is for."""

import copy
import uuid
from datetime import UTC, date, datetime, time

import pytest
from fhir.resources.R4B.bundle import Bundle

from clinic import words
from clinic.admin import zones
from clinic.exchange.fhir import LOINC, bundle
from clinic.exchange.fhir_rules import faults
from clinic.patients import caseload, conditions, edits
from clinic.patients.conditions import ConditionKind
from clinic.patients.fields import RecordingFields
from clinic.patients.summaries import LABELS
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from db.models import JobState, Recording, Role
from tests import consents, doors
from tests.clinic.patients.test_digests import FIRST, add
from tests.clinic.patients.test_listing import add_job

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def built(db, who, patient):
    """Return a function that builds a Bundle: nine recordings, the last of which doesn't count, and questionnaires."""
    consents.agree(db, patient)
    ids = add(db, patient, 9)
    with db.session() as session:
        session.get_one(Recording, ids[-1]).partial = True
    answers.record(db, who, patient, Given("phq9", FIRST, items=(0, 1, 2, 3, 0, 1, 2, 3, 0)))
    answers.record(db, who, patient, Given("gad7", FIRST, items=(1,) * 7))
    answers.record(db, who, patient, Given("who5", FIRST, total=40))

    def build():
        detail = caseload.get_patient(db, who, patient)
        return bundle(detail, answers.listed(db, who, patient), conditions.conditions(db, who, patient), AT)

    return build


def of_type(found, name):
    return [entry["resource"] for entry in found["entry"] if entry["resource"]["resourceType"] == name]


def shares(found):
    return [one for one in of_type(found, "Observation") if "component" in one]


def test_it_is_valid_by_schema_and_rules(built):
    found = built()
    Bundle.model_validate(copy.deepcopy(found))
    assert faults(found) == []
    assert [len(of_type(found, name)) for name in ("Patient", "Device", "Observation", "QuestionnaireResponse")] == [
        1,
        1,
        12,
        2,
    ]


def test_every_observation_is_preliminary_and_says_what_it_is_not(built):
    found = built()
    assert {one["status"] for one in of_type(found, "Observation")} == {"preliminary"}
    assert all(one["note"] == [{"text": words.DISCLAIMER}] for one in shares(found))
    assert of_type(found, "Device")[0]["identifier"][0]["value"] == "m"


def test_a_known_time_of_day_has_the_offset_of_its_day(db, who, patient, built):
    newest = caseload.get_patient(db, who, patient).recordings[0].id
    for day, at, expected in (
        (date(2026, 11, 20), time(9), "2026-11-20T09:00:00+01:00"),
        (date(2026, 10, 25), time(2, 30), "2026-10-25T02:30:00+02:00"),
        (date(2026, 11, 20), None, "2026-11-20"),
    ):
        with db.session() as session:
            row = session.get_one(Recording, newest)
            row.recorded_on, row.recorded_time, row.recorded_zone = day, at, "Europe/Berlin"
        found = built()
        Bundle.model_validate(copy.deepcopy(found))
        assert expected in [one["effectiveDateTime"] for one in shares(found)]


def test_an_instant_stays_the_same_where_the_clinic_moves(db, who, patient, built):
    """The offset was that of the clinic's zone of today: one of nine hours later."""
    newest = caseload.get_patient(db, who, patient).recordings[0]
    administrator = doors.actor(db, "Admin", Role.ADMINISTRATOR)

    def stored(zone, at):
        zones.choose(db, administrator, zone)
        revision = caseload.get_patient(db, who, patient).recordings[0].revision
        edits.edit_recording(db, who, newest.id, revision, RecordingFields(date(2026, 3, 2), at, at.isoformat()))
        return next(one["effectiveDateTime"] for one in shares(built()) if one["id"] == str(uuid.UUID(newest.id)))

    assert stored("Europe/Berlin", time(9)) == "2026-03-02T09:00:00+01:00"
    # Only the note is edited.
    assert stored("America/Los_Angeles", time(9)) == "2026-03-02T09:00:00+01:00"
    assert stored("America/Los_Angeles", time(10)) == "2026-03-02T10:00:00-08:00"
    with db.session() as session:
        session.get_one(Recording, newest.id).recorded_zone = None
    assert "2026-03-02" in [one["effectiveDateTime"] for one in shares(built())], "of before the zone was kept"


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.CHOOSING, JobState.FAILED, JobState.CANCELLED])
def test_what_was_never_analysed_is_no_observation(db, patient, built, state):
    before = built()
    add_job(db, patient, state, model_sha256="asked for")
    assert built() == before


def test_labels_have_values_or_the_reason_of_their_absence(built):
    by_day = {one["effectiveDateTime"]: one for one in shares(built())}
    counting, left_out = by_day["2026-01-05"], by_day["2026-03-02"]
    assert [part["code"]["coding"][0]["code"] for part in counting["component"][1:]] == list(LABELS)
    assert counting["component"][1 + LABELS.index("happy")]["valueQuantity"]["value"] == 30.0
    assert all("dataAbsentReason" in part and "valueQuantity" not in part for part in left_out["component"][1:])
    assert "could be read" in left_out["component"][1]["dataAbsentReason"]["text"]
    assert "valueQuantity" in left_out["component"][0], "how much could be read is known"


def test_under_a_condition_of_the_face_no_label_is_given(db, who, patient, built):
    conditions.add(db, who, patient, ConditionKind.BOTULINUM, FIRST)
    found = built()
    assert faults(found) == []
    parts = [part for one in shares(found) for part in one["component"][1:]]
    assert {part["dataAbsentReason"]["coding"][0]["code"] for part in parts} == {"not-applicable"}


def test_questionnaires_have_checked_codes_and_their_answers(built):
    found = built()
    totals = {
        one["code"]["coding"][0]["code"]: one["valueQuantity"]["value"]
        for one in of_type(found, "Observation")
        if one not in shares(found)
    }
    assert totals == {"44261-6": 12, "70274-6": 7, "total-who5": 40}
    phq9 = next(one for one in of_type(found, "QuestionnaireResponse") if "44249-1" in one["questionnaire"])
    assert [item["answer"][0]["valueCoding"]["code"] for item in phq9["item"][:4]] == [
        "LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9",
    ]  # fmt: skip


def broken(found, name, change):
    changed = copy.deepcopy(found)
    change(next(one for one in of_type(changed, "Observation") if ("component" in one) == (name == "shares")))
    return faults(changed)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("shares", lambda one: one.update(status="fertig"), "none of R4's"),
        ("shares", lambda one: one.pop("status"), "none of R4's"),
        ("score", lambda one: one.update(dataAbsentReason={"coding": [{"code": "unknown"}]}), "beside the reason"),
        ("score", lambda one: one.pop("valueQuantity"), "neither a value"),
        ("score", lambda one: one.update(valueString="x"), "several values"),
        ("shares", lambda one: one["component"][0].pop("valueQuantity"), "neither a value"),
        ("shares", lambda one: one.update(device=one["subject"]), "points to a Patient"),
        ("shares", lambda one: one.update(subject=one["device"]), "points to a Device"),
        ("shares", lambda one: one.update(subject={"reference": "Patient/other"}), "points to nothing"),
        ("score", lambda one: one["code"]["coding"][0].update(system=LOINC, code="44262-4"), "was not checked"),
        (
            "shares",
            lambda one: one["component"][-1]["dataAbsentReason"]["coding"][0].update(code="x"),
            "unknown reason",
        ),
        (
            "shares",
            lambda one: one["component"][-1]["dataAbsentReason"]["coding"][0].update(system="urn:own"),
            "not FHIR's",
        ),
        ("shares", lambda one: one.update(derivedFrom=[one["subject"]]), "points to a Patient"),
        ("shares", lambda one: one.update(valueInteger=1, code=one["component"][0]["code"]), "the code of the"),
    ],
)
def test_each_rule_finds_what_a_schema_lets_pass(built, name, change, said):
    assert any(said in fault for fault in broken(built(), name, change))


def test_an_entry_that_stands_twice_is_found(built):
    found = built()
    found["entry"].append(found["entry"][0])
    assert any("stands twice" in fault for fault in faults(found))
