"""What is brought in is staged: others write in between, nobody sees it before its end, and a crash leaves nothing."""

import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from clinic import clock
from clinic.access import CONSOLE, Role
from clinic.accounts import accounts
from clinic.audit import AuditAction
from clinic.erasure import retention
from clinic.exchange import archive_rows, exports, import_queue, imports
from clinic.exchange.import_queue import StoppedError
from clinic.jobs import reanalysis, same_files
from clinic.patients import caseload, digests, listing, sharing
from clinic.patients.listing import CaseloadQuery
from clinic.settings import Retention
from db.models import (
    Access,
    Account,
    AuditRow,
    Job,
    JobState,
    Patient,
    PatientImport,
    Reanalysis,
    Recording,
    Sample,
    TrendDigest,
)
from fer_core.errors import FerError
from storage.media import open_store
from tests import doors
from tests.clinic.archives import changed, sent, with_json
from tests.clinic.fakes import eventually

ROOT = Path(__file__).parents[3]
HEAD = {"format": exports.FORMAT, "schema_version": exports.SCHEMA_VERSION}


def nothing():
    """Stand in for a worker that goes on."""


def counted(db, table):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def rows_left(db):
    return {one.__tablename__: counted(db, one) for one in (Patient, Recording, Sample, Job, Access)}


@pytest.fixture
def small(archive):
    """The archive with less than all of its samples, in three parts."""

    def cut(text):
        return b"\n".join(text.split(b"\n")[: 2 * import_queue.ROWS_AT_ONCE + 100]) + b"\n"

    return changed(archive, cut, "samples.csv")


@pytest.fixture
def queued(db, settings, who, small):
    """An import that a page has asked for."""
    return import_queue.begin(db, settings, who, sent(db, settings, who, small))


@pytest.fixture
def half(db, settings, queued):
    """The import, with its worker stopped in the middle of the samples."""

    def sign():
        if counted(db, Sample):
            raise StoppedError

    assert imports.work_once(db, settings, "worker", sign)
    assert counted(db, Sample) == import_queue.ROWS_AT_ONCE
    with db.read() as session:
        return session.scalar(select(Patient.id))


def test_a_worker_brings_in_what_a_page_asked_for(db, settings, who, queued):
    (waiting,) = import_queue.standings(db, who)
    assert (waiting.state, waiting.share) == (JobState.QUEUED, 0.0)
    assert imports.work_once(db, settings, "worker", nothing)
    (done,) = import_queue.standings(db, who)
    assert (done.state, done.share) == (JobState.DONE, 1.0)
    assert caseload.get_patient(db, who, done.patient_id).recordings
    assert not list((settings.data_dir / "uploads").iterdir()), "the archive has gone"
    assert not imports.work_once(db, settings, "worker", nothing)
    import_queue.cancel(db, who, done.id)
    assert import_queue.standings(db, who) == []
    assert caseload.get_patient(db, who, done.patient_id), "what is dismissed is the message"


def test_another_account_s_import_is_not_shown_and_not_cancelled(db, who, queued):
    other = doors.actor(db, "Dr. Foreign")
    assert import_queue.standings(db, other) == []
    import_queue.cancel(db, other, queued)
    assert import_queue.standings(db, who)[0].id == queued
    with db.read() as session:
        assert not session.scalar(select(PatientImport.cancel_requested))


def test_the_same_upload_is_queued_once_and_few_wait(db, settings, who, small, monkeypatch):
    upload_id = sent(db, settings, who, small)
    assert import_queue.begin(db, settings, who, upload_id) == import_queue.begin(db, settings, who, upload_id)
    monkeypatch.setattr(import_queue, "MOST_WAITING", 1)
    with pytest.raises(FerError) as refusal:
        import_queue.begin(db, settings, who, sent(db, settings, who, small))
    assert refusal.value.code == "too_many_imports"


@pytest.mark.attack("seeing, changing or losing a patient who is not wholly imported yet")
def test_nobody_sees_a_patient_who_is_not_wholly_there(db, settings, who, half, attack):
    administrator = doors.actor(db, "Admin", Role.ADMINISTRATOR)
    with db.read() as session:
        name = session.get_one(Patient, half).name
        sha256 = session.scalar(select(Recording.source_sha256))
    assert listing.page(db, who, CaseloadQuery()).lines == ()
    attack(lambda: caseload.get_patient(db, who, half), "unknown_patient")
    attack(lambda: exports.export_patient(db, settings, CONSOLE, half, io.BytesIO()), "unknown_patient")
    for wanted in (half, name):
        attack(lambda wanted=wanted: sharing.open_in_emergency(db, who, wanted, "a good reason"), "not_found")
        attack(lambda wanted=wanted: reanalysis.find_patient(db, CONSOLE, wanted), "unknown_patient")
    attack(lambda: reanalysis.start(db, settings, CONSOLE, half, "m"), "unknown_patient")
    reanalysis.start(db, settings, administrator, None, "m")
    with db.session() as session:
        accounts.take_orphans(session, session.get_one(Account, administrator.account_id))
        assert session.scalar(select(func.count()).where(Job.reanalysis_id.in_(select(Reanalysis.id)))) == 0
    digests.refresh(db)
    own = caseload.add_patient(db, who, "Another Person")
    assert not same_files.elsewhere(db, who, own, [sha256]).more
    long_ago = Retention(patients_days=1, recordings_days=1, samples_days=1)
    later = clock.now().date() + timedelta(days=3000)
    retention.sweep(db, settings_with(settings, long_ago), later)
    assert counted(db, Sample) == import_queue.ROWS_AT_ONCE
    assert counted(db, TrendDigest) == 0
    with db.read() as session:
        assert set(session.scalars(select(Access.patient_id))) <= {own}
        assert half in set(session.scalars(select(Patient.id)))


def settings_with(settings, kept):
    return replace(settings, retention=kept)


def test_what_was_stopped_begins_again_and_is_equal_to_one_that_was_not(db, settings, who, half, small, elsewhere):
    assert imports.work_once(db, settings, "worker", nothing)
    other, there = elsewhere
    imports.import_patient(other, there, CONSOLE, small)
    for table in (Recording, Sample, Job):
        assert counted(db, table) == counted(other, table)
    assert caseload.get_patient(db, who, half)


def test_cancelled_in_the_middle_it_leaves_nothing(db, settings, who, queued):
    before = rows_left(db)

    def sign():
        if counted(db, Sample):
            import_queue.cancel(db, who, queued)

    imports.work_once(db, settings, "worker", sign)
    assert rows_left(db) == before
    assert import_queue.standings(db, who)[0].state is JobState.CANCELLED
    assert not list((settings.data_dir / "uploads").iterdir())


def test_without_its_archive_an_interrupted_import_leaves_nothing(db, settings, who, half):
    for path in (settings.data_dir / "uploads").iterdir():
        path.unlink()
    imports.work_once(db, settings, "worker", nothing)
    (ended,) = import_queue.standings(db, who)
    assert (ended.state, ended.code) == (JobState.FAILED, "upload_unknown")
    assert not any(rows_left(db).values())


def test_a_damaged_archive_fails_with_a_sentence_and_leaves_nothing(db, settings, who, small):
    broken = changed(small, lambda text: text + b"x,1\n", "samples.csv")
    import_queue.begin(db, settings, who, sent(db, settings, who, broken))
    imports.work_once(db, settings, "worker", nothing)
    (ended,) = import_queue.standings(db, who)
    assert (ended.state, ended.code, ended.patient_id) == (JobState.FAILED, "bad_export", None)
    assert "Nothing was added" in ended.sentence
    assert not any(rows_left(db).values())


@pytest.mark.attack("an import that ends after its account was disabled")
def test_an_account_that_was_disabled_meanwhile_gets_no_patient(db, settings, who, queued, attack):
    administrator = doors.actor(db, "Admin", Role.ADMINISTRATOR)

    def sign():
        if counted(db, Sample):
            accounts.disable(db, administrator, who.account_id)

    imports.work_once(db, settings, "worker", sign)
    with db.read() as session:
        ended = session.scalar(select(PatientImport))
        attack(lambda: said(ended), "signed_out")
        assert session.scalar(select(AuditRow).where(AuditRow.action == AuditAction.PATIENT_IMPORTED.value)) is None
    assert not any(rows_left(db).values())


@pytest.mark.attack("an import of a patient who is being imported already")
def test_the_same_patient_is_not_imported_twice_at_once(db, settings, who, small, half, attack):
    attack(lambda: imports.import_patient(db, settings, who, small), "patient_exists")
    assert counted(db, Sample) == import_queue.ROWS_AT_ONCE, "the first one's rows are there still"


PROCESS = """
import sys, time
from pathlib import Path
from sqlalchemy import func, select
from clinic.exchange import imports
from clinic.settings import Settings
from db.engine import open_database
from db.models import Sample

settings = Settings.from_environment()
db = open_database(settings.database_url)

def sign():
    with db.read() as session:
        if session.scalar(select(func.count()).select_from(Sample)):
            (settings.data_dir / "reached").touch()
            time.sleep(600)

imports.work_once(db, settings, "worker", sign)
"""


def test_killed_in_the_middle_it_is_cleaned_up_and_done_by_the_next(db, settings, who, queued):
    environment = {
        **os.environ,
        "FER_DATA_DIR": str(settings.data_dir),
        "FER_DATABASE_URL": settings.database_url,
        "FER_KEY_DIR": str(settings.key_dir),
    }
    child = subprocess.Popen([sys.executable, "-c", PROCESS], cwd=ROOT, env=environment)
    try:
        eventually(lambda: (settings.data_dir / "reached").exists() or child.poll())
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert counted(db, Sample) == import_queue.ROWS_AT_ONCE
    assert not imports.work_once(db, settings, "another", nothing), "its lease is not over yet"
    import_queue.give_all_back(db, "worker")
    assert imports.work_once(db, settings, "worker", nothing)
    assert import_queue.standings(db, who)[0].state is JobState.DONE
    assert counted(db, Sample) == 2 * import_queue.ROWS_AT_ONCE + 99


def test_what_killed_three_workers_is_given_up_and_leaves_nothing(db, settings, who, queued, monkeypatch):
    for _ in range(3):
        import_queue.claim(db, "worker")
        import_queue.give_all_back(db, "worker")
    imports.work_once(db, settings, "worker", nothing)
    assert import_queue.standings(db, who)[0].code == import_queue.INTERRUPTED
    assert not any(rows_left(db).values())


def test_what_the_console_left_is_cleaned_up_by_the_worker(db, settings, small, monkeypatch):
    class KilledError(Exception):
        """Stand in for the end of the process."""

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as ended:
        ended.setattr(imports, "_give_up", killed)
        ended.setattr(imports._Import, "_show", killed)
        with pytest.raises(KilledError):
            imports.import_patient(db, settings, CONSOLE, small)
    assert counted(db, Sample)
    import_queue.give_all_back(db, "")
    assert imports.work_once(db, settings, "worker", nothing)
    assert not any(rows_left(db).values())


@pytest.mark.attack("an archive that names a stored file of another patient as its own")
def test_a_file_of_another_patient_is_not_taken_over(db, settings, who, small, an_upload, attack):
    stored = an_upload("video")
    claiming = with_json(small, lambda reported: reported["tables"]["job"][0].update(sources=[stored.as_source()]))
    attack(lambda: imports.import_patient(db, settings, who, claiming), "bad_export")
    assert open_store(settings).exists(stored.id)


HUGE = 10**400
FORGED = {
    "text in place of a share": ("summary", {"usable_share": "x"}),
    "a number of 400 digits": ("summary", {"usable_s": HUGE}),
    "a list in place of a count": ("summary", {"usable_samples": []}),
    "text that no file can hold": ("settings", {"face_choice": {"how": "\ud800"}}),
    "text in place of a number": ("settings", {"choose": "x"}),
}


@pytest.mark.attack("an archive whose summaries and settings hold what no page, and not the worker, can count with")
@pytest.mark.parametrize("name", FORGED)
def test_what_the_program_could_not_have_made_is_refused(db, settings, who, small, attack, name):
    part, changes = FORGED[name]

    def forge(reported):
        reported["tables"]["recording"][0][part].update(changes)

    forged = with_json(small, forge)
    attack(lambda: imports.import_patient(db, settings, who, forged), "bad_export")
    assert not any(rows_left(db).values())


NO_ROW = [
    *(("patient", "sharing_revision", number) for number in (HUGE, 2**62, 10**9 + 1)),
    *(("recording", "patient_track", number) for number in (HUGE, -(10**10))),
    *(("recording", "created_at", at) for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+00:00")),
]


@pytest.mark.attack("an archive with numbers and moments that no column, or no clock, can hold")
@pytest.mark.parametrize(("table", "column", "value"), NO_ROW, ids=[f"{one[1]} {str(one[2])[:12]}" for one in NO_ROW])
def test_what_no_column_can_hold_is_of_the_archive(db, settings, who, small, attack, table, column, value):
    forged = with_json(small, lambda reported: reported["tables"][table][0].update({column: value}))
    attack(lambda: imports.import_patient(db, settings, who, forged), "bad_export")
    assert not any(rows_left(db).values())


@pytest.mark.attack("an archive with numbers and moments that no column, or no clock, can hold")
@pytest.mark.parametrize("number", [HUGE, 10**10], ids=["400 digits", "ten billion"])
def test_a_sample_that_no_column_can_hold_is_of_the_archive(db, settings, who, small, attack, number):
    def number_first(text):
        head, row, *rest = text.splitlines()
        cells = row.split(b",")
        cells[head.split(b",").index(b"frame_index")] = str(number).encode()
        return b"\n".join([head, b",".join(cells), *rest, b""])

    forged = changed(small, number_first, "samples.csv")
    attack(lambda: imports.import_patient(db, settings, who, forged), "bad_export")
    assert not any(rows_left(db).values())


def said(ended):
    """Raise what was said of an import that ended badly."""
    raise FerError(ended.error_message, ended.error_code)


def document(tables):
    """The JSON of an archive with these tables as text."""
    return json.dumps(HEAD)[:-1].encode() + b', "tables": {' + tables + b"}}"


ROW = b'"recording": [{"id": "' + b"0" * 32 + b'", "summary": '
MADE_UP = {
    "5 million rows without content": (document(b'"recording": [' + b"{}," * 5_000_000 + b"{}]"), "export_too_large"),
    "a row of 5 million objects": (document(ROW + b"[" + b"{}," * 5_000_000 + b"{}]}]"), "export_too_large"),
    "a text of 30 MB": (document(ROW + b'"' + b"x" * (30 << 20) + b'"}]'), "export_too_large"),
    "lists in lists, 50,000 deep": (document(ROW + b"[" * 50_000), "bad_export"),
    "2 million lists around nothing": (b"[" * 2_000_000, "bad_export"),
    "65 MB of spaces": (b" " * (65 << 20), "export_too_large"),
    "60 MB of spaces": (b" " * (60 << 20), "bad_export"),
}


@pytest.mark.attack("an archive of millions of empty objects, and others that would take gigabytes of memory")
@pytest.mark.parametrize("name", MADE_UP)
def test_a_json_that_is_made_to_fill_the_memory_is_refused_in_little(name, attack, monkeypatch):
    content, expected = MADE_UP[name]
    # Watching the memory takes long; rows up to the real limit are ten times as many.
    monkeypatch.setattr(archive_rows, "JSON_VALUES", 100_000)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(exports.PATIENT_JSON, content)

    def read():
        try:
            with zipfile.ZipFile(written) as archive:
                list(archive_rows.read_tables(archive, {"recording"}))
        except (*imports.DAMAGE, FerError) as error:
            raise imports._shown_error(error) from None

    tracemalloc.start()
    try:
        attack(read, expected)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 << 20


@pytest.mark.attack("an archive whose own table of contents would fill the memory")
def test_a_table_of_contents_of_millions_is_not_read(db, settings, who, attack, monkeypatch):
    monkeypatch.setattr(archive_rows, "CONTENTS_BYTES", 100_000)

    class Noting(io.BytesIO):
        longest = 0

        def read(self, size=-1):
            found = super().read(size)
            self.longest = max(self.longest, len(found))
            return found

    written = Noting()
    with zipfile.ZipFile(written, "w") as archive:
        for number in range(3000):
            archive.writestr(str(number), b"")
    attack(lambda: imports.import_patient(db, settings, who, written), "export_too_large")
    assert written.longest <= archive_rows.CONTENTS_BYTES + 1


@pytest.mark.attack("an archive of under 1 KB that unpacks to gigabytes in one go, as BZIP2 or LZMA")
@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
@pytest.mark.parametrize("name", [exports.PATIENT_JSON, "media/x"])
def test_only_what_is_unpacked_piece_by_piece_is_read(db, settings, who, small, attack, way, name):
    written = io.BytesIO(small.getvalue())
    with zipfile.ZipFile(written, "a", way) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # The name is there already.
        archive.writestr(name, b" " * (10 << 20))
    tracemalloc.start()
    attack(lambda: imports.import_patient(db, settings, who, written), "bad_export")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.attack("samples as one line without an end, and as one row of lines without an end")
@pytest.mark.parametrize("piece", [b"0", b'","0\n'], ids=["line", "row"])
def test_a_row_of_samples_without_an_end_is_not_read_to_its_end(small, elsewhere, attack, piece):
    db, settings = elsewhere
    endless = changed(small, lambda text: text + b'"' + piece * ((64 << 20) // len(piece)), "samples.csv")
    tracemalloc.start()
    attack(lambda: imports.import_patient(db, settings, CONSOLE, endless), "bad_export")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20
    assert not any(rows_left(db).values())


def test_more_samples_than_are_taken_are_refused_with_a_sentence(small, elsewhere, monkeypatch):
    db, settings = elsewhere
    monkeypatch.setattr(archive_rows, "MOST_SAMPLES", 3000)
    with pytest.raises(FerError) as refusal:
        imports.import_patient(db, settings, CONSOLE, small)
    assert refusal.value.code == "export_too_large"
    assert not any(rows_left(db).values())


def test_it_writes_between_others_and_never_holds_the_lock_for_long(db, settings, who, queued):
    """Another writer gets its turn between any two parts."""
    turns = []

    def sign():
        with db.session() as session:
            turns.append(session.scalar(select(func.count()).select_from(Sample)))

    imports.work_once(db, settings, "worker", sign)
    assert set(turns) >= {0, import_queue.ROWS_AT_ONCE, 2 * import_queue.ROWS_AT_ONCE}


def test_ended_imports_are_forgotten_after_a_day(db, settings, who, queued):
    import_queue.cancel(db, who, queued)
    imports.work_once(db, settings, "worker", nothing)
    import_queue.sweep(db)
    assert len(import_queue.standings(db, who)) == 1
    with db.session() as session:
        session.scalar(select(PatientImport)).ended_at -= timedelta(days=2)
    import_queue.sweep(db)
    assert import_queue.standings(db, who) == []


def test_a_patient_who_is_there_under_another_id_is_named(db, settings, who, queued):
    imports.work_once(db, settings, "worker", nothing)
    (done,) = import_queue.standings(db, who)
    assert done.doubles == ()
    patient = caseload.get_patient(db, who, done.patient_id)
    there = caseload.add_patient(db, who, patient.name)
    (done,) = import_queue.standings(db, who)
    (said,) = done.doubles
    assert patient.name in said
    assert there[:6] in said
    assert said.endswith("has the same name.")
    assert imports.doubles_of(db, done.patient_id) == [f"Patient {there} has the same name."], "no name on the console"


YESTERDAY = (clock.now() - timedelta(days=1)).date().isoformat()


def all_days(tables, table, name, day):
    if table == "questionnaire_schedule":
        of = {"id": "0" * 32, "patient_id": tables["patient"][0]["id"], "created_at": clock.now().isoformat()}
        tables[table] = [{**of, "scale": "phq9", "name": "PHQ-9", "every_days": 14}]
    for row in tables[table]:
        row[name] = day


@pytest.mark.parametrize(
    ("table", "name", "day", "said"),
    [
        ("recording", "recorded_on", "2126-01-01", "a recording of 1 Jan 2126, which can't be: that day is still to"),
        (
            "recording",
            "recorded_on",
            "1989-12-31",
            "a recording of 31 Dec 1989, which can't be: it is before 1 Jan 1990",
        ),
        ("questionnaire_answer", "answered_on", "2126-01-01", "a questionnaire of 1 Jan 2126"),
        ("patient", "born_on", "2126-01-01", "a date of birth of 1 Jan 2126"),
        ("patient", "born_on", YESTERDAY, "can't be: it is before"),
        ("consent", "given_on", "1879-12-31", "a consent of 31 Dec 1879"),
        ("questionnaire_schedule", "first_due", "2126-01-01", "a schedule of questionnaires of 1 Jan 2126"),
    ],
)
def test_a_day_that_no_page_takes_is_refused_by_name(archive, elsewhere, table, name, day, said):
    db, settings = elsewhere
    forged = with_json(archive, lambda reported: all_days(reported["tables"], table, name, day))
    with pytest.raises(FerError, match=said) as refused:
        imports.import_patient(db, settings, CONSOLE, forged)
    assert refused.value.code == "impossible_day"
    assert rows_left(db)["patient"] == 0


def test_tomorrow_is_today_at_the_date_line(archive, elsewhere):
    db, settings = elsewhere
    day = (clock.now() + timedelta(hours=14)).date().isoformat()
    made = with_json(archive, lambda reported: all_days(reported["tables"], "recording", "recorded_on", day))
    assert imports.import_patient(db, settings, CONSOLE, made)
