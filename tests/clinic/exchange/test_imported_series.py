"""Results of other programs stand by themselves, and go where the consent to keep results goes."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from clinic import clock
from clinic.consent.consent import Scope
from clinic.erasure import deletion, retention, withdrawal
from clinic.exchange import exports, imported_series, imports
from clinic.exchange.other_tools import Tool
from clinic.patients import caseload, conditions
from clinic.patients.conditions import ConditionKind
from db.models import ImportedSeries, Patient
from fer_core.errors import FerError
from tests import consents
from tests.clinic.exchange.test_other_tools import FACEREADER, OPENFACE, PYFEAT

DAY = date(2026, 1, 5)


@pytest.fixture
def taken(db, who, patient):
    consents.agree(db, patient)
    return imported_series.add(db, who, patient, DAY, io.BytesIO(OPENFACE.encode()), "before the change of dose")


def stored(db):
    with db.read() as session:
        return session.scalars(select(ImportedSeries)).all()


def test_it_is_listed_under_its_program_and_joins_no_trend(db, who, patient, taken):
    [found] = imported_series.listed(db, who, patient)
    assert found == taken
    assert (found.tool, found.recorded_on, found.measures["AU12_r"]) == (Tool.OPENFACE, DAY, 2.0)
    detail = caseload.get_patient(db, who, patient)
    assert (detail.recordings, detail.trend.points) == ((), ())
    imported_series.remove(db, who, found.id)
    assert imported_series.listed(db, who, patient) == []


def test_the_same_table_of_a_day_is_stored_once_and_another_one_has_a_number_of_its_own(db, who, patient, taken):
    with pytest.raises(FerError) as refusal:
        imported_series.add(db, who, patient, DAY, io.BytesIO(OPENFACE.encode()), "sent once more")
    assert (refusal.value.code, f"no. {taken.number}" in refusal.value.message) == ("series_exists", True)
    other = imported_series.add(db, who, patient, DAY, io.BytesIO(OPENFACE.replace("0.50", "0.70").encode()))
    assert other.number != taken.number
    assert (
        imported_series.add(db, who, patient, DAY + timedelta(days=1), io.BytesIO(OPENFACE.encode())).measures
        == taken.measures
    )


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2099, 1, 1)])
def test_a_day_that_can_not_be_is_refused(db, who, patient, day):
    consents.agree(db, patient)
    with pytest.raises(FerError) as refusal:
        imported_series.add(db, who, patient, day, io.BytesIO(OPENFACE.encode()))
    assert refusal.value.code == "bad_day"


def test_without_consent_nothing_is_taken_or_reported(db, who, patient, taken):
    consents.expire(db, patient, Scope.KEEP_RESULTS)
    assert imported_series.listed(db, who, patient) == []
    with pytest.raises(FerError) as refusal:
        imported_series.add(db, who, patient, DAY, io.BytesIO(OPENFACE.encode()))
    assert refusal.value.code == "consent_expired"


def test_withdrawal_deletes_it_also_where_a_backup_brought_it_back(db, settings, who, patient, taken):
    assert withdrawal.covered(db, settings, who, patient, [Scope.KEEP_RESULTS]).series == 1
    withdrawal.withdraw(db, settings, who, patient, [Scope.KEEP_RESULTS])
    assert stored(db) == []
    with db.session() as session:
        session.add(
            ImportedSeries(
                patient_id=patient, tool="openface", recorded_on=DAY, moments=1, readable_share=1.0, measures={},
                recorded_at=datetime.now(UTC),
            )
        )  # fmt: skip
    assert withdrawal.finish(db, settings) == 1
    assert stored(db) == []


def test_it_goes_with_the_patient_and_with_age(db, settings, who, patient, taken):
    long_ago = datetime.now(UTC) - timedelta(days=4000)
    with db.session() as session:
        session.execute(update(ImportedSeries).values(recorded_on=long_ago.date(), recorded_at=long_ago))
        session.execute(update(Patient).values(created_at=datetime.now(UTC)))
    assert retention._recordings(db, settings, datetime.now(UTC).date() - timedelta(days=3650)) == 1
    assert stored(db) == []
    imported_series.add(db, who, patient, DAY, io.BytesIO(OPENFACE.encode()))
    deletion.delete_patient(db, settings, who, patient)
    assert stored(db) == []


def test_it_goes_out_and_comes_back(db, settings, who, patient, taken):
    content = io.BytesIO()
    exports.export_patient(db, settings, who, patient, content)
    with db.session() as session:
        session.delete(session.get_one(Patient, patient))
    content.seek(0)
    imports.import_patient(db, settings, who, content)
    assert imported_series.listed(db, who, patient) == [taken]


@pytest.mark.parametrize("began", [DAY, None], ids=["its day", "today"])
def test_under_a_condition_of_the_face_labels_of_other_programs_are_left_out(db, who, patient, taken, began):
    for text in (PYFEAT, FACEREADER):
        imported_series.add(db, who, patient, DAY, io.BytesIO(text.encode()))
    with db.read() as session:
        today = clock.today(session)
    conditions.add(db, who, patient, ConditionKind.FACIAL_PALSY, began or today)
    facereader, pyfeat, openface = imported_series.listed(db, who, patient)
    # The days decide: labels of a day before the condition may be read while it holds.
    assert [one.unread for one in (facereader, pyfeat, openface)] == [began is not None] * 3
    if began is not None:
        assert (facereader.measures, list(pyfeat.measures)) == ({}, ["AU01", "AU12"])
    assert openface.measures == taken.measures
    [held] = conditions.conditions(db, who, patient)
    conditions.end(db, who, held.id, held.revision, today)
    found = imported_series.listed(db, who, patient)
    assert [one.unread for one in found] == [began is not None] * 3
    assert ("Happy" in found[0].measures) is (began is None)
