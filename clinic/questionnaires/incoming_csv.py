"""Questionnaires of one patient from a CSV file: every row is checked and shown before anything is stored.

A row has a ``date`` (2026-11-25, or 25.11.2026, as Excel in German writes it back), a ``scale`` (its name or key), and
either a ``total`` or the answers ``q1``, ``q2`` and so on; an empty cell is a missing answer. A row is refused whose
answers or numbers stand where nothing reads them. A line ``sep=;`` above the names is Excel's, and is followed.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from clinic import access, texts
from clinic.access import Actor
from clinic.conflicts import ConflictError
from clinic.phrases import counted
from clinic.questionnaires import answers, csv_whose, scales
from clinic.questionnaires.answers import AnswerDays, Given
from clinic.questionnaires.published import Scale
from db.engine import Database
from db.folding import fold
from db.models import Patient
from fer_core.errors import FerError

BYTES_MOST, ROWS_MOST, COLUMNS_MOST, CELL_MOST = 1_000_000, 2000, 300, 2000
"""Bytes, rows and columns of a file, and characters of a cell: what people write into one is far shorter."""
NEEDED = ("date", "scale")
NAMED_MOST = 3
"""Of what a file says of other patients so much is repeated."""
_NAMED = re.compile(r"""["']?sep=([,;\t|])["']?[,;\t|\s]*$""", re.IGNORECASE)
"""A first line that names the delimiter, as spreadsheets write and read it."""
_ANSWER, _NUMERIC = re.compile(r"q0*([1-9]\d*)"), re.compile(r"[-+]?[.,]*\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of the file: its line, counted from 1, what was read, and why it can't be taken, None where it can.

    `said`: the row's own day and questionnaire, as they were written. `beside`: what is stored of the same day and
    questionnaire already, empty for nothing; `again`: the other rows that are of them too. `whose`: what the row says
    in columns that name a patient, where that isn't this one.
    """

    line: int
    said: str
    given: Given | None
    name: str
    total: float | None
    band: str | None
    error: str | None
    beside: str = ""
    again: str = ""
    whose: str = ""


def preview(db: Database, actor: Actor, patient_id: str, content: bytes) -> list[CsvRow]:
    """Return every row of a file with its score or its error; nothing is stored.

    Raises Forbidden, FerError ``unknown_patient``, ``bad_csv``.
    """
    with db.read() as session:
        access.require_writer_of(session, actor, patient_id)
        return _rows(session, patient_id, content)


def unread(content: bytes) -> list[str]:
    """Return the names of the columns that no row is read from. Raises FerError ``bad_csv``."""
    names = next((list(cells) for _, cells, _ in _lines(content)), [])
    return [name for name in names if name and name not in (*NEEDED, "total") and not _ANSWER.fullmatch(name)]


def warnings(rows: Sequence[CsvRow]) -> list[str]:
    """Return what to look at before the rows that can be taken are stored."""
    good, said = [row for row in rows if row.given is not None], []
    others = [row for row in rows if row.whose]
    if others:
        named = list(dict.fromkeys(row.whose for row in others))
        more = "" if len(named) <= NAMED_MOST else f" and {len(named) - NAMED_MOST} more"
        said.append(
            f"{len(others)} of {counted(len(rows), 'row')} {'names' if len(others) == 1 else 'name'} somebody else than"
            f" this patient: {'; '.join(named[:NAMED_MOST])}{more}. Please check whose file it is."
        )
    twice = sum(bool(row.again) for row in good)
    if twice:
        said.append(
            f"{twice} rows are of a day and questionnaire that another row is of too. Each is stored as an entry of its"
            " own; please check which of them are right."
        )
    return said


def take(db: Database, actor: Actor, patient_id: str, content: bytes, seen: Sequence[CsvRow] | None = None) -> int:
    """Store the rows of a file that have no error, all or none of them; return how many.

    `seen`: the rows as they were on the screen, None where there was none. Where one of them is another one by now,
    nothing is stored. Raises Forbidden, ConflictError, FerError ``unknown_patient``, ``bad_csv``.
    """
    with db.session() as session:
        account = access.require_writer_of(session, actor, patient_id)
        rows = _rows(session, patient_id, content)
        if seen is not None and list(seen) != rows:
            raise ConflictError("this patient's questionnaires", frozenset())
        taken = [row.given for row in rows if row.given is not None]
        for given in taken:
            answers.add(session, patient_id, given, account.id)
    return len(taken)


def _rows(session: Session, patient_id: str, content: bytes) -> list[CsvRow]:
    offered = _by_name(scales.offered_in(session))
    seen, stored = answers.known(session, patient_id), answers.of_patient(session, patient_id)
    days = answers.answer_days(session, patient_id)
    found, patient = [], session.get_one(Patient, patient_id)
    for line, cells, beyond in _lines(content):
        row = _row(days, patient, offered, line, cells)
        if beyond:
            row = _refused(line, cells, "It has more cells than the first line has columns.")
        if row.given is not None:
            key = (row.given.scale, row.given.answered_on, row.given.items, row.total)
            same_day = answers.of_day(stored, row.given)
            row = replace(row, beside=", ".join(answers.in_words(one.score) for one in same_day))
            if key in seen:
                row = _refused(line, cells, "The same answers are already stored for this day, or are in a row above.")
            seen.add(key)
        found.append(replace(row, whose=csv_whose.whose(patient, cells)))
    return _together(found)


def _together(rows: Sequence[CsvRow]) -> list[CsvRow]:
    """Return the rows, each with the other ones of its day and questionnaire that can be taken."""
    of_day: dict[tuple[str, date], list[CsvRow]] = defaultdict(list)
    for row in rows:
        if row.given is not None:
            of_day[row.given.scale, row.given.answered_on].append(row)
    said = {
        row.line: ", ".join(f"line {other.line}: {_total(other)}" for other in same if other is not row)
        for same in of_day.values()
        for row in same
    }
    return [replace(row, again=said.get(row.line, "")) for row in rows]


def _total(row: CsvRow) -> str:
    return "no total" if row.total is None else f"{row.total:g}"


def _lines(content: bytes) -> Iterator[tuple[int, dict[str, str], bool]]:
    """Yield the number and the cells of each row, by the names of their columns, and whether more stand behind them.

    Raises FerError ``bad_csv``.
    """
    if len(content) > BYTES_MOST:
        raise _bad("This file is larger than 1 MB.")
    try:
        text = content.decode(texts.encoding_of(content))
    except UnicodeDecodeError:
        raise _bad("This file is not UTF-8 or UTF-16 text. Please save it as CSV UTF-8.") from None
    first = text.partition("\n")[0]
    named = _NAMED.match(first)
    delimiter = named[1] if named else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        if named:
            next(reader)
        names = next(reader, [])
        if len(names) > COLUMNS_MOST:
            raise _bad(f"This file has more than {COLUMNS_MOST} columns.")
        if any(len(name) > CELL_MOST for name in names):
            raise _bad(f"The first line has a name with more than {CELL_MOST} characters.")
        header = [_column(name) for name in names]
        if not set(NEEDED) <= set(header) or len(set(header)) != len(header):
            raise _bad("The first line must name the columns: date, scale, and total or q1, q2 and so on.")
        for count, cells in enumerate(reader):
            if len(cells) > COLUMNS_MOST:
                raise _bad(f"Line {reader.line_num} has more than {COLUMNS_MOST} cells.")
            if any(len(cell) > CELL_MOST for cell in cells):
                raise _bad(f"Line {reader.line_num} has a cell with more than {CELL_MOST} characters.")
            if count >= ROWS_MOST:
                raise _bad(f"This file has more than {ROWS_MOST} rows.")
            if any(cell.strip() for cell in cells):
                by_name = dict(zip(header, [*map(str.strip, cells), *[""] * len(header)], strict=False))
                yield reader.line_num, by_name, any(cell.strip() for cell in cells[len(header) :])
    except csv.Error:
        raise _bad("This file can't be read as CSV.") from None


def _column(name: str) -> str:
    """Return the name of a column as it is looked for: ``q01`` is ``q1``."""
    return _ANSWER.sub(r"q\1", name.strip().casefold())


def _by_name(offered: Sequence[Scale]) -> dict[str, Scale]:
    """Return the questionnaires by their names as they are, and by what is left of these where that names one alone."""
    exact = {name.casefold(): one for one in offered for name in (one.name, one.key)}
    plain: dict[str, dict[str, Scale]] = defaultdict(dict)
    for one in offered:
        plain[_plain(one.name)][one.key] = one
    return {name: next(iter(found.values())) for name, found in plain.items() if len(found) == 1} | exact


def _plain(name: str) -> str:
    """Return the letters and digits of a name: "PHQ 9" and "Phq_9" are "phq9"."""
    return re.sub(r"[\W_]", "", fold(name)) or name.casefold()


def _bad(said: str) -> FerError:
    return FerError(said, "bad_csv")


def _row(
    days: AnswerDays, patient: Patient, offered: Mapping[str, Scale], line: int, cells: Mapping[str, str]
) -> CsvRow:
    try:
        scale = offered.get(cells["scale"].casefold()) or offered.get(_plain(cells["scale"]))
        if scale is None:
            raise ValueError("There is no questionnaire with this name.")
        # A number in a column of patients is read there, if it is this one's.
        own = csv_whose.own(patient, cells)
        given = _given(scale, {name: cell for name, cell in cells.items() if name not in own})
        objection = days.objection(given.answered_on)
        if objection is not None:
            raise objection
        score = answers.entered_score(scale, given)
    except (ValueError, FerError) as error:
        return _refused(line, cells, str(error))
    return CsvRow(line, _said(cells), given, scale.name, score.total, score.band, None)


def _given(scale: Scale, cells: Mapping[str, str]) -> Given:
    day = _day(cells["date"])
    columns = [f"q{number}" for number in range(1, len(scale.items) + 1)]
    _need_read(scale, cells, {*NEEDED, "total", *columns})
    if any(cells.get(name) for name in columns):
        items = tuple(_item(cells.get(name, "")) for name in columns)
        total = cells.get("total", "")
        if total and answers.score_of(scale, items, None).total != _number(total):
            raise ValueError("The total does not match the answers.")
        return Given(scale.key, day, items, None, "csv")
    if not cells.get("total"):
        raise ValueError("There is no total and no answer.")
    return Given(scale.key, day, None, _number(cells["total"]), "csv")


def _need_read(scale: Scale, cells: Mapping[str, str], read: set[str]) -> None:
    """Refuse answers that the questionnaire doesn't have, and numbers in columns that nothing reads."""
    for name, cell in cells.items():
        if cell and name not in read and (_ANSWER.fullmatch(name) or _NUMERIC.fullmatch(cell)):
            which = f"the column “{_short(name)}”" if name else "a column without a name"
            raise ValueError(f"“{_short(cell)}” stands in {which}, which is not read for {scale.name}.")


def _day(text: str) -> date:
    """Return a day. With dots the day comes first everywhere; with slashes it depends on the country."""
    # Programs write a day as its midnight.
    text = re.sub(r"[ T]0?0:00(:00(\.0+)?)?$", "", text)
    written = re.fullmatch(
        r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})|(?P<d2>\d{1,2})\.(?P<m2>\d{1,2})\.(?P<y2>\d{4})", text
    )
    try:
        if written is not None:
            return date(*(int(written[name] or written[f"{name}2"]) for name in "ymd"))
    except ValueError:
        pass
    raise ValueError("The date must be written like 2026-11-25 or 25.11.2026.")


def _item(text: str) -> int | None:
    if not text:
        return None
    # Programs write 1.0 where a column of whole numbers has a gap.
    if not re.fullmatch(r"[0-9]([.,]0)?", text):
        raise ValueError(f"“{_short(text)}” is not an answer.")
    return int(text[0])


def _number(text: str) -> float:
    if not re.fullmatch(r"-?\d{1,6}([.,]\d{1,3})?", text):
        raise ValueError(f"“{_short(text)}” is not a total.")
    return float(text.replace(",", "."))


def _short(text: str, most: int = 20) -> str:
    return text[:most]


def _said(cells: Mapping[str, str]) -> str:
    return " · ".join(_short(cells[name]) for name in NEEDED if cells[name])


def _refused(line: int, cells: Mapping[str, str], error: str) -> CsvRow:
    return CsvRow(line, _said(cells), None, "", None, None, error)


def counts(rows: Sequence[CsvRow]) -> tuple[int, int]:
    """Return how many rows can be imported and how many can't."""
    good = sum(row.error is None for row in rows)
    return good, len(rows) - good
