"""The files that should lie in the media store: where they don't, it is another store, or its disk is not mounted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from clinic import audit, clock
from clinic.admin import lost_files
from clinic.audit import AuditAction
from clinic.recordings import stored_files
from db.models import AuditRow, Consent, Job, JobState, PatientImport, Recording, new_id


@pytest.fixture
def kept(settings):
    """The settings of a clinic that keeps the files of those who consented to it."""
    return replace(settings, keep_files=True)


def analysed(db, patient_id, state, files=1, kind="video", days_later=0):
    """Store a recording whose analysis has this state, and return the ids of its files."""
    sources = [{"id": new_id(), "name": "visit", "kind": kind} for _ in range(files)]
    with db.session() as session:
        now = clock.now() + timedelta(days=days_later)
        visit = Recording(patient_id=patient_id, kind="video", recorded_on=now.date(), created_at=now, analysed_at=now)
        visit.job = Job(sources=sources, created_at=now, state=state.value)
        session.add(visit)
    return {source["id"] for source in sources}


def expected(db, settings):
    with db.read() as session:
        return stored_files.expected(session, settings)


def test_what_waits_for_its_analysis_has_to_be_there(db, settings, patient):
    waiting = analysed(db, patient, JobState.QUEUED) | analysed(db, patient, JobState.RUNNING, files=2)
    for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.CHOOSING):
        analysed(db, patient, state)
    found = expected(db, settings)
    assert (found.waiting, found.kept) == (waiting, frozenset())
    assert stored_files.missing(found, set(waiting), found) is None
    said = stored_files.missing(found, set(), found)
    assert said == "Not in the media store: 3 of 3 files that analyses wait for."
    assert "1 of 3 files that" in stored_files.missing(found, set(list(waiting)[1:]), found)


def test_what_is_analysed_meanwhile_is_not_missed(db, settings, patient):
    analysed(db, patient, JobState.QUEUED)
    before = expected(db, settings)
    with db.session() as session:
        session.query(Job).update({"state": JobState.DONE.value})
    assert stored_files.missing(before, set(), expected(db, settings)) is None


def test_of_kept_files_all_are_missed_or_none(db, kept, patient):
    """For some months the clinic may have kept none."""
    ids = analysed(db, patient, JobState.DONE) | analysed(db, patient, JobState.CHOOSING)
    found = expected(db, kept)
    assert found.kept == ids
    assert stored_files.missing(found, {min(ids)}, found) is None
    assert "2 files of recordings whose consents" in stored_files.missing(found, {new_id()}, found)


def test_what_was_surely_kept_is_counted_where_it_is_lost(db, kept, patient):
    """A file from before the loss still lies there, so that the clinic did keep files."""
    first = analysed(db, patient, JobState.DONE)
    later = analysed(db, patient, JobState.DONE, days_later=4) | analysed(db, patient, JobState.PARTIAL, days_later=9)
    found = expected(db, kept)
    assert stored_files.missing(found, first | later, found) is None
    assert ": 2 of 3 files of recordings whose" in stored_files.missing(found, first, found)
    assert ": 1 of 3 files of recordings whose" in stored_files.missing(found, first | {min(later)}, found)
    assert stored_files.missing(found, later, found) is None, "the clinic may have kept none then"


def test_a_loss_that_was_accepted_is_said_no_more(db, kept, patient, seal):
    first = analysed(db, patient, JobState.DONE)
    gone = analysed(db, patient, JobState.DONE, days_later=9, files=2)
    seal(min(first), b"content")
    found = lost_files.find(db, kept)
    assert (found.count, found.kept, len(found.of_recording)) == (2, 3, 1)
    assert stored_files.missing(expected(db, kept), first, expected(db, kept)) is not None
    assert lost_files.find(db, kept, accept=True).count == 2
    assert lost_files.find(db, kept).count == 0
    assert stored_files.missing(expected(db, kept), first, expected(db, kept)) is None
    with db.read() as session:
        assert stored_files.needed(session, kept) == first | gone, "found again, they stay"
        row = session.query(AuditRow).filter_by(action=AuditAction.LOSS_ACCEPTED.value).one()
    assert row.details["files"] == 2


def test_a_clinic_that_keeps_none_for_a_few_hours_has_lost_none(db, kept, patient):
    """The files of the day before are not swept yet, and those that are analysed meanwhile are not kept."""
    before = analysed(db, patient, JobState.DONE)
    analysed(db, patient, JobState.DONE, days_later=1)
    found = expected(db, kept)
    assert stored_files.missing(found, before, found) is None


def test_files_are_not_missed_where_pictures_of_faces_were_kept_alone(db, kept, patient):
    faces = analysed(db, patient, JobState.DONE, kind=stored_files.FACE)
    analysed(db, patient, JobState.DONE, days_later=9)
    found = expected(db, replace(kept, keep_faces=True))
    assert stored_files.missing(found, faces, found) is None


def test_pictures_of_faces_are_kept_by_a_setting_of_their_own(db, settings, patient):
    analysed(db, patient, JobState.DONE)
    faces = analysed(db, patient, JobState.DONE, kind=stored_files.FACE)
    assert expected(db, replace(settings, keep_faces=True)).kept == faces


def late(session, patient_id):
    session.query(Consent).update({"recorded_at": clock.now() + timedelta(days=1)})


def expired(session, patient_id):
    session.query(Consent).update({"expires_on": clock.now().date()})


def withdrawn(session, patient_id):
    session.query(Consent).update({"withdrawn_at": clock.now()})


def staged(session, patient_id):
    coming = PatientImport(id=new_id(), state=JobState.RUNNING.value, patient_id=patient_id, created_at=clock.now())
    session.add(coming)


def imported(session, patient_id):
    audit.write(session, AuditAction.PATIENT_IMPORTED, None, patient_id)


@pytest.mark.parametrize("meanwhile", [late, expired, withdrawn, staged, imported])
def test_files_that_may_never_have_been_kept_are_not_missed(db, kept, patient, meanwhile):
    analysed(db, patient, JobState.DONE)
    with db.session() as session:
        meanwhile(session, patient)
    assert expected(db, kept).kept == frozenset()
