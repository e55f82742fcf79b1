"""Each patient's trend in short, kept beside the recordings so that a caseload of hundreds needs no summary.

A digest says from which recordings it was made. If these have changed, it is made again: here, when it is requested,
and by a worker that has nothing else to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session, load_only

from clinic import access
from clinic.patients import conditions
from clinic.patients.doubts import doubted_of, open_choices
from clinic.patients.trends import Trend, TrendPoint, trend
from db.engine import Database
from db.models import Patient, Recording, TrendDigest
from fer_core.emotions import EMOTION_LABELS

METHOD = 7
"""The version of the computation: a digest of another version is made again."""
AT_ONCE = 50
"""Digests that are made in one go: one takes about 10 ms."""
POINTS = 120
"""The newest recordings that are kept for each patient."""
_DAY_0 = date(1970, 1, 1)
_NEEDED = (
    Recording.id, Recording.number, Recording.patient_id, Recording.kind, Recording.recorded_on,
    Recording.recorded_time, Recording.width_px, Recording.height_px, Recording.codec, Recording.bits_per_pixel,
    Recording.model_sha256, Recording.settings, Recording.version_of, Recording.partial, Recording.summary,
)  # fmt: skip


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SmallTrend:
    """A patient's newest recordings, in the order of time; `days` since 1970.

    No figure is rounded: rounded twice, 25.496 % would be 26 % here and 25 % on the patient's page.

    `lines`: the number of the line that each belongs to: those of two lines are never joined. `shares`: by label, 0 to
    1, None where the recording doesn't count. `low`, `high`: the usual range of the newest one's line by label, None
    while its baseline is being built. `intervals`: the 95 % interval of the newest share of each label, None where no
    recording counts and in a digest of before that was kept. `usable`: the share of usable face time of the newest one.
    `numbers`: which of the patient's recordings each is; empty in a digest of before that was kept.
    """

    days: list[int]
    lines: list[int]
    shares: dict[str, list[float | None]]
    low: dict[str, float] | None
    high: dict[str, float] | None
    usable: float | None
    intervals: dict[str, tuple[float, float]] | None = None
    numbers: list[int] = field(default_factory=list)

    def dates(self) -> list[date]:
        """Return the days of the recordings."""
        return [_DAY_0 + timedelta(days=day) for day in self.days]


def small_trends(session: Session, patient_ids: Collection[str]) -> dict[str, SmallTrend]:
    """Return the digests of these patients as they are stored; a patient without one is left out."""
    asked = select(TrendDigest.patient_id, TrendDigest.line).where(TrendDigest.patient_id.in_(patient_ids))
    return {patient_id: SmallTrend(**line) for patient_id, line in session.execute(asked)}


def without_labels(found: SmallTrend) -> SmallTrend:
    """Return a digest of which the days and the usable time are left, which a condition of the face leaves true."""
    none: dict[str, list[float | None]] = {label: [None] * len(found.days) for label in found.shares}
    return replace(found, shares=none, low=None, high=None, intervals=None)


def refresh(db: Database, wanted: Collection[str] | None = None) -> int:
    """Make up to `AT_ONCE` digests again that no longer hold, and return how many.

    `wanted`: the patients that it is about, None for all. A page makes those that it shows, a worker the others.
    """
    with db.read() as session:
        asked = _stale() if wanted is None else _stale().where(Patient.id.in_(wanted))
        found = list(session.scalars(asked.order_by(Patient.number).limit(AT_ONCE)))
    if found:
        with db.session() as session:
            for patient_id in found:
                _renew_alone(session, patient_id)
    return len(found)


def forget(session: Session, patient_id: str) -> None:
    """Delete a patient's digest, because something that it was made of is deleted."""
    session.execute(delete(TrendDigest).where(TrendDigest.patient_id == patient_id))


def _counting() -> ColumnElement[bool]:
    return Recording.current & Recording.summary.is_not(None)


def _stale() -> Select[str]:
    """Return the query of the patients whose digest isn't of their recordings as they are now."""
    now = (
        select(
            Recording.patient_id,
            func.count().label("recordings"),
            func.sum(Recording.number).label("numbers"),
            func.sum(Recording.revision).label("revisions"),
        )
        .where(_counting())
        .group_by(Recording.patient_id)
        .subquery()
    )
    again = open_choices().subquery()
    other = or_(
        now.c.recordings.is_not(None) & TrendDigest.patient_id.is_(None),
        TrendDigest.method != METHOD,
        TrendDigest.recordings != func.coalesce(now.c.recordings, 0),
        TrendDigest.numbers != func.coalesce(now.c.numbers, 0) + func.coalesce(again.c.numbers, 0),
        TrendDigest.revisions != func.coalesce(now.c.revisions, 0),
    )
    joined = select(Patient.id).where(~access.staged(Patient.id)).outerjoin(now, now.c.patient_id == Patient.id)
    joined = joined.outerjoin(again, again.c.patient_id == Patient.id)
    return joined.outerjoin(TrendDigest, TrendDigest.patient_id == Patient.id).where(other)


def _renew_alone(session: Session, patient_id: str) -> None:
    """Renew one digest; a patient whose recordings can't be read gets an empty one, and holds up nobody else."""
    try:
        with session.begin_nested():
            _renew(session, patient_id)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        log.error("a patient's trend can't be made: %s", type(error).__name__)
        _renew(session, patient_id, lambda *_: Trend((), (), None, None))


def _renew(session: Session, patient_id: str, read: Callable[..., Trend] = trend) -> None:
    # The patient may have been deleted since the list was read.
    if session.get(Patient, patient_id) is None:
        return
    asked = select(Recording).where(Recording.patient_id == patient_id, _counting())
    needed = load_only(*_NEEDED, Recording.revision)
    recordings = session.scalars(asked.options(needed)).all()
    forget(session, patient_id)
    unread = conditions.unread_of(session, patient_id, recordings)
    found = read(recordings, unread, doubted_of(session, patient_id, recordings))
    again = open_choices().subquery()
    open_again = session.scalar(select(again.c.numbers).where(again.c.patient_id == patient_id)) or 0
    digest = TrendDigest(
        patient_id=patient_id,
        method=METHOD,
        recordings=len(recordings),
        numbers=sum(one.number for one in recordings) + open_again,
        revisions=sum(one.revision for one in recordings),
        outside=_outside(found),
        line=asdict(_small(found)),
    )
    session.add(digest)
    session.flush()
    session.expunge_all()


def _outside(found: Trend) -> bool:
    counting = [point for point in found.points if point.excluded is None]
    return bool(counting and counting[-1].outside)


def _small(found: Trend) -> SmallTrend:
    points = found.points[-POINTS:]
    ranges = found.baseline or {}
    labels = list(enumerate(EMOTION_LABELS))
    return SmallTrend(
        days=[(point.recorded_on - _DAY_0).days for point in points],
        lines=[point.segment for point in points],
        shares={
            label: [
                point.shares[column] if point.shares is not None and point.excluded is None else None
                for point in points
            ]
            for column, label in labels
        },
        low={label: ranges[column].low for column, label in labels} if ranges else None,
        high={label: ranges[column].high for column, label in labels} if ranges else None,
        usable=points[-1].usable_share if points else None,
        intervals=_intervals(points),
        numbers=[point.visit_number for point in points],
    )


def _intervals(points: Sequence[TrendPoint]) -> dict[str, tuple[float, float]] | None:
    newest = next((point for point in reversed(points) if point.excluded is None), None)
    if newest is None or newest.low is None or newest.high is None:
        return None
    ends = zip(EMOTION_LABELS, newest.low, newest.high, strict=False)
    return {label: (low, high) for label, low, high in ends}


def _share(point: TrendPoint, column: int) -> float | None:
    return point.shares[column] if point.shares is not None and point.excluded is None else None
