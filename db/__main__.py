"""Back a SQLite database up, bring a backup back, or move a clinic: ``python -m db backup|restore|copy``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from db.backup import backup, restore
from db.transfer import transfer
from fer_core.errors import FerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit code 2 for a refusal."""
    options = _parser().parse_args(arguments)
    try:
        counts = options.run(options)
    except FerError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return 2
    print(", ".join(f"{name}: {count} rows" for name, count in counts.items()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m db", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, work in (("backup", _backup), ("restore", _restore)):
        command = commands.add_parser(name, help=f"{name} a SQLite database")
        command.add_argument("database", type=Path, help="the database's file, clinic.db in the data folder")
        command.add_argument("copy", type=Path, help="the backup's file")
        command.set_defaults(run=work)
    move = commands.add_parser("copy", help="copy a whole clinic to an empty database of another kind or place")
    move.add_argument(
        "--to",
        required=True,
        metavar="URL",
        help="such as postgresql+psycopg://USER@HOST/DATABASE, the password in ~/.pgpass",
    )
    move.add_argument(
        "--from", dest="source", metavar="URL", default=_own_url(), help="by default the clinic's own database"
    )
    move.set_defaults(run=_copy)
    return parser


def _own_url() -> str | None:
    folder = os.environ.get("FER_DATA_DIR")
    return os.environ.get("FER_DATABASE_URL") or (
        f"sqlite:///{Path(folder).absolute() / 'clinic.db'}" if folder else None
    )


def _backup(options: argparse.Namespace) -> dict[str, int]:
    return backup(options.database, options.copy)


def _restore(options: argparse.Namespace) -> dict[str, int]:
    return restore(options.copy, options.database)


def _copy(options: argparse.Namespace) -> dict[str, int]:
    """Copy, print each table's hash, and return its rows."""
    if options.source is None:
        raise FerError("Please name the database to copy with --from, or set FER_DATA_DIR.", "no_database")
    copied = transfer(options.source, options.to)
    for name, digest in copied.items():
        print(f"{digest.sha256}  {name}")
    return {name: digest.rows for name, digest in copied.items()}


if __name__ == "__main__":
    sys.exit(main())
