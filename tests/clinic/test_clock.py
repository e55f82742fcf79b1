"""A clock is no sequence: set back or forward, it changes neither what counts nor how long anything lasts."""

import ast
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from clinic import access, audit, clock, clock_watch
from clinic.accounts import oidc, sessions, throttle, totp
from clinic.audit import AuditAction
from clinic.consent import consent, giving
from clinic.consent.consent import ConsentState, Scope
from clinic.erasure import retention, withdrawal
from clinic.exchange import downloads
from clinic.jobs import jobs, leases
from clinic.patients import sharing
from clinic.settings import Retention
from clinic.worker_health import WorkerHealth
from db.models import Access, AuditRow, ProviderAttempt, Role, SignIn
from fer_core.errors import FerError
from tests import clocks, doors

ROOT = Path(__file__).parents[2]
DAY = date(2026, 1, 5)


@pytest.fixture
def moved(monkeypatch):
    return clocks.moved(monkeypatch)


def states(db, who, patient):
    return {standing.state for standing in consent.standings(db, who, patient)}


def test_the_consent_recorded_last_counts_though_the_clock_was_set_back(db, settings, who, patient, moved):
    withdrawal.withdraw(db, settings, who, patient, list(Scope))
    moved.move(hours=-1)
    giving.record(db, who, patient, list(Scope), DAY)
    assert states(db, who, patient) == {ConsentState.STANDS}
    with db.read() as session:
        assert all(patient in session.scalars(consent.covered(session, scope)).all() for scope in Scope)
        assert all(patient in session.scalars(consent.may_stay(scope)).all() for scope in Scope)
    newest = consent.history(db, who, patient)[0]
    assert newest.withdrawn_at is None


def test_a_view_after_the_clock_was_set_back_is_written_down(db, who, patient, moved):
    access.note_view(db, who, patient)
    moved.move(hours=-1)
    access.note_view(db, who, patient)
    access.note_view(db, who, patient)
    with db.read() as session:
        viewed = select(func.count()).where(AuditRow.action == AuditAction.PATIENT_VIEWED.value)
        assert session.scalar(viewed) == 2


def test_a_view_of_before_a_noticed_jump_is_another_view(db, who, patient, moved):
    access.note_view(db, who, patient)
    clock_watch.note(db, timedelta(minutes=-10))
    with db.read() as session:
        assert not audit.viewed_lately(session, who.account_id, patient)


@pytest.mark.parametrize("hours", [-1, 13])
def test_a_sign_in_does_not_live_on(db, who, moved, hours):
    token = sessions.sign_in(db, who.name, doors.PASSWORD)
    moved.move(hours=hours)
    assert sessions.actor_of(db, token) is None
    assert not sessions.lives(db, who)
    sessions.sign_in(db, who.name, doors.PASSWORD)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == 1


def test_seconds_of_correction_end_no_sign_in(db, who, moved):
    moved.move(seconds=-30)
    assert sessions.lives(db, who)


def test_a_wait_at_the_sign_in_is_never_longer_than_it_was_meant(db, moved):
    for _ in range(throttle.FREE_FAILURES + 1):
        throttle.charge(db, "nobody")
    moved.move(hours=-1)
    with pytest.raises(FerError, match="15 seconds"):
        throttle.charge(db, "nobody")
    moved.move(seconds=16)
    throttle.charge(db, "nobody")


def test_a_code_is_taken_after_the_clock_was_set_back_and_none_twice(db, settings, who, monkeypatch):
    moment = doors.clock_of(monkeypatch, totp)
    made = totp.begin(db, settings, who, doors.PASSWORD)
    ahead = doors.code_at(made.secret, moment[0])
    totp.confirm(db, settings, who, ahead)
    moment[0] -= 3600
    code = doors.code_at(made.secret, moment[0])
    for expected in (True, False):
        with db.session() as session:
            account = access.acting(session, who)
            assert totp.takes(session, totp.open_store(settings).key, account, code) is expected
    moment[0] += 3600
    with db.session() as session:
        account = access.acting(session, who)
        assert not totp.takes(session, totp.open_store(settings).key, account, ahead)


def test_a_lease_from_ahead_of_the_clock_is_over(db, settings, who, patient, an_upload, moved):
    jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, model_sha256="m")
    assert leases.claim(db) is not None
    leases.release(db)
    assert leases.claim(db) is None
    moved.move(hours=-1)
    leases.release(db)
    assert leases.claim(db) is not None, "it neither waits for its lease nor for its back-off"


def test_jobs_are_taken_in_the_order_in_which_they_came(db, settings, who, patient, an_upload, moved):
    first = jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, model_sha256="m")
    moved.move(hours=-1)
    jobs.enqueue(db, settings, who, patient, [an_upload()], DAY, model_sha256="m")
    assert leases.claim(db).recording_id == first.recording_id


def test_an_emergency_lasts_an_hour_at_most(db, who, patient, moved):
    colleague = doors.actor(db, "Dr. Other")
    sharing.open_in_emergency(db, colleague, patient, "needed at the ward")
    assert len(sharing.readers(db, who, patient)) == 2
    moved.move(hours=-2)
    with db.read() as session:
        account = access.acting(session, colleague)
        assert session.scalars(access.visible(account)).all() == []
    assert len(sharing.readers(db, who, patient)) == 1


def test_a_way_to_the_provider_from_ahead_of_the_clock_is_over(db, moved):
    with db.session() as session:
        attempt = ProviderAttempt(state_sha256=oidc._digest("s"), nonce="", verifier="", created_at=clock.now())
        session.add(attempt)
    moved.move(hours=-1)
    with pytest.raises(FerError):
        oidc.arrive(db, None, "", "s", "s", "")


def test_a_dead_worker_does_not_seem_alive(moved):
    health = WorkerHealth(1, clock.now())
    assert health.alive
    moved.move(hours=-1)
    assert not health.alive


def test_a_file_from_ahead_of_the_clock_ages_from_now_on(tmp_path):
    path = tmp_path / "file"
    path.touch()
    later = clock.now().timestamp() + 3600
    os.utime(path, (later, later))
    assert clock.file_age_s(path) == 0
    assert path.stat().st_mtime < later - 3500
    assert clock.file_age_s(tmp_path / "gone") == 0


def test_a_withdrawal_deletes_archives_whatever_their_time(settings):
    path = settings.data_dir / "downloads" / ("0" * 32)
    path.parent.mkdir()
    path.touch()
    later = clock.now().timestamp() + 3600
    os.utime(path, (later, later))
    assert downloads.sweep(settings, everything=True) == 1


@pytest.mark.parametrize(("by", "expected"), [(-3600, True), (3600, True), (-59, False), (0, False)])
def test_a_jump_is_noticed_once(moved, by, expected):
    watch = clock_watch.ClockWatch()
    moved.move(seconds=by)
    found = watch.jumped()
    assert (found is not None) is expected
    if found is not None:
        assert abs(found.total_seconds() - by) < 1
    assert watch.jumped() is None


def test_a_clock_set_back_step_by_step_is_noticed(moved):
    watch = clock_watch.ClockWatch()
    found = []
    for _ in range(3):
        moved.move(seconds=-40)
        found.append(watch.jumped())
    assert [one is not None for one in found] == [False, True, False]


def test_after_a_jump_back_nobody_is_signed_in_and_it_is_audited_and_shown(db, who, patient):
    colleague = doors.actor(db, "Dr. Other", role=Role.ADMINISTRATOR)
    sharing.open_in_emergency(db, colleague, patient, "needed at the ward")
    clock_watch.note(db, timedelta(minutes=-10))
    assert not sessions.lives(db, who)
    with db.read() as session:
        assert session.scalar(select(Access).where(Access.until.is_not(None))) is None
        row = session.scalar(select(AuditRow).order_by(AuditRow.number.desc()))
        assert (row.action, row.details) == ("clock_jumped", {"seconds": -600})
    assert clock_watch.unseen(db).by == timedelta(minutes=-10)
    clock_watch.confirm(db, colleague)
    assert clock_watch.unseen(db) is None


def test_a_small_jump_does_not_hide_a_large_one_that_nobody_confirmed(db, settings, patient, moved):
    """The administrator was asked about two minutes, and all old records were deleted."""
    settings = replace(settings, retention=Retention(patients_days=3650))
    retention.sweep(db, settings)
    moved.move(days=3700)
    retention.sweep(db, settings)
    clock_watch.note(db, timedelta(minutes=2))
    assert clock_watch.unseen(db).by > timedelta(days=3699)
    clock_watch.note(db, timedelta(days=-3700, minutes=-2))
    assert abs(clock_watch.unseen(db).by) < clock.TOLERANCE


def test_a_jump_forward_ends_nothing_by_itself(db, who):
    clock_watch.note(db, timedelta(hours=1))
    assert sessions.lives(db, who)


def test_a_clock_set_back_while_the_program_was_ended_is_noticed(db, who, moved):
    clock_watch.look_back(db)
    assert clock_watch.unseen(db) is None
    moved.move(hours=-1)
    clock_watch.look_back(db)
    assert clock_watch.unseen(db).by < timedelta(minutes=-59)


def test_nothing_is_deleted_for_its_age_by_a_clock_that_jumped(db, settings, patient, moved):
    settings = replace(settings, retention=Retention(patients_days=30))
    administrator = doors.actor(db, "Dr. Keeper", role=Role.ADMINISTRATOR)
    moved.move(days=365)
    clock_watch.note(db, timedelta(days=365))
    assert retention.sweep(db, settings)["patients"] == 0
    clock_watch.confirm(db, administrator)
    assert retention.sweep(db, settings)["patients"] == 1


@pytest.mark.parametrize("swept", [True, False], ids=["swept before", "new in this version"])
def test_a_program_that_starts_with_a_wrong_year_deletes_nothing(db, settings, patient, moved, swept):
    """No jump was seen: the clock was wrong before the program ran. All of the clinic was deleted."""
    settings = replace(settings, retention=Retention(patients_days=3650))
    administrator = doors.actor(db, "Dr. Keeper", role=Role.ADMINISTRATOR)
    if swept:
        retention.sweep(db, settings)
    moved.move(days=3700)
    # What somebody does meanwhile makes the clock no better.
    doors.actor(db, "Dr. Next")
    for _ in range(2):
        assert retention.sweep(db, settings)["patients"] == 0
    assert clock_watch.unseen(db).by > timedelta(days=3699)
    clock_watch.confirm(db, administrator)
    assert retention.sweep(db, settings)["patients"] == 1


def test_a_sweep_that_dies_before_its_jump_is_written_lets_the_next_one_delete_nothing(
    db, settings, patient, moved, monkeypatch
):
    """The sweep was written down, and the jump in a second transaction: the next start deleted the whole clinic."""
    settings = replace(settings, retention=Retention(patients_days=3650))
    retention.sweep(db, settings)
    moved.move(days=3700)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(clock_watch.audit, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            retention.sweep(db, settings)
    assert clock_watch.unseen(db) is None
    assert retention.sweep(db, settings)["patients"] == 0
    assert clock_watch.unseen(db).by > timedelta(days=3699)


def test_a_second_worker_that_sees_the_sweep_of_the_first_one_sees_its_jump(db, settings, patient, moved, monkeypatch):
    settings = replace(settings, retention=Retention(patients_days=3650))
    retention.sweep(db, settings)
    moved.move(days=3700)
    counts, first = [], clock_watch.note

    def beside(*values):
        counts.append(retention.sweep(db, settings))
        first(*values)

    monkeypatch.setattr(clock_watch, "note", beside)
    counts.append(retention.sweep(db, settings))
    counts.append(retention.sweep(db, settings))
    assert {one["patients"] for one in counts} == {0}


def test_a_clock_that_is_confirmed_months_after_its_jump_has_no_second_one(db, settings, moved):
    administrator = doors.actor(db, "Dr. Keeper", role=Role.ADMINISTRATOR)
    clock_watch.note_sweep(db)
    for _ in range(5):
        moved.move(days=40)
        clock_watch.note_sweep(db)
    assert clock_watch.unseen(db) is not None
    clock_watch.confirm(db, administrator)
    clock_watch.note_sweep(db)
    assert clock_watch.unseen(db) is None


def test_pauses_that_follow_one_another_add_up(db, settings, patient, moved):
    settings = replace(settings, retention=Retention(patients_days=100))
    for _ in range(5):
        assert retention.sweep(db, settings)["patients"] == 0
        moved.move(days=30)
    assert clock_watch.unseen(db).by > timedelta(days=59)


def test_a_program_that_runs_on_after_a_pause_has_no_jump(db, moved):
    clock_watch.note_sweep(db)
    for days in (21, *[1] * 15, 21, 1):
        moved.move(days=days)
        clock_watch.note_sweep(db)
        assert clock_watch.unseen(db) is None


def test_a_start_after_a_week_is_no_jump(db, settings, moved):
    retention.sweep(db, settings)
    moved.move(days=7)
    retention.sweep(db, settings)
    assert clock_watch.unseen(db) is None


STAMPS = {"clinic/clock.py", "backup/erasures.py", "backup/archive.py", "backup/backup.py"}
"""`clinic.clock`, and what stands below it and only writes down when something was done."""


def readings(tree):
    """Yield the calls that read the wall clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            named = name.endswith(("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time_ns"))
            if named or name == "time.time" or name.endswith(("localtime", "gmtime", "func.now", "current_timestamp")):
                yield name


@pytest.mark.parametrize("text", ["datetime.now(UTC)", "time.time()", "date.today()", "datetime.datetime.now()"])
def test_the_rule_finds_what_it_is_for(text):
    assert list(readings(ast.parse(text)))


def test_nothing_else_asks_the_time():
    found = set()
    for folder in ("pages", "web", "clinic", "backup", "storage", "db"):
        for path in (ROOT / folder).rglob("*.py"):
            if any(readings(ast.parse(path.read_text(encoding="utf-8")))):
                found.add(str(path.relative_to(ROOT)))
    assert found == STAMPS


def test_the_steady_clock_goes_forward():
    first = clock.steady_s()
    assert clock.steady_s() >= first
    assert clock.now().tzinfo is UTC
    assert isinstance(clock.now(), datetime)
