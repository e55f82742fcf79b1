"""Where an installation keeps its files and the key that seals them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Places(Protocol):
    """Folders, the media store's URL and the master key, as the installation's settings hold them.

    `data_dir`: previews lie in its folder ``work``. `media_url`: the sealed files, an fsspec URL or a folder.
    `key_dir`: the file of the master key. `master_key`: the key itself where it is not kept in a file (32 bytes).
    """

    @property
    def data_dir(self) -> Path: ...

    @property
    def media_url(self) -> str: ...

    @property
    def key_dir(self) -> Path: ...

    @property
    def master_key(self) -> bytes | None: ...
