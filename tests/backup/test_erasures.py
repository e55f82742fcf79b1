"""What was erased is remembered by random ids, also across a power cut, and erased from a copy of the database."""

import errno
import os
import stat
from datetime import UTC, date, datetime

import pytest

from backup import erasures
from backup.erasures import Erasure
from db.engine import open_database
from db.models import Consent, Patient, Recording, Sample
from db.room import DiskFullError
from fer_core.errors import FerError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "erased.jsonl"


def test_what_is_remembered_is_known(path):
    assert erasures.known(path) == []
    first, second = Erasure("patient", "a" * 32, {"recordings": 2}), Erasure("recording", "b" * 32, {})
    erasures.remember(path, first)
    erasures.remember(path, second)
    assert erasures.known(path) == [first, second]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({first.id, second.id, "a" * 32}) == 3


def test_a_line_cut_off_by_a_power_cut_hinders_nothing(path):
    first, second = Erasure("patient", "a" * 32, {}), Erasure("patient", "b" * 32, {})
    erasures.remember(path, first)
    with path.open("a") as file:
        file.write('{"kind": "patient", "erased')
    assert erasures.known(path) == [first]
    erasures.remember(path, second)
    assert erasures.known(path) == [first, second]


@pytest.mark.parametrize("damage", ['{{"kind": "patient"}}\n{}', "{{bad\n", "{}{{bad", "\x00\x00\n{}"])
def test_a_damaged_list_is_reported_and_not_passed_over(path, damage):
    erasures.remember(path, Erasure("patient", "a" * 32, {}))
    path.write_text(damage.format(path.read_text()))
    with pytest.raises(FerError) as refusal:
        erasures.known(path)
    assert refusal.value.code == "erasures_unreadable"


def test_a_list_that_cannot_be_written_is_reported(path):
    path.mkdir(parents=True)
    with pytest.raises(FerError) as refusal:
        erasures.remember(path, Erasure("patient", "a" * 32, {}))
    assert refusal.value.code == "erasures_unwritable"


def test_a_full_disk_is_reported_as_such(path):
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    with pytest.raises(DiskFullError) as refusal:
        erasures.remember(path, Erasure("patient", "a" * 32, {}))
    assert refusal.value.message.endswith("Please tell the person who looks after this computer. Nothing was erased.")


def test_of_several_lines_all_are_added_or_none(path, monkeypatch):
    first = Erasure("patient", "a" * 32, {})
    erasures.remember(path, first)
    real, room = os.write, [1000]

    def write(descriptor, content):
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(descriptor, content[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(DiskFullError):
        erasures.remember(path, *(Erasure("consent", f"{number:032}", {}) for number in range(20)))
    assert not room[0]
    assert erasures.known(path) == [first]


def test_a_copy_loses_what_the_list_names_and_nothing_else(tmp_path, copy_tables):
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    copy_tables(tmp_path / "copy.db")
    db = open_database(url)
    with db.session() as session:
        for name in ("Ann", "Zauberberg"):
            patient = Patient(name=name, created_at=datetime.now(UTC))
            for number in range(2):
                visit = Recording(kind="video", recorded_on=date(2026, 1, 1), created_at=datetime.now(UTC))
                visit.samples = [Sample(frame_index=0, time_s=0.0)]
                visit.note = f"{name} {number}"
                patient.recordings.append(visit)
            session.add(patient)
        session.flush()
        given = {"scope": "export", "given_on": date(2026, 1, 1), "recorded_at": datetime.now(UTC)}
        ann = session.query(Patient).filter_by(name="Ann").one().id
        session.add_all([Consent(id="w" * 32, patient_id=ann, **given), Consent(id="s" * 32, patient_id=ann, **given)])
    with db.read() as session:
        gone = session.query(Patient).filter_by(name="Zauberberg").one().id
        visit = session.query(Recording).filter_by(note="Ann 1").one().id
    db.close()
    named = [Erasure("patient", gone, {}), Erasure("recording", visit, {}), Erasure("patient", "0" * 32, {})]
    named.append(Erasure("consent", "w" * 32, {}))
    assert erasures.apply(tmp_path / "copy.db", named) == {
        "patient": 1,
        "recording": 1,
        "questionnaire_answer": 0,
        "consent": 1,
    }
    db = open_database(url)
    with db.read() as session:
        assert [patient.name for patient in session.query(Patient)] == ["Ann"]
        assert [visit.note for visit in session.query(Recording)] == ["Ann 0"]
        assert session.query(Sample).count() == 1
        assert session.get(Consent, "w" * 32).withdrawn_at == named[-1].at
        assert session.get(Consent, "s" * 32).withdrawn_at is None
    db.close()
    for file in tmp_path.glob("copy.db*"):
        assert b"Zauberberg" not in file.read_bytes()
