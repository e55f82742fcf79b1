"""Databases of both kinds: a test that asks for `database_url` runs on SQLite and on PostgreSQL."""

import gc
import itertools
import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from clinic.admin import demo, demo_people
from db.engine import migrate, open_database
from db.sqlite import sqlite3
from tests import attacks, compiled, in_memory, postgresql
from tests.attacks import attack as attack

# An installation that the caller's settings name is never touched, and changes no answer. How long a story is, is asked
# by who runs it (tests/clinic/test_story.py).
for _name in [name for name in os.environ if name.startswith("FER_") and not name.startswith("FER_STORY_")]:
    del os.environ[_name]

in_memory.keep_temporary_files_in_memory()
compiled.share_compiled_statements()

TESTS = Path(__file__).parent
SLOW = {
    "backup/test_archive.py",
    "backup/test_backup.py",
    "backup/test_stopped.py",
    "benchmarks/test_clinics.py",
    "benchmarks/test_fuzz.py",
    "benchmarks/test_precision.py",
    "benchmarks/test_sentences.py",
    "benchmarks/test_statements.py",
    "clinic/accounts/test_accounts.py",
    "clinic/accounts/test_totp.py",
    "clinic/admin/test_backups.py",
    "clinic/admin/test_broken_states.py",
    "clinic/admin/test_demo.py",
    "clinic/admin/test_rotation.py",
    "clinic/admin/test_upgrade.py",
    "clinic/consent/test_consent.py",
    "clinic/erasure/test_killed_withdrawal.py",
    "clinic/erasure/test_withdrawal.py",
    "clinic/exchange/test_dictionary.py",
    "clinic/exchange/test_downloads.py",
    "clinic/exchange/test_exports.py",
    "clinic/exchange/test_fhir.py",
    "clinic/exchange/test_handing_out.py",
    "clinic/exchange/test_import_versions.py",
    "clinic/exchange/test_imports.py",
    "clinic/intake/test_folders.py",
    "clinic/jobs/test_jobs.py",
    "clinic/jobs/test_kept_faces.py",
    "clinic/jobs/test_progress.py",
    "clinic/jobs/test_reanalysis.py",
    "clinic/patients/test_caseload.py",
    "clinic/patients/test_doubts.py",
    "clinic/patients/test_edits.py",
    "clinic/patients/test_listing.py",
    "clinic/patients/test_numbers_by_hand.py",
    "clinic/patients/test_sharing.py",
    "clinic/patients/test_visibility.py",
    "clinic/questionnaires/test_answers.py",
    "clinic/questionnaires/test_incoming_csv.py",
    "clinic/recordings/test_incoming.py",
    "clinic/recordings/test_marks.py",
    "clinic/recordings/test_playback.py",
    "clinic/test_clock.py",
    "clinic/test_kill.py",
    "clinic/test_main.py",
    "clinic/test_settings.py",
    "clinic/test_story.py",
    "clinic/test_wrong_input.py",
    "clinic/training/test_datasets.py",
    "clinic/training/test_search.py",
    "clinic/training/test_trainer.py",
    "clinic/training/test_tuning.py",
    "clinic/worker/test_analysis.py",
    "clinic/worker/test_cluster.py",
    "clinic/worker/test_copying.py",
    "clinic/worker/test_full_disk.py",
    "clinic/worker/test_reporting.py",
    "clinic/worker/test_selftest.py",
    "clinic/worker/test_supervisor.py",
    "clinic/worker/test_worker.py",
    "db/test_engine.py",
    "db/test_migrate.py",
    "fer_core/decoder/test_clock.py",
    "fer_core/decoder/test_damage.py",
    "fer_core/decoder/test_lock.py",
    "fer_core/decoder/test_spans.py",
    "fer_core/decoder/test_upright.py",
    "fer_core/faces/test_following.py",
    "fer_core/faces/test_operators.py",
    "fer_core/media/test_camera.py",
    "fer_core/media/test_fades.py",
    "fer_core/media/test_image.py",
    "fer_core/media/test_kinds.py",
    "fer_core/media/test_reader.py",
    "fer_core/media/test_shots.py",
    "fer_core/media/test_video.py",
    "fer_core/test_analyzer.py",
    "fer_core/test_bad_input.py",
    "fer_core/test_batch_fallback.py",
    "fer_core/test_main.py",
    "fer_core/test_pipes.py",
    "fer_core/test_segments.py",
    "pages/charts/test_axis.py",
    "pages/charts/test_trend.py",
    "pages/test_attacks.py",
    "pages/test_live.py",
    "pages/test_pages.py",
    "pages/test_recording.py",
    "pages/test_statements.py",
    "pages/test_training.py",
    "pages/test_windows.py",
    "pages/views/test_follow.py",
    "pages/views/test_questionnaires.py",
    "pages/views/test_stays.py",
    "pages/views/test_uploader.py",
    "storage/test_media.py",
    "storage/test_sealed.py",
    "test_examples.py",
    "test_packaging.py",
    "test_permissions.py",
    "test_postgresql.py",
    "train/test_export.py",
    "train/test_processes.py",
    "train/test_run.py",
    "train/test_search.py",
    "train/test_teach.py",
    "train/test_tune.py",
    "web/api/test_application.py",
    "web/api/test_description.py",
    "web/test_account.py",
    "web/test_gate.py",
    "web/test_live.py",
    "web/test_patient_mode.py",
    "web/test_provider.py",
    "web/test_routes.py",
}
"""Modules that take 1.5 seconds and more of a processor, or start processes: `make quick` leaves them out."""
LONG = (
    "e2e/test_recording.py",
    "e2e/test_two_people.py",
    "e2e/test_slow_network.py",
    "e2e/test_live.py",
    "e2e/test_training.py",
    "e2e/test_right_content.py",
    "e2e/test_goes_away.py",
    "e2e/test_doors.py",
    "e2e/test_roles.py",
    "e2e/test_upload.py",
    "e2e/test_consent.py",
    "e2e/test_main_job.py",
    "e2e/test_questionnaires.py",
    "e2e/test_transfer.py",
)
"""Modules with a browser that take 25 s and more of a processor, the longest first."""
_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def own_limits():
    """Keep this process its limits: the tests of core files start processes of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("fer_core.core_files.leave_none", lambda: None)
        yield


@pytest.fixture(scope="session")
def postgresql_server():
    """A running PostgreSQL server, or a skip with the reason why there is none."""
    reason = postgresql.why_not()
    if reason:
        pytest.skip(reason)
    with postgresql.server(postgresql.CARELESS) as folder:
        yield folder


@pytest.fixture(scope="session")
def administer(postgresql_server):
    """Return a function that executes a statement on the server, over one connection for all tests."""
    engine = create_engine(postgresql.url_of(postgresql_server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda statement: connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_at_head(tmp_path_factory):
    """A SQLite file with today's tables, to be copied: making them anew for each test would take most of the time."""
    path = tmp_path_factory.mktemp("head") / "clinic.db"
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture(scope="session")
def demo_at_head(sqlite_at_head, tmp_path_factory):
    """A copy of that file with the invented patients, whose summaries take seconds to work out."""
    path = shutil.copyfile(sqlite_at_head, tmp_path_factory.mktemp("demo") / "clinic.db")
    db = open_database(f"sqlite:///{path}")
    assert demo.fill(db) == len(demo_people.PEOPLE)
    db.close()
    return path


@pytest.fixture(scope="session")
def postgresql_at_head(postgresql_server, administer):
    """The name of a PostgreSQL database with today's tables, to be copied."""
    administer("CREATE DATABASE head")
    migrate(postgresql.url_of(postgresql_server, "head"))
    return "head"


@pytest.fixture(scope="session")
def postgresql_demo(postgresql_server, administer, postgresql_at_head):
    """The name of a copy of that database with the invented patients."""
    administer(f"CREATE DATABASE demo TEMPLATE {postgresql_at_head}")
    db = open_database(postgresql.url_of(postgresql_server, "demo"))
    demo.fill(db)
    db.close()
    return "demo"


@pytest.fixture(scope="session")
def copying(administer):
    """Return how PostgreSQL is to copy a database: by its files takes a third of the time of 15's default."""
    new = int(administer("SHOW server_version_num").scalar()) >= 150_000
    return "STRATEGY file_copy" if new else ""


@pytest.fixture
def postgresql_url(request, postgresql_server, administer, copying):
    """The URL of a PostgreSQL database, which is dropped after the test."""
    name = f"test_{next(_numbers)}"
    at_head = "postgresql_demo" if "invented" in request.fixturenames else "postgresql_at_head"
    template = request.getfixturevalue(at_head) if _at_head(request) else "template1"
    administer(f"CREATE DATABASE {name} TEMPLATE {template} {copying}")
    yield postgresql.url_of(postgresql_server, name)
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(request, tmp_path):
    """The URL of a SQLite file."""
    if "invented" in request.fixturenames:
        shutil.copyfile(request.getfixturevalue("demo_at_head"), tmp_path / "clinic.db")
        (tmp_path / "clinic.db").chmod(0o600)
    elif _at_head(request):
        request.getfixturevalue("copy_tables")(tmp_path / "clinic.db")
    return f"sqlite:///{tmp_path / 'clinic.db'}"


@pytest.fixture
def invented():
    """A test that asks for it begins with the invented patients in its database."""


@pytest.fixture
def at_head():
    """A test that asks for it has a database with today's tables, without a clinic's settings."""


@pytest.fixture(scope="session")
def copy_tables(sqlite_at_head):
    """Return a function that makes a SQLite file with today's tables at a path, as a migration would."""

    def copy(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sqlite_at_head, path)
        path.chmod(0o600)

    return copy


def _at_head(request):
    """Whether the test works with a clinic's database, which has its tables; the others begin with an empty one."""
    asked = set(request.fixturenames)
    return {"settings", "db"} <= asked or "at_head" in asked


def pytest_addoption(parser):
    """Add the option with which `make attacks` has the log written."""
    parser.addoption("--attacks", type=Path, help="write what was tried against the program, and its answers, here")


def pytest_sessionfinish(session):
    """Write the log of attacks, if asked and if all went as expected."""
    path = session.config.getoption("--attacks")
    if path is not None and session.exitstatus == 0:
        attacks.write(path, session.config.stash.get(attacks.ANSWERS, {}))


def pytest_collection_finish():
    """Let the collector of garbage pass over the program: Streamlit starts it after each run of a page."""
    gc.collect()
    gc.freeze()


def pytest_ignore_collect(collection_path, config):
    """Don't even import the slow modules where none of their tests is asked for."""
    if "not slow" in config.getoption("markexpr") and collection_path.is_relative_to(TESTS):
        return str(collection_path.relative_to(TESTS)) in SLOW or collection_path == TESTS / "e2e" or None
    return None


def pytest_collection_modifyitems(config, items):
    """Mark as slow what needs a browser or PostgreSQL, and the modules that train, or start and kill processes."""
    assert all((TESTS / name).is_file() for name in (*SLOW, *LONG)), "a slow module is not where it was"
    for item in items:
        if item.get_closest_marker("alone"):
            assert "train" in item.path.parts, "the Makefile looks for those that run alone in tests/train only"
        kind = getattr(getattr(item, "callspec", None), "params", {}).get("database_url")
        slow = kind == "postgresql" or "postgresql_server" in item.fixturenames or item.get_closest_marker("e2e")
        if slow or str(item.path.relative_to(TESTS)) in SLOW:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("e2e"):
            # A browser, a server and its worker share the cores with another file's: what took too long is tried again.
            item.add_marker(pytest.mark.flaky(reruns=2))
    if hasattr(config, "workerinput"):
        items[:] = _shared_out(items)


def _shared_out(items):
    """Return the tests in the order of files in which processes beside each other end soonest.

    Long files come first. Those with a browser, which wait much, lie between the others: seldom do two run at once.
    """
    files = {}
    for item in items:
        files.setdefault(str(item.path.relative_to(TESTS)), []).append(item)
    browsers = [name for name, tests in files.items() if any(test.get_closest_marker("e2e") for test in tests)]
    browsers.sort(key=lambda name: LONG.index(name) if name in LONG else len(LONG))
    others = sorted(set(files) - set(browsers), key=lambda name: (name not in SLOW, -len(files[name]), name))
    apart = len(others) / (len(browsers) + 1)
    for number, name in reversed(list(enumerate(browsers))):
        others.insert(round(number * apart), name)
    return [test for name in others for test in files[name]]


def pytest_generate_tests(metafunc):
    """Run what reads or writes a database on both kinds; a test that needs the clinic's settings alone runs once."""
    asked = metafunc.fixturenames
    reported = any(mark.args[0] == "database_url" for mark in metafunc.definition.iter_markers("parametrize"))
    if "database_url" in asked and not reported:
        kinds = ["sqlite"] if "settings" in asked and "db" not in asked else ["sqlite", "postgresql"]
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture
def database_url(request):
    """The URL of a database of the kind that the test's parameter says: with a clinic's tables, or empty."""
    return request.getfixturevalue(f"{request.param}_url")
