"""A PDF prints the text of people as it is, in every script that a font is there for, and leaves no gap."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from clinic.reports.content import Chart, Note, Report, Table
from clinic.reports.page import html
from clinic.reports.pdf import from_right, pages, pdf
from fer_core.errors import FerError

REPORT = Report(
    title="Report",
    person=(("Name", "Ann"), ("ID", "abcdef")),
    made=(("Made by", "Dr. Invented"),),
    sentences=("One sentence.",),
    coverage=(("Recordings", "1"),),
    chart=Chart(
        "a line", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0L9 9" stroke="red"/></svg>'
    ),
    tables=(Table("Recordings", ("Day", "Share"), (("today", "5 %"),)),),
    notes=(),
    caveats=("No diagnosis.",),
)

PERSON = (("Name", "Zoë <b>"), ("ID", "ab12cd"))


def text_of(content):
    """The text of all pages without spaces, which a reader guesses from the gaps between letters."""
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


def test_it_is_tagged_titled_and_holds_what_was_said(tmp_path):
    content = pdf(REPORT, tmp_path)
    read = PdfReader(io.BytesIO(content))
    assert read.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert read.metadata.title == "Report"
    assert all(said in text_of(content) for said in ("Ann", "Onesentence.", "5%", "Nodiagnosis.", "Dr.Invented"))


def test_a_number_stays_on_the_line_of_its_sign(tmp_path):
    content = pdf(replace(REPORT, notes=(Note("Remark", "about 32 % to 56 % " * 40),)), tmp_path)
    lines = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).splitlines()
    assert sum("32" in line for line in lines) > 5, "it runs over many lines"
    assert not [line for line in lines if line.lstrip().startswith("%")]


def test_a_long_table_of_few_columns_does_not_leave_half_of_the_sheet_empty(tmp_path):
    rows = tuple((f"day{number}.", "PHQ-9", f"{number} of 27") for number in range(56))
    tables = (Table("Questionnaires", ("Day", "Questionnaire", "Score"), rows),)
    content = pdf(replace(REPORT, chart=None, tables=tables), tmp_path)
    assert len(PdfReader(io.BytesIO(content)).pages) == 1
    text = text_of(content)
    assert [text.count(row[0]) for row in rows] == [1] * 56
    assert text.index("day0.") < text.index("day1.") < text.index("day2.")


@pytest.mark.parametrize("text", ['#panic("x") *b* $x$ @y <z> \\ // /* = - + `q`', "Größe Łódź Ελλάδα Москва"])
def test_text_is_never_markup(tmp_path, text):
    content = pdf(replace(REPORT, notes=(Note("Remark", text),)), tmp_path)
    assert "".join(text.split()) in text_of(content)


def test_arabic_is_printed_and_runs_from_right_to_left(tmp_path):
    content = pdf(replace(REPORT, notes=(Note("Remark", "مريض"),)), tmp_path)
    assert "م" in text_of(content)
    assert [from_right(text) for text in ("مريض PHQ-9", "12 مريض", "PHQ مريض", "", "12")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_missing_letter_is_an_error_and_names_it(tmp_path):
    with pytest.raises(FerError, match="\U000130a7") as refusal:
        pdf(replace(REPORT, person=(("Name", "\U000130a7"), ("ID", "a"))), tmp_path)
    assert refusal.value.code == "font_missing"
    with pytest.raises(FerError):
        pages(replace(REPORT, person=(("Name", "\U000130a7"), ("ID", "a"))), tmp_path)


def test_each_page_says_whose_it_is(tmp_path):
    """Sheets come apart. Page 2 of a PDF had the ID alone, that of the web page nothing."""
    rows = tuple((f"1 Jan 2026 no. {number}", "") for number in range(90))
    long = replace(REPORT, tables=(Table("Recordings", ("Recording", "Share"), rows),), person=PERSON)
    read = PdfReader(io.BytesIO(pdf(long, tmp_path)))
    assert len(read.pages) > 1
    assert all("Zoë <b>, ID ab12cd" in page.extract_text() for page in read.pages)
    [edge] = re.findall(r"@bottom-left \{ content: \"([^\"]*)\"", html(long))
    assert (
        "".join(chr(int(code, 16)) for code in re.findall(r"\\([0-9a-f]+) ", edge))
        == long.whose
        == "Zoë <b>, ID ab12cd"
    )


def test_the_preview_is_pages_of_shapes(tmp_path):
    page, *_ = pages(REPORT, tmp_path)
    assert ElementTree.fromstring(page).tag == "{http://www.w3.org/2000/svg}svg"


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_the_web_page_escapes_everything():
    evil = "<script>alert(1)</script><img src=x onerror=y>\"'"
    hostile = replace(
        REPORT,
        title=evil,
        person=((evil, evil),),
        sentences=(evil,),
        tables=(Table(evil, (evil,), ((evil,),)),),
        notes=(Note(evil, evil),),
        chart=replace(REPORT.chart, alt=evil),
    )
    read = _Tags()
    read.feed(html(hostile))
    assert {"script", "img"}.isdisjoint(read.tags)
    assert read.text.count("<script>alert(1)</script>") == 10
    assert "svg" in read.tags
