"""Back up a SQLite database, restore it, or move a clinic to another database: ``python -m backup --help``."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from backup.archive import Secret, is_sealed, lost_media, opened_backup, seal_backup
from backup.attached import Stores, waiting
from backup.backup import backup
from backup.restoring import known_erasures, restore_file
from backup.stopped import nobody_at_work
from backup.transfer import transfer
from db.copies import check, sqlite_path
from db.faults import explained
from fer_core.errors import FerError
from fer_core.pipes import end_quietly
from storage.owner import refuse_folder_of_another


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit code 2 for a refusal."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError as error:
        return end_quietly(error)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        print(f"{known.message} ({known.code})", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backup", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, work, meaning in (
        ("backup", _backup, "copy a SQLite database, encrypted, also while others write to it"),
        ("restore", _restore, "restore a backup; erased patients stay erased"),
        ("verify", _verify, "unpack a backup and say whether it is complete"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("database", type=_file, help="the database's file, clinic.db in the data folder")
        command.add_argument("copy", type=Path, help="the backup's file")
        _add_secrets(command)
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


def _file(text: str) -> Path:
    # Unlike the one of a path, it says no to a name that is too long.
    if not text or os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"{text or 'nothing'} is a folder; please name the database's file in it")
    return Path(text)


def _own_url() -> str | None:
    folder = os.environ.get("FER_DATA_DIR")
    return os.environ.get("FER_DATABASE_URL") or (
        f"sqlite:///{Path(folder).absolute() / 'clinic.db'}" if folder else None
    )


def _add_secrets(command: argparse.ArgumentParser) -> None:
    secret = command.add_mutually_exclusive_group()
    secret.add_argument("--passphrase-file", type=Path, help="its first line; without any option you are asked")
    secret.add_argument("--key-file", type=Path, help="64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    secret.add_argument("--unencrypted", action="store_true", help="write a plain copy of the database")
    command.add_argument("--media", help="the media store (default: FER_MEDIA_URL, or media beside the database)")
    command.add_argument("--without-erasures", action="store_true", help="the list of erased data is permanently lost")
    command.add_argument(
        "--erased", type=Path, help="the list of what was erased (default: erased.jsonl beside the master key)"
    )


def _backup(options: argparse.Namespace) -> None:
    if options.unencrypted:
        _say(backup(options.database, options.copy))
        return
    before = waiting(options.database) if options.database.is_file() else frozenset()
    manifest = seal_backup(options.database, options.copy, _secret(options, twice=True), _stores(options))
    # What was analysed meanwhile needs its file no more.
    gone = (before & waiting(options.database)) - {file.name.removeprefix("media/") for file in manifest.media}
    if gone:
        raise FerError(
            f"{options.copy} holds the database, but files that analyses wait for are not in the media store:"
            f" {len(gone)}. Please check --media or FER_MEDIA_URL, and that its disk or share is mounted.",
            "files_missing",
        )
    _say(manifest.tables)
    size = sum(file.size for file in manifest.media)
    print(
        f"files: {len(manifest.media)} of {size / 1e6:.1f} MB, sealed. The backup was unpacked again and is complete."
    )


def _restore(options: argparse.Namespace) -> None:
    refuse_folder_of_another(options.database.absolute().parent)
    known = known_erasures(_erased(options), options.without_erasures)
    sealed = options.copy.is_file() and is_sealed(options.copy)
    secret = _secret(options) if sealed else None
    folder = options.database.absolute().parent
    # Of two restores into a new folder one is refused, too.
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with nobody_at_work(folder):
        found = restore_file(options.copy, secret, options.database, _stores(options), known)
    _say(found.tables)
    if found.kept is not None:
        print(f"The database that was there before is kept as {found.kept}.")
    if sealed:
        print(f"files: {found.files} of {found.files_in_backup} restored; the others belong to what was erased.")


def _verify(options: argparse.Namespace) -> None:
    with opened_backup(options.copy, _secret(options), options.database) as found:
        if check(found.copy) != found.manifest.tables:
            raise FerError("Rows are missing in this backup.", "backup_damaged")
    _say(found.manifest.tables)
    lost = lost_media(found.manifest, _stores(options))
    print(f"files: {len(found.manifest.media)} in the backup, {len(lost)} of them no longer beside the database.")


def _say(counts: dict[str, int]) -> None:
    print(", ".join(f"{name}: {count:,} {'row' if count == 1 else 'rows'}" for name, count in counts.items()))


def _secret(options: argparse.Namespace, twice: bool = False) -> Secret:
    """Return the key or passphrase of the options, or ask for a passphrase."""
    if options.key_file is not None:
        return Secret.read_key(options.key_file)
    if options.passphrase_file is not None:
        return Secret.read_passphrase(options.passphrase_file)
    with warnings.catch_warnings():
        # Without a terminal it would warn, and go on to read what nobody types.
        warnings.simplefilter("error", getpass.GetPassWarning)
        passphrase = getpass.getpass("Passphrase of the backup: ")
        if twice and getpass.getpass("The same again: ") != passphrase:
            raise FerError("The two passphrases differ.", "passphrases_differ")
    return Secret(passphrase=passphrase)


def _stores(options: argparse.Namespace) -> Stores:
    folder = options.database.absolute().parent
    return Stores(str(options.media or os.environ.get("FER_MEDIA_URL") or folder / "media"), folder / "work")


def _erased(options: argparse.Namespace) -> Path:
    if options.erased is not None:
        return Path(options.erased)
    folder = options.database.absolute().parent
    keys = os.environ.get("FER_KEY_DIR") or folder.with_name(f"{folder.name}-keys")
    return Path(keys) / "erased.jsonl"


def _copy(options: argparse.Namespace) -> None:
    """Copy, and print each table's hash and rows."""
    if options.source is None:
        raise FerError("Please name the database to copy with --from, or set FER_DATA_DIR.", "no_database")
    target = sqlite_path(options.to)
    if target is not None:
        refuse_folder_of_another(target.absolute().parent)
    with nobody_at_work(options.source, options.to):
        copied = transfer(options.source, options.to)
    for name, digest in copied.items():
        print(f"{digest.sha256}  {name}")
    _say({name: digest.rows for name, digest in copied.items()})


if __name__ == "__main__":
    # What it writes belongs to this account alone, whatever the mask of the shell is.
    os.umask(0o077)
    sys.exit(main())
