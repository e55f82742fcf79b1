"""Consent by scope: recorded, renewed, ended; without it nothing is analysed, shown or exported."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from clinic import clock
from clinic.consent import consent, giving
from clinic.consent.consent import ConsentState
from clinic.exchange import exports
from clinic.jobs import control, faces, jobs, leases, progress
from clinic.patients import caseload, listing
from clinic.patients.listing import CaseloadQuery
from clinic.recordings import uploads
from clinic.worker import analysis
from db.models import Consent, JobState, Patient, Sample, Scope, StoredChunk, new_id
from fer_core.errors import FerError
from tests.clinic.fakes import FakeAnalyzer, blank_picture, expression
from tests.consents import agree, change, expire, revoke

DAY = date(2026, 5, 4)


@pytest.fixture
def newcomer(db, who):
    """A patient who was not asked yet."""
    return caseload.add_patient(db, who, "Invented Newcomer")


def by_scope(db, who, patient_id):
    return {standing.scope: standing for standing in consent.standings(db, who, patient_id)}


def states(db, who, patient_id):
    return {scope: standing.state for scope, standing in by_scope(db, who, patient_id).items()}


def enqueue(db, settings, who, patient_id, *files):
    return jobs.enqueue(db, settings, who, patient_id, files, DAY, model_sha256="fake-model").recording_id


def run(db, settings, script=(), **scripted):
    claimed = leases.claim(db)
    report = analysis.Reporter(db, claimed, every_s=0)
    analysis.run(db, settings, claimed, lambda: FakeAnalyzer(script, **scripted), report)


@pytest.fixture
def analysed(db, settings, patient, an_upload, who):
    """A recording with results."""
    recording_id = enqueue(db, settings, who, patient, an_upload())
    run(db, settings, [[(0,)] * 5])
    return recording_id


def refusal_of(call, *arguments):
    with pytest.raises(FerError) as refusal:
        call(*arguments)
    return refusal.value.code


def test_the_last_day_still_counts(db, who, newcomer):
    agree(db, newcomer, Scope.ANALYSE, expires_on=clock.now().date())
    assert states(db, who, newcomer)[Scope.ANALYSE] is ConsentState.STANDS
    change(db, newcomer, [Scope.ANALYSE], expires_on=clock.now().date() - timedelta(days=1))
    assert states(db, who, newcomer)[Scope.ANALYSE] is ConsentState.EXPIRED


def test_a_renewal_is_a_new_row_and_the_last_one_counts(db, who, newcomer):
    agree(db, newcomer, Scope.EXPORT)
    expire(db, newcomer)
    giving.record(db, who, newcomer, [Scope.EXPORT], DAY)
    assert [standing.state for standing in consent.history(db, who, newcomer)] == [
        ConsentState.STANDS,
        ConsentState.EXPIRED,
    ]
    assert consent.objection(db, who, newcomer, Scope.EXPORT) is None
    revoke(db, newcomer)
    assert states(db, who, newcomer)[Scope.EXPORT] is ConsentState.WITHDRAWN
    giving.record(db, who, newcomer, [Scope.EXPORT], DAY)
    assert states(db, who, newcomer)[Scope.EXPORT] is ConsentState.STANDS
    with db.read() as session:
        assert len(session.scalars(select(Consent)).all()) == 3


@pytest.mark.parametrize(
    ("end", "code", "says"),
    [
        (lambda db, one: None, "no_consent", "No consent to analyse recordings is recorded"),
        (lambda db, one: (agree(db, one), expire(db, one)), "consent_expired", "ended on 2 Jan 2026"),
        (lambda db, one: (agree(db, one), revoke(db, one)), "consent_withdrawn", "was withdrawn on"),
    ],
    ids=["never", "expired", "withdrawn"],
)
def test_each_refusal_has_its_code_and_says_what_to_do(db, who, newcomer, end, code, says):
    end(db, newcomer)
    refusal = consent.objection(db, who, newcomer, *consent.ANALYSIS)
    assert refusal.code == code
    assert says in refusal.message
    with db.read() as session:
        assert refusal_of(consent.need, session, newcomer, Scope.ANALYSE) == code


def test_the_queries_agree_with_the_answers_one_by_one(db, who, newcomer, patient):
    with db.session() as session:
        session.add(Patient(id="e" * 32, name="Expired", created_at=datetime.now(UTC)))
        session.add(Patient(id="w" * 32, name="Withdrawn", created_at=datetime.now(UTC)))
        session.add(Patient(id="r" * 32, name="Renewed", created_at=datetime.now(UTC)))
    for patient_id, end in (("e" * 32, expire), ("w" * 32, revoke), ("r" * 32, revoke)):
        agree(db, patient_id)
        end(db, patient_id)
    agree(db, "r" * 32, Scope.EXPORT)
    with db.read() as session:
        for scope in Scope:
            standing = {one for one in session.scalars(select(Patient.id)) if not consent.missing(session, one, scope)}
            assert set(session.scalars(consent.covered(session, scope))) == standing
        assert set(session.scalars(consent.covered(session, Scope.EXPORT))) == {patient, "r" * 32}
        # Nobody was asked yet; an expired consent deletes nothing.
        assert set(session.scalars(consent.may_stay(Scope.KEEP_VIDEO))) == {patient, newcomer, "e" * 32}


@pytest.mark.parametrize("lacking", consent.ANALYSIS)
def test_nothing_is_analysed_without_consent_and_the_file_goes(db, settings, who, newcomer, an_upload, lacking):
    agree(db, newcomer, *(scope for scope in Scope if scope is not lacking))
    upload = an_upload()
    assert refusal_of(enqueue, db, settings, who, newcomer, upload) == "no_consent"
    assert not upload.path.exists()
    assert caseload.get_patient(db, who, newcomer).recordings == ()


def test_a_consent_that_ends_while_it_waits_stops_the_worker_before_it_begins(db, settings, who, patient, an_upload):
    upload = an_upload()
    recording_id = enqueue(db, settings, who, patient, upload)
    expire(db, patient, Scope.ANALYSE)
    analyzer = FakeAnalyzer([[(0,)]])
    claimed = leases.claim(db)
    analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed))
    reported = progress.status(db, who, recording_id)
    assert (reported.state, reported.error_code) == (JobState.FAILED, "consent_expired")
    assert "Please record its renewal" in reported.error_message
    assert analyzer.chunks_given == 0
    assert upload.path.exists(), "held for a day, for another try"
    assert refusal_of(control.retry, db, settings, who, recording_id) == "consent_expired"
    giving.record(db, who, patient, [Scope.ANALYSE], DAY)
    control.retry(db, settings, who, recording_id)
    run(db, settings, [[(0,)]])
    assert progress.status(db, who, recording_id).state is JobState.DONE


@pytest.mark.parametrize(
    ("end", "state", "left"), [(expire, JobState.FAILED, True), (revoke, JobState.CANCELLED, False)]
)
def test_a_consent_that_ends_between_two_chunks_stops_there(db, settings, who, patient, an_upload, end, state, left):
    upload = an_upload()
    recording_id = enqueue(db, settings, who, patient, upload)
    script = [[(0,)], lambda: end(db, patient, Scope.KEEP_RESULTS), [(0,)], [(0,)], [(0,)]]
    analyzer = FakeAnalyzer(script)
    claimed = leases.claim(db)
    analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed))
    assert progress.status(db, who, recording_id).state is state
    assert analyzer.chunks_given == 2, "the one under way when it ended, and none after it"
    assert upload.path.exists() is left
    with db.read() as session:
        assert session.scalars(select(Sample)).all() == session.scalars(select(StoredChunk)).all() == []


def test_pictures_are_asked_for_one_by_one(db, settings, who, patient, an_upload):
    recording_id = enqueue(db, settings, who, patient, *(an_upload("image", blank_picture(grey)) for grey in (1, 2)))
    claimed = leases.claim(db)

    class Analyzer(FakeAnalyzer):
        def analyze_image(self, path):
            expire(db, patient)
            return super().analyze_image(path)

    analyzer = Analyzer(pictures=[[expression()], [expression()]])
    analysis.run(db, settings, claimed, lambda: analyzer, analysis.Reporter(db, claimed))
    assert progress.status(db, who, recording_id).error_code == "consent_expired"
    assert len(analyzer._pictures) == 1


@pytest.mark.parametrize(("end", "code"), [(expire, "consent_expired"), (revoke, "consent_withdrawn")])
def test_results_are_closed_and_say_why(db, who, patient, analysed, end, code):
    before = caseload.get_patient(db, who, patient)
    assert before.closed is None
    assert len(before.trend.points) == 1
    end(db, patient, Scope.KEEP_RESULTS)
    closed = caseload.get_patient(db, who, patient)
    assert "keep the results" in closed.closed
    assert closed.trend.points == ()
    assert [row.samples for row in closed.recordings] == [None]
    assert caseload.get_recording(db, who, analysed).shares is None
    assert refusal_of(caseload.samples, db, who, analysed) == code
    assert refusal_of(caseload.versions, db, who, analysed) == code
    [listed] = listing.page(db, who, CaseloadQuery()).lines
    assert (listed.closed, listed.trend, listed.recordings) == (True, None, 1)
    giving.record(db, who, patient, [Scope.KEEP_RESULTS], DAY)
    after = caseload.get_patient(db, who, patient)
    assert replace(after, consents_revision=before.consents_revision) == before, "nothing was deleted meanwhile"


def test_faces_to_choose_and_previews_are_closed_too(db, settings, who, patient, an_upload):
    recording_id = enqueue(db, settings, who, patient, an_upload())
    run(db, settings, [[(0, 1)] * 4])
    assert len(faces.candidates(db, settings, who, recording_id)) == 2
    expire(db, patient, Scope.ANALYSE)
    assert refusal_of(faces.candidates, db, settings, who, recording_id) == "consent_expired"
    assert refusal_of(faces.choose_track, db, settings, who, recording_id, 0) == "consent_expired"


@pytest.mark.parametrize("end", [expire, revoke])
@pytest.mark.parametrize("scope", consent.ANALYSIS)
def test_a_preview_on_the_screen_is_closed_when_consent_ends(db, settings, who, patient, an_upload, end, scope):
    recording_id = enqueue(db, settings, who, patient, an_upload())
    run(db, settings, [[(0,)] * 4])
    assert progress.watch(db, settings, who, recording_id)[1] is not None
    assert progress.preview(db, settings, who, recording_id) is not None
    end(db, patient, scope)
    assert progress.watch(db, settings, who, recording_id)[1] is None
    assert progress.preview(db, settings, who, recording_id) is None


@pytest.mark.parametrize("lacking", exports.NEEDED)
def test_nothing_is_exported_without_consent(db, settings, who, patient, analysed, lacking):
    exports.export_patient(db, settings, who, patient, io.BytesIO())
    expire(db, patient, lacking)
    written = io.BytesIO()
    assert refusal_of(exports.export_patient, db, settings, who, patient, written) == "consent_expired"
    assert written.getvalue() == b""


@pytest.mark.parametrize(
    ("kept_here", "agreed", "stays"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_the_file_is_kept_where_both_allow_it(db, settings, who, newcomer, an_upload, kept_here, agreed, stays):
    settings = replace(settings, keep_files=kept_here)
    agree(db, newcomer, *(scope for scope in Scope if agreed or scope is not Scope.KEEP_VIDEO))
    upload = an_upload()
    enqueue(db, settings, who, newcomer, upload)
    run(db, settings, [[(0,)]])
    assert upload.path.exists() is stays


def test_the_sweep_takes_no_file_whose_consent_ended_by_itself(db, settings, who, patient, an_upload):
    settings = replace(settings, keep_files=True)
    upload = an_upload()
    enqueue(db, settings, who, patient, upload)
    run(db, settings, [[(0,)]])
    expire(db, patient)
    assert uploads.sweep(settings, db, older_than_s=-60) == 0
    revoke(db, patient, Scope.KEEP_VIDEO)
    assert uploads.sweep(settings, db, older_than_s=-60) == 1
    assert not upload.path.exists()


def test_a_patient_of_before_has_no_consent_and_loses_nothing(db, settings, who, patient, an_upload):
    settings = replace(settings, keep_files=True)
    upload = an_upload()
    recording_id = enqueue(db, settings, who, patient, upload)
    run(db, settings, [[(0,)]])
    with db.session() as session:
        for row in session.scalars(select(Consent)):
            session.delete(row)
    assert "No consent to keep the results" in caseload.get_patient(db, who, patient).closed
    assert refusal_of(caseload.samples, db, who, recording_id) == "no_consent"
    assert uploads.sweep(settings, db, older_than_s=-60) == 0
    # Once asked, what was not agreed to goes.
    giving.record(db, who, patient, consent.ANALYSIS, DAY)
    assert caseload.get_patient(db, who, patient).closed is None
    assert uploads.sweep(settings, db, older_than_s=-60) == 1


def test_standings_of_strangers_and_unknown_patients_are_refused(db, who):
    for asked in (consent.standings, consent.history, consent.objection):
        assert refusal_of(asked, db, who, new_id()) == "unknown_patient"
