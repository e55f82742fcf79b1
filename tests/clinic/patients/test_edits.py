"""Edits of two people that meet: none is lost without a word, and what is refused is stored nowhere."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from clinic import access
from clinic.accounts import accounts, handover
from clinic.admin import zones
from clinic.conflicts import ConflictError, Difference
from clinic.consent import consent, giving
from clinic.consent.consent import Scope
from clinic.erasure import deletion, withdrawal
from clinic.jobs import jobs, leases
from clinic.patients import caseload, conditions, edits, fields
from clinic.patients.conditions import ConditionKind
from clinic.patients.fields import PatientFields, RecordingFields, fields_of
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from db.models import Account, AuditRow, JobState, Recording, Role
from fer_core.errors import FerError
from tests import doors

DAY = date(2026, 5, 4)


@pytest.fixture
def recording(db, settings, who, patient, an_upload):
    return jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, "first", model_sha256="m").recording_id


def test_the_second_save_of_a_patient_is_refused_with_both_texts(db, who, patient):
    edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", "theirs", "A-1", date(1990, 2, 3)))
    with pytest.raises(ConflictError) as refused:
        edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", "mine"))
    assert refused.value.code == "changed_meanwhile"
    assert refused.value.differences == (
        Difference("Code", "A-1", "–"),
        Difference("Date of birth", "3 Feb 1990", "–"),
        Difference("Note", "theirs", "mine"),
    )
    assert caseload.get_patient(db, who, patient).note == "theirs"
    edits.edit_patient(db, who, patient, refused.value.revision, PatientFields("Invented Person", "mine"))
    stored = caseload.get_patient(db, who, patient)
    assert (stored.note, stored.revision) == ("mine", 3)


def test_the_second_save_of_a_recording_is_refused_with_both_texts(db, who, recording):
    edits.edit_recording(db, who, recording, 1, RecordingFields(date(2026, 5, 3), time(14, 5, 59), "theirs"))
    with pytest.raises(ConflictError) as refused:
        edits.edit_recording(db, who, recording, 1, RecordingFields(DAY, None, "mine"))
    assert refused.value.differences == (
        Difference("Recorded on", "3 May 2026", "4 May 2026"),
        Difference("Time of day", "14:05", "–"),
        Difference("Note", "theirs", "mine"),
    )
    assert caseload.subject(db, who, recording).fields == RecordingFields(date(2026, 5, 3), time(14, 5), "theirs")
    with db.read() as session:
        assert "recording_changed" in set(session.scalars(select(AuditRow.action)))


def test_an_edit_reaches_all_versions_of_a_visit(db, who, recording):
    with db.session() as session:
        first = session.get_one(Recording, recording)
        values = {c.name: getattr(first, c.name) for c in Recording.__table__.columns if c.name != "id"}
        session.add(Recording(**values | {"version_of": recording, "current": False}))
    edits.edit_recording(db, who, recording, 1, RecordingFields(date(2026, 5, 3), None, "both"))
    with db.read() as session:
        assert [(one.recorded_on, one.note, one.revision) for one in session.scalars(select(Recording))] == [
            (date(2026, 5, 3), "both", 2)
        ] * 2


def test_the_number_of_a_deleted_recording_never_names_another_one(db, settings, who, patient, recording, an_upload):
    assert caseload.subject(db, who, recording).visit_number == 1
    deletion.delete_recording(db, settings, who, recording, 1)
    for number in (2, 3):
        handed_in = jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, model_sha256="m")
        assert caseload.subject(db, who, handed_in.recording_id).visit_number == number


def test_a_consent_recorded_meanwhile_is_not_overtaken(db, who, patient):
    giving.record(db, who, patient, [Scope.EXPORT], DAY, seen=1)
    with pytest.raises(ConflictError) as refused:
        giving.record(db, who, patient, [Scope.EXPORT], date(2026, 5, 5), seen=1)
    [reported] = refused.value.differences
    assert (reported.stored, reported.wanted) == ("recorded, agreed on 4 May 2026", "recorded, agreed on 5 May 2026")


def test_what_a_colleague_renewed_is_not_withdrawn_from_an_old_window(db, settings, who, patient):
    giving.record(db, who, patient, list(Scope), DAY, seen=1)
    with pytest.raises(ConflictError):
        withdrawal.withdraw(db, settings, who, patient, list(Scope), seen=1)
    assert {one.state.value for one in consent.standings(db, who, patient)} == {"stands"}


def test_an_account_changed_meanwhile_keeps_the_first_change(db, who):
    administrator = doors.actor(db, "Ann Invented", Role.ADMINISTRATOR)
    accounts.disable(db, administrator, who.account_id, seen=1)
    for second in (
        lambda: accounts.set_role(db, administrator, who.account_id, Role.ADMINISTRATOR, seen=1),
        lambda: accounts.reset_password(db, administrator, who.account_id, seen=1),
        lambda: accounts.enable(db, administrator, who.account_id, seen=1),
    ):
        with pytest.raises(ConflictError):
            second()
    with db.read() as session:
        stored = session.get_one(Account, who.account_id)
        assert (stored.role, stored.disabled_at is not None, stored.revision) == ("clinician", True, 2)


def test_a_caseload_is_not_handed_to_a_disabled_account(db, who, patient):
    administrator = doors.actor(db, "Ann Invented", Role.ADMINISTRATOR)
    taker = doors.add_account(db, "Ben Invented", disabled_at=datetime.now(UTC))
    with pytest.raises(FerError, match="is disabled"):
        handover.hand_over(db, administrator, who.account_id, taker)


def test_what_was_edited_or_added_meanwhile_is_not_deleted(db, settings, who, patient, recording):
    edits.edit_recording(db, who, recording, 1, RecordingFields(DAY, None, "look at this one"))
    edits.edit_patient(db, who, patient, 1, PatientFields("Other Name"))
    with pytest.raises(ConflictError):
        deletion.delete_recording(db, settings, who, recording, seen=1)
    with pytest.raises(ConflictError):
        deletion.delete_patient(db, settings, who, patient, seen=1)
    deletion.delete_patient(db, settings, who, patient, seen=2)


def test_a_recording_starts_only_for_the_patient_as_drawn(db, settings, who, patient, an_upload):
    edits.edit_patient(db, who, patient, 1, PatientFields("Other Name"))
    with pytest.raises(ConflictError):
        jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, model_sha256="m", seen=1)
    with db.read() as session:
        assert session.scalars(select(Recording)).all() == []


@pytest.mark.parametrize("day", [date(1989, 12, 31), date(1, 1, 1), doors.now().date() + timedelta(days=2), date.max])
def test_a_day_that_no_recording_can_be_of_is_refused(db, settings, who, patient, an_upload, day):
    with pytest.raises(FerError, match="a day from 1990 to today"):
        jobs.enqueue(db, settings, who, patient, [an_upload()], day, model_sha256="m")
    assert not list(settings.data_dir.glob("media/*")), "what is refused is deleted"


def test_a_time_that_the_clinic_s_clocks_left_out_is_refused(db, settings, who, patient, recording, an_upload):
    zones.choose(db, doors.actor(db, "Admin", Role.ADMINISTRATOR), "Europe/Berlin")
    forward, back = date(2026, 3, 29), date(2025, 10, 26)
    for at in (time(2), time(2, 30), time(2, 59)):
        with pytest.raises(FerError, match="the clocks went forward"):
            edits.edit_recording(db, who, recording, 1, RecordingFields(forward, at))
        with pytest.raises(FerError, match="the clocks went forward"):
            jobs.enqueue(db, settings, who, patient, [an_upload()], forward, model_sha256="m", recorded_time=at)
    edits.edit_recording(db, who, recording, 1, RecordingFields(forward, time(3)))
    edits.edit_recording(db, who, recording, 2, RecordingFields(forward, time(1, 59)))
    # An hour that came twice is taken, and said to be the first one.
    edits.edit_recording(db, who, recording, 3, RecordingFields(back, time(2, 30)))
    berlin = ZoneInfo("Europe/Berlin")
    assert fields.twice(back, time(2, 30), berlin) == (
        "02:30 came twice on 26 Oct 2025, when the clocks went back: the first one is meant, summer time."
    )
    assert [fields.twice(day, at, berlin) for day, at in ((back, time(3)), (forward, time(2, 30)), (back, None))] == [
        None
    ] * 3
    assert fields.twice(date.max, time(23), berlin) is None


def test_the_day_counts_from_birth_where_that_is_known(db, settings, who, patient, an_upload, recording):
    with pytest.raises(FerError, match="before this date of birth"):
        edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", born_on=date(2026, 5, 5)))
    edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", born_on=date(1985, 1, 2)))
    edits.edit_recording(db, who, recording, 1, RecordingFields(date(1985, 1, 2)))
    with pytest.raises(FerError, match="from the patient's birth to today"):
        edits.edit_recording(db, who, recording, 2, RecordingFields(date(1985, 1, 1)))


def test_no_date_of_birth_is_after_what_is_stored_of_the_patient(db, who, patient):
    """Only the recordings were looked at."""
    conditions.add(db, who, patient, ConditionKind.BOTULINUM, date(2026, 1, 1))
    with pytest.raises(FerError, match="There is a condition of the face from before this date of birth"):
        edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", born_on=date(2026, 1, 2)))
    answers.record(db, who, patient, Given("phq9", date(2025, 2, 1), total=4))
    with pytest.raises(FerError, match="There is a questionnaire"):
        edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", born_on=date(2025, 2, 2)))
    edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", born_on=date(2025, 2, 1)))


def test_a_day_and_time_that_stay_are_not_judged_again(db, who, patient, recording):
    """In another zone the clocks left that time out, and so the note could not be edited."""
    with db.session() as session:
        stored = session.get_one(Recording, recording)
        stored.recorded_on, stored.recorded_time = date(2026, 3, 29), time(2, 30)
        access.installation(session).zone = "Europe/Berlin"
    edits.edit_recording(db, who, recording, 1, RecordingFields(date(2026, 3, 29), time(2, 30), "a note"))
    with pytest.raises(FerError, match="the clocks went forward"):
        edits.edit_recording(db, who, recording, 2, RecordingFields(date(2026, 3, 29), time(2, 31)))


def test_a_time_with_seconds_of_an_earlier_version_stays_with_its_zone(db, who, recording):
    """Pages show minutes, so an edit of the note alone moved the time, and gave it another zone."""
    with db.session() as session:
        stored = session.get_one(Recording, recording)
        stored.recorded_on, stored.recorded_time = date(2026, 3, 29), time(2, 30, 15)
        stored.recorded_zone = "America/New_York"
        access.installation(session).zone = "Europe/Berlin"
    edits.edit_recording(db, who, recording, 1, RecordingFields(date(2026, 3, 29), time(2, 30), "a note"))
    with db.read() as session:
        stored = session.get_one(Recording, recording)
        assert (stored.recorded_time, stored.recorded_zone) == (time(2, 30, 15), "America/New_York")
        assert stored.note == "a note"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (PatientFields("A", born_on=date(1879, 12, 31)), "bad_birth"),
        (PatientFields("A", born_on=date.max), "bad_birth"),
        (PatientFields("A", code="a\u202eb"), "bad_code"),
        (PatientFields("A", code="9" * 41), "bad_code"),
        (PatientFields("\u202e"), "bad_name"),
    ],
)
def test_what_a_patient_can_t_be_called_is_refused(db, who, patient, said, code):
    with pytest.raises(FerError) as refused:
        edits.edit_patient(db, who, patient, 1, said)
    assert refused.value.code == code
    assert caseload.get_patient(db, who, patient).revision == 1


def test_a_duplicate_says_what_differs(db, settings, who, patient, an_upload):
    first, again = an_upload(content=b"same"), an_upload(content=b"same")
    stored = jobs.enqueue(db, settings, who, patient, [first], DAY, "note", model_sha256="m")
    found = jobs.enqueue(
        db, settings, who, patient, [again], date(2026, 5, 3), "other", model_sha256="m", recorded_time=time(9, 0)
    )
    assert (found.recording_id, found.duplicate) == (stored.recording_id, True)
    assert found.asked == RecordingFields(date(2026, 5, 3), time(9, 0), "other")
    same = jobs.enqueue(db, settings, who, patient, [an_upload(content=b"same")], DAY, "note", model_sha256="m")
    assert same.asked is None


def test_another_model_keeps_time_and_note_of_the_same_file_and_says_what_differs(
    db, settings, who, patient, an_upload
):
    def hand_in(note, at, model):
        files = [an_upload(content=b"same")]
        return jobs.enqueue(db, settings, who, patient, files, DAY, note, model_sha256=model, recorded_time=at)

    first = hand_in("Patient cried at minute 3", time(9, 0), "old")
    claimed = leases.claim(db)
    with leases.held(db, claimed) as session:
        leases.finish(session, claimed, JobState.DONE, 1)
    edits.edit_recording(db, who, first.recording_id, 1, RecordingFields(DAY, time(9, 5), "at minute 3"))
    stored = RecordingFields(DAY, time(9, 5), "at minute 3")
    for note, at, model in (("typo", time(14, 0), "new"), ("at minute 3", time(9, 5), "newer")):
        found = hand_in(note, at, model)
        with db.read() as session:
            version = session.get_one(Recording, found.recording_id)
            assert (version.version_of, version.revision, fields_of(version)) == (first.recording_id, 2, stored)
        asked = RecordingFields(DAY, at, note)
        assert (found.duplicate, found.stored, found.asked) == (
            (False, None, None) if asked == stored else (False, stored, asked)
        )
