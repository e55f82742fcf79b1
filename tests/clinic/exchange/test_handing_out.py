"""What other programs get: values without formulas, research without names and days, and nothing without consent."""

import csv
import io
import json
import uuid
import zipfile
from datetime import date, time, timedelta

import openpyxl
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from clinic.audit import AuditAction
from clinic.consent.consent import Scope
from clinic.exchange import downloads, exports, handing_out, research, spreadsheet
from clinic.exchange.downloads import Kind
from clinic.patients import caseload, conditions, edits
from clinic.patients.conditions import ConditionKind
from clinic.patients.fields import PatientFields
from clinic.questionnaires import answers
from clinic.questionnaires.answers import Given
from db.models import AuditRow, Recording, Sample
from fer_core.errors import FerError
from tests import consents
from tests.clinic.archives import analysed_again
from tests.clinic.patients.test_digests import FIRST, add

EVIL = '=HYPERLINK("http://x","y")'


@pytest.fixture
def filled(db, who, patient):
    """A patient whose name and notes are formulas, with three recordings, moments and a questionnaire."""
    consents.agree(db, patient)
    edits.edit_patient(db, who, patient, 1, PatientFields("Wilhelmine Zauberberg", EVIL))
    ids = add(db, patient, 3)
    with db.session() as session:
        for recording_id in ids:
            session.get_one(Recording, recording_id).note = EVIL
        session.add(Sample(recording_id=ids[0], frame_index=0, track=0, time_s=0.0, status="ok", happy=0.9))
    answers.record(db, who, patient, Given("phq9", FIRST, total=9))
    answers.record(db, who, patient, Given("gad7", FIRST + timedelta(days=7), total=5))
    return patient


def fetch(db, settings, who, patient, kind):
    ticket = handing_out.prepare(db, settings, who, patient, kind)
    return b"".join(downloads.content(db, who, downloads.take(db, settings, who, ticket)))


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(db, settings, who, filled):
    book = openpyxl.load_workbook(io.BytesIO(fetch(db, settings, who, filled, Kind.XLSX)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert not any(cell.hyperlink for cell in cells)
    header, *rows = book["Recordings"].iter_rows(values_only=True)
    assert header == spreadsheet.HEADER
    first = dict(zip(header, rows[0], strict=True))
    assert [row[header.index("visit_number")] for row in rows] == [1, 2, 3]
    assert (first["note"], first["share_happy"], first["recorded_on"].date()) == (EVIL, pytest.approx(0.3), FIRST)
    assert {row[0] for row in book["Dictionary"].iter_rows(min_row=2, values_only=True)} == set(header)
    assert [row[1:3] for row in book["Questionnaires"].iter_rows(min_row=2, values_only=True)] == [
        ("PHQ-9", 9), ("GAD-7", 5),
    ]  # fmt: skip


def test_recordings_of_one_day_are_told_apart_and_in_order_of_time(db, settings, who, filled):
    rows = caseload.get_patient(db, who, filled).recordings
    with db.session() as session:
        for row, at in zip(rows, (time(8), time(18), None), strict=True):
            stored = session.get_one(Recording, row.id)
            stored.recorded_on, stored.recorded_time = FIRST, at
    book = openpyxl.load_workbook(io.BytesIO(fetch(db, settings, who, filled, Kind.XLSX)))
    header, *found = book["Recordings"].iter_rows(values_only=True)
    shown = [(row[header.index("visit_number")], row[header.index("recorded_time")]) for row in found]
    assert shown == [(3, "08:00"), (2, "18:00"), (1, None)]
    archive = io.BytesIO()
    exports.export_patient(db, settings, who, filled, archive)
    with zipfile.ZipFile(archive) as packed:
        listed = csv.DictReader(io.StringIO(packed.read("recordings.csv").decode("utf-8-sig")))
        assert [row["visit_number"] for row in listed] == ["3", "2", "1"]


def test_of_a_recording_that_was_analysed_again_one_version_leaves(db, settings, who, filled):
    first = caseload.get_patient(db, who, filled).recordings[-1].id
    shown, _ = analysed_again(db, first)
    book = openpyxl.load_workbook(io.BytesIO(fetch(db, settings, who, filled, Kind.XLSX)))
    listed = list(book["Recordings"].iter_rows(min_row=2, values_only=True))
    assert [(row[0] == shown, row[1]) for row in listed] == [(True, 1), (False, 2), (False, 3)]
    lines = [row[spreadsheet.HEADER.index("line")] for row in listed]
    research_file = fetch(db, settings, who, filled, Kind.RESEARCH)
    assert read(research_file, research.RECORDINGS)["recording"] == [1, 2, 3]
    assert read(research_file, research.SAMPLES)["recording"] == [1]
    assert read(research_file, research.RECORDINGS)["line"] == lines
    assert min(lines) == 1
    found = json.loads(handing_out.fhir(db, who, filled))
    observed = [entry["resource"] for entry in found["entry"] if "effectiveDateTime" in entry["resource"]]
    of_recordings = [one["id"] for one in observed if one["category"][0]["coding"][0]["code"] == "procedure"]
    assert len(of_recordings) == 3
    assert str(uuid.UUID(shown)) in of_recordings
    assert str(uuid.UUID(first)) not in of_recordings


def read(content, name):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return pq.read_table(io.BytesIO(archive.read(name))).to_pydict()


def test_research_gets_no_name_text_id_or_true_day(db, settings, who, filled):
    content = fetch(db, settings, who, filled, Kind.RESEARCH)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    recordings = [row.id for row in caseload.get_patient(db, who, filled).recordings]
    for said in ("Zauberberg", "HYPERLINK", filled, *recordings):
        assert said.encode() not in everything
    days = read(content, research.RECORDINGS)["day_shifted"]
    assert FIRST not in days
    assert [(day - days[0]).days for day in days] == [0, 7, 14], "what lies between them stays"
    assert read(content, research.ANSWERS)["day_shifted"] == days[:2]
    assert read(content, research.SAMPLES)["happy"] == [0.9]
    assert "left" not in read(content, research.SAMPLES)


def test_two_exports_can_not_be_joined(db, settings, who, filled):
    first, second = (read(fetch(db, settings, who, filled, Kind.RESEARCH), research.RECORDINGS) for _ in range(2))
    assert first["person"] != second["person"]


@pytest.mark.parametrize("drawn", [0, 3649, 3650, 7299])
def test_days_are_always_moved(monkeypatch, drawn):
    monkeypatch.setattr(research.secrets, "randbelow", lambda most: drawn)
    assert research._shift() != 0
    assert abs(research._shift()) <= research.SHIFT_DAYS


def test_under_a_condition_of_the_face_no_label_leaves(db, settings, who, filled):
    conditions.add(db, who, filled, ConditionKind.AUTISM, date(2026, 1, 1))
    found = read(fetch(db, settings, who, filled, Kind.RESEARCH), research.RECORDINGS)
    assert found["share_happy"] == [None] * 3
    content = fetch(db, settings, who, filled, Kind.RESEARCH)
    assert read(content, research.SAMPLES) == {"person": []}
    book = openpyxl.load_workbook(io.BytesIO(fetch(db, settings, who, filled, Kind.XLSX)))
    header, first, *_ = book["Recordings"].iter_rows(values_only=True)
    row = dict(zip(header, first, strict=True))
    assert (row["share_happy"], row["counts"]) == (None, conditions.NOT_INTERPRETED)
    archive = io.BytesIO()
    exports.export_patient(db, settings, who, filled, archive)
    with zipfile.ZipFile(archive) as packed:
        rows = list(csv.DictReader(io.StringIO(packed.read("recordings.csv").decode("utf-8-sig"))))
        assert "a condition of the face" in packed.read("README.txt").decode()
    assert {(row["share_happy"], row["not_interpreted"]) for row in rows} == {("", conditions.NOT_INTERPRETED)}
    assert all(float(row["usable_share"]) > 0 for row in rows)


def test_fhir_is_json_and_is_written_down(db, settings, who, filled):
    found = json.loads(fetch(db, settings, who, filled, Kind.FHIR))
    assert found["resourceType"] == "Bundle"
    with db.read() as session:
        asked = select(AuditRow).where(AuditRow.action == AuditAction.PATIENT_EXPORTED.value)
        [row] = session.scalars(asked).all()
    assert (row.patient_id, row.details) == (filled, {"kind": "json"})


@pytest.mark.parametrize("kind", [Kind.FHIR, Kind.XLSX, Kind.RESEARCH])
@pytest.mark.parametrize("scope", [Scope.EXPORT, Scope.KEEP_RESULTS])
def test_without_consent_nothing_leaves(db, settings, who, filled, kind, scope):
    consents.expire(db, filled, scope)
    with pytest.raises(FerError) as refusal:
        handing_out.prepare(db, settings, who, filled, kind)
    assert refusal.value.code == "consent_expired"
    assert not (settings.data_dir / "downloads").exists()
