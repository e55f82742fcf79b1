"""Folders and limits: read from the environment once, passed on as a value."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platformdirs import user_data_path

from clinic.environment import MEBIBYTE, PREFIX, ClinicEnvironment, Environment
from fer_core.errors import FerError
from storage.owner import account_name, how_to_make


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
    that a new model can look at it. `keep_faces`: of a video that does not stay, or can't be played, small pictures of
    the patient's face do. Both only with the patient's consent. `dask`: the address of a scheduler, whose machines
    analyse; None: this machine's.

    `media_url`: where the sealed files lie, an fsspec URL or a folder (default: in `data_dir`). `key_dir`: where the
    master key lies and which patients were erased (default: beside `data_dir`, so that a copy of that folder doesn't
    hold them). `master_key`: the master key itself, where it is not kept in a file. `retention`: when what is old goes.

    `need_second_step`: nothing opens to an account before its second step is on. `provider`: where else accounts may
    sign in, None where nowhere. `import_dir`: the folder whose folders an administrator may bring in from a page.

    `training_dir`: the folder whose data sets an administrator may train on from a page; `training_threads`: how many
    CPU threads a training may use; `training_nice`: how low its priority is, 0 to 19.

    `model`: the card of the model that analyses, where the environment names one (clinic/model_in_use.py).
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
    keep_faces: bool = False
    dask: str | None = None
    quota_bytes: int = 64 * 1024 * MEBIBYTE
    media_url: str = ""
    key_dir: Path = Path()
    master_key: bytes | None = field(default=None, repr=False)
    retention: Retention = Retention()
    need_second_step: bool = False
    provider: Provider | None = None
    import_dir: Path | None = None
    training_dir: Path | None = None
    training_threads: int = 1
    training_nice: int = 19
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
    def trains_on_own(self) -> bool:
        """Whether a model may be trained on the clinic's own recordings: they are kept, and there is a data set."""
        return self.keep_files and self.training_dir is not None

    @property
    def keeps_pictures(self) -> bool:
        """Whether any picture of a patient stays after its analysis, so that there is something to consent to."""
        return self.keep_files or self.keep_faces

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

        A missing data folder is made, unless `make` is False. With ``FER_DEMO=1`` everything is in its subfolder
        ``demo``, and what is named for real patients is left alone. A process reads its variables once.

        Raises FerError ``data_folder`` where the folder can't be made, ``bad_setting`` and ``weak_key`` for a value of
        no use.
        """
        named = os.environ.get("FER_DATA_DIR")
        root = Path(named) if named else user_data_path("expression-history", appauthor=False)
        # All of them are the key, so that only an environment that changed, as tests change it, is read again.
        variables = frozenset(item for item in os.environ.items() if item[0].startswith(PREFIX))
        settings = _read(variables, root.absolute())
        if make:
            _make(settings.data_dir)
        return settings

    def to_environment(self) -> dict[str, str]:
        """Return the ``FER_`` variables from which another process reads these very settings."""
        shared: dict[str, Any] = {name: getattr(self, name) for name in SHARED} | {
            "max_upload_gb": self.max_upload_bytes,
            "media_quota_gb": self.quota_bytes,
        }
        if self.demo:
            return Environment.model_construct(data_dir=self.data_dir.parent, **shared).variables()
        provider = self.provider or Provider("", "", "")
        return ClinicEnvironment.model_construct(
            **shared,
            **{name: getattr(self, name) for name in OF_A_CLINIC},
            need_totp=self.need_second_step,
            oidc_issuer=provider.issuer,
            oidc_client_id=provider.client_id,
            oidc_client_secret=provider.client_secret,
            **{f"keep_{name}": days for name, days in asdict(self.retention).items()},
        ).variables()

    def as_demo(self, make: bool = True) -> Settings:
        """Return the settings of the demo beside this installation; its folder is made, unless `make` is False."""
        if self.demo:
            return self
        beside = Settings.at(self.data_dir)
        found = replace(Settings.at(self.data_dir / "demo", demo=True), key_dir=beside.key_dir / "demo")
        if make:
            _make(found.data_dir)
        return found


SHARED = (
    *("demo", "behind_tls", "keep_files", "keep_faces", "own_worker", "dask", "model"),
    *("timezone", "metrics_token"),
    *("training_dir", "training_threads", "training_nice"),
)
OF_A_CLINIC = ("data_dir", "database_url", "media_url", "key_dir", "master_key", "import_dir", "backup_dir")
"""Settings that are called like their variables, for every installation, and for one with real patients."""


@lru_cache(maxsize=8)
def _read(_variables: frozenset[tuple[str, str]], root: Path) -> Settings:
    """Return the settings of the data folder `root` that the process's variables say."""
    read = Environment()
    settings = Settings.at(root).as_demo(make=False) if read.demo else _clinic(ClinicEnvironment(), root)
    return replace(
        settings,
        **{name: getattr(read, name) for name in SHARED},
        max_upload_bytes=read.max_upload_gb,
        quota_bytes=read.media_quota_gb,
    )


def _clinic(read: ClinicEnvironment, root: Path) -> Settings:
    """Return what is said of an installation with real patients."""
    named = {name: getattr(read, name) for name in OF_A_CLINIC if name != "data_dir"}
    return replace(
        Settings.at(root),
        **{name: value for name, value in named.items() if value is not None},
        need_second_step=read.need_totp,
        provider=_provider(read),
        retention=Retention(
            patients_days=read.keep_patients_days,
            recordings_days=read.keep_recordings_days,
            samples_days=read.keep_samples_days,
            copies_days=read.keep_copies_days,
        ),
    )


def _provider(read: ClinicEnvironment) -> Provider | None:
    """Return the provider where the environment names one, wholly."""
    issuer, known = read.oidc_issuer, (read.oidc_client_id, read.oidc_client_secret)
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


def _make(folder: Path) -> None:
    """Make the folder where it is missing, for this user alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError:
        raise FerError(f"{folder} is a file. Please name a folder with FER_DATA_DIR.", "data_folder") from None
    except OSError:
        account = account_name(os.geteuid())
        raise FerError(
            f"The account {account} can't make the folder for the data, {folder}. {how_to_make(folder)}", "data_folder"
        ) from None
