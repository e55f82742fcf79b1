"""A clinic moves from one kind of database to the other and back, whole or not at all."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, func, insert, select, text

import backup.transfer
from backup.__main__ import main
from backup.transfer import TransferError, transfer
from db.engine import open_database
from db.models import Base, Consent, Job, Patient, Recording
from db.records import save_results
from fer_core.types import Box, Face, FaceExpression, FrameResult, Status

NOW = datetime(2026, 3, 1, 12, 30, 15, 123457, tzinfo=UTC)
SEEN = FaceExpression(Face(Box(0.1, 2 / 3, 30, 40), 0.9), Status.OK, (0.1, 0.2, 0.3, 1 / 3, 0.0, 0.0, 0.4 - 1 / 3))


@pytest.fixture
def urls(tmp_path, copy_tables, sqlite_url, postgresql_url):
    """A SQLite file with a clinic, and an empty PostgreSQL database."""
    copy_tables(tmp_path / "clinic.db")
    fill(sqlite_url)
    return sqlite_url, postgresql_url


def fill(url, samples=2500):
    database = open_database(url)
    with database.session() as session:
        session.add(Patient(id="p", name="Jürgen Ōe 🙂", note="two\nlines", created_at=NOW))
        session.flush()
        session.add(
            Recording(
                id="r",
                patient_id="p",
                kind="video",
                recorded_on=date(2026, 2, 28),
                settings={"every_s": 0.2, "nested": {"b": [1, 2.5, None], "a": "ü"}},
                duration_s=0.1 + 0.2,
                created_at=NOW,
            )
        )
        session.flush()
        # Earlier in the order of ids than the one it names.
        version = {"patient_id": "p", "kind": "video", "recorded_on": date(2026, 2, 28), "created_at": NOW}
        session.add(Recording(id="a", version_of="r", current=False, **version))
        session.add(Job(recording_id="r", created_at=NOW, sources=[{"id": "x"}]))
        session.add(Consent(patient_id="p", scope="export", given_on=date(2026, 2, 27), recorded_at=NOW))
        save_results(session, "r", [FrameResult(n, n / 3, (SEEN,) if n % 2 else ()) for n in range(samples)])
    database.close()


def everything(url):
    """All rows of all tables, in the order of their keys."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            one.name: [tuple(row) for row in connection.execute(select(one).order_by(*one.primary_key))]
            for one in Base.metadata.sorted_tables
        }
    engine.dispose()
    return found


def count(url, of=Patient):
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(select(func.count()).select_from(of))
    engine.dispose()
    return found


def test_there_and_back_nothing_changes(urls, tmp_path):
    here, there = urls
    moved = transfer(here, there)
    assert {name: digest.rows for name, digest in moved.items() if digest.rows} == {
        "patient": 1,
        "consent": 1,
        "recording": 2,
        "job": 1,
        "sample": 2500,
    }
    assert everything(there) == everything(here)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert transfer(there, back) == moved
    assert everything(back) == everything(here)


def test_a_missing_json_value_stays_missing(urls):
    here, there = urls
    transfer(here, there)
    engine = create_engine(there)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM recording WHERE summary IS NULL")) == 2
    engine.dispose()


def test_a_state_that_this_version_does_not_know_is_copied_as_it_is(urls, tmp_path):
    """A row that someone changed by hand, or that another version wrote, must not stop the nightly backup."""
    here, there = urls
    back = f"sqlite:///{tmp_path / 'back.db'}"
    engine = create_engine(here)
    with engine.begin() as connection:
        connection.execute(text("UPDATE job SET state = 'frozen'"))
    engine.dispose()
    transfer(here, there)
    transfer(there, back)
    for url in (there, back):
        engine = create_engine(url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT state FROM job")) == "frozen"
        engine.dispose()


def test_a_filled_database_is_refused_and_left_alone(urls):
    here, there = urls
    transfer(here, there)
    before = everything(there)
    with pytest.raises(TransferError) as refusal:
        transfer(here, there)
    assert refusal.value.code == "target_not_empty"
    assert everything(there) == before
    with pytest.raises(TransferError, match="itself"):
        transfer(here, here)


def test_another_program_s_database_is_refused(urls):
    here, there = urls
    engine = create_engine(there)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoice (id INTEGER)"))
    engine.dispose()
    with pytest.raises(TransferError, match="another program"):
        transfer(here, there)


def test_a_source_that_is_not_there_is_said(tmp_path, sqlite_url):
    with pytest.raises(TransferError) as refusal:
        transfer(f"sqlite:///{tmp_path / 'none.db'}", sqlite_url)
    assert refusal.value.code == "source_not_current"


def test_a_row_that_came_out_differently_undoes_everything(urls, monkeypatch):
    here, there = urls
    honest = backup.transfer._copy

    def careless(reading, writing, one):
        digest = honest(reading, writing, one)
        if one.name == "sample":
            writing.execute(text("UPDATE sample SET happy = 0.5 WHERE frame_index = 7"))
        return digest

    with monkeypatch.context() as once:
        once.setattr(backup.transfer, "_copy", careless)
        with pytest.raises(TransferError) as refusal:
            transfer(here, there)
    assert refusal.value.code == "transfer_incomplete"
    assert "sample" in refusal.value.message
    assert count(there) == 0
    transfer(here, there)
    assert count(there) == 1, "an attempt that failed is no obstacle"


@pytest.mark.parametrize("was_there", [False, True])
def test_a_full_disk_leaves_no_half_copy(tmp_path, copy_tables, sqlite_url, monkeypatch, was_there):
    copy_tables(tmp_path / "clinic.db")
    fill(sqlite_url)
    (tmp_path / "new").mkdir()
    path = tmp_path / "new" / "clinic.db"
    there, other = f"sqlite:///{path}", path.with_name("clinic.db-of-mine")
    other.write_text("another file")
    if was_there:
        path.touch()
    make = backup.transfer.make_engine

    def on_a_full_disk(url):
        engine = make(url)
        if url == there:
            # No page more than the tables take.
            listen = event.listens_for(engine, "connect")
            listen(lambda connection, _: connection.execute("PRAGMA max_page_count = 1").fetchall())
        return engine

    with monkeypatch.context() as full:
        full.setattr(backup.transfer, "make_engine", on_a_full_disk)
        with pytest.raises(TransferError, match="is full") as refusal:
            transfer(sqlite_url, there)
    assert refusal.value.code == "disk_full"
    assert str(path.parent) in refusal.value.message
    assert sorted(path.parent.iterdir()) == [path, other][not was_there :]
    assert count(sqlite_url) == 1
    transfer(sqlite_url, there)
    assert everything(there) == everything(sqlite_url)


def test_what_is_written_meanwhile_is_not_half_copied(urls, monkeypatch):
    here, there = urls
    honest = backup.transfer._copy

    def meanwhile(reading, writing, one):
        if one.name == "sample":
            writer = open_database(here)
            with writer.session() as session:
                save_results(session, "r", [FrameResult(99_999, 99_999.0)])
            writer.close()
        return honest(reading, writing, one)

    monkeypatch.setattr(backup.transfer, "_copy", meanwhile)
    assert transfer(here, there)["sample"].rows == 2500


def test_numbers_go_on_after_the_highest(postgresql_url):
    numbered = Table("numbered", MetaData(), Column("id", Integer, primary_key=True), Column("word", String))
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        numbered.create(connection)
        connection.execute(insert(numbered), [{"id": 41, "word": "copied"}])
        backup.transfer._go_on_numbering(connection, numbered)
        assert connection.execute(insert(numbered).values(word="new").returning(numbered.c.id)).scalar_one() == 42
    engine.dispose()


def test_the_command_line_copies_and_refuses(urls, capsys, monkeypatch):
    here, there = urls
    monkeypatch.setenv("FER_DATABASE_URL", here)
    assert main(["copy", "--to", there]) == 0
    said = capsys.readouterr().out
    assert "sample: 2,500 rows" in said
    assert main(["copy", "--to", there, "--from", here]) == 2
    assert "target_not_empty" in capsys.readouterr().err


def test_without_a_source_it_asks_for_one(sqlite_url, capsys, monkeypatch):
    monkeypatch.delenv("FER_DATABASE_URL", raising=False)
    monkeypatch.delenv("FER_DATA_DIR", raising=False)
    assert main(["copy", "--to", sqlite_url]) == 2
    assert "--from" in capsys.readouterr().err
