"""Kill -9 in the middle of jobs: each has to end with the results of an undisturbed run, nothing done twice."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import select

from benchmarks.clinics import Clinic, clinic, kill, until, video
from clinic.jobs import leases, progress
from db.models import Job, JobState, StoredChunk
from fer_core.looking import CHUNK_S

VICTIMS = {
    "worker": "the worker",
    "supervisor": "the process that supervises the worker, as the web process does",
    "web": "the web process itself, with the pages",
    "machine": "a Dask worker",
    "scheduler": "the Dask scheduler",
}
KILLS_A_JOB = 5
LATEST_S = 4.0
"""A kill comes at a random moment of so many seconds after the analysis goes on."""


@dataclass(slots=True)
class Campaign:
    """What a campaign found. `lost_s`: seconds of video that each kill cost, of those that were analysed already."""

    kills: int = 0
    jobs: int = 0
    ended_well: int = 0
    equal: int = 0
    chunks_once: int = 0
    lost_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether everything was as it has to be."""
        return (
            self.jobs == self.ended_well == self.equal == self.chunks_once
            and max(self.lost_s, default=0.0) <= CHUNK_S + 1.0
        )

    def table(self) -> str:
        """The same for people."""
        lost = sorted(self.lost_s) or [0.0]
        return "\n".join(
            [
                f"kills -9 in the middle of a job     {self.kills}",
                f"jobs, and how many ended well       {self.jobs}, {self.ended_well}",
                f"equal to the undisturbed run        {self.equal}",
                f"each chunk written exactly once     {self.chunks_once}",
                f"video repeated, median and most     {lost[len(lost) // 2]:.1f} s, {lost[-1]:.1f} s",
                f"took                                {self.wall_s:.0f} s",
                "sound" if self.sound else "NOT SOUND",
            ]
        )


def campaign(victim: str, kills: int, seconds: int, seed: int = 0) -> Campaign:
    """Kill the victim, one of `VICTIMS`, so often in the middle of jobs, and start it again each time."""
    chance, found, begun = random.Random(seed), Campaign(), time.monotonic()  # noqa: S311 moments, no secrets
    on_cluster = victim in ("machine", "scheduler")
    with tempfile.TemporaryDirectory() as name, clinic(Path(name), on_cluster=on_cluster) as place:
        content = video(Path(name) / "video.mp4", seconds)
        undisturbed = _undisturbed(place, content)
        wanted = place.rows(undisturbed), _chunks(place, undisturbed)
        start = _starter(place, victim)
        if on_cluster:
            place.worker()
            if victim == "machine":
                place.scheduler()
                # One that lives, so that two share the video's segments.
                place.machine()
        running = start()
        while found.kills < kills:
            recording_id = place.hand_in(content, "video")
            running = _torment(
                place, recording_id, running, start, min(KILLS_A_JOB, kills - found.kills), found, chance
            )
            until(lambda: _ended(place, recording_id), 600)  # noqa: B023 called at once
            found.jobs += 1
            found.ended_well += _state(place, recording_id) is _state(place, undisturbed)
            found.equal += place.rows(recording_id) == wanted[0]
            found.chunks_once += _chunks(place, recording_id) == wanted[1]
    found.wall_s = time.monotonic() - begun
    return found


def _undisturbed(place: Clinic, content: bytes) -> str:
    """Analyse the video on this machine alone with nobody in the way, and return the recording's id."""
    recording_id = place.hand_in(content, "video")
    settings, place.settings = place.settings, replace(place.settings, dask=None)
    worker = place.worker()
    until(lambda: _ended(place, recording_id), 600)
    place.settings = settings
    worker.terminate()
    worker.wait()
    return recording_id


def _starter(place: Clinic, victim: str) -> Callable[[], subprocess.Popen[bytes]]:
    """Return what starts the victim."""
    if victim == "scheduler":

        def scheduler_and_machine() -> subprocess.Popen[bytes]:
            # A machine whose scheduler died ends by itself.
            started = place.scheduler()
            place.machine()
            return started

        return scheduler_and_machine
    return {
        "worker": place.worker,
        "supervisor": place.supervised,
        "web": place.server,
        "machine": place.machine,
    }[victim]


def _torment(
    place: Clinic,
    recording_id: str,
    running: subprocess.Popen[bytes],
    start: Callable[[], subprocess.Popen[bytes]],
    times: int,
    found: Campaign,
    chance: random.Random,
) -> subprocess.Popen[bytes]:
    """Kill up to so many times while the job is under way; return the process that runs at last."""
    killed_at: Counter[int] = Counter()

    def may_be_killed() -> bool:
        # Two kills within one chunk are tried; more would rightly be taken for the file's fault.
        job = _job(place, recording_id)
        few = killed_at[_chunks_of(job)] < leases.MAX_ATTEMPTS - 1
        return job.state == JobState.RUNNING and job.done_s > job.resumed_s and few

    for _ in range(times):
        until(lambda: _ended(place, recording_id) or may_be_killed(), 600)
        time.sleep(chance.uniform(0, LATEST_S))
        if _ended(place, recording_id):
            break
        if not may_be_killed():
            continue
        kill(running)
        job = _job(place, recording_id)
        killed_at[_chunks_of(job)] += 1
        found.kills += 1
        found.lost_s.append(max(0.0, job.done_s - (job.cursor["end_s"] if job.cursor else 0.0)))
        running = start()
    return running


def _chunks_of(job: Job) -> int:
    return int(job.cursor["chunks"]) if job.cursor else 0


def _job(place: Clinic, recording_id: str) -> Job:
    with place.db.read() as session:
        return session.scalars(select(Job).where(Job.recording_id == recording_id)).one()


def _state(place: Clinic, recording_id: str) -> JobState:
    return JobState(_job(place, recording_id).state)


def _ended(place: Clinic, recording_id: str) -> bool:
    """Return whether nothing more is done by itself: several faces were seen, so that a choice is waited for."""
    status = progress.status(place.db, place.who, recording_id)
    return status is not None and (status.finished or status.state is JobState.CHOOSING)


def _chunks(place: Clinic, recording_id: str) -> list[tuple[float, ...]]:
    with place.db.read() as session:
        found = session.execute(
            select(StoredChunk.number, StoredChunk.begin_s, StoredChunk.end_s, StoredChunk.samples)
            .where(StoredChunk.recording_id == recording_id)
            .order_by(StoredChunk.number)
        )
        return [tuple(row) for row in found]
