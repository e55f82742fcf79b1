"""The tables of an export are what the dictionary says, however they are read."""

import csv
import io
import math
import re
import shutil
import subprocess
import zipfile
from datetime import date, datetime

import pandas as pd
import pytest
from sqlalchemy import select

from clinic.access import CONSOLE
from clinic.exchange import csv_tables, exports
from clinic.patients.states import State
from db.models import Patient, QuestionnaireAnswer, Recording
from tests import doors
from tests.clinic.archives import SHOWN_AGAIN, analysed_again

DAY = date(2026, 3, 2)
SAMPLES = ("samples.csv", "samples-other-versions.csv")
TABLES = ("recordings.csv", *SAMPLES, "consents.csv", "questionnaires.csv")
HOLDS = {
    "text": lambda cell: True,
    "date": lambda cell: date.fromisoformat(cell),
    "moment": lambda cell: datetime.fromisoformat(cell).utcoffset().total_seconds() == 0,
    "number": lambda cell: math.isfinite(float(cell)),
    "integer": lambda cell: re.fullmatch(r"-?\d+", cell),
    "0 or 1": lambda cell: cell in ("0", "1"),
}


@pytest.fixture
def archive(db, settings, invented):
    """The archive of a patient with an odd note, a recording without results, and one that was analysed three times."""
    with db.session() as session:
        patient_id = session.scalar(select(Patient.id).order_by(Patient.name))
        for items in ([1] * 9, [1] * 6 + [None] * 3):
            values = {"patient_id": patient_id, "scale": "phq9", "items": items, "total": 9.0 if all(items) else None}
            session.add(QuestionnaireAnswer(**values, answered_on=DAY, how="items", recorded_at=doors.now()))
        recordings = session.scalars(select(Recording).where(Recording.patient_id == patient_id)).all()
        recordings[0].note = "Müller;=1+1\nsecond, line\t@cmd"
        recordings[0].recorded_on = date(2020, 1, 1)
        failed = {"summary": None, "analysed_at": None, "duration_s": None, "width_px": None, "height_px": None}
        for name, value in failed.items():
            setattr(recordings[-1], name, value)
        again = recordings[1].id
    analysed_again(db, again)
    written = io.BytesIO()
    exports.export_patient(db, settings, CONSOLE, patient_id, written)
    return zipfile.ZipFile(written)


def dictionary(archive):
    rows = csv.DictReader(io.StringIO(archive.read("data-dictionary.csv").decode("utf-8-sig")), strict=True)
    return {(row["file"], row["column"]): row for row in rows}


def test_each_cell_is_of_its_type_and_empty_only_where_the_dictionary_says(archive):
    explained = dictionary(archive)
    for name in TABLES:
        table = pd.read_csv(io.BytesIO(archive.read(name)), dtype=str, keep_default_na=False)
        assert [(name, column) for column in table.columns] == [key for key in explained if key[0] == name]
        for column in table.columns:
            said = explained[name, column]
            for cell in set(table[column]):
                assert HOLDS[said["type"]](cell) if cell else said["empty"] != "never", (name, column, cell)


def test_what_is_empty_for_a_recording_without_results_is_explained(archive):
    table = pd.read_csv(io.BytesIO(archive.read("recordings.csv")))
    without = table[table["samples"].isna()].to_dict("records")
    explained = dictionary(archive)
    assert [row["state"] for row in without] == ["failed", "empty"]
    of_any = ("note", "source_name", "recorded_time", "not_interpreted", "version_of")
    for column, value in (cell for row in without for cell in row.items()):
        if pd.isna(value) and column not in of_any:
            assert "analysed" in explained["recordings.csv", column]["empty"] or column == "duration_s", column


def test_each_visit_is_shown_once_and_each_state_is_explained(archive):
    table = pd.read_csv(io.BytesIO(archive.read("recordings.csv")))
    strict = list(csv.DictReader(io.StringIO(archive.read("recordings.csv").decode("utf-8-sig")), strict=True))
    assert [int(row["shown"]) for row in strict] == list(table["shown"])
    assert set(table["visit_number"]) == set(table[table["shown"] == 1]["visit_number"])
    assert table[table["shown"] == 1]["visit_number"].is_unique
    firsts = dict(zip(table["id"], table["visit_number"], strict=True))
    of_another = table[table["version_of"].notna()]
    assert len(of_another) == 2
    assert [firsts[first] for first in of_another["version_of"]] == list(of_another["visit_number"])
    explained = dictionary(archive)["recordings.csv", "state"]["meaning"]
    told = {part.split(":")[0] for part in explained.split("; ")}
    assert set(table["state"]) <= told
    under_way = {State.WAITING, State.RUNNING, State.STOPPING, State.CHOOSING}
    assert told == set(State) - under_way - {State.CLOSED, State.DOUBTED}, "of these nothing is exported"


def test_samples_are_those_of_the_shown_versions_and_the_others_stand_apart(archive):
    table = pd.read_csv(io.BytesIO(archive.read("recordings.csv")))
    counts = {}
    for name, shown in zip(SAMPLES, (1, 0), strict=True):
        samples = pd.read_csv(io.BytesIO(archive.read(name)))
        counts[name] = samples["recording_id"].value_counts()
        assert set(samples["recording_id"]) <= set(table[table["shown"] == shown]["id"])
    [(first, count)] = counts["samples-other-versions.csv"].items()
    assert counts["samples.csv"][SHOWN_AGAIN] == count
    assert set(table[table["id"] == first]["shown"]) == {0}


def test_the_read_me_counts_visits_and_says_what_a_version_is(archive):
    table = pd.read_csv(io.BytesIO(archive.read("recordings.csv")))
    text = archive.read("README.txt").decode()
    assert f"{table['visit_number'].nunique()} visits, {len(table)} rows in recordings.csv" in text
    assert table["visit_number"].nunique() == len(table) - 2
    assert "shown = 1" in text
    assert "samples-other-versions.csv" in text


def test_spreadsheets_see_utf8_and_rows_by_date(archive):
    assert all(archive.read(name).startswith(b"\xef\xbb\xbf") for name in (*TABLES, "data-dictionary.csv"))
    days = list(pd.read_csv(io.BytesIO(archive.read("recordings.csv")))["recorded_on"])
    assert days == sorted(days)
    assert days[0] == "2020-01-01"
    order = list(pd.read_csv(io.BytesIO(archive.read("recordings.csv")))["id"])
    found = list(dict.fromkeys(pd.read_csv(io.BytesIO(archive.read("samples.csv")))["recording_id"]))
    assert found == [one for one in order if one in set(found)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_is_a_formula_wherever_cells_are_divided(archive, delimiter):
    text = archive.read("recordings.csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]
    cells += [part for line in text.splitlines() for part in line.split(delimiter)]
    assert any("1+1" in cell for cell in cells)
    for cell in cells:
        assert not re.match(r"""[\s"]*[=+@]|[\s"]*-(?![\d.])""", cell), cell


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1", "'=1"),
        ("a;=1", "a;'=1"),
        ("a; =1", "a; '=1"),
        ('a;"=1"', 'a;"\'=1"'),
        ("a\t+1", "a\t'+1"),
        ("a\n-1", "a\n'-1"),
        ("a\r\n@x", "a\r\n'@x"),
        ("＝1", "'＝1"),
        ("\t=1", "\t'=1"),
        ("a=1", "a=1"),
        ("well - known", "well - known"),
        (-0.5, -0.5),
        (True, 1),
        (None, None),
    ],
)
def test_what_could_begin_a_formula_gets_an_apostrophe(value, shown):
    assert csv_tables.for_a_spreadsheet(value) == shown


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_reads_the_same_values(archive, tmp_path):
    (tmp_path / "recordings.csv").write_bytes(archive.read("recordings.csv"))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    # What its import dialog proposes for such a file: commas, quotes, UTF-8.
    command = [
        "soffice",
        profile,
        "--headless",
        "--infilter=CSV:44,34,76",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(tmp_path),
    ]
    subprocess.run([*command, str(tmp_path / "recordings.csv")], check=True, capture_output=True, timeout=120)
    read = pd.read_excel(tmp_path / "recordings.xlsx", dtype=str)
    assert list(read["id"]) == list(pd.read_csv(io.BytesIO(archive.read("recordings.csv")))["id"])
    assert read["note"][0].startswith("Müller;'=1+1")
