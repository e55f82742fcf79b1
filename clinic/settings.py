"""Folders and limits: read from the environment once, passed on as a value."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platformdirs import user_data_path

from fer_core.errors import FerError
from storage.sealed import KEY_BYTES

MEBIBYTE = 1024 * 1024
MIN_TOKEN = 32


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days each class of data is kept; None: until someone deletes it.

    `patients_days`: a patient after the last recording. `recordings_days`: a recording with its results.
    `samples_days`: the results moment by moment, without the recording's summary. `copies_days`: copies of the
    database that a migration or a restore kept beside it.
    """

    patients_days: int | None = None
    recordings_days: int | None = None
    samples_days: int | None = None
    copies_days: int | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """Where else accounts may sign in (OpenID Connect): the issuer's URL, and what it calls this program."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation.

    `data_dir`: everything that is kept lies under it, save the master key. `database_url`: a SQLAlchemy URL. `demo`:
    invented patients, in a folder and database of their own. `behind_tls`: a proxy in front speaks TLS, so that cookies
    are for TLS alone, and the server may listen beyond this computer.

    `max_upload_bytes`: the largest file taken; `quota_bytes`: the most that all files together may take;
    `min_free_bytes`: what has to stay free on the disk. `keep_files`: what was analysed stays, as it was handed in, so
    that a new model can look at it. `dask`: the address of a scheduler, whose machines analyse; None: this machine's.

    `media_url`: where the sealed files lie, an fsspec URL or a folder (default: in `data_dir`). `key_dir`: where the
    master key lies and which patients were erased (default: beside `data_dir`, so that a copy of that folder doesn't
    hold them). `master_key`: the master key itself, where it is not kept in a file. `retention`: when what is old goes.

    `need_second_step`: nothing opens to an account before its second step is on. `provider`: where else accounts may
    sign in, None where nowhere. `import_dir`: the folder whose folders an administrator may bring in from a page.

    `model`: the card of the model that analyses, None for the one that comes with the program.
    `timezone`: the clinic's time zone where the environment sets it; otherwise an administrator chooses it on a page.
    `own_worker`: the web process starts a worker beside itself. `backup_dir`: where the daily backups lie.
    `metrics_token`: who shows it may read ``/metrics``; None: nobody.
    """

    data_dir: Path
    database_url: str
    demo: bool = False
    behind_tls: bool = False
    max_upload_bytes: int = 4096 * MEBIBYTE
    min_free_bytes: int = 512 * MEBIBYTE
    keep_files: bool = False
    dask: str | None = None
    quota_bytes: int = 64 * 1024 * MEBIBYTE
    media_url: str = ""
    key_dir: Path = Path()
    master_key: bytes | None = field(default=None, repr=False)
    retention: Retention = Retention()
    need_second_step: bool = False
    provider: Provider | None = None
    import_dir: Path | None = None
    model: Path | None = None
    timezone: str | None = None
    backup_dir: Path | None = None
    metrics_token: str | None = field(default=None, repr=False)
    own_worker: bool = True

    def __post_init__(self) -> None:
        if not self.media_url:
            object.__setattr__(self, "media_url", str(self.data_dir / "media"))
        if self.key_dir == Path():
            object.__setattr__(self, "key_dir", self.data_dir.with_name(f"{self.data_dir.name}-keys"))

    @property
    def erasures_path(self) -> Path:
        """The list of what was erased (see backup/erasures.py)."""
        return self.key_dir / "erased.jsonl"

    @classmethod
    def at(cls, data_dir: Path, demo: bool = False) -> Settings:
        """Return the settings of a folder with its own SQLite database."""
        data_dir = data_dir.absolute()
        return cls(data_dir, f"sqlite:///{data_dir / 'clinic.db'}", demo=demo)

    @classmethod
    def from_environment(cls, make: bool = True) -> Settings:
        """Read the environment's ``FER_`` variables; docs/operations.md lists them.

        A missing data folder is made, unless `make` is False.

        With ``FER_DEMO=1`` everything is in its subfolder ``demo``, and what is named for real patients is left alone.

        Raises FerError ``data_folder`` where the folder can't be made, ``bad_setting`` for a value of no use.
        """
        named = os.environ.get("FER_DATA_DIR")
        root = Path(named) if named else user_data_path("expression-history", appauthor=False)
        limits = _limits()
        if os.environ.get("FER_DEMO") == "1":
            settings = replace(cls.at(root).as_demo(make), **limits)
        else:
            settings = replace(cls.at(root), **limits, **_named())
        if make:
            _make(settings.data_dir)
        return replace(
            settings,
            behind_tls=os.environ.get("FER_BEHIND_TLS") == "1",
            keep_files=os.environ.get("FER_KEEP_FILES") == "1",
            dask=os.environ.get("FER_DASK") or None,
            model=named_model(),
            timezone=os.environ.get("FER_TIMEZONE") or None,
            metrics_token=_token(),
            own_worker=os.environ.get("FER_OWN_WORKER") != "0",
        )

    def as_demo(self, make: bool = True) -> Settings:
        """Return the settings of the demo beside this installation; its folder is made, unless `make` is False."""
        if self.demo:
            return self
        found = replace(Settings.at(self.data_dir / "demo", demo=True), key_dir=self.key_dir / "demo")
        if make:
            _make(found.data_dir)
        return found


def _named() -> dict[str, Any]:
    """Return what the environment names of an installation with real patients."""
    found: dict[str, Any] = {
        "database_url": os.environ.get("FER_DATABASE_URL"),
        "media_url": os.environ.get("FER_MEDIA_URL"),
        "provider": _provider(),
        "need_second_step": os.environ.get("FER_NEED_TOTP") == "1",
    }
    if folder := os.environ.get("FER_KEY_DIR"):
        found["key_dir"] = Path(folder).absolute()
    if folder := os.environ.get("FER_IMPORT_DIR"):
        found["import_dir"] = Path(folder).resolve()
    if folder := os.environ.get("FER_BACKUP_DIR"):
        found["backup_dir"] = Path(folder).absolute()
    found |= named_key()
    found["retention"] = Retention(
        patients_days=_days("FER_KEEP_PATIENTS_DAYS"),
        recordings_days=_days("FER_KEEP_RECORDINGS_DAYS"),
        samples_days=_days("FER_KEEP_SAMPLES_DAYS"),
        copies_days=_days("FER_KEEP_COPIES_DAYS"),
    )
    return {name: value for name, value in found.items() if value}


def _provider() -> Provider | None:
    """Return the provider where the environment names one, wholly."""
    issuer, *known = (os.environ.get(f"FER_OIDC_{name}", "") for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
    if not issuer and not any(known):
        return None
    parts = urlsplit(issuer)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))
    if not secure or not parts.hostname or not all(known):
        raise FerError(
            "FER_OIDC_ISSUER must be an address with https, and FER_OIDC_CLIENT_ID and FER_OIDC_CLIENT_SECRET must be"
            " set with it.",
            "bad_setting",
        )
    return Provider(issuer.rstrip("/"), *known)


def named_key() -> dict[str, Any]:
    """Return the master key where the environment names one."""
    text = os.environ.get("FER_MASTER_KEY")
    return {"master_key": _key(text)} if text else {}


def named_model() -> Path | None:
    """Return the card of the model where the environment names one."""
    text = os.environ.get("FER_MODEL")
    return Path(text).absolute() if text else None


def _token() -> str | None:
    token = os.environ.get("FER_METRICS_TOKEN")
    if token and len(token) < MIN_TOKEN:
        raise FerError(
            f"FER_METRICS_TOKEN must have {MIN_TOKEN} characters or more: `openssl rand -hex 32` makes one.",
            "bad_setting",
        )
    return token or None


def _key(text: str) -> bytes:
    """Return the 32 bytes of a key that is written as 64 hexadecimal digits."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    # Of 32 random bytes, about 30 differ; a key typed by hand has few.
    if len(key) != KEY_BYTES or len(set(key)) < KEY_BYTES // 2:
        raise FerError(
            "The master key must be 64 random hexadecimal digits: `openssl rand -hex 32` makes one.", "weak_key"
        )
    return key


def _limits() -> dict[str, Any]:
    """Return the limits that the environment gives, in GB (10^9 bytes)."""
    names = {"max_upload_bytes": "FER_MAX_UPLOAD_GB", "quota_bytes": "FER_MEDIA_QUOTA_GB"}
    return {field: _bytes(name) for field, name in names.items() if os.environ.get(name)}


def _bytes(name: str) -> int:
    try:
        value = float(os.environ[name])
    except ValueError:
        value = -1.0
    if not 0 < value < math.inf:
        raise FerError(f"{name} must be a number of gigabytes above 0.", "bad_setting")
    return int(value * 1e9)


def _days(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise FerError(f"{name} must be a number of days, 1 or more.", "bad_setting")
    return int(text)


def _make(folder: Path) -> None:
    """Make the folder where it is missing, for this user alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        raise FerError(
            "The folder for the data can't be made. Please check FER_DATA_DIR and the rights on that folder.",
            "data_folder",
        ) from None
