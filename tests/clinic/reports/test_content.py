"""A report says what is stored of the recordings that it is about, and nothing of others."""

import re
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from clinic import words
from clinic.patients import caseload, listing
from clinic.patients.listing import CaseloadQuery
from clinic.reports.content import LISTED, SHOWN, ReportScope, report
from db.models import JobState, Recording
from pages.views.axis import table_rows
from pages.views.convert import trend_dots
from tests import consents
from tests.clinic.patients.test_digests import FIRST, add
from tests.clinic.patients.test_listing import add_job
from tests.forbidden_claims import claims_in


@pytest.fixture
def reported(db, who, patient):
    """Return a function that makes the report of the patient."""
    consents.agree(db, patient)

    def make(**asked):
        return report(caseload.get_patient(db, who, patient), ReportScope(**asked), "Dr. Invented", "today")

    return make


def ids_of(db, patient):
    with db.read() as session:
        return list(session.scalars(select(Recording.id).where(Recording.patient_id == patient)))


def change(db, recording_id, **values):
    with db.session() as session:
        recording = session.get_one(Recording, recording_id)
        for name, value in values.items():
            setattr(recording, name, value)


def test_a_period_holds_its_ends_and_nothing_outside(db, patient, reported):
    add(db, patient, 5)
    found = reported(begin=FIRST + timedelta(weeks=1), end=FIRST + timedelta(weeks=3))
    assert [row[0] for row in found.tables[0].rows] == [
        "12 Jan 2026 · Video · no. 2",
        "19 Jan 2026 · Video · no. 3",
        "26 Jan 2026 · Video · no. 4",
    ]
    assert found.sentences[0].startswith("3 of 3 recordings from 12 Jan 2026 to 26 Jan 2026 count;")


def test_one_recording_is_spoken_of_as_one(db, patient, reported):
    add(db, patient, 2)
    said = "The recording of 12 Jan 2026 · Video · no. 2 counts; its usable face time was 90 %."
    assert reported(begin=FIRST + timedelta(weeks=1)).sentences[0] == said


def test_shares_and_interval_of_the_newest_counting_recording_are_said(db, patient, reported):
    add(db, patient, 2, happy=0.3)
    sentence = reported().sentences[1]
    assert sentence.startswith(
        "Recording of 12 Jan 2026 · Video · no. 2: the label happy-like took 30 % of the usable time (95 % interval "
    )
    assert sentence.endswith("there is no usual range to compare it with yet.")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([0.3], "inside it."),
        ([0.8], "only in this recording, which is not marked."),
        ([0.8] * 2, "as in the recording before it that can be compared."),
    ],
)
def test_the_usual_range_is_reported_as_a_fact(db, patient, reported, after, said):
    add(db, patient, 8)
    for number, happy in enumerate(after):
        add(db, patient, 1, happy=happy, start=8 + number)
    assert reported().sentences[1].endswith(said)


def test_what_can_not_be_compared_is_said_and_only_inside_the_period(db, patient, reported):
    ids = add(db, patient, 4)
    for recording_id in ids[2:]:
        change(db, recording_id, model_sha256="other")
    assert (
        reported().sentences[-1] == "On these days a recording was made in another way: 19 Jan 2026 (new model)."
        " Recordings that were made in different ways are not compared."
    )
    assert not any("compared:" in sentence for sentence in reported(begin=FIRST + timedelta(weeks=2)).sentences)
    assert dict(reported().made)["Models"] == "other (2 recordings), m (2 recordings)"


def test_what_does_not_count_is_listed_with_its_reason(db, patient, reported):
    ids = add(db, patient, 2)
    change(db, ids[0], partial=True)
    found = reported()
    assert found.tables[0].rows[0][-1] == "only a part of the file could be read"
    assert dict(found.coverage)["Left out"] == "only a part of the file could be read (1)"
    change(db, ids[1], partial=True)
    assert reported().sentences == (
        "None of the 2 recordings with a result counts, so nothing is reported about expressions.",
    )


def test_what_was_never_analysed_has_no_model_and_its_own_sentence(db, patient, reported):
    add_job(db, patient, JobState.CANCELLED, model_sha256="asked for")
    for asked in ({}, {"recording_id": ids_of(db, patient)[0]}):
        found = reported(**asked)
        assert dict(found.made)["Models"] == "–"
        assert found.sentences == ("There is no result, so nothing is reported about expressions.",)
        assert [row[-1] for row in found.tables[0].rows] == ["Cancelled: nothing was kept."]


def test_recordings_that_are_made_as_before_a_change_are_not_taken_for_those_of_after_it(db, patient, reported):
    """Two of the old model, after one of the new one whose day was corrected, looked like the new one's."""
    ids = add(db, patient, 6)
    for number in (2, 5):
        change(db, ids[number], model_sha256="other")
    assert (
        reported().sentences[-1] == "On these days a recording was made in another way: 19 Jan 2026 (new model)."
        " 2 later recordings were again made as before."
        " Recordings that were made in different ways are not compared."
    )


def test_recordings_are_counted_as_the_caseload_counts_them(db, who, patient, reported):
    """A failed one was counted here and not there, and one that waits for its face went without a word."""
    change(db, add(db, patient, 1)[0], partial=True)
    add_job(db, patient, JobState.CHOOSING, FIRST + timedelta(weeks=1))
    add_job(db, patient, JobState.FAILED, FIRST + timedelta(weeks=2))
    (line,) = listing.page(db, who, CaseloadQuery()).lines
    found = reported()
    assert line.recordings == 2
    assert dict(found.coverage)["Recordings"] == "2, with a result 1, counting 0; besides, failed or cancelled: 1"
    assert found.sentences == (
        "The recording of 5 Jan 2026 · Video · no. 1 does not count, so nothing is reported about expressions.",
        "1 recording has no result yet.",
    )


def test_one_recording_has_all_labels(db, patient, reported):
    ids = add(db, patient, 3)
    found = reported(recording_id=ids[1])
    assert [row[0] for row in found.tables[0].rows] == list(words.TREND_NAMES.values())
    assert found.chart is None
    assert "Period" not in dict(found.coverage)


def test_each_share_of_the_table_has_the_interval_that_the_patient_s_page_gives(db, who, patient, reported):
    add(db, patient, 2)
    shown = [emotion.value for emotion in SHOWN]
    rows = table_rows(trend_dots(caseload.get_patient(db, who, patient).trend.points), shown)
    on_screen = [tuple(row.values())[2:-1] for row in reversed(rows)]
    assert {basis for *_, basis in on_screen} == {"usable time"}
    assert all(re.fullmatch(r"\d+ % \(\d+ % to \d+ %\)", share) for *shares, _ in on_screen for share in shares)
    assert [row[2:-1] for row in reported().tables[0].rows] == on_screen


def test_only_chosen_notes_are_printed(db, patient, reported):
    ids = add(db, patient, 2)
    change(db, ids[0], note="first")
    change(db, ids[1], note="second")
    assert reported().notes == ()
    assert [note.text for note in reported(notes=frozenset(ids[:1]), remark="mine").notes] == ["mine", "first"]


def test_two_recordings_of_one_day_are_distinguished_everywhere_and_in_one_order(db, patient, reported):
    """On paper as on the screen: by the time of day and the number, the earlier one first."""
    morning, evening = add(db, patient, 2)
    change(db, evening, recorded_on=FIRST, recorded_time=time(18), note="of the evening")
    change(db, morning, recorded_time=time(9), note="of the morning")
    names = ["5 Jan 2026, 09:00 · Video · no. 1", "5 Jan 2026, 18:00 · Video · no. 2"]
    found = reported(notes=frozenset([morning, evening]))
    assert [row[0] for row in found.tables[0].rows] == names
    assert [(note.title, note.text) for note in found.notes] == [
        (f"Note on the recording of {names[0]}", "of the morning"),
        (f"Note on the recording of {names[1]}", "of the evening"),
    ]
    assert found.sentences[1].startswith(f"Recording of {names[1]}: the label ")
    for one, name in zip((morning, evening), names, strict=True):
        alone = reported(recording_id=one)
        assert alone.tables[0].title == f"Recording of {name}"
        assert any(sentence.startswith(f"Recording of {name}: ") for sentence in alone.sentences)


def test_a_long_history_stays_on_two_pages(db, patient, reported):
    add(db, patient, LISTED + 5)
    found = reported()
    assert len(found.tables[0].rows) == LISTED
    assert (
        found.tables[0].title == f"Recordings (the newest {LISTED} of {LISTED + 5}): shares with their 95 % intervals"
    )
    assert found.sentences[0].startswith(f"{LISTED + 5} of {LISTED + 5} recordings")


def test_every_report_carries_what_it_is_not(db, patient, reported):
    add(db, patient, 1)
    found = reported()
    assert found.caveats[0] == words.DISCLAIMER
    said = " ".join([*found.sentences, *found.caveats]).lower()
    assert not claims_in(said)
    assert dict(found.person)["ID"] == patient[:6]
