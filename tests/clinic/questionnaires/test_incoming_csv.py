"""A CSV file is shown row by row, with an error for each row that can't be taken, before anything is stored."""

from datetime import date

import pytest

from clinic.patients import caseload, edits
from clinic.patients.fields import PatientFields
from clinic.questionnaires import answers, incoming_csv, scales
from clinic.questionnaires.answers import Given
from clinic.questionnaires.published import HigherIs
from clinic.questionnaires.scales import OwnFields
from fer_core.errors import FerError
from tests import doors

FILE = """date,scale,total,q1,q2,q3,q4,q5,q6,q7,q8,q9
2026-03-02,PHQ-9,,1,1,1,1,1,1,1,1,1
2026-03-16,phq9,14,,,,,,,,,
2026-03-30,GAD-7,22,,,,,,,,,
30/03/2026,GAD-7,4,,,,,,,,,
2026-04-13,Nothing,4,,,,,,,,,
2026-04-13,PHQ-9,,1,x,1,1,1,1,1,1,1
2026-04-13,PHQ-9,5,1,1,1,1,1,1,1,1,1
2026-04-13,PHQ-9,,,,,,,,,,
2026-03-16,PHQ-9,14,,,,,,,,,
2999-01-01,PHQ-9,4,,,,,,,,,
"""


def test_every_row_says_what_it_gives_or_why_not(db, who, patient):
    rows = incoming_csv.preview(db, who, patient, FILE.encode())
    assert [row.line for row in rows] == list(range(2, 12))
    assert [(row.name, row.total, row.band) for row in rows[:2]] == [("PHQ-9", 9, "mild"), ("PHQ-9", 14, "moderate")]
    said = [row.error for row in rows]
    assert said[:2] == [None, None]
    for error, part in zip(
        said[2:],
        ["from 0 to 21", "written like", "no questionnaire with this name", "not an answer",
         "does not match the answers", "no total and no answer", "already stored", "to today"],
        strict=True,
    ):  # fmt: skip
        assert part in error
    assert incoming_csv.counts(rows) == (2, 8)
    assert answers.listed(db, who, patient) == []


def test_the_good_rows_are_stored_and_a_second_time_none(db, who, patient):
    assert incoming_csv.take(db, who, patient, FILE.encode()) == 2
    assert [(one.answered_on, one.score.total, one.how) for one in answers.listed(db, who, patient)] == [
        (date(2026, 3, 16), 14, "csv"),
        (date(2026, 3, 2), 9, "csv"),
    ]
    assert incoming_csv.take(db, who, patient, FILE.encode()) == 0


def test_a_long_file_asks_the_database_no_more_than_a_short_one(db, who, patient):
    header, row, *_ = FILE.splitlines()
    asked = []
    for count in (1, 300):
        with doors.statements(db) as noted:
            incoming_csv.preview(db, who, patient, "\n".join([header, *[row] * count]).encode())
        asked.append(len(noted))
    assert asked[0] == asked[1] > 0


@pytest.mark.parametrize("text", [FILE.replace(",", ";"), FILE.replace(",", "\t"), "\ufeff" + FILE, FILE + "\n\n"])
def test_other_ways_to_write_the_same(db, who, patient, text):
    assert incoming_csv.counts(incoming_csv.preview(db, who, patient, text.encode()))[0] == 2


def test_a_decimal_comma_is_read_in_a_file_divided_by_semicolons(db, who, patient):
    answers.record(db, who, patient, Given("who5", date(2026, 1, 1), total=40))
    text = "date;scale;total\n2026-03-02;WHO-5;52,0\n"
    [row] = incoming_csv.preview(db, who, patient, text.encode())
    assert (row.total, row.error) == (52, None)


@pytest.mark.parametrize("written", ["2026-03-02", "02.03.2026", "2.3.2026"])
def test_a_date_may_be_written_as_excel_writes_it_back(db, who, patient, written):
    [row] = incoming_csv.preview(db, who, patient, f"date;scale;total\n{written};PHQ-9;14\n".encode())
    assert (row.error, row.given and row.given.answered_on) == (None, date(2026, 3, 2))


@pytest.mark.parametrize(
    "written", ["31.02.2026", "2026-02-31", "03.13.2026", "2.3.26", "03/02/2026", "2.3/2026", "00.3.2026"]
)
def test_what_is_no_day_or_may_be_two_is_refused(db, who, patient, written):
    [row] = incoming_csv.preview(db, who, patient, f"date;scale;total\n{written};PHQ-9;14\n".encode())
    assert row.given is None
    assert "written like" in row.error


@pytest.mark.parametrize("written", ["PHQ 9", "phq9", "Phq\u20119", "PHQ\u20139", "PHQ_9", " PHQ - 9 "])
def test_a_questionnaire_s_name_needs_no_hyphen(db, who, patient, written):
    (row,) = incoming_csv.preview(db, who, patient, f"date;scale;total\n2026-03-02;{written};7\n".encode())
    assert (row.name, row.error) == ("PHQ-9", None)


def test_a_name_of_the_clinic_s_own_goes_before_one_that_is_like_it(db, who, patient):
    for name in ("PHQ 9", "Sleep log", "Sleep-log"):
        scales.define(db, who, OwnFields(name, 0, 40, HigherIs.WORSE))
    file = "date;scale;total\n2026-03-02;PHQ 9;33\n2026-03-02;PHQ-9;7\n2026-03-02;Sleep_log;7\n"
    own, published, either = incoming_csv.preview(db, who, patient, file.encode())
    assert (own.name, published.name) == ("PHQ 9", "PHQ-9")
    assert "no questionnaire with this name" in either.error


def test_answers_may_be_written_with_a_nought_behind_the_point(db, who, patient):
    text = f"date;scale;{';'.join(f'q{n}' for n in range(1, 10))}\n2026-03-02;PHQ-9;1.0;2,0;0.0;1;1;1;1;1;\n"
    [row] = incoming_csv.preview(db, who, patient, text.encode())
    assert (row.error, row.given and row.given.items) == (None, (1, 2, 0, 1, 1, 1, 1, 1, None))
    [row] = incoming_csv.preview(db, who, patient, text.replace("2,0", "1.5").encode())
    assert "not an answer" in row.error


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"day,scale\n",
        b"date,date,scale\n",
        b"\xff\xfe\x00",
        b"date,scale,total\n" + b"2026-01-01,PHQ-9,1\n" * 2001,
        b"x" * (1 << 20) + b"x",
    ],
    ids=["empty", "no date", "twice", "no text", "rows", "large"],
)
def test_what_is_no_such_file_is_refused_in_a_sentence(db, who, patient, content):
    with pytest.raises(FerError) as refusal:
        incoming_csv.preview(db, who, patient, content)
    assert refusal.value.code == "bad_csv"


NUMBERED = ",".join(f"q{number}" for number in range(1, 11))


@pytest.mark.parametrize(
    ("header", "row", "part"),
    [
        ("date,scale,total", "2026-03-02,WHO-5,9,5", "more cells than"),
        ("date,scale,total", "2026-03-02,PHQ-9,9,,junk", "more cells than"),
        (f"date,scale,{NUMBERED}", "2026-03-02,GAD-7,1,1,1,1,1,1,1,3,3,", "“3” stands in the column “q8”"),
        (f"date,scale,{NUMBERED}", "2026-03-02,PHQ-9,1,1,1,1,1,1,1,1,1,x", "“x” stands in the column “q10”"),
        (f"date,scale,total,{NUMBERED}", "2026-03-02,WHO-5,52,5", "“5” stands in the column “q1”"),
        ("date,scale,total,note", "2026-03-02,WHO-5,52,5", "in the column “note”"),
        ("date,scale,total,", "2026-03-02,WHO-5,52,5", "in a column without a name"),
        ("date,scale,total,item1", "2026-03-02,PHQ-9,9,3", "in the column “item1”"),
    ],
)
def test_a_cell_that_nothing_reads_is_not_dropped(db, who, patient, header, row, part):
    [found] = incoming_csv.preview(db, who, patient, f"{header}\n{row}\n".encode())
    assert found.given is None
    assert part in found.error


def test_numbers_of_questions_may_have_zeros_and_notes_are_named(db, who, patient):
    columns = ",".join(f"Q{number:02}" for number in range(1, 10))
    text = f"date,scale,{columns},total,note,\n2026-03-02,PHQ-9,{'1,' * 9}9,after a session,\n".encode()
    [row] = incoming_csv.preview(db, who, patient, text)
    assert (row.error, row.given and row.given.items) == (None, (1,) * 9)
    assert incoming_csv.unread(text) == ["note"]
    with pytest.raises(FerError):
        incoming_csv.preview(db, who, patient, b"date,scale,q1,q01\n")


@pytest.mark.parametrize(
    ("column", "cell", "whose"),
    [
        ("patient", "Somebody Else", "patient: Somebody Else"),
        ("Patient ID", "K-9", "patient id: K-9"),
        ("name", "Somebody Else", "name: Somebody Else"),
        ("patient", "Invented Person", ""),
        ("patient_name", "PERSON, invented", ""),
        ("name", "", ""),
        ("note", "Somebody Else", ""),
        ("last_name", "Else", "last_name: Else"),
        ("Surname", "Else", "surname: Else"),
        ("Nachname", "Else", "nachname: Else"),
        ("Prénom", "Somebody", "prénom: Somebody"),
        ("Proband", "Somebody Else", "proband: Somebody Else"),
        ("initials", "SE", "initials: SE"),
        ("dob", "1990-01-01", "dob: 1990-01-01"),
        ("last_name", "PERSON", ""),
        ("Vorname", "Invented", ""),
        ("initials", "P.I.", ""),
        ("DOB", "1988-05-06", ""),
        ("Date of birth", "06.05.1988", ""),
        ("Geburtsdatum", "6.5.88", ""),
        ("birth date", "05/06/1988", ""),
        ("dob", "unknown", ""),
    ],
)
def test_a_row_that_names_another_patient_is_reported_and_stays_possible(db, who, patient, column, cell, whose):
    edits.edit_patient(db, who, patient, 1, PatientFields("Invented Person", born_on=date(1988, 5, 6)))
    text = f'date,scale,total,{column}\n2026-03-02,PHQ-9,9,"{cell}"\n2026-03-03,PHQ-9,8,\n'.encode()
    rows = incoming_csv.preview(db, who, patient, text)
    assert [row.whose for row in rows] == [whose, ""]
    assert incoming_csv.counts(rows) == (2, 0)
    said = incoming_csv.warnings(rows)
    if whose:
        assert said == [f"1 of 2 rows names somebody else than this patient: {whose}. Please check whose file it is."]
    else:
        assert said == []


def test_a_day_of_birth_is_compared_with_none_where_none_is_known(db, who, patient):
    [row] = incoming_csv.preview(db, who, patient, b"date,scale,total,dob\n2026-03-02,PHQ-9,9,1990-01-01\n")
    assert (row.error, row.whose) == (None, "")


def test_a_number_in_a_column_of_patients_is_read_if_it_is_this_patient_s(db, who):
    patient = caseload.add_patient(db, who, "Numbered", code="4711")
    text = b"date,scale,total,patient id\n2026-03-02,PHQ-9,9,4711\n2026-03-03,PHQ-9,9,4712\n"
    own, other = incoming_csv.preview(db, who, patient, text)
    assert (own.error, own.whose) == (None, "")
    assert other.error is not None
    assert other.whose == "patient id: 4712"


def test_rows_of_one_day_and_questionnaire_say_so(db, who, patient):
    text = b"date,scale,total\n2026-03-19,PHQ-9,7\n2026-03-19,phq9,9\n2026-03-19,GAD-7,3\n2026-03-19,PHQ-9,99\n"
    rows = incoming_csv.preview(db, who, patient, text)
    assert [row.again for row in rows] == ["line 3: 9", "line 2: 7", "", ""]
    [said] = incoming_csv.warnings(rows)
    assert said.startswith("2 rows are of a day and questionnaire that another row is of too.")


@pytest.mark.attack("a file of questionnaires with a cell, or a column's name, of a hundred thousand digits")
@pytest.mark.parametrize(
    "text", ["date,scale,remark,q1\n2026-11-01,PHQ-9,{},1\n", "date,scale,{},q1\n2026-11-01,PHQ-9,a,1\n"], ids=str
)
def test_a_cell_longer_than_anybody_writes_is_refused_before_it_is_read(db, who, patient, attack, text):
    for length in (incoming_csv.CELL_MOST + 1, 100_000):
        content = text.format("1" * (length - 1) + "x").encode()
        attack(lambda content=content: incoming_csv.preview(db, who, patient, content), "bad_csv")
    rows = incoming_csv.preview(db, who, patient, text.format("1" * (incoming_csv.CELL_MOST - 1) + "x").encode())
    assert len(rows) == 1


@pytest.mark.attack(
    "a file of questionnaires with tens of thousands of columns, each of which is asked about in each row"
)
@pytest.mark.parametrize("line", [0, 1], ids=["header", "row"])
def test_more_columns_than_any_questionnaire_has_are_refused(db, who, patient, attack, line):
    lines = ["date,scale,total", "2026-11-01,PHQ-9,7"]
    lines[line] += "".join(f",z{number}" for number in range(50_000))
    attack(lambda: incoming_csv.preview(db, who, patient, "\n".join(lines).encode()), "bad_csv")


@pytest.mark.parametrize("text", ["1", "-1.5", "1,234.5", ".5", "..5,", "12"])
def test_numbers_in_columns_that_nothing_reads(text):
    assert incoming_csv._NUMERIC.fullmatch(text)
    assert not incoming_csv._NUMERIC.fullmatch(text + "x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t", ",", "|"])
def test_a_spreadsheets_line_names_the_delimiter_and_is_no_row(db, who, patient, encoding, delimiter):
    lines = ["date;scale;total;remark", '2026-03-16;PHQ-9;14;"a, b, c, d"', "16/03/2026;PHQ-9;14;é"]
    text = "\r\n".join([f"sep={delimiter}", *(line.replace(";", delimiter) for line in lines)])
    rows = incoming_csv.preview(db, who, patient, text.encode(encoding))
    assert [(row.line, row.total, row.error is None) for row in rows] == [(3, 14, True), (4, None, False)]
    assert incoming_csv.unread(text.encode(encoding)) == ["remark"]


def test_a_spreadsheets_unicode_text_is_read_and_half_a_character_is_refused(db, who, patient):
    text = FILE.replace(",", "\t")
    for encoding, mark in (("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff")):
        assert incoming_csv.counts(incoming_csv.preview(db, who, patient, (mark + text).encode(encoding))) == (2, 8)
    with pytest.raises(FerError, match="UTF-8 or UTF-16") as refused:
        incoming_csv.preview(db, who, patient, text.encode("utf-16")[:-1])
    assert refused.value.code == "bad_csv"


def test_a_day_may_be_written_as_its_midnight_and_as_no_other_hour(db, who, patient):
    days = [
        "2026-03-16 00:00:00",
        "2026-03-17T00:00:00.000",
        "18.03.2026 00:00",
        "2026-03-19 00:01",
        "2026-03-20 12:00",
    ]
    text = "".join(f"{day},PHQ-9,14\n" for day in days)
    rows = incoming_csv.preview(db, who, patient, f"date,scale,total\n{text}".encode())
    assert [row.given.answered_on.day if row.given else None for row in rows] == [16, 17, 18, None, None]
