"""The tables. Times are UTC and exact; a missing value is NULL and never a guess."""

from db.models.accounts import (
    Access,
    Account,
    ApiToken,
    ApiTokenPatient,
    HandOverPatient,
    HandOverRequest,
    ProviderAttempt,
    ProviderIdentity,
    RecoveryCode,
    SecondStep,
    SignIn,
    SignInFailure,
)
from db.models.audit import AuditRow, AuditText
from db.models.base import Base, UtcDateTime, new_id, next_number
from db.models.enums import ConditionKind, EventKind, JobState, RecordingKind, Role, Scope
from db.models.installation import Installation
from db.models.jobs import Job, PatientImport, Reanalysis, ReportJob, VideoCopy
from db.models.patients import Consent, FaceCondition, ImportedSeries, Patient, PatientEvent, TrendDigest
from db.models.questionnaires import HandOver, OwnScale, QuestionnaireAnswer, QuestionnaireSchedule
from db.models.recordings import Recording, RecordingMark, Sample, StoredChunk
from db.models.training import Training, TrainingUse

__all__ = [
    "Access",
    "Account",
    "ApiToken",
    "ApiTokenPatient",
    "AuditRow",
    "AuditText",
    "Base",
    "ConditionKind",
    "Consent",
    "EventKind",
    "FaceCondition",
    "HandOver",
    "HandOverPatient",
    "HandOverRequest",
    "ImportedSeries",
    "Installation",
    "Job",
    "JobState",
    "OwnScale",
    "Patient",
    "PatientEvent",
    "PatientImport",
    "ProviderAttempt",
    "ProviderIdentity",
    "QuestionnaireAnswer",
    "QuestionnaireSchedule",
    "Reanalysis",
    "Recording",
    "RecordingKind",
    "RecordingMark",
    "RecoveryCode",
    "ReportJob",
    "Role",
    "Sample",
    "Scope",
    "SecondStep",
    "SignIn",
    "SignInFailure",
    "StoredChunk",
    "Training",
    "TrainingUse",
    "TrendDigest",
    "UtcDateTime",
    "VideoCopy",
    "new_id",
    "next_number",
]
