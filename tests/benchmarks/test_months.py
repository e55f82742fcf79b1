"""The made clinic is one that the caseload can list."""

from sqlalchemy import select

from benchmarks import months
from clinic.access import Actor, Role
from clinic.patients import caseload, digests, listing
from clinic.patients.listing import CaseloadQuery, Order
from db.engine import open_database
from db.models import Account


def test_the_made_clinic_has_its_patients_with_trends(tmp_path):
    long_id = months.fill(tmp_path, patients=2, recordings=20, longest=25)
    db = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    with db.read() as session:
        account = session.scalars(select(Account)).one()
    who = Actor(account.id, "", account.name, Role.CLINICIAN)
    lines = listing.page(db, who, CaseloadQuery(order=Order.NAME)).lines
    assert [line.recordings for line in lines] == [20, 20, 25]
    assert all(line.trend is not None and line.trend.low is not None for line in lines)
    assert len(caseload.get_patient(db, who, long_id).trend.points) == 25
    assert digests.refresh(db) == 0
    db.close()
