"""The clinic's command line: ``python -m clinic --help`` lists its commands."""

from __future__ import annotations

import argparse
import logging
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from clinic import access, audit, log_lines, words
from clinic.accounts import accounts, totp
from clinic.admin import commands as commands_of_administrators
from clinic.admin import demo, demo_people, key_folder, keyring, store_check, zones
from clinic.admin.commands import own_clinic, own_settings
from clinic.console import answered
from clinic.exchange import exports, imports
from clinic.intake import folders
from clinic.jobs import reanalysis
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.worker import selftest, worker
from clinic.worker.analyzer_in_use import open_default_analyzer
from db.engine import Database, migrate, open_database
from fer_core import core_files
from fer_core.errors import FerError
from storage.at_work import FIRST_WORKER, beginning

if TYPE_CHECKING:
    from clinic.worker import cluster


def main(arguments: Sequence[str] | None = None, prog: str = "python -m clinic") -> int:
    """Run one command and return the exit code: 0 for success, 1 for not sound or refused, 78 for a wrong setting."""
    core_files.leave_none()
    options = _parser(prog).parse_args(arguments)
    log_lines.write_to_stderr(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return answered(lambda: options.command(options))


def _parser(prog: str = "python -m clinic") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Facial expressions over time: the parts that run beside the pages.",
        epilog="FER_DATA_DIR says where everything is kept; FER_DATABASE_URL names another database.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    work = commands.add_parser("worker", help="analyse what is uploaded, until stopped (the app starts one by itself)")
    work.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone")
    work.add_argument(
        "--number",
        type=int,
        default=FIRST_WORKER,
        metavar="N",
        help="which of several workers on this data folder this is; the app's own is 1",
    )
    work.set_defaults(command=_worker)
    again = commands.add_parser(
        "reanalyse", help="analyse recordings again with the installed model, or show the progress"
    )
    again.add_argument("--patient", metavar="CODE", help="only this patient's: the name or code, or the id")
    what = again.add_mutually_exclusive_group()
    for name, help_text in (
        ("status", "show the progress, and queue nothing"),
        ("pause", "pause it: finished recordings stay done"),
        ("resume", "continue it"),
        ("cancel", "cancel what is not done yet"),
    ):
        what.add_argument(f"--{name}", dest="what", action="store_const", const=name, help=help_text)
    again.set_defaults(command=_reanalyse, what="start")
    test = commands.add_parser("selftest", help="run the whole core on a short drawn clip and say whether it is sound")
    test.set_defaults(command=_selftest)
    head = commands.add_parser("migrate", help="bring the database to this version's tables")
    head.set_defaults(command=_migrate)
    invented = commands.add_parser("demo", help="add invented patients, in a database of their own")
    invented.set_defaults(command=_demo)
    export = commands.add_parser("export", help="write everything about one patient into a ZIP archive")
    export.add_argument("patient", help="the patient's id: the 32 digits in the address of the patient's page")
    export.add_argument("file", type=Path, help="the archive; it must not exist yet")
    export.set_defaults(command=_export)
    bring = commands.add_parser("import", help="add the patient of such an archive")
    bring.add_argument("file", type=Path)
    bring.set_defaults(command=_import)
    folder = commands.add_parser("import-folder", help="import a folder of recordings, with a folder for each patient")
    folder.add_argument("folder", type=Path)
    folder.add_argument("--patient", metavar="CODE", help="the folder is this patient's: the name or code, or the id")
    folder.set_defaults(command=_import_folder)
    commands_of_administrators.add(commands)
    checked = commands.add_parser("audit", help="say whether each row of the audit is unchanged")
    checked.add_argument("what", choices=["verify"], help="check the chain and report the first wrong row")
    checked.set_defaults(command=_audit)
    forgotten = commands.add_parser("reset-password", help="print a new first password for an account")
    forgotten.add_argument("name", help="the name that the person signs in with")
    forgotten.set_defaults(command=_reset_password)
    lost = commands.add_parser("reset-second-step", help="remove the second step of an account whose telephone is lost")
    lost.add_argument("name", help="the name that the person signs in with")
    lost.set_defaults(command=_reset_second_step)
    return parser


def _worker(options: argparse.Namespace) -> int:
    if options.number < FIRST_WORKER:
        raise FerError(f"Workers are numbered from {FIRST_WORKER}.", "bad_number")
    settings = own_settings()
    store_check.require_address(settings)
    database = _open(settings)
    return worker.main(settings, database, options.parent, _opener(settings), options.number)


def _opener(settings: Settings) -> cluster.Opener:
    if not settings.dask:
        return partial(open_default_analyzer, settings)
    from clinic.worker import cluster  # not at the top: it loads torch, and most commands need none

    return cluster.opener(settings.dask)


def _reanalyse(options: argparse.Namespace) -> int:
    settings = own_clinic()
    who = access.CONSOLE
    with closing(_open(settings)) as database:
        patient_id = reanalysis.find_patient(database, who, options.patient) if options.patient else None
        if options.what == "start":
            print(reanalysis.start(database, settings, who, patient_id).sentence)
            return 0
        standings = [one for one in reanalysis.standings(database, who) if patient_id in (None, one.patient_id)]
        if not standings:
            print("No reanalysis is under way.")
        for standing in standings:
            if options.what in ("pause", "resume"):
                reanalysis.pause(database, who, standing.id, options.what == "pause")
            elif options.what == "cancel":
                reanalysis.cancel(database, settings, who, standing.id)
            print(reanalysis.standing(database, who, standing.id).sentence)
    return 0


def _selftest(options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    settings = own_clinic()
    store_check.require_address(settings)
    _open(settings).close()
    verdict = selftest.check(_opener(settings), settings)
    print(verdict.sentence)
    return 0 if verdict.sound else 1


def _migrate(options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    settings = own_settings()
    _open(settings).close()
    print("The database is up to date.")
    return 0


def _export(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with closing(_open(settings)) as database:
        exports.export_to(database, settings, access.CONSOLE, options.patient, options.file)
    print("The archive is written. It is not encrypted: keep it where nobody else reads it.")
    return 0


def _import(options: argparse.Namespace) -> int:
    # What the system forbids goes on as it is: its sentence names the file and the account.
    try:
        mode = options.file.stat().st_mode
    except FileNotFoundError:
        raise FerError(f"This file does not exist: {options.file}.", "file_unreadable") from None
    # A pipe, or a device without an end, is no archive.
    if not stat.S_ISREG(mode):
        raise FerError(f"It can't be read: {options.file} is no file. Please name an archive.", "file_unreadable")
    file = options.file.open("rb")
    settings = own_settings()
    with file, closing(_open(settings)) as database:
        patient_id = imports.import_patient(database, settings, access.CONSOLE, file)
        found = imports.doubles_of(database, patient_id)
    print(f"Added patient {patient_id}.")
    for sentence in found:
        print(f"{sentence} {words.MAYBE_ONE_PERSON}")
    return 0


def _import_folder(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with closing(_open(settings)) as database:
        lines = folders.bring_by_console(database, settings, options.folder, options.patient, _print_line)
    whose = f" Patient: {options.patient}." if options.patient else ""
    print(f"{folders.counted(lines)}.{whose}" if lines else "There is no file in this folder.")
    return 1 if not lines or any(line.result is folders.Result.REFUSED for line in lines) else 0


def _print_line(line: folders.FileResult) -> None:
    print(f"{line.result:14} {line.name}: {line.sentence}")


def _demo(options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    settings = own_settings()
    own = settings.as_demo()
    migrate(own.database_url)
    database = open_database(own.database_url)
    keyring.settle(database, own)
    added = demo.fill(database, (*demo_people.PEOPLE, demo_people.LONG))
    password = demo.add_account(database)
    database.close()
    print(f"Added: {counted(added, 'invented patient')}." if added else "The invented patients exist already.")
    print(f"Sign in with the name {demo.ACCOUNT} and the password {password}")
    return 0


def _audit(options: argparse.Namespace) -> int:  # noqa: ARG001 same form as the others
    settings = own_clinic()
    with closing(_open(settings)) as database:
        verdict = audit.verify(database)
    print(verdict.sentence)
    return 0 if verdict.first_bad is None else 1


def _reset_password(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with closing(_open(settings)) as database:
        password = accounts.reset_by_console(database, options.name)
    print(f"The new password, to be changed at the next sign-in: {password}")
    return 0


def _reset_second_step(options: argparse.Namespace) -> int:
    settings = own_clinic()
    with closing(_open(settings)) as database:
        totp.reset_by_console(database, options.name)
    print("The account signs in with only its password until its owner turns the second step on again.")
    return 0


def _open(settings: Settings) -> Database:
    # In the middle of a restore it would find no tables, and make some, and a key.
    with beginning(settings.data_dir):
        key_folder.refuse_taken(settings)
        migrate(settings.database_url)
        database = open_database(settings.database_url)
        keyring.settle(database, settings)
        zones.take_setting(database, settings)
    return database


if __name__ == "__main__":
    # What it writes belongs to this account alone, whatever the mask of the shell is.
    os.umask(0o077)
    sys.exit(main())
