"""Where things are kept and how much may be taken: read from the environment once, handed on as a value."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_data_path

from fer_core.errors import FerError

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation.

    `data_dir`: everything that is kept lies under it. `database_url`: a SQLAlchemy URL. `demo`: invented patients, in
    a folder and database of their own. `behind_tls`: a proxy in front speaks TLS, so that cookies are for TLS alone.
    `max_upload_bytes`: the largest file taken; `min_free_bytes`: what has to stay free on the disk. `keep_files`: what
    was analysed stays, as it was handed in, so that a new model can look at it. `dask`: the address of a scheduler,
    whose machines analyse; None: this machine does.
    """

    data_dir: Path
    database_url: str
    demo: bool = False
    behind_tls: bool = False
    max_upload_bytes: int = 4096 * MEBIBYTE
    min_free_bytes: int = 512 * MEBIBYTE
    keep_files: bool = False
    dask: str | None = None

    @classmethod
    def at(cls, data_dir: Path, demo: bool = False) -> Settings:
        """Return the settings of a folder with its own SQLite database."""
        data_dir = data_dir.absolute()
        return cls(data_dir, f"sqlite:///{data_dir / 'clinic.db'}", demo=demo)

    @classmethod
    def from_environment(cls) -> Settings:
        """Read ``FER_DATA_DIR``, ``FER_DATABASE_URL``, ``FER_DEMO``, ``FER_BEHIND_TLS``, ``FER_KEEP_FILES`` and
        ``FER_DASK``.

        Without the first, everything lies in a folder of the user's own. The folder is made where it is missing, for
        this user alone. With ``FER_DEMO=1`` everything is in its subfolder ``demo``, and a database URL for real
        patients is left alone.

        Raises FerError ``data_folder`` where the folder can't be made.
        """
        named = os.environ.get("FER_DATA_DIR")
        root = Path(named) if named else user_data_path("expression-history", appauthor=False)
        demo = os.environ.get("FER_DEMO") == "1"
        settings = cls.at(root / "demo" if demo else root, demo)
        _make(settings.data_dir)
        settings = replace(settings, behind_tls=os.environ.get("FER_BEHIND_TLS") == "1")
        url = os.environ.get("FER_DATABASE_URL")
        return replace(
            settings,
            database_url=url if url and not demo else settings.database_url,
            keep_files=os.environ.get("FER_KEEP_FILES") == "1",
            dask=os.environ.get("FER_DASK") or None,
        )

    def as_demo(self) -> Settings:
        """Return the settings of the demo beside this installation; its folder is made."""
        if self.demo:
            return self
        found = Settings.at(self.data_dir / "demo", demo=True)
        _make(found.data_dir)
        return found


def _make(folder: Path) -> None:
    """Make the folder where it is missing, for this user alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        raise FerError(
            "The folder for the data can't be made. Please check FER_DATA_DIR and the rights on that folder.",
            "data_folder",
        ) from None
