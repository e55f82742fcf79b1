"""Tables in a real browser, of questionnaires and of other programs: they come in by the sealed route alone."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db.models import ImportedSeries, QuestionnaireAnswer
from tests.clinic.exchange.test_other_tools import OPENFACE
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_worker")]

ANSWERS = "date,scale,total\n2026-01-05,PHQ-9,7\n2026-02-05,PHQ-9,5\n"


@pytest.mark.attack(
    "tables of questionnaires and of other programs: by which ways they come in, and how they lie there"
)
def test_a_table_comes_in_sealed(account, add_patient, sign_in, server, page, data, tmp_path, attack):
    patient_id = add_patient("Quentin Invented")
    tables = {"answers.csv": ANSWERS, "openface.csv": OPENFACE}
    for name, content in tables.items():
        (tmp_path / name).write_text(content)
    sent = []
    page.on("request", lambda request: request.method in ("PATCH", "PUT", "POST") and sent.append(request.url))

    sign_in(at=f"patient?patient={patient_id}&tab=questionnaires")
    page.get_by_text("Import from CSV").click()
    (tmp_path / "large.csv").write_text(ANSWERS + "\n" * 1_000_000)
    page.get_by_label("Choose a CSV file").set_input_files(tmp_path / "large.csv")
    page.get_by_text("This file is larger than 1 MB.").wait_for()
    page.get_by_label("Choose a CSV file").set_input_files(tmp_path / "answers.csv")
    page.get_by_text("2 of 2 rows can be imported", exact=False).wait_for()
    attack(lambda: lies_readable(data, "PHQ-9"), False)
    page.get_by_role("button", name="Import 2").click()
    page.get_by_text("Imported for Quentin Invented", exact=False).wait_for()
    settled(page)
    assert page.get_by_text("Imported for Quentin Invented", exact=False).is_visible(), "whatever folds meanwhile"

    page.goto(f"{server}/patient?patient={patient_id}&tab=recordings")
    settled(page)
    page.get_by_text("Results of other programs").first.click()
    page.get_by_label("Choose a table").set_input_files(tmp_path / "openface.csv")
    page.get_by_text("Uploaded.").wait_for()
    attack(lambda: lies_readable(data, "confidence"), False)
    page.get_by_role("button", name="Import this table").click()
    page.get_by_role("button", name="Delete OpenFace", exact=False).wait_for()
    page.get_by_role("button", name="Choose a table").wait_for()

    attack(lambda: {url.removeprefix(server).split("/")[1] for url in sent}, {"uploads"})
    with account.read() as session:
        assert sorted(row.total for row in session.scalars(select(QuestionnaireAnswer))) == [5, 7]
        assert [row.measures["AU12_r"] for row in session.scalars(select(ImportedSeries))] == [2.0]
    assert not list((data / "uploads").glob("*.part")), "the files go when they are taken"


def lies_readable(data, word):
    """Whether a file that waits there can be read without the key."""
    parts = list((data / "uploads").glob("*.part"))
    assert parts
    return any(word.encode() in part.read_bytes() for part in parts)
