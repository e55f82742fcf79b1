"""Back a SQLite database up, or bring a backup back: ``python -m db backup|restore``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from db.backup import backup, restore
from fer_core.errors import FerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit code 2 for a refusal."""
    parser = argparse.ArgumentParser(prog="python -m db", description=__doc__)
    parser.add_argument("command", choices=("backup", "restore"))
    parser.add_argument("database", type=Path, help="the database's file, clinic.db in the data folder")
    parser.add_argument("copy", type=Path, help="the backup's file")
    options = parser.parse_args(arguments)
    try:
        if options.command == "backup":
            counts = backup(options.database, options.copy)
        else:
            counts = restore(options.copy, options.database)
    except FerError as error:
        print(error.message, file=sys.stderr)
        return 2
    print(", ".join(f"{name}: {count} rows" for name, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
