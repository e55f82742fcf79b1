"""The caseload's pages: who is on them, in which order, and what is told of whom."""

from datetime import date, timedelta

import pytest

from clinic import clock
from clinic.consent.consent import Ending, Scope
from clinic.patients import caseload, conditions, digests, listing, needs, sharing
from clinic.patients.conditions import ConditionKind
from clinic.patients.listing import PAGE, CaseloadQuery, Only, Order
from clinic.patients.needs import Need
from clinic.patients.states import State
from clinic.patients.trends import UNDER_CONDITION
from clinic.questionnaires import answers, schedule
from clinic.questionnaires.answers import Given
from db.models import Access, Consent, Job, JobState, Recording, TrendDigest
from db.room import DiskFullError
from tests import consents, doors
from tests.clinic.patients.test_digests import add

DAY = date(2026, 1, 5)


def named(db, who, *names):
    return {name: caseload.add_patient(db, who, name) for name in names}


def names(db, who, **asked):
    return [line.name for line in listing.page(db, who, CaseloadQuery(**asked)).lines]


def add_job(db, patient_id, state, day=DAY, **values):
    with db.session() as session:
        recording = Recording(patient_id=patient_id, kind="video", recorded_on=day, created_at=clock.now(), **values)
        session.add(recording)
        session.flush()
        session.add(Job(recording_id=recording.id, state=state.value, created_at=clock.now()))


def ends_on(db, patient_id, day, scope=Scope.ANALYSE, withdrawn=False):
    with db.session() as session:
        consent = Consent(
            patient_id=patient_id,
            scope=scope.value,
            given_on=DAY,
            expires_on=day,
            recorded_at=clock.now(),
            withdrawn_at=clock.now() if withdrawn else None,
        )
        session.add(consent)


def test_accents_change_neither_the_order_nor_the_search(db, who):
    named(db, who, "Zoe", "Özlem", "otto", "Émile", "Fritz")
    assert names(db, who, order=Order.NAME) == ["Émile", "Fritz", "otto", "Özlem", "Zoe"]
    assert names(db, who, search="ozlem") == ["Özlem"]
    assert names(db, who, search="%") == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("emile zola", ["Émile Zola"]),
        ("zola  emile", ["Émile Zola"]),
        ("mueller", ["Anna Bauernmüller", "Mueller, Eva", "Müller, Jürgen"]),
        ("MÜLLER", ["Anna Bauernmüller", "Mueller, Eva", "Müller, Jürgen"]),
        ("juergen mueller", ["Müller, Jürgen"]),
        ("bauernmueller", ["Anna Bauernmüller"]),
        ("soeren", ["Søren"]),
        ("Zoe", ["Zoe"]),
        ("zola zoe", []),
        ("  ", ["Anna Bauernmüller", "Émile Zola", "Mueller, Eva", "Müller, Jürgen", "Søren", "Zoe"]),
        ("ue " * 600, []),
    ],
)
def test_each_word_is_found_in_any_order_and_spelling(db, who, search, found):
    named(db, who, "Müller, Jürgen", "Mueller, Eva", "Anna Bauernmüller", "Émile Zola", "Zoe", "Søren")
    assert names(db, who, search=search, order=Order.NAME) == found
    assert [row.name for row in caseload.list_patients(db, who, search)] == found


def test_pages_hold_fifty_and_one_that_is_gone_is_the_last(db, who):
    named(db, who, *(f"Patient {number:03d}" for number in range(PAGE + 3)))
    first = listing.page(db, who, CaseloadQuery())
    assert (len(first.lines), first.found, first.pages) == (PAGE, PAGE + 3, 2)
    last = listing.page(db, who, CaseloadQuery(page=9))
    assert (last.page, [line.name for line in last.lines]) == (1, ["Patient 050", "Patient 051", "Patient 052"])


def test_last_seen_first_and_those_without_a_recording_last(db, who):
    ids = named(db, who, "A", "B", "C")
    add(db, ids["A"], 1)
    add(db, ids["C"], 1, start=5)
    assert names(db, who, order=Order.LAST_SEEN) == ["C", "A", "B"]
    assert names(db, who, only=Only.NO_RECORDING) == ["B"]


def test_who_needs_somebody_stands_first_and_is_counted(db, who):
    ids = named(db, who, "A", "B", "C", "D")
    for patient_id in ids.values():
        consents.agree(db, patient_id)
    add_job(db, ids["C"], JobState.CHOOSING)
    add_job(db, ids["D"], JobState.FAILED)
    add_job(db, ids["A"], JobState.DONE)
    found = listing.page(db, who, CaseloadQuery())
    assert [(line.name, line.needs) for line in found.lines] == [
        ("C", (Need.CHOOSE_FACE,)),
        ("D", (Need.FAILED,)),
        ("A", ()),
        ("B", ()),
    ]
    assert names(db, who, only=Only.NEEDS_YOU) == ["C", "D"]
    assert needs.count(db, who) == 2


@pytest.mark.parametrize(("days", "needed"), [(-1, True), (0, True), (14, True), (15, False)])
def test_a_consent_that_ends_within_two_weeks_or_has_ended_asks_for_somebody(db, who, patient, days, needed):
    with db.read() as session:
        today = clock.today(session)
    ends_on(db, patient, today + timedelta(days=days), Scope.EXPORT)
    assert needs.count(db, who) == int(needed)
    [line] = listing.page(db, who, CaseloadQuery()).lines
    reported = [Ending(Scope.EXPORT, today + timedelta(days=days), over=days < 0)]
    assert list(line.endings) == (reported if needed else [])
    ends_on(db, patient, None, Scope.EXPORT)
    assert needs.count(db, who) == 0, "it was renewed"


def test_a_consent_that_was_withdrawn_asks_for_nobody(db, who, patient):
    ends_on(db, patient, DAY, withdrawn=True)
    assert needs.count(db, who) == 0


def test_a_failure_of_a_version_that_is_not_shown_asks_for_nobody(db, who, patient):
    add_job(db, patient, JobState.FAILED, current=False)
    assert needs.count(db, who) == 0


def test_outside_is_reported_where_the_results_are_open(db, who, patient):
    consents.agree(db, patient)
    add(db, patient, 8)
    add(db, patient, 2, happy=0.7, start=8)
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert line.needs == (Need.OUTSIDE,)
    consents.expire(db, patient)
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert Need.OUTSIDE not in line.needs
    assert (line.closed, line.trend) == (True, None)


def test_of_patients_of_others_nothing_is_listed_or_counted(db, who, patient):
    add_job(db, patient, JobState.FAILED)
    stranger = doors.actor(db, "Dr. Other")
    assert names(db, stranger) == []
    assert needs.count(db, stranger) == 0
    sharing.open_in_emergency(db, stranger, caseload.get_patient(db, who, patient).name, "a reason that is long enough")
    [line] = listing.page(db, stranger, CaseloadQuery()).lines
    assert (line.needs, line.emergency_until is not None) == ((), True)
    assert needs.count(db, stranger) == 0


def test_a_page_reads_the_summaries_of_nobody_whose_digest_holds(db, who, patient):
    consents.agree(db, patient)
    add(db, patient, 3)
    listing.page(db, who, CaseloadQuery())
    with doors.statements(db) as noted:
        listing.page(db, who, CaseloadQuery())
    assert noted
    assert not any("recording.summary," in statement or "recording.settings" in statement for statement, _ in noted)
    with db.read() as session:
        assert session.get_one(TrendDigest, patient).recordings == 3
        assert session.get_one(Access, (who.account_id, patient)).until is None


def test_a_questionnaire_that_is_due_is_a_need_until_it_is_answered(db, who, patient):
    with db.read() as session:
        today = clock.today(session)
    schedule.plan(db, who, patient, "phq9", 14, today)
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert Need.QUESTIONNAIRE_DUE in line.needs
    answers.record(db, who, patient, Given("phq9", today, total=3))
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert line.needs == ()


def test_where_labels_are_not_interpreted_the_caseload_shows_none(db, who, patient):
    consents.agree(db, patient)
    add(db, patient, 8)
    add(db, patient, 2, happy=0.7, start=8)
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert line.needs == (Need.OUTSIDE,)
    conditions.add(db, who, patient, ConditionKind.FACIAL_PALSY, DAY + timedelta(weeks=8))
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert (line.needs, line.trend.usable) == ((), 0.9)
    assert {share for shares in line.trend.shares.values() for share in shares} == {None}
    assert (line.trend.low, line.trend.high, line.trend.intervals) == (None, None, None)
    [held] = conditions.conditions(db, who, patient)
    conditions.end(db, who, held.id, held.revision, DAY + timedelta(weeks=10))
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert line.needs == ()
    assert [share is None for share in line.trend.shares["happy"]] == [False] * 8 + [True] * 2
    assert needs.count(db, who) == 0


def test_an_end_that_is_said_later_gives_the_recordings_after_it_back(db, who, patient):
    consents.agree(db, patient)
    add(db, patient, 12)
    conditions.add(db, who, patient, ConditionKind.COVERED, DAY + timedelta(weeks=8))
    held = conditions.conditions(db, who, patient)[0]
    assert [point.excluded for point in caseload.get_patient(db, who, patient).trend.points] == (
        [None] * 8 + [UNDER_CONDITION] * 4
    )
    conditions.end(db, who, held.id, held.revision, DAY + timedelta(weeks=10))
    found = caseload.get_patient(db, who, patient)
    assert [point.excluded for point in found.trend.points] == [None] * 8 + [UNDER_CONDITION] * 2 + [None] * 2
    assert [row.standing.state for row in reversed(found.recordings)] == (
        [State.COMPLETE] * 8 + [State.UNREAD] * 2 + [State.COMPLETE] * 2
    )
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert [share is None for share in line.trend.shares["happy"]] == [False] * 8 + [True] * 2 + [False] * 2


def test_a_full_disk_keeps_the_caseload_open(db, who, patient, monkeypatch):
    def full(*_):
        raise DiskFullError

    add(db, patient, 1)
    monkeypatch.setattr(digests, "refresh", full)
    [line] = listing.page(db, who, CaseloadQuery()).lines
    assert (line.id, line.trend) == (patient, None)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_what_left_nothing_is_no_recording(db, who, state):
    ids = named(db, who, "Ada", "Ben", "Eva")
    add(db, ids["Ada"], 1)
    for patient_id in (ids["Ada"], ids["Ben"]):
        add_job(db, patient_id, state, day=date(2026, 5, 6))
    add_job(db, ids["Eva"], JobState.QUEUED)
    counted = [("Ada", 1, DAY), ("Ben", 0, None), ("Eva", 1, DAY)]
    for found in (
        listing.page(db, who, CaseloadQuery(order=Order.NAME)).lines,
        caseload.list_patients(db, who),
    ):
        assert [(one.name, one.recordings, one.last_recorded_on) for one in found] == counted
    assert names(db, who, only=Only.NO_RECORDING) == ["Ben"]
    last_seen = names(db, who, order=Order.LAST_SEEN)
    assert last_seen[-1] == "Ben"
