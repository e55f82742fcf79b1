"""The finished part of an analysis: chunks that are written once, and the cursor for the worker that continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from clinic import clock
from clinic.jobs import leases
from clinic.jobs.leases import Claim
from db.engine import Database
from db.models import Job, StoredChunk
from db.records import save_results
from fer_core.types import FrameResult


@dataclass(frozen=True, slots=True)
class Cursor:
    """The state of an analysis between two chunks, as stored in JSON.

    `made_with`: model, settings and program that the chunks so far were made with; no others may go on. `carry`: what
    the analysis itself needs to go on.
    """

    made_with: dict[str, Any]
    chunks: int = 0
    end_s: float = 0.0
    samples: int = 0
    carry: dict[str, Any] = field(default_factory=dict)


def cursor_of(claimed: Claim) -> Cursor | None:
    """Return the job's cursor, or None before the first chunk."""
    return Cursor(**claimed.cursor) if claimed.cursor is not None else None


def write(
    db: Database,
    claimed: Claim,
    after: Cursor,
    results: Sequence[FrameResult],
    carry: dict[str, Any],
    worked_s: float,
) -> Cursor:
    """Write the next chunk and the cursor behind it in one transaction under the job's token; return that cursor.

    A worker that dies before the commit has written nothing; one that dies after it has written the chunk. Raises
    LeaseLostError.
    """
    end_s = results[-1].time_s if results else after.end_s
    cursor = Cursor(after.made_with, after.chunks + 1, end_s, after.samples + len(results), carry)
    with leases.held(db, claimed) as session:
        save_results(session, claimed.recording_id, results)
        session.add(
            StoredChunk(
                recording_id=claimed.recording_id,
                number=after.chunks,
                begin_s=after.end_s,
                end_s=end_s,
                samples=len(results),
                worked_s=worked_s,
                lease_token=claimed.token,
                written_at=clock.now(),
            )
        )
        job = session.get_one(Job, claimed.job_id)
        job.cursor = asdict(cursor)
        # The next chunk gets all its attempts.
        job.attempts = 1
    return cursor


def restart(db: Database, claimed: Claim) -> None:
    """Delete what is written of an analysis that can't be continued. Raises LeaseLostError."""
    with leases.held(db, claimed) as session:
        leases.forget_results(session, session.get_one(Job, claimed.job_id))
