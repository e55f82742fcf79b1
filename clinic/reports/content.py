"""The content of a report: pure functions from a patient's stored results to text, tables and charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from clinic import phrases, words
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.conditions import holding
from clinic.patients.summaries import LABELS
from clinic.patients.trends import Change, TrendPoint, usable_called
from clinic.phrases import day, estimated, percent, usable_percent, visit
from clinic.reports.axis import axis_svg
from clinic.reports.beside import Beside, mark_rows, objection, score_rows, self_report
from clinic.reports.sentences import SHOWN, sentences
from clinic.version import VERSION

LISTED = 30
"""So many recordings have a row in the table; earlier ones count in the figures and stand on the axis."""
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class ReportScope:
    """What a report is about: a period, its ends included and each open where it is None, or one recording.

    `notes`: the ids of the recordings whose notes are printed; `patient_note`: whether the patient's is. `remark`: what
    the author writes for this report.
    """

    begin: date | None = None
    end: date | None = None
    recording_id: str | None = None
    notes: frozenset[str] = frozenset()
    patient_note: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing as SVG, with what it shows in words for those who don't see it."""

    alt: str
    svg: str


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; every row has as many cells as the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote, as plain text of one or more lines."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a report, in the order in which it is printed."""

    title: str
    person: tuple[tuple[str, str], ...]
    made: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    coverage: tuple[tuple[str, str], ...]
    chart: Chart | None
    tables: tuple[Table, ...]
    notes: tuple[Note, ...]
    caveats: tuple[str, ...]

    @property
    def whose(self) -> str:
        """Whose report it is, as each page says it: sheets come apart."""
        parts = [(name, said) for name, said in self.person if name in ("Name", "ID")]
        return ", ".join(said if name == "Name" else f"{name} {said}" for name, said in parts)


def report(
    patient: PatientDetail, asked: ReportScope, author: str, made_at: str, beside: Beside | None = None
) -> Report:
    """Return the report on a patient. `made_at`: the moment as it is printed, with its zone."""
    rows = [row for row in patient.recordings if _is_in(row, asked)]
    wanted = {row.id for row in rows}
    points = [point for point in patient.trend.points if point.recording_id in wanted]
    one = rows[0] if asked.recording_id is not None and rows else None
    known = beside or Beside()
    unread = objection(known.conditions, [row.recorded_on for row in rows])
    shown = () if all(holding(known.conditions, row.recorded_on) for row in rows) else SHOWN
    changes = _changes(patient, points)
    own = Beside() if one else known.within(asked.begin, asked.end)
    return Report(
        title=_title(rows, one),
        person=_person(patient),
        made=_made(rows, author, made_at),
        sentences=(
            *self_report(own.answers),
            *sentences(points, changes, shown, waiting=sum(row.counted and row.samples is None for row in rows)),
            *([unread] if unread else []),
        ),
        coverage=_coverage(rows, points, asked),
        chart=_chart(points, changes, shown) if len(points) > 1 else None,
        tables=tuple(_tables(rows, points, own, shown, one)),
        notes=tuple(_notes(patient, rows, asked)),
        caveats=(words.DISCLAIMER, words.INTENDED_USE, *words.REPORT_LIMITS, words.WHAT_ACCURACY_MEANS),
    )


def _title(rows: Sequence[RecordingRow], one: RecordingRow | None) -> str:
    if one:
        return "Report on facial expressions in one recording"
    return "Report on facial expressions over time" if rows else "Report on questionnaires and events over time"


def _tables(
    rows: Sequence[RecordingRow],
    points: Sequence[TrendPoint],
    beside: Beside,
    shown: Sequence[int],
    one: RecordingRow | None,
) -> list[Table]:
    """Return questionnaires before labels, and no table without a row."""
    found = [
        Table("Questionnaires", ("Answered on", "Questionnaire", "Score"), tuple(score_rows(beside.answers))),
        Table("Medication, sessions and events", ("Day", "Kind", "Text"), tuple(mark_rows(beside.marks))),
        _one_table(one, points) if one and shown and points else _table(rows, points, shown),
    ]
    return [table for table in found if table.rows]


def _is_in(row: RecordingRow, asked: ReportScope) -> bool:
    if asked.recording_id is not None:
        return row.id == asked.recording_id
    begun = asked.begin is None or row.recorded_on >= asked.begin
    return begun and (asked.end is None or row.recorded_on <= asked.end)


def _changes(patient: PatientDetail, points: Sequence[TrendPoint]) -> list[Change]:
    """Return where the lines begin that the report's recordings belong to, but for the first of them."""
    inside = sorted({point.segment for point in points})
    return [patient.trend.changes[number - 1] for number in inside[1:]]


def _person(patient: PatientDetail) -> tuple[tuple[str, str], ...]:
    known = (("Name", patient.name), ("Code", patient.code), ("Born", day(patient.born_on)), ("ID", patient.id[:6]))
    invented = (("Invented", "a demonstration, no real person"),) if patient.demo else ()
    return tuple((label, said) for label, said in known if said not in ("", NOTHING)) + invented


def _made(rows: Sequence[RecordingRow], author: str, made_at: str) -> tuple[tuple[str, str], ...]:
    models = Counter(row.model_sha256 for row in rows if row.model_sha256)
    named = ", ".join(
        f"{sha256[:12]} ({phrases.counted(count, 'recording')})" for sha256, count in models.most_common()
    )
    return (
        ("Made by", author),
        ("Made on", made_at),
        ("Program", f"Expression History {VERSION}"),
        ("Models", named or NOTHING),
    )


def _coverage(
    rows: Sequence[RecordingRow], points: Sequence[TrendPoint], asked: ReportScope
) -> tuple[tuple[str, str], ...]:
    known = [row for row in rows if row.usable_share is not None]
    reasons: Counter[str] = Counter()
    for row in known:
        reasons.update(row.reasons)
    usable = sum(row.usable_share or 0.0 for row in known) / len(known) if known else 0.0
    shares = phrases.unusable_percents(usable, {reason: share / len(known) for reason, share in reasons.most_common()})
    lost = [f"{words.STATUSES[reason]} {share}" for reason, share in shares.items()]
    left_out = Counter(point.excluded for point in points if point.excluded is not None)
    # As the caseload counts them: of others nothing is left.
    ended = sum(not row.counted for row in rows)
    recordings = f"{len(rows) - ended}, with a result {len(known)}, counting {len(points) - left_out.total()}"
    period = (
        ()
        if asked.recording_id
        else (
            (
                "Period",
                f"{day(asked.begin) if asked.begin else 'from the first entry'} to "
                f"{day(asked.end) if asked.end else 'the last one'}",
            ),
        )
    )
    if not rows:
        return (*period, ("Recordings", "none"))
    return (
        *period,
        ("Recordings", recordings + (f"; besides, failed or cancelled: {ended}" if ended else "")),
        ("Left out", "; ".join(f"{reason} ({count})" for reason, count in left_out.items()) or "none"),
        (
            usable_called(points).capitalize(),
            usable_percent(usable) if known else NOTHING,
        ),
        ("Not usable", ", ".join(lost) or NOTHING),
    )


def _chart(points: Sequence[TrendPoint], changes: Sequence[Change], shown: Sequence[int]) -> Chart:
    names = ", ".join(words.TREND_NAMES[column] for column in shown)
    labels = f" and, with intervals and the usual range, the shares of the labels {names}" if shown else ""
    of = f"{usable_called(points).capitalize()}{labels} in {phrases.counted(len(points), 'recording')}"
    alt = f"{of}; the sentences and the table say the same."
    return Chart(alt, axis_svg(points, shown, words.TREND_NAMES, [change.day for change in changes]))


def _table(rows: Sequence[RecordingRow], points: Sequence[TrendPoint], shown: Sequence[int]) -> Table:
    # A recording that doesn't count may have its shares of all usable time, beside others that compare less.
    basis = ("Shares of the",) if shown else ()
    header = ("Recording", "Usable", *(words.TREND_NAMES[column] for column in shown), *basis, "Counts")
    read = {point.recording_id: point for point in points}
    # The list has the newest first, also within a day.
    ordered = rows[::-1]
    cells = tuple(
        (
            visit(row),
            usable_percent(row.usable_share),
            *(_estimate(read.get(row.id), column) for column in shown),
            *(_basis(read.get(row.id)) for _ in basis),
            row.excluded or ("yes" if row.samples is not None else row.standing.sentence),
        )
        for row in ordered[-LISTED:]
    )
    title = "Recordings" if len(rows) <= LISTED else f"Recordings (the newest {LISTED} of {len(rows)})"
    title += ": shares with their 95 % intervals" if shown else ""
    return Table(title, header, cells)


def _basis(point: TrendPoint | None) -> str:
    """Return of which time the shares of a recording are."""
    return point.basis if point is not None and point.shares is not None else NOTHING


def _estimate(point: TrendPoint | None, column: int) -> str:
    if point is None or point.shares is None:
        return NOTHING
    return estimated(point.shares[column], *(end[column] if end else None for end in (point.low, point.high)))


def _one_table(row: RecordingRow, points: Sequence[TrendPoint]) -> Table:
    """Return the shares of all labels in one recording, with their intervals and the usual range."""
    point = points[0] if points else None
    rows = []
    for column in range(len(LABELS)):
        share = point.shares[column] if point and point.shares else None
        interval = _between(point.low, point.high, column) if point else NOTHING
        usual = _between(point.usual_low, point.usual_high, column) if point else NOTHING
        rows.append((words.TREND_NAMES[column], percent(share), interval, usual))
    title = f"Recording of {visit(row)}"
    heading = f"Share of the {point.basis}" if point else "Share"
    return Table(title, ("Label", heading, "95 % interval", "Usual range"), tuple(rows))


def _between(low: tuple[float, ...] | None, high: tuple[float, ...] | None, column: int) -> str:
    return f"{percent(low[column])} to {percent(high[column])}" if low is not None and high is not None else NOTHING


def _notes(patient: PatientDetail, rows: Sequence[RecordingRow], asked: ReportScope) -> list[Note]:
    found = [Note("Remark", asked.remark)] if asked.remark.strip() else []
    if asked.patient_note and patient.note:
        found.append(Note("Note on the patient", patient.note))
    for row in reversed(rows):
        if row.id in asked.notes and row.note:
            found.append(Note(f"Note on the recording of {visit(row)}", row.note))
    return found
