"""No archive says that somebody of this clinic recorded something."""

import pytest

from clinic.consent import consent
from clinic.exchange import exports, imports, recorders
from clinic.questionnaires import answers
from tests import doors
from tests.clinic.archives import with_json


@pytest.mark.attack("an archive that says that a colleague recorded its consents and answers: whom the pages name")
def test_an_archive_names_nobody_of_the_clinic(archive, elsewhere, attack):
    other, there = elsewhere
    clinician, colleague = doors.actor(other), doors.add_account(other, "Dr. Colleague")

    def forge(reported):
        for rows in reported["tables"].values():
            for row in rows:
                row.update(dict.fromkeys(recorders.OF_ACCOUNTS & row.keys(), colleague))

    def named():
        patient_id = imports.import_patient(other, there, clinician, with_json(archive, forge))
        found = consent.history(other, clinician, patient_id)
        assert found
        given = answers.listed(other, clinician, patient_id)
        assert given
        return {one.recorded_by for one in found} | {one.withdrawn_by for one in found} | {one.by for one in given}

    attack(named, {None})


def test_two_people_of_an_archive_stay_two(elsewhere):
    other, _ = elsewhere
    first, second = (doors.add_account(other, name) for name in ("Dr. First", "Dr. Second"))
    rows = [{"recorded_by": one} for one in (first, second, first, "f" * 32, None)]
    with other.read() as session:
        recorders.make_strangers(session, {"recording_mark": rows})
    made = [row["recorded_by"] for row in rows]
    assert made[0] == made[2] != made[1]
    assert not {first, second} & set(made)
    assert made[3:] == ["f" * 32, None]


def test_every_column_that_names_an_account_is_known():
    columns = {column.name for table in exports.patient_tables() for column in table.columns}
    assert {name for name in columns if name.endswith(("_by", "account_id"))} == recorders.OF_ACCOUNTS
