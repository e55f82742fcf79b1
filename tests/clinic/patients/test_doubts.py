"""A result does not count while its patient's face is being chosen again, in no output, and counts again after that."""

import io
import json
import zipfile

import openpyxl
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from clinic import clock
from clinic.access import Role
from clinic.exchange import downloads, handing_out, recording_files, research, video_copies
from clinic.exchange.downloads import Kind
from clinic.jobs import control, faces, reanalysis
from clinic.patients import caseload, listing, overview, record_state, visibility
from clinic.patients.conditions import conditions
from clinic.patients.listing import CaseloadQuery
from clinic.patients.states import State
from clinic.patients.summaries import DOUBTED
from clinic.reports import content
from clinic.words import TREND_NAMES
from db.models import Job, JobState, Recording
from db.records import save_results
from fer_core.errors import FerError
from tests import consents, doors
from tests.clinic.fakes import result
from tests.clinic.patients.test_digests import add
from web.api.schemas import RecordingResult

SAID = "The patient's face is being chosen again: the present result may show another person."
HELD = [None, None, DOUBTED]


@pytest.fixture
def newest(db, patient, an_upload):
    """Return the id of the newest of three recordings, all of which count; its file is kept."""
    consents.agree(db, patient)
    newest = add(db, patient, 3)[-1]
    with db.session() as session:
        sources = [an_upload().as_source()]
        session.add(Job(recording_id=newest, state=JobState.DONE.value, created_at=clock.now(), sources=sources))
        save_results(session, newest, [result(index, 0) for index in range(10)])
        stored = session.get_one(Recording, newest)
        stored.patient_track, stored.model_sha256 = 0, "a" * 64
    return newest


@pytest.fixture
def reasons(db, who, patient):
    """Return a function that says why each recording does not count, None where it does; everybody says the same."""

    def ask():
        found = caseload.get_patient(db, who, patient)
        said = [point.excluded for point in found.trend.points]
        assert [row.excluded for row in reversed(found.recordings)] == said
        assert [row.standing.state is State.DOUBTED for row in reversed(found.recordings)] == [
            reason == DOUBTED for reason in said
        ]
        [line] = listing.page(db, who, CaseloadQuery()).lines
        assert [share is None for share in line.trend.shares["happy"]] == [reason is not None for reason in said]
        return said

    return ask


@pytest.fixture
def state(db, who, patient):
    """Return a function that says by what a prepared file and an open page notice a change."""

    def ask():
        with db.read() as session:
            return record_state.state_of(session, patient), visibility.states(db, who, [patient])

    return ask


def set_job(db, recording_id, state):
    with db.session() as session:
        session.scalars(select(Job).where(Job.recording_id == recording_id)).one().state = state.value


def test_from_the_wish_until_the_choice_the_result_does_not_count(db, settings, who, newest, reasons, state):
    assert reasons() == [None] * 3
    before = state()
    second = faces.choose_again(db, settings, who, newest)
    asked = state()
    assert asked[0] != before[0]
    assert asked[1] != before[1]
    for under_way in (JobState.QUEUED, JobState.RUNNING, JobState.CHOOSING):
        set_job(db, second, under_way)
        assert reasons() == HELD
    row = caseload.get_recording(db, who, newest)
    assert row.standing.sentence.startswith(SAID)
    assert [one.excluded for one in caseload.versions(db, who, newest)] == [DOUBTED]
    with db.session() as session:
        save_results(session, second, [result(index, 0, 1) for index in range(1000)])
    faces.choose_track(db, settings, who, second, 1)
    assert reasons() == [None] * 3
    assert caseload.get_recording(db, who, second).standing.state is State.COMPLETE
    assert state()[0] != asked[0]


@pytest.mark.parametrize("chosen", [False, True], ids=["in the queue", "at the choice"])
def test_a_wish_that_is_cancelled_lets_the_result_count_again(db, settings, who, newest, reasons, state, chosen):
    before = state()
    second = faces.choose_again(db, settings, who, newest)
    if chosen:
        set_job(db, second, JobState.CHOOSING)
    assert reasons() == HELD
    control.cancel(db, settings, who, second)
    assert reasons() == [None] * 3
    assert state() == before or state()[0] != before[0]
    assert caseload.get_recording(db, who, newest).standing.sentence == "The analysis is complete."


def test_a_wish_whose_analysis_failed_is_no_doubt_until_it_is_tried_again(db, settings, who, newest, reasons):
    second = faces.choose_again(db, settings, who, newest)
    set_job(db, second, JobState.FAILED)
    assert reasons() == [None] * 3
    control.retry(db, settings, who, second)
    assert reasons() == HELD


def test_an_analysis_by_another_model_is_no_doubt(db, settings, who, patient, newest, reasons):
    assert (
        reanalysis.start(
            db, settings, doors.actor(db, "An Administrator", role=Role.ADMINISTRATOR), patient, "f" * 64
        ).queued
        == 1
    )
    assert reasons() == [None] * 3


def test_no_output_gives_the_result_as_the_patient_s(db, settings, who, patient, newest):
    def fetch(kind):
        ticket = handing_out.prepare(db, settings, who, patient, kind)
        return b"".join(downloads.content(db, who, downloads.take(db, settings, who, ticket)))

    faces.choose_again(db, settings, who, newest)
    found = caseload.get_patient(db, who, patient)
    made = content.report(found, content.ReportScope(recording_id=newest), "Dr. Invented", "today")
    [sentence] = made.sentences
    assert sentence.startswith("The recording of ")
    assert sentence.endswith(" does not count, so nothing is reported about expressions.")
    assert dict(made.coverage)["Left out"] == f"{DOUBTED} (1)"
    whole = content.report(found, content.ReportScope(), "Dr. Invented", "today")
    assert whole.tables[-1].rows[-1][-1] == DOUBTED
    assert DOUBTED in " ".join(overview.summary(found.trend, TREND_NAMES))

    bundle = json.loads(fetch(Kind.FHIR))
    [seen] = [one["resource"] for one in bundle["entry"] if newest in one["fullUrl"].replace("-", "")]
    absent = [part["dataAbsentReason"]["text"] for part in seen["component"] if "dataAbsentReason" in part]
    assert set(absent) == {f"Does not count: {DOUBTED}."}

    book = openpyxl.load_workbook(io.BytesIO(fetch(Kind.XLSX)))
    header, *rows = book["Recordings"].iter_rows(values_only=True)
    assert [row[header.index("counts")] for row in rows] == ["yes", "yes", DOUBTED]

    with zipfile.ZipFile(io.BytesIO(fetch(Kind.RESEARCH))) as packed:
        listed = pq.read_table(io.BytesIO(packed.read(research.RECORDINGS))).to_pydict()
        assert (listed["counts"], listed["excluded"]) == ([True, True, False], HELD)
        assert pq.read_table(io.BytesIO(packed.read(research.SAMPLES))).num_rows == 0

    sent = RecordingResult.of(caseload.get_recording(db, who, newest), conditions(db, who, patient))
    assert (sent.state, sent.excluded) == ("doubted", DOUBTED)
    assert sent.says.startswith(SAID)

    ticket = recording_files.prepare(db, settings, who, newest)
    moments = b"".join(downloads.content(db, who, downloads.take(db, settings, who, ticket)))
    with zipfile.ZipFile(io.BytesIO(moments)) as packed:
        assert SAID in packed.read("README.txt").decode()
    with db.read() as session, pytest.raises(FerError) as refusal:
        video_copies.need_labels(session, session.get_one(Recording, newest))
    assert str(refusal.value) == SAID


def test_a_file_that_was_prepared_before_is_not_handed_out(db, settings, who, patient, newest):
    ticket = handing_out.prepare(db, settings, who, patient, Kind.XLSX)
    faces.choose_again(db, settings, who, newest)
    with pytest.raises(FerError):
        downloads.take(db, settings, who, ticket)
