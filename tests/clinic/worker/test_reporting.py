"""A report is made by a worker, with the rights as they are then, for who asked for it."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select, update

from clinic.accounts.accounts import grant
from clinic.conflicts import ConflictError
from clinic.consent.consent import Scope
from clinic.exchange import downloads, lease
from clinic.exchange.downloads import Kind
from clinic.patients import caseload, edits
from clinic.patients.fields import PatientFields
from clinic.reports import report_jobs, reports
from clinic.reports.content import ReportScope
from clinic.worker import reporting
from clinic.worker.worker import Worker
from db.models import Access, Account, AuditRow, JobState, ReportJob, Role
from tests import consents, doors
from tests.clinic.fakes import FakeAnalyzer, eventually
from tests.clinic.patients.test_digests import FIRST, add

REMARK = "written for this report"


@pytest.fixture
def patient(db, patient):
    """A patient with consent and two recordings."""
    consents.agree(db, patient)
    add(db, patient, 2)
    return patient


def asked_for(db, who, patient, kind=Kind.HTML, **asked):
    return report_jobs.ask(db, who, patient, ReportScope(remark=REMARK, **asked), kind)


def standing(db, settings, who, patient):
    return report_jobs.standing(db, settings, who, patient)


def made(db, settings):
    reporting.make(db, settings, report_jobs.claim(db))


def written(db):
    """What the tables keep of the newest report's text."""
    with db.read() as session:
        return session.scalars(select(ReportJob.asked).order_by(ReportJob.number.desc())).first()


@pytest.mark.parametrize(("kind", "begins"), [(Kind.PDF, b"%PDF-"), (Kind.HTML, b"<!doctype html>")])
def test_a_worker_makes_it_and_it_is_fetched_once(db, settings, who, patient, kind, begins):
    asked_for(db, who, patient, kind, begin=FIRST)
    assert standing(db, settings, who, patient).state is JobState.QUEUED
    assert Worker(settings, db, FakeAnalyzer).work_once()
    found = standing(db, settings, who, patient)
    assert (found.state, found.kind, written(db)) == (JobState.DONE, kind, None)
    waiting = downloads.take(db, settings, who, found.ticket)
    content = b"".join(downloads.content(db, who, waiting))
    assert content.startswith(begins)
    assert kind is Kind.PDF or REMARK.encode() in content
    assert standing(db, settings, who, patient) is None, "it is fetched once"
    with db.read() as session:
        actions = session.scalars(select(AuditRow.action).where(AuditRow.patient_id == patient)).all()
    assert actions[-2:] == ["report_asked", "report_made"]


def test_it_goes_on_beside_a_running_analysis(db, settings, who, patient):
    asked_for(db, who, patient)
    Worker(settings, db, FakeAnalyzer)._pass(SimpleNamespace(priority=0))
    assert standing(db, settings, who, patient).state is JobState.DONE


def test_an_open_request_is_not_made_twice_and_another_one_replaces_it(db, settings, who, patient):
    first = asked_for(db, who, patient)
    assert asked_for(db, who, patient) == first
    second = asked_for(db, who, patient, begin=FIRST)
    assert second != first
    assert report_jobs.claim(db).id == second
    assert report_jobs.claim(db) is None


@pytest.mark.parametrize(("module", "step"), [(reports, "html"), (downloads, "keep")], ids=["drawn", "sealed"])
def test_it_can_be_cancelled_while_it_waits_and_while_it_is_made(db, settings, who, patient, monkeypatch, module, step):
    asked_for(db, who, patient)
    report_jobs.cancel(db, who, patient)
    assert (report_jobs.claim(db), written(db)) == (None, None)
    asked_for(db, who, patient)
    real = getattr(module, step)

    def cancelling(*arguments):
        report_jobs.cancel(db, who, patient)
        return real(*arguments)

    monkeypatch.setattr(module, step, cancelling)
    made(db, settings)
    assert standing(db, settings, who, patient).state is JobState.CANCELLED
    assert not list((settings.data_dir / "downloads").glob("*")), "nobody can fetch it any more"


def test_what_changes_before_it_is_made_refuses_it(db, settings, who, patient):
    asked_for(db, who, patient)
    edits.edit_patient(db, who, patient, 1, PatientFields("Another Name"))
    made(db, settings)
    found = standing(db, settings, who, patient)
    assert (found.state, found.ticket) == (JobState.FAILED, None)
    assert "changed" in found.error
    assert not (settings.data_dir / "downloads").exists()


@pytest.mark.parametrize(
    ("lost", "said"), [("consent", "consent"), ("caseload", "not on your caseload"), ("role", "may view")]
)
def test_without_the_right_to_it_none_is_made(db, settings, who, patient, lost, said):
    asked_for(db, who, patient)
    if lost == "consent":
        consents.expire(db, patient, Scope.EXPORT)
    with db.session() as session:
        if lost == "caseload":
            session.execute(delete(Access))
        if lost == "role":
            session.execute(update(Account).values(role=Role.VIEWER.value))
    made(db, settings)
    with db.read() as session:
        job = session.scalars(select(ReportJob)).one()
        assert job.state == JobState.FAILED.value
        assert said in job.error_message
    assert not (settings.data_dir / "downloads").exists()


def test_a_report_that_kills_its_worker_is_given_up(db, settings, who, patient):
    asked_for(db, who, patient)
    for _ in range(lease.MAX_ATTEMPTS):
        held = report_jobs.claim(db)
        assert report_jobs.claim(db) is None, "a worker has it"
        with db.session() as session:
            session.execute(update(ReportJob).values(lease_until=doors.now() - timedelta(minutes=2)))
    assert report_jobs.claim(db) is None
    assert standing(db, settings, who, patient).error == report_jobs.LOST
    assert not report_jobs.end(db, held, JobState.DONE, "0" * 32), "a worker that comes back writes nothing"


def test_a_report_that_takes_longer_than_its_lease_is_made_once(db, settings, who, patient, monkeypatch):
    """A second worker could take it after a minute, and made it too."""
    asked_for(db, who, patient)
    monkeypatch.setattr(lease, "RENEWED_EVERY_S", 0.01)
    prepare, met = reports.prepare, []

    def lease_ends():
        with db.read() as session:
            return session.scalars(select(ReportJob.lease_until)).one()

    def slow(*args):
        with db.session() as session:
            session.execute(update(ReportJob).values(lease_until=doors.now() - timedelta(minutes=2)))
        assert eventually(lambda: lease_ends() > doors.now())
        met.append(report_jobs.claim(db))
        return prepare(*args)

    monkeypatch.setattr(reports, "prepare", slow)
    made(db, settings)
    assert met == [None], "the second worker found nothing"
    assert standing(db, settings, who, patient).state is JobState.DONE
    ended = lease_ends()
    assert ended is None, "nobody renews it any more"


def test_a_lease_that_another_worker_took_is_not_renewed(db, who, patient, monkeypatch):
    asked_for(db, who, patient)
    first = report_jobs.claim(db)
    with db.session() as session:
        session.execute(update(ReportJob).values(lease_until=doors.now() - timedelta(minutes=2)))
    second = report_jobs.claim(db)
    assert (second.id, second.token) == (first.id, first.token + 1)
    monkeypatch.setattr(lease, "RENEWED_EVERY_S", 0.01)
    stopped = threading.Event()
    lease._keep(db, ReportJob, first.id, first.token, stopped)
    assert not stopped.is_set(), "it ended by itself"


def test_an_error_of_the_program_ends_in_a_sentence(db, settings, who, patient, monkeypatch):
    asked_for(db, who, patient)
    monkeypatch.setattr(reports, "html", lambda report: 1 / 0)
    made(db, settings)
    found = standing(db, settings, who, patient)
    assert (found.state, found.error) == (JobState.FAILED, reporting.INTERNAL_MESSAGE)


def test_a_request_that_can_t_be_met_is_refused_at_once(db, settings, who, patient):
    shown = caseload.get_patient(db, who, patient)
    edits.edit_patient(db, who, patient, 1, PatientFields("Another Name"))
    with pytest.raises(ConflictError):
        report_jobs.ask(db, who, patient, ReportScope(), Kind.HTML, shown)
    with db.read() as session:
        assert session.scalars(select(ReportJob)).all() == []


def test_a_colleague_does_not_see_it(db, settings, who, patient):
    colleague = doors.actor(db, "Ben", Role.CLINICIAN)
    with db.session() as session:
        grant(session, colleague.account_id, patient)
    asked_for(db, who, patient)
    assert standing(db, settings, colleague, patient) is None
