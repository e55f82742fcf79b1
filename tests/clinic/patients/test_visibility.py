"""What is open of a patient, as an open page asks it: it shrinks with consent, sharing, role and the record itself."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from sqlalchemy import delete, select, update

from clinic.consent import giving
from clinic.consent.consent import Scope
from clinic.jobs import jobs
from clinic.patients import caseload, conditions, edits, sharing, visibility
from clinic.patients.conditions import ConditionKind
from clinic.patients.fields import PatientFields, RecordingFields
from db.models import (
    FaceCondition,
    ImportedSeries,
    PatientEvent,
    QuestionnaireAnswer,
    QuestionnaireSchedule,
    Recording,
    RecordingMark,
    Role,
)
from fer_core.errors import FerError
from tests import consents, doors

SCOPES = {scope.value for scope in Scope}


def opened(db, who, *patients):
    return {key: standing.opened for key, standing in visibility.states(db, who, patients).items()}


def test_an_edit_of_the_patient_or_of_a_recording_makes_another_edition(db, settings, who, patient, an_upload):
    other = caseload.add_patient(db, who, "Somebody else")
    before = visibility.states(db, who, [patient, other])
    assert visibility.states(db, who, [patient, other]) == before
    edits.edit_patient(db, who, patient, before[patient].edition[0], PatientFields("Another Name"))
    second = visibility.states(db, who, [patient, other])
    consents.agree(db, patient)
    added = jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m").recording_id
    third = visibility.states(db, who, [patient, other])
    edits.edit_recording(db, who, added, 1, RecordingFields(date(2026, 5, 3)))
    fourth = visibility.states(db, who, [patient, other])
    with db.session() as session:
        session.delete(session.get_one(Recording, added))
    fifth = visibility.states(db, who, [patient, other])
    found = [one[patient].edition for one in (before, second, third, fourth, fifth)]
    assert all(one != next_one for one, next_one in pairwise(found))
    assert {one[other] for one in (before, second, third, fourth, fifth)} == {before[other]}


def test_consent_sharing_and_roles_are_in_it(db, who, patient):
    consents.agree(db, patient)
    assert visibility.state(db, who, patient) == SCOPES | {"reads", "writes"}
    assert opened(db, who, patient) == {patient: True}
    consents.expire(db, patient, Scope.KEEP_VIDEO)
    assert visibility.state(db, who, patient) == SCOPES - {"keep_video"} | {"reads", "writes"}
    assert opened(db, who, patient) == {patient: True}
    consents.expire(db, patient, Scope.KEEP_RESULTS)
    assert opened(db, who, patient) == {patient: False}
    viewer = doors.actor(db, "A viewer", Role.VIEWER)
    assert opened(db, viewer, patient) == {}
    sharing.share(db, who, patient, viewer.name)
    assert visibility.state(db, viewer, patient) == {"analyse", "train", "export", "reads"}
    sharing.unshare(db, who, patient, viewer.account_id)
    with pytest.raises(FerError) as refused:
        visibility.state(db, viewer, patient)
    assert refused.value.code == "not_your_patient"


def test_a_recording_that_is_gone_is_reported(db, settings, who, patient, an_upload):
    added = jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m")
    visibility.state(db, who, patient, added.recording_id)
    with pytest.raises(FerError) as refused:
        visibility.state(db, who, patient, "0" * 32)
    assert refused.value.code == "unknown_recording"


def test_a_recording_that_got_the_number_of_a_deleted_one_makes_another_edition(db, settings, who, patient, an_upload):
    consents.agree(db, patient)
    found, numbers = [], []
    for _ in range(2):
        with db.session() as session:
            session.execute(delete(Recording))
        jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m")
        with db.read() as session:
            numbers += session.scalars(select(Recording.number))
        found.append(visibility.states(db, who, [patient])[patient].edition)
    assert numbers[0] == numbers[1], "the case that is tested"
    assert found[0] != found[1]


def test_who_sees_the_patient_and_each_consent_make_another_edition(db, who, patient):
    viewer = doors.actor(db, "A viewer", Role.VIEWER)
    found = [visibility.states(db, who, [patient])[patient].edition]
    for change in (
        lambda: sharing.share(db, who, patient, viewer.name),
        lambda: sharing.unshare(db, who, patient, viewer.account_id),
        lambda: giving.record(db, who, patient, [Scope.ANALYSE], date(2026, 5, 4)),
    ):
        change()
        found.append(visibility.states(db, who, [patient])[patient].edition)
    assert len(set(found)) == 4


def test_whom_a_page_may_offer(db, who, patient):
    viewer = doors.actor(db, "A viewer", Role.VIEWER)
    sharing.share(db, who, patient, viewer.name)
    before = visibility.offered(db, viewer)
    assert list(before) == [patient]
    giving.record(db, who, patient, [Scope.ANALYSE], date(2026, 5, 4))
    assert visibility.offered(db, viewer)[patient] != before[patient]
    sharing.unshare(db, who, patient, viewer.account_id)
    assert visibility.offered(db, viewer) == {}


@pytest.mark.parametrize("verdict", ["not_patient", "agree", "exclude"])
def test_a_mark_on_a_stretch_is_in_it(db, settings, who, patient, an_upload, verdict):
    """In any of the patient's recordings: it stands in the trend, in the caseload and beside other recordings."""
    consents.agree(db, patient)
    added = jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m")
    before = visibility.states(db, who, [patient])[patient]
    with db.session() as session:
        session.add(
            RecordingMark(
                recording_id=added.recording_id,
                begin_s=3.0,
                end_s=6.0,
                verdict=verdict,
                recorded_at=datetime.now(UTC),
            )
        )
    marked = visibility.states(db, who, [patient])[patient]
    assert (marked.left_out != before.left_out, marked.edition) == (True, before.edition)


def test_a_condition_of_the_face_is_in_it(db, who, patient):
    found = [visibility.states(db, who, [patient])[patient].left_out]
    conditions.add(db, who, patient, ConditionKind.BOTULINUM, date(2026, 5, 4))
    found.append(visibility.states(db, who, [patient])[patient].left_out)
    [held] = conditions.conditions(db, who, patient)
    conditions.end(db, who, held.id, held.revision, date(2026, 5, 5))
    found.append(visibility.states(db, who, [patient])[patient].left_out)
    with db.session() as session:
        session.scalars(select(FaceCondition)).one().note = "both sides"
    found.append(visibility.states(db, who, [patient])[patient].left_out)
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    "change",
    [{"analysed_at": datetime.now(UTC)}, {"patient_track": 1}, {"summary": {}}],
    ids=lambda change: next(iter(change)),
)
def test_another_result_of_a_recording_makes_another_edition(db, settings, who, patient, an_upload, change):
    """A result that was discarded, for the patient was not there, stayed on the open pages of colleagues."""
    consents.agree(db, patient)
    jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m")
    before = visibility.states(db, who, [patient])
    with db.session() as session:
        session.execute(update(Recording).values(change))
    assert visibility.states(db, who, [patient]) != before


def test_each_edit_of_a_mark_and_whatever_stands_beside_the_recordings_is_in_it(db, settings, who, patient, an_upload):
    """Two marks summed up to the same figure, and a questionnaire that was deleted stayed on open pages."""
    consents.agree(db, patient)
    added = jobs.enqueue(db, settings, who, patient, [an_upload()], date(2026, 5, 4), model_sha256="m").recording_id
    other = caseload.add_patient(db, who, "Somebody else")
    day, now = date(2026, 5, 4), datetime.now(UTC)
    seen = [visibility.states(db, who, [patient, other])]

    def note(do):
        with db.session() as session:
            do(session)
        seen.append(visibility.states(db, who, [patient, other]))

    mark = {"recording_id": added, "verdict": "not_patient", "recorded_at": now}
    for row in (
        RecordingMark(id="a" * 32, begin_s=0.0, end_s=3.0, **mark),
        PatientEvent(patient_id=patient, kind="event", happened_on=day, recorded_at=now),
        QuestionnaireAnswer(
            id="b" * 32, patient_id=patient, scale="phq9", definition={}, answered_on=day, how="staff", recorded_at=now
        ),
        QuestionnaireSchedule(
            id="c" * 32, patient_id=patient, scale="phq9", name="x", every_days=7, first_due=day, created_at=now
        ),
        ImportedSeries(
            patient_id=patient,
            tool="pyfeat",
            recorded_on=day,
            moments=1,
            readable_share=1.0,
            measures={},
            recorded_at=now,
        ),
    ):
        note(lambda session, row=row: session.add(row))

    def edit(session):
        stored = session.get_one(RecordingMark, "a" * 32)
        stored.begin_s, stored.end_s, stored.revision = 1.5, 2.5, 2

    note(edit)
    note(lambda session: setattr(session.get_one(QuestionnaireSchedule, "c" * 32), "first_due", date(2026, 5, 5)))
    note(lambda session: session.delete(session.get_one(QuestionnaireAnswer, "b" * 32)))
    assert len({one[patient] for one in seen}) == len(seen) == 9
    assert len({one[other] for one in seen}) == 1
    assert visibility.states(db, who, [patient, other]) == seen[-1]
