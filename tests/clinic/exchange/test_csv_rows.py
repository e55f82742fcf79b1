"""No row of a CSV from outside is longer than allowed, however many lines its quotes join."""

import csv
import io

import pytest

from clinic.exchange.csv_rows import RowTooLong, bounded_rows


def rows(text, longest=10, **options):
    return list(bounded_rows(io.StringIO(text, newline=""), longest, **options))


def test_each_row_may_be_so_long():
    assert rows("123456789\n" * 3 + "1234567890") == [
        *((line, ["123456789"]) for line in (1, 2, 3)),
        (4, ["1234567890"]),
    ]


def test_a_row_over_several_lines_is_one():
    assert rows('"a\nb",c\nd\n') == [(2, ["a\nb", "c"]), (3, ["d"])]


@pytest.mark.parametrize("text", ["1" * 11, "1234567890\n", '"1\n",' * 3, '"' + "\n" * 10, 'ok\n"1\n","2\n","3\n"'])
def test_a_longer_row_is_refused_before_it_is_read(text):
    file = io.StringIO(text + "x" * 1000, newline="")
    with pytest.raises(RowTooLong):
        list(bounded_rows(file, 10))
    assert file.tell() < 100


def test_strict_and_delimiter_are_the_csv_modules():
    assert rows("a;b", delimiter=";") == [(1, ["a", "b"])]
    with pytest.raises(csv.Error):
        rows('"a"b', strict=True)
