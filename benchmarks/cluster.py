"""How much video a Dask cluster of this machine's processes analyses in a second, with one of them and with more."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.clinics import Clinic, clinic, until, video
from clinic.patients.states import UNDER_WAY
from db.models import Job, JobState, StoredChunk


def throughput(machines: int, videos: int, seconds: int) -> float:
    """Return the seconds of video that so many machines analyse in a second, together on each long video.

    From the first chunk that was written to the last, so that starting up doesn't count.
    """
    with tempfile.TemporaryDirectory() as name, clinic(Path(name), on_cluster=True) as place:
        content = video(Path(name) / "video.mp4", seconds)
        for _ in range(videos):
            place.hand_in(content, "video")
        place.scheduler()
        for _ in range(machines):
            place.machine()
        for number in range(1, videos + 1):
            place.worker(number)
        until(lambda: _left(place) == 0, 3600)
        return _pace(place)


def _left(place: Clinic) -> int:
    working = [state for state in UNDER_WAY if state != JobState.CHOOSING]
    with place.db.read() as session:
        return session.scalar(select(func.count()).select_from(Job).where(Job.state.in_(working))) or 0


def _pace(place: Clinic) -> float:
    with place.db.read() as session:
        chunks = session.scalars(select(StoredChunk).order_by(StoredChunk.written_at)).all()
    worked_s = (chunks[-1].written_at - chunks[0].written_at).total_seconds()
    return float(sum(chunk.end_s - chunk.begin_s for chunk in chunks[1:]) / worked_s)
