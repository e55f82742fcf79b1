"""The questionnaires that a clinic can use: the published ones, and its own, which have a total and bands alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from clinic import access, audit, clock, texts
from clinic.access import Actor
from clinic.audit import AuditAction
from clinic.questionnaires.published import PUBLISHED, Band, HigherIs, Reliability, Scale
from db.engine import Database
from db.folding import fold
from db.models import OwnScale, QuestionnaireSchedule
from fer_core.errors import FerError

NAME_MAX, LABEL_MAX, SOURCE_MAX, BANDS_MAX = 80, 60, 300, 12


@dataclass(frozen=True, slots=True)
class OwnFields:
    """What a clinic says of a questionnaire of its own.

    `reliability` (0 to 1) and `spread` (standard deviation, in points) are given both or neither, with their `source`.
    """

    name: str
    lowest: float
    highest: float
    higher_is: HigherIs
    bands: Sequence[Band] = ()
    reliability: float | None = None
    spread: float | None = None
    source: str = ""


def define(db: Database, actor: Actor, wanted: OwnFields) -> str:
    """Add a questionnaire of the clinic's own and return its id. Raises Forbidden, FerError ``bad_scale``."""
    with db.session() as session:
        account = access.require_writer(session, actor)
        checked = _checked(wanted)
        taken = {fold(scale.name) for scale in offered_in(session)}
        if fold(checked.name) in taken:
            raise FerError("There is already a questionnaire with this name.", "bad_scale")
        own = OwnScale(
            name=checked.name,
            lowest=checked.lowest,
            highest=checked.highest,
            higher_is=checked.higher_is.value,
            bands=[{"least": band.least, "label": band.label} for band in checked.bands],
            reliability=checked.reliability,
            spread=checked.spread,
            source=checked.source,
            created_at=clock.now(),
        )
        session.add(own)
        session.flush()
        audit.write(session, AuditAction.SCALE_DEFINED, account.id, scale=own.id)
        return own.id


def retire(db: Database, actor: Actor, scale_id: str) -> None:
    """Retire one of the clinic's own questionnaires: it is due for no patient any more; its answers stay.

    Raises Forbidden, FerError ``unknown_scale``.
    """
    with db.session() as session:
        account = access.require_writer(session, actor)
        own = session.get(OwnScale, scale_id)
        if own is None or own.retired_at is not None:
            raise unknown_scale()
        own.retired_at = clock.now()
        audit.write(session, AuditAction.SCALE_RETIRED, account.id, scale=own.id)
        planned = select(QuestionnaireSchedule).where(QuestionnaireSchedule.scale == own.id)
        for row in session.scalars(planned).all():
            session.delete(row)
            audit.write(session, AuditAction.QUESTIONNAIRE_SCHEDULED, account.id, row.patient_id, scale=own.id, every=0)


def planned_for(db: Database, actor: Actor, scale_id: str) -> int:
    """Return for how many patients of the clinic a questionnaire is planned. Raises Forbidden."""
    with db.read() as session:
        access.acting(session, actor)
        return session.scalar(select(func.count()).where(QuestionnaireSchedule.scale == scale_id)) or 0


def offered(db: Database, actor: Actor) -> list[Scale]:
    """Return the questionnaires that can be answered now: the published ones first. Raises Forbidden."""
    with db.read() as session:
        access.acting(session, actor)
        return offered_in(session)


def offered_in(session: Session) -> list[Scale]:
    """Return the questionnaires that can be answered now; the caller has checked the rights."""
    own = session.scalars(select(OwnScale).where(OwnScale.retired_at.is_(None)).order_by(OwnScale.name))
    return [*PUBLISHED.values(), *map(_scale_of, own)]


def can_be_due() -> ColumnElement[bool]:
    """Return the condition that what a schedule plans can be answered: it may have been imported, or be retired."""
    own = select(OwnScale.id).where(OwnScale.retired_at.is_(None))
    return or_(QuestionnaireSchedule.scale.in_(list(PUBLISHED)), QuestionnaireSchedule.scale.in_(own))


def of_key(session: Session, key: str) -> Scale:
    """Return the questionnaire that can be answered now under a key. Raises FerError ``unknown_scale``."""
    if key in PUBLISHED:
        return PUBLISHED[key]
    own = session.get(OwnScale, key)
    if own is None or own.retired_at is not None:
        raise unknown_scale()
    return _scale_of(own)


def unknown_scale() -> FerError:
    """Return the error of a questionnaire that is not offered."""
    return FerError("This questionnaire is no longer offered.", "unknown_scale")


def described(scale: Scale) -> dict[str, Any] | None:
    """Return a questionnaire of the clinic's own as its answers keep it, None for a published one."""
    if scale.key in PUBLISHED:
        return None
    known = scale.reliability
    return {
        "name": scale.name,
        "lowest": scale.lowest,
        "highest": scale.highest,
        "higher_is": scale.higher_is.value,
        "bands": [{"least": band.least, "label": band.label} for band in scale.bands],
        "reliability": known.coefficient if known else None,
        "spread": known.spread if known else None,
        "source": known.source if known else "",
    }


def read_description(key: str, values: Mapping[str, Any] | None) -> Scale:
    """Return the questionnaire of an answer that was kept. Raises FerError ``bad_scale``, ``unknown_scale``, and what
    odd JSON raises: KeyError, TypeError, ValueError."""
    if values is None:
        if key not in PUBLISHED:
            raise unknown_scale()
        return PUBLISHED[key]
    bands = tuple(Band(_number(band["least"]), band["label"]) for band in values["bands"])
    numbers = [None if values[name] is None else _number(values[name]) for name in ("reliability", "spread")]
    fields = OwnFields(
        values["name"],
        _number(values["lowest"]),
        _number(values["highest"]),
        HigherIs(values["higher_is"]),
        bands,
        numbers[0],
        numbers[1],
        values["source"],
    )
    return _scale(key, _checked(fields))


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError("no number")
    return float(value)


def _scale_of(own: OwnScale) -> Scale:
    bands = tuple(Band(band["least"], band["label"]) for band in own.bands)
    fields = OwnFields(
        own.name, own.lowest, own.highest, HigherIs(own.higher_is), bands, own.reliability, own.spread, own.source
    )
    return _scale(own.id, fields)


def _scale(key: str, fields: OwnFields) -> Scale:
    known = fields.reliability is not None and fields.spread is not None
    reliability = Reliability(fields.reliability or 0.0, fields.spread or 0.0, fields.source) if known else None
    about = "defined by the clinic"
    return Scale(
        key,
        fields.name,
        about,
        fields.lowest,
        fields.highest,
        fields.higher_is,
        tuple(fields.bands),
        reliability=reliability,
    )


def _checked(wanted: OwnFields) -> OwnFields:
    """Return what is said of a scale as it is kept. Raises FerError ``bad_scale``."""
    name = _line(wanted.name, NAME_MAX, "a name")
    if not name:
        raise FerError("Please give the questionnaire a name.", "bad_scale")
    if not (math.isfinite(wanted.lowest) and math.isfinite(wanted.highest) and wanted.lowest < wanted.highest):
        raise FerError("The lowest total must be below the highest.", "bad_scale")
    bands = tuple(Band(band.least, _line(band.label, LABEL_MAX, "each band")) for band in wanted.bands)
    starts = [band.least for band in bands]
    inside = all(wanted.lowest <= start <= wanted.highest for start in starts)
    if starts != sorted(set(starts)) or not inside or len(bands) > BANDS_MAX or not all(b.label for b in bands):
        raise FerError(
            "Please give each band a name and its lowest total: in rising order, and within the range.", "bad_scale"
        )
    if bands and starts[0] != wanted.lowest:
        raise FerError("The first band must begin at the lowest total.", "bad_scale")
    _check_reliability(wanted)
    source = _line(wanted.source, SOURCE_MAX, "the source")
    return OwnFields(
        name, wanted.lowest, wanted.highest, wanted.higher_is, bands, wanted.reliability, wanted.spread, source
    )


def _check_reliability(wanted: OwnFields) -> None:
    given = [wanted.reliability, wanted.spread]
    if given == [None, None]:
        return
    fits = wanted.reliability is not None and 0 < wanted.reliability < 1
    if not fits or wanted.spread is None or not 0 < wanted.spread < math.inf or not wanted.source.strip():
        raise FerError(
            "A reliability needs three things: a coefficient between 0 and 1, a standard deviation, and their source.",
            "bad_scale",
        )


def _line(text: str, longest: int, what: str) -> str:
    refusal = FerError(f"Please keep {what} under {longest} characters, on one line.", "bad_scale")
    return texts.kept_line(text, longest, refusal)
