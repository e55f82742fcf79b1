"""One state and one sentence for every combination of facts."""

from itertools import product

import pytest

from clinic.patients.states import Facts, Replaced, State, Tone, standing
from db.models import JobState

Q, R, C = JobState.QUEUED, JobState.RUNNING, JobState.CHOOSING
D, P, F, X = JobState.DONE, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED
OVER = (D, P, None)
"""The analysis ended well, or the recording came with its results."""

VALUES = {
    "job": (Q, R, C, D, P, F, X, None),
    "stopping": (False, True),
    "obstacle": (None, "The disk is full."),
    "error": (None, "The file holds no picture."),
    "has_result": (False, True),
    "face_seen": (False, True),
    "partial": (False, True),
    "excluded": (None, "less than 60 s of usable face"),
    "unread": (False, True),
    "closed": (False, True),
    "replaced": (None, Replaced.CHOSEN),
    "doubted": (False, True),
}

GONE = {"job": OVER, "closed": False, "has_result": False}
SEEN = {"job": OVER, "closed": False, "has_result": True, "face_seen": True}
SURE = {**SEEN, "doubted": False}
TABLE = [
    # What has to hold (True: any but None or False), the state, its tone, and what its sentence has to hold.
    ({"job": (Q, R, C), "stopping": True}, State.STOPPING, Tone.NEUTRAL, "cancelled"),
    ({"job": (C,), "stopping": False}, State.CHOOSING, Tone.ATTENTION, "choose the patient's"),
    ({"job": (Q,), "stopping": False, "obstacle": False}, State.WAITING, Tone.NEUTRAL, "Waiting for its turn."),
    ({"job": (Q,), "stopping": False, "obstacle": True}, State.WAITING, Tone.ATTENTION, "The disk is full."),
    ({"job": (R,), "stopping": False, "obstacle": False}, State.RUNNING, Tone.NEUTRAL, "Being analysed."),
    ({"job": (R,), "stopping": False, "obstacle": True}, State.RUNNING, Tone.ATTENTION, "The disk is full."),
    ({"job": (X,)}, State.CANCELLED, Tone.NEUTRAL, "nothing was kept"),
    ({"job": (F,), "error": True}, State.FAILED, Tone.BAD, "The file holds no picture."),
    ({"job": (F,), "error": False}, State.FAILED, Tone.BAD, "failed"),
    ({"job": OVER, "closed": True}, State.CLOSED, Tone.NEUTRAL, "consent"),
    ({**GONE, "replaced": False}, State.EMPTY, Tone.ATTENTION, "No result"),
    ({**GONE, "replaced": True}, State.REPLACED, Tone.NEUTRAL, "in a newer analysis"),
    (
        {"job": OVER, "closed": False, "has_result": True, "face_seen": False, "partial": False},
        State.NO_FACE,
        Tone.ATTENTION,
        "no face was found",
    ),
    (
        {"job": OVER, "closed": False, "has_result": True, "face_seen": False, "partial": True},
        State.NO_FACE,
        Tone.ATTENTION,
        "Only a part",
    ),
    (
        {**SURE, "partial": True},
        State.PARTIAL,
        Tone.ATTENTION,
        "Only a part of the file could be read. It does not count",
    ),
    (
        {**SURE, "partial": False, "excluded": True},
        State.EXCLUDED,
        Tone.ATTENTION,
        "less than 60 s of usable face",
    ),
    (
        {**SURE, "partial": False, "excluded": False, "unread": False},
        State.COMPLETE,
        Tone.GOOD,
        "complete",
    ),
    ({**SEEN, "doubted": True}, State.DOUBTED, Tone.ATTENTION, "is being chosen again: the present result may show"),
    ({**SURE, "partial": False, "excluded": False, "unread": True}, State.UNREAD, Tone.NEUTRAL, "does not count"),
]


def matches(wanted, facts):
    return all(
        getattr(facts, name) in value if name == "job" else bool(getattr(facts, name)) is value
        for name, value in wanted.items()
    )


ALL = [Facts(**dict(zip(VALUES, values, strict=True))) for values in product(*VALUES.values())]


def test_every_combination_has_one_row_and_says_what_stands_there():
    assert len(ALL) == 8 * 2**11
    for facts in ALL:
        [(_, state, tone, said)] = [row for row in TABLE if matches(row[0], facts)]
        found = standing(facts)
        assert (found.state, found.tone) == (state, tone), facts
        assert said in found.sentence, facts


def test_every_row_is_reached_and_every_state_has_one():
    assert all(any(matches(wanted, facts) for facts in ALL) for wanted, *_ in TABLE)
    assert {state for _, state, *_ in TABLE} == set(State)


def test_a_result_that_was_deleted_since_the_patient_is_not_there_leads_to_no_other():
    assert "newer" not in standing(Facts(job=D, replaced=Replaced.ABSENT)).sentence
    found = standing(Facts(job=JobState.CANCELLED, replaced=Replaced.ABSENT))
    assert (found.state, found.sentence) == (State.REPLACED, "The patient was not found in it: no result was kept.")


@pytest.mark.parametrize("job", [D, P, None])
def test_a_green_tick_means_that_it_counts(job):
    for facts in ALL:
        if facts.job is job and standing(facts).tone is Tone.GOOD:
            assert facts.has_result
            assert facts.face_seen
            assert facts.excluded is None
            assert not facts.partial
            assert not facts.closed
            assert not facts.unread
            assert not facts.doubted


def test_under_a_condition_of_the_face_each_result_says_that_only_movement_is_shown():
    for facts in ALL:
        found = standing(facts)
        shown = found.state in (State.DOUBTED, State.PARTIAL, State.EXCLUDED, State.UNREAD, State.COMPLETE)
        said = "labels are not interpreted" in found.sentence and "only movement" in found.sentence
        assert said is (facts.unread and shown)
        assert not (said and "complete" in found.sentence)


def test_what_asks_for_a_choice_is_under_way_and_never_being_analysed():
    for facts in ALL:
        found = standing(facts)
        assert found.under_way is (facts.job in (Q, R, C))
        if facts.job is C:
            assert "Being analysed" not in found.sentence
