"""The states and kinds that stand in columns, as text."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """The state of an analysis. `CHOOSING`: several faces were found and the clinician has to choose the patient's."""

    QUEUED = "queued"
    RUNNING = "running"
    CHOOSING = "choosing"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RecordingKind(StrEnum):
    """What a recording is: one video, or the pictures of one day."""

    VIDEO = "video"
    PICTURES = "pictures"


class Role(StrEnum):
    """What an account may do; each sees only the patients of its own caseload (clinic/access.py)."""

    ADMINISTRATOR = "administrator"
    CLINICIAN = "clinician"
    VIEWER = "viewer"


class Scope(StrEnum):
    """What a patient agrees to, each separately (clinic/consent/consent.py)."""

    ANALYSE = "analyse"
    KEEP_RESULTS = "keep_results"
    KEEP_VIDEO = "keep_video"
    TRAIN = "train"
    EXPORT = "export"


class EventKind(StrEnum):
    """What a mark is of."""

    MEDICATION = "medication"
    SESSION = "session"
    EVENT = "event"


class ConditionKind(StrEnum):
    """What keeps labels from being interpreted."""

    PARKINSONISM = "parkinsonism"
    FACIAL_PALSY = "facial_palsy"
    RIGIDITY = "rigidity"
    BOTULINUM = "botulinum"
    AUTISM = "autism"
    COVERED = "covered"
    OTHER = "other"
