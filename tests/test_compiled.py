"""Statements are compiled once for all databases of one kind, and apart for those of another kind."""

from sqlalchemy import select

from db.engine import open_database
from db.models import Patient
from tests import compiled


def _compiled(url):
    """Return what reading patients adds to the cache."""
    before = set(compiled.CACHE)
    database = open_database(url)
    with database.read() as session:
        session.scalars(select(Patient.id).where(Patient.code == "a code that no other test asks for")).all()
    database.close()
    return set(compiled.CACHE) - before


def test_a_second_database_compiles_nothing_anew(copy_tables, tmp_path, at_head, postgresql_url):
    for name in ("one", "two"):
        copy_tables(tmp_path / f"{name}.db")
    compiled.CACHE.clear()
    assert len(_compiled(f"sqlite:///{tmp_path / 'one.db'}")) >= 1
    assert _compiled(f"sqlite:///{tmp_path / 'two.db'}") == set()
    assert len(_compiled(postgresql_url)) >= 1
