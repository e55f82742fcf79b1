"""The clinic's command line: ``python -m clinic worker|reanalyse|selftest|migrate|demo``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from clinic import cluster, demo, reanalysis, selftest, worker
from clinic.settings import Settings
from db.engine import migrate, open_database
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
    work.add_argument(
        "--number",
        type=int,
        default=worker.FIRST,
        metavar="N",
        help="which of several workers on this data folder this is; the app's own is 1",
    )
    work.set_defaults(command=_worker)
    again = commands.add_parser(
        "reanalyse", help="analyse recordings again with the installed model, or say how far it is"
    )
    again.add_argument("--patient", metavar="CODE", help="only this patient's: the name or code, or the id")
    what = again.add_mutually_exclusive_group()
    for name, help_text in (
        ("status", "say how far it is, and queue nothing"),
        ("pause", "let it rest: what is done stays done"),
        ("resume", "let it go on"),
        ("cancel", "drop what is not done yet"),
    ):
        what.add_argument(f"--{name}", dest="what", action="store_const", const=name, help=help_text)
    again.set_defaults(command=_reanalyse, what="start")
    test = commands.add_parser("selftest", help="run the whole core on a small drawn clip and say if it is sound")
    test.set_defaults(command=_selftest)
    head = commands.add_parser("migrate", help="bring the database to this version's tables")
    head.set_defaults(command=_migrate)
    invented = commands.add_parser("demo", help="add four invented patients, in a database of their own")
    invented.set_defaults(command=_demo)
    return parser


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    migrate(settings.database_url)
    database = open_database(settings.database_url)
    open_analyzer = cluster.opener(settings.dask) if settings.dask else worker.open_default_analyzer
    return worker.main(settings, database, options.parent, open_analyzer, options.number)


def _reanalyse(settings: Settings, options: argparse.Namespace) -> int:
    migrate(settings.database_url)
    database = open_database(settings.database_url)
    try:
        patient_id = reanalysis.find_patient(database, options.patient) if options.patient else None
        if options.what == "start":
            print(reanalysis.start(database, settings, patient_id).sentence)
            return 0
        for standing in reanalysis.standings(database):
            if patient_id in (None, standing.patient_id):
                if options.what in ("pause", "resume"):
                    reanalysis.pause(database, standing.id, options.what == "pause")
                elif options.what == "cancel":
                    reanalysis.cancel(database, settings, standing.id)
                print(reanalysis.standing(database, standing.id).sentence)
    finally:
        database.close()
    return 0


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
    database.close()
    print(f"{added} invented patients were added." if added else "The invented patients are there already.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
