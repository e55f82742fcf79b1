"""The clinic's command line: ``python -m clinic worker|selftest|migrate|demo|audit|reset-password``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import closing

from clinic import accounts, audit, demo, selftest, worker
from clinic.settings import Settings
from db.engine import Database, migrate, open_database
from fer_core.errors import FerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 well, 1 not sound or refused."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        return int(options.command(Settings.from_environment(), options))
    except FerError as error:
        print(error.message, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m clinic",
        description="Facial expressions over time: the parts that run beside the pages.",
        epilog="FER_DATA_DIR says where everything is kept; FER_DATABASE_URL names another database.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    work = commands.add_parser("worker", help="analyse what is uploaded, until stopped (the app starts one by itself)")
    work.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone")
    work.set_defaults(command=_worker)
    test = commands.add_parser("selftest", help="run the whole core on a small drawn clip and say if it is sound")
    test.set_defaults(command=_selftest)
    head = commands.add_parser("migrate", help="bring the database to this version's tables")
    head.set_defaults(command=_migrate)
    invented = commands.add_parser("demo", help="add four invented patients, in a database of their own")
    invented.set_defaults(command=_demo)
    checked = commands.add_parser("audit", help="say whether each row of the audit is as it was written")
    checked.add_argument("what", choices=["verify"], help="walk along the chain and name the first bad row")
    checked.set_defaults(command=_audit)
    forgotten = commands.add_parser("reset-password", help="print a new first password for an account")
    forgotten.add_argument("name", help="the name that the person signs in with")
    forgotten.set_defaults(command=_reset_password)
    return parser


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    return worker.main(settings, _open(settings), options.parent, worker.open_default_analyzer)


def _selftest(settings: Settings, options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    verdict = selftest.check(worker.open_default_analyzer)
    print(verdict.sentence)
    return 0 if verdict.sound else 1


def _migrate(settings: Settings, options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    migrate(settings.database_url)
    print("The database is up to date.")
    return 0


def _demo(settings: Settings, options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    own = settings.as_demo()
    migrate(own.database_url)
    database = open_database(own.database_url)
    added = demo.fill(database)
    password = demo.add_account(database)
    database.close()
    print(f"{added} invented patients were added." if added else "The invented patients are there already.")
    print(f"Sign in with the name {demo.ACCOUNT} and the password {password}")
    return 0


def _audit(settings: Settings, options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    with closing(_open(settings)) as database:
        verdict = audit.verify(database)
    print(verdict.sentence)
    return 0 if verdict.first_bad is None else 1


def _reset_password(settings: Settings, options: argparse.Namespace) -> int:
    with closing(_open(settings)) as database:
        password = accounts.reset_by_console(database, options.name)
    print(f"The new password, to be changed at the next sign-in: {password}")
    return 0


def _open(settings: Settings) -> Database:
    migrate(settings.database_url)
    return open_database(settings.database_url)


if __name__ == "__main__":
    sys.exit(main())
