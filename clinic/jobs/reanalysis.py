"""Analysing recordings again with another model: a new version beside the old one, of one patient or of everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, model_in_use, texts
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.jobs import control, jobs, tracks
from clinic.patients.states import ENDED_BADLY, ENDED_WELL, UNDER_WAY
from clinic.phrases import counted, short_id
from clinic.recordings import stored_files, uploads
from clinic.settings import Settings
from db.engine import Database
from db.models import Job, JobState, Patient, Reanalysis, Recording, RecordingKind, StoredChunk
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard

PRIORITY = -10
"""Below new uploads: a clinician who waits comes first."""
NEEDED = (*consent.ANALYSIS, Scope.KEEP_VIDEO)
"""What the patient has to agree to: what is looked at again is the kept file."""
_UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Started:
    """The result of the request: how many recordings were queued, and why the others were not.

    `id` is None where nothing was queued. `up_to_date`: a result of this model is stored, or on its way.
    `without_file`: the file was deleted after the first analysis, so that no model can look at it again.
    `without_consent`: the patient's consent is missing.
    """

    id: str | None
    queued: int
    up_to_date: int
    without_file: int
    without_consent: int

    @property
    def sentence(self) -> str:
        """The same as a sentence."""
        said = [f"{_recordings(self.queued)} will be analysed again."]
        if self.up_to_date:
            said.append(f"{_recordings(self.up_to_date)} of the installed model: nothing to do.")
        if self.without_file:
            said.append(f"{_recordings(self.without_file)} can't be: the file was deleted after the first analysis.")
        if self.without_consent:
            said.append(f"{_recordings(self.without_consent)} can't be: the patient's consent is missing.")
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class ReanalysisStatus:
    """How far a reanalysis is: recordings in all and by how they ended, share of the work done (0 to 1).

    `choosing` recordings wait for a clinician to say who the patient is. `left_s`: seconds left at the pace so far,
    None while it is paused or the pace is unknown. `patient_id` is None for one of everybody.
    """

    id: str
    patient_id: str | None
    model_sha256: str
    paused: bool
    total: int
    done: int
    choosing: int
    failed: int
    cancelled: int
    without_file: int
    share: float
    left_s: float | None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen automatically."""
        return self.done + self.choosing + self.failed + self.cancelled == self.total

    @property
    def sentence(self) -> str:
        """The same as one sentence."""
        said = [f"{self.done} of {_recordings(self.total)} done ({self.share:.0%})".replace("%", " %")]
        waiting = "waits" if self.choosing == 1 else "wait"
        others = {
            f"{waiting} for the choice of a face": self.choosing,
            "failed": self.failed,
            "dropped": self.cancelled,
        }
        said += [f"{count} {what}" for what, count in others.items() if count]
        if self.paused:
            said.append("paused")
        elif self.left_s is not None and not self.finished:
            said.append(f"about {max(1, round(self.left_s / 60))} min left")
        whose = "All patients" if self.patient_id is None else f"Patient with ID {short_id(self.patient_id)}"
        return f"{whose}: {' · '.join(said)}"


def _recordings(count: int) -> str:
    return counted(count, "recording")


def start(
    db: Database,
    settings: Settings,
    actor: Actor,
    patient_id: str | None = None,
    model_sha256: str | None = None,
) -> Started:
    """Queue the recordings of a patient, or of everybody, whose shown result is another model's.

    `model_sha256`: by default the installed model. What was asked for before is not queued twice; what failed or was
    cancelled is tried again. For administrators and the console.

    Raises Forbidden, FerError ``unknown_patient``, ``store_away``, ModelError where no model is installed.
    """
    model = model_sha256 or ModelCard.load(model_in_use.card_path(settings)).sha256
    queued = up_to_date = without_file = without_consent = 0
    with db.session() as session:
        account_id = access.require_administrator_or_console(session, actor)
        if patient_id is not None:
            access.need_patient(session, patient_id)
        if stored_files.is_away(session, settings):
            raise FerError(f"{stored_files.AWAY} {stored_files.TELL}", stored_files.CODE_AWAY)
        asked_for = Reanalysis(patient_id=patient_id, model_sha256=model, created_at=clock.now())
        session.add(asked_for)
        session.flush()
        agreed = set.intersection(*(set(session.scalars(consent.covered(session, scope))) for scope in NEEDED))
        for recording in session.scalars(_shown(patient_id)).all():
            if recording.model_sha256 == model:
                up_to_date += 1
            elif not files_there(session, settings, recording):
                without_file += 1
            elif recording.patient_id not in agreed:
                without_consent += 1
            elif _queue(session, asked_for, recording):
                queued += 1
            else:
                up_to_date += 1
        asked_for.without_file = without_file
        if queued:
            audit.write(session, AuditAction.REANALYSIS_STARTED, account_id, patient_id)
        if not queued:
            session.delete(asked_for)
        return Started(asked_for.id if queued else None, queued, up_to_date, without_file, without_consent)


def standings(db: Database, actor: Actor) -> list[ReanalysisStatus]:
    """Return the reanalyses that are not over, in which a recording failed or a face is to be chosen, newest first.

    Raises Forbidden.
    """
    with db.read() as session:
        access.require_administrator_or_console(session, actor)
        requests = session.scalars(select(Reanalysis).order_by(Reanalysis.number.desc(), Reanalysis.id))
        found = [_standing(session, asked_for) for asked_for in requests]
    return [one for one in found if one.total and not (one.finished and not (one.failed or one.choosing))]


def standing(db: Database, actor: Actor, reanalysis_id: str) -> ReanalysisStatus:
    """Return the progress of a reanalysis. Raises Forbidden, FerError ``unknown_reanalysis``."""
    with db.read() as session:
        access.require_administrator_or_console(session, actor)
        return _standing(session, _row(session, reanalysis_id))


def pause(db: Database, actor: Actor, reanalysis_id: str, paused: bool = True) -> None:
    """Pause or resume a reanalysis: what is under way stops within a second, and its chunks stay.

    Raises Forbidden, FerError ``unknown_reanalysis``.
    """
    with db.session() as session:
        access.require_administrator_or_console(session, actor)
        _row(session, reanalysis_id).paused = paused


def cancel(db: Database, settings: Settings, actor: Actor, reanalysis_id: str) -> None:
    """Cancel what is not done yet; stored results stay. Raises Forbidden, FerError ``unknown_reanalysis``."""
    with db.read() as session:
        access.require_administrator_or_console(session, actor)
        _row(session, reanalysis_id)
        mine = select(Job.recording_id).where(Job.reanalysis_id == reanalysis_id, Job.state.in_(UNDER_WAY))
        recordings = list(session.scalars(mine))
    for recording_id in recordings:
        control.drop(db, settings, recording_id)


def find_patient(db: Database, actor: Actor, code: str) -> str:
    """Return the id of the patient with this id, or with exactly this name or code.

    Raises Forbidden, FerError ``unknown_patient``, ``ambiguous_patient``.
    """
    try:
        name = texts.one_line(code)
    except ValueError:
        name = ""
    with db.read() as session:
        access.require_administrator_or_console(session, actor)
        there = select(Patient.id).where(~access.staged(Patient.id))
        if session.scalar(there.where(Patient.id == name)) is not None:
            return name
        named = or_(Patient.name == name, Patient.code == name)
        found = list(session.scalars(there.where(named).limit(2))) if name else []
    if len(found) > 1:
        raise FerError(
            "Several patients have this code. Please give the id in the patient's address.", "ambiguous_patient"
        )
    if not found:
        raise FerError("No patient has this code.", "unknown_patient")
    return found[0]


def _shown(patient_id: str | None) -> Select[Recording]:
    """Return the query of the recordings that have a result and are shown, oldest visit first."""
    found = select(Recording).where(Recording.current, Recording.summary.is_not(None))
    found = found.where(~access.staged(Recording.patient_id))
    if patient_id is not None:
        found = found.where(Recording.patient_id == patient_id)
    return found.order_by(Recording.recorded_on, Recording.number, Recording.id)


def _sources(session: Session, recording: Recording) -> list[dict[str, Any]]:
    """Return the files that can be analysed; pictures that the program made of the face can't."""
    found = session.scalar(select(Job.sources).where(Job.recording_id == recording.id)) or []
    return [source for source in found if source.get("kind") != uploads.FACE]


def files_there(session: Session, settings: Settings, recording: Recording) -> bool:
    sources = _sources(session, recording)
    return bool(sources) and uploads.stored(settings, [str(one["id"]) for one in sources])


def _queue(session: Session, asked_for: Reanalysis, old: Recording) -> bool:
    """Queue a version of the recording unless its key is known; return whether something is to be done."""
    visit_id = old.version_of or old.id
    key = jobs.job_key(visit_id, asked_for.model_sha256, old.settings, tracks.chosen_of(old))
    known = session.scalar(select(Job).where(Job.key == key))
    if known is None:
        chosen_in = {"chosen_in": old.id}
        add_version(session, old, asked_for.model_sha256, key, chosen_in, PRIORITY, reanalysis_id=asked_for.id)
        return True
    if known.state in ENDED_BADLY:
        control.queue_again(known)
        known.reanalysis_id = asked_for.id
        return True
    if known.state in ENDED_WELL:
        # The same key has the same result: it is shown again, and nothing is computed a second time.
        tracks.make_current(session, session.get_one(Recording, known.recording_id))
    return False


def add_version(
    session: Session,
    old: Recording,
    model_sha256: str | None,
    key: str,
    said: Mapping[str, Any],
    priority: int,
    reanalysis_id: str | None = None,
) -> str:
    """Queue another version of a recording, with the same file and `said` among its settings; return its id."""
    now = clock.now()
    copied = ("patient_id", "kind", *jobs.OF_VISIT, "source_name", "source_sha256", "duration_s")
    version = Recording(
        **{name: getattr(old, name) for name in copied},
        version_of=old.version_of or old.id,
        current=False,
        model_sha256=model_sha256,
        settings={**{name: old.settings[name] for name in ("every_s",) if name in old.settings}, **said},
        created_at=now,
    )
    session.add(version)
    session.flush()
    sources = _sources(session, old)
    session.add(
        Job(
            recording_id=version.id,
            key=key,
            reanalysis_id=reanalysis_id,
            priority=priority,
            sources=sources,
            created_at=now,
        )
    )
    return version.id


def _row(session: Session, reanalysis_id: str) -> Reanalysis:
    found = session.get(Reanalysis, reanalysis_id)
    if found is None:
        raise FerError("This reanalysis does not exist any more.", "unknown_reanalysis")
    return found


def _standing(session: Session, asked_for: Reanalysis) -> ReanalysisStatus:
    rows = session.execute(
        select(Job.state, Job.done_s, Job.total_s, Job.sources, Recording.duration_s)
        .join(Recording, Recording.id == Job.recording_id)
        .where(Job.reanalysis_id == asked_for.id)
    ).all()
    states = [state for state, *_ in rows]
    work = [duration_s if duration_s is not None else float(len(sources)) for *_, sources, duration_s in rows]
    done = [
        size * (min(1.0, done_s / (total_s or size or 1.0)) if state in _UNDER_WAY else 1.0)
        for size, (state, done_s, total_s, *_) in zip(work, rows, strict=True)
    ]
    left = sum(work) - sum(done)
    return ReanalysisStatus(
        id=asked_for.id,
        patient_id=asked_for.patient_id,
        model_sha256=asked_for.model_sha256,
        paused=asked_for.paused,
        total=len(rows),
        done=sum(state in ENDED_WELL for state in states),
        choosing=states.count(JobState.CHOOSING),
        failed=states.count(JobState.FAILED),
        cancelled=states.count(JobState.CANCELLED),
        without_file=asked_for.without_file,
        share=sum(done) / sum(work) if sum(work) else 1.0,
        left_s=None if asked_for.paused else _left_s(session, asked_for, left, states.count(JobState.RUNNING)),
    )


def _left_s(session: Session, asked_for: Reanalysis, left: float, workers: int) -> float | None:
    """Return the seconds that `left` seconds of video (or pictures) take, from what the chunks so far took."""
    mine = select(Job.recording_id).where(Job.reanalysis_id == asked_for.id)
    size = case(
        (Recording.kind == RecordingKind.VIDEO, StoredChunk.end_s - StoredChunk.begin_s),
        else_=StoredChunk.samples,
    )
    done, worked_s = session.execute(
        select(func.sum(size), func.sum(StoredChunk.worked_s))
        .join(Recording, Recording.id == StoredChunk.recording_id)
        .where(StoredChunk.recording_id.in_(mine))
    ).one()
    if not done or not worked_s:
        return None
    return float(left * worked_s / done / max(1, workers))
