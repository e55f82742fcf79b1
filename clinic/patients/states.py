"""The state of a recording and its analysis: one state and one sentence, decided from facts only.

Every page, list, banner and refusal asks here, so that no two of them can say different things of one recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, or_

from clinic.patients.summaries import DOUBTED, Summary, excluded
from db.models import Job, JobState, Recording, RecordingKind
from fer_core.types import Status

UNDER_WAY = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.CHOOSING})
"""Stages of a job that is not over: because it runs, or because a choice is open."""
ENDED_WELL = frozenset({JobState.DONE, JobState.PARTIAL})
ENDED_BADLY = frozenset({JobState.FAILED, JobState.CANCELLED})
LASTING = UNDER_WAY | ENDED_WELL
"""Stages in which a recording has a result, or will have one."""

REPLACED = "face_replaced"
"""The setting of a version whose result was deleted, since the face that it shows is not the patient's: `Replaced`."""
DOUBTED_SENTENCE = f"{DOUBTED[0].upper()}{DOUBTED[1:]}."
UNREAD = "Its labels are not interpreted, since a condition of the face held on its day: only movement is shown."


class State(StrEnum):
    """The state of a recording."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    CHOOSING = "choosing"
    COMPLETE = "complete"
    UNREAD = "unread"
    NO_FACE = "no_face"
    PARTIAL = "partial"
    EXCLUDED = "excluded"
    DOUBTED = "doubted"
    CLOSED = "closed"
    EMPTY = "empty"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Replaced(StrEnum):
    """What was found instead of the face that had been chosen: another one, or that the patient isn't there."""

    CHOSEN = "chosen"
    ABSENT = "absent"


REPLACED_SENTENCES = {
    Replaced.CHOSEN: "The patient's face was chosen again: the result is in a newer analysis of this recording.",
    Replaced.ABSENT: "The patient was not found in it: no result was kept.",
}


class Tone(StrEnum):
    """How a sentence is shown: with a green tick only where nothing is missing and nothing is asked."""

    GOOD = "good"
    NEUTRAL = "neutral"
    ATTENTION = "attention"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that decide.

    `job`: the stage of the analysis, None for a recording that came with its results. `stopping`: someone asked to
    cancel it. `obstacle`: why a waiting or running analysis makes no progress. `error`: why it failed, as a sentence.
    `has_result`: a summary is stored; `face_seen`: a face was found in it, readable or not. `partial`: the file could
    be read in part alone. `excluded`: why it doesn't count in the trend. `unread`: a condition of the face held on its
    day, so that its labels are not interpreted. `closed`: there is no valid consent to keep results, so they are
    hidden. `replaced`: why its result was deleted. `pictures`: it is one of pictures. `doubted`: the patient's face is
    being chosen again.
    """

    job: JobState | None = None
    stopping: bool = False
    obstacle: str | None = None
    error: str | None = None
    has_result: bool = False
    face_seen: bool = False
    partial: bool = False
    excluded: str | None = None
    unread: bool = False
    closed: bool = False
    replaced: Replaced | None = None
    pictures: bool = False
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class RecordingStanding:
    """The state of a recording, its sentence for people, and how that is shown."""

    state: State
    tone: Tone
    sentence: str

    @property
    def under_way(self) -> bool:
        """Whether the analysis is not over: it waits, runs, or asks for a choice."""
        return self.state in (State.WAITING, State.RUNNING, State.STOPPING, State.CHOOSING)


def counted() -> ColumnElement[bool]:
    """Return the condition that a recording has a result or may still get one: nothing is left of any other."""
    under_way = exists().where(Job.recording_id == Recording.id, Job.state.in_(UNDER_WAY))
    return or_(Recording.summary.is_not(None), under_way)


def standing_of(
    recording: Recording,
    job: Job | None,
    closed: bool,
    unread: bool = False,
    obstacle: str | None = None,
    doubted: bool = False,
) -> RecordingStanding:
    """Return the state and sentence of a stored recording; `closed`, `unread`, `obstacle`, `doubted` as in `Facts`.

    `unread`, `closed` and `doubted` say nothing of one whose analysis is not over.
    """
    summary = Summary.from_dict(recording.summary) if recording.summary is not None else None
    return standing(
        Facts(
            job=job.state if job is not None else None,
            stopping=job is not None and job.cancel_requested,
            obstacle=obstacle,
            error=job.error_message if job is not None else None,
            has_result=summary is not None,
            face_seen=summary is not None and _face_seen(summary),
            partial=recording.partial,
            excluded=excluded(summary, recording.partial, doubted) if summary is not None else None,
            unread=unread,
            closed=closed,
            replaced=replaced_of(recording),
            pictures=recording.kind == RecordingKind.PICTURES,
            doubted=doubted,
        )
    )


def replaced_of(recording: Recording) -> Replaced | None:
    """Return why the result of a version was deleted, None where it wasn't."""
    said = recording.settings.get(REPLACED)
    # Earlier versions of the program say no more than that.
    return Replaced.CHOSEN if said is True else Replaced(said) if said else None


def standing(facts: Facts) -> RecordingStanding:
    """Return the one state and sentence of a recording."""
    if facts.job in UNDER_WAY:
        return _under_way(facts)
    absent = facts.replaced is Replaced.ABSENT and not facts.has_result
    if facts.job is JobState.CANCELLED and absent:
        return RecordingStanding(State.REPLACED, Tone.NEUTRAL, REPLACED_SENTENCES[Replaced.ABSENT])
    if facts.job is JobState.CANCELLED:
        return RecordingStanding(State.CANCELLED, Tone.NEUTRAL, "Cancelled: nothing was kept.")
    if facts.job is JobState.FAILED:
        return RecordingStanding(State.FAILED, Tone.BAD, facts.error or "The analysis failed.")
    if facts.closed:
        return RecordingStanding(
            State.CLOSED, Tone.NEUTRAL, "The results are closed: there is no valid consent to keep them."
        )
    if not facts.has_result and facts.replaced is not None:
        return RecordingStanding(State.REPLACED, Tone.NEUTRAL, REPLACED_SENTENCES[facts.replaced])
    if not facts.has_result:
        return RecordingStanding(State.EMPTY, Tone.ATTENTION, "No result is stored.")
    return _analysed(facts)


def _under_way(facts: Facts) -> RecordingStanding:
    if facts.stopping:
        return RecordingStanding(State.STOPPING, Tone.NEUTRAL, "Being cancelled.")
    if facts.job is JobState.CHOOSING:
        several = "Several pictures or faces: choose the patient's face in each picture."
        sentence = several if facts.pictures else "Several faces were seen: choose the patient's."
        return RecordingStanding(State.CHOOSING, Tone.ATTENTION, sentence)
    running = facts.job is JobState.RUNNING
    state, sentence = (State.RUNNING, "Being analysed.") if running else (State.WAITING, "Waiting for its turn.")
    if facts.obstacle:
        return RecordingStanding(state, Tone.ATTENTION, f"{sentence} {facts.obstacle}")
    return RecordingStanding(state, Tone.NEUTRAL, sentence)


def _analysed(facts: Facts) -> RecordingStanding:
    """Return the sentence about a result: the most serious thing first."""
    how_far = " Only a part of the file could be read." if facts.partial else ""
    if not facts.face_seen:
        return RecordingStanding(State.NO_FACE, Tone.ATTENTION, f"Analysed: no face was found.{how_far}")
    unread = f" {UNREAD}" if facts.unread else ""
    if facts.doubted:
        sentence = f"{DOUBTED_SENTENCE} Until the choice it does not count in the trend.{how_far}{unread}"
        return RecordingStanding(State.DOUBTED, Tone.ATTENTION, sentence)
    if facts.partial:
        return RecordingStanding(
            State.PARTIAL, Tone.ATTENTION, f"Analysed.{how_far} It does not count in the trend.{unread}"
        )
    if facts.excluded:
        sentence = f"Analysed. It does not count in the trend: {facts.excluded}.{unread}"
        return RecordingStanding(State.EXCLUDED, Tone.ATTENTION, sentence)
    if facts.unread:
        return RecordingStanding(State.UNREAD, Tone.NEUTRAL, f"Analysed. It does not count in the trend.{unread}")
    return RecordingStanding(State.COMPLETE, Tone.GOOD, "The analysis is complete.")


def _face_seen(summary: Summary) -> bool:
    """Return whether a face was found at all, readable or not."""
    return summary.usable_samples > 0 or bool(summary.reasons.keys() - {Status.NO_FACE, Status.DAMAGED})
