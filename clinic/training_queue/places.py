"""Where trainings keep their files, and which data sets may be trained on: names in one folder, never a path."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from clinic.environment import MEBIBYTE
from clinic.settings import Settings
from fer_core.errors import FerError

LEAST_ROOM = 256 * MEBIBYTE
"""What the checkpoints and weights of a run take at most, of the recipes that are offered."""


def folder_of(settings: Settings, training_id: str) -> Path:
    """Return where a check or a run keeps what it writes."""
    return settings.data_dir / "training" / training_id


def model_card_of(settings: Settings, run_id: str, number: int) -> Path:
    """Return where the card of a run's evaluated model lies, beside its weights."""
    return folder_of(settings, run_id) / "model" / f"{model_name(number)}.json"


def model_name_in_use(run_id: str, number: int) -> str:
    """Return what the file of the models in use calls a run's model (`clinic.model_in_use`)."""
    return f"training/{run_id}/model/{model_name(number)}.json"


def own_pictures(settings: Settings, run_id: str) -> Path:
    """Return where a run on the clinic's own people keeps their pictures, sealed, until it ends."""
    return folder_of(settings, run_id) / "own.sealed"


def cutting(settings: Settings, run_id: str) -> Path:
    """Return where it stands how far the cutting of a run's own pictures is."""
    return folder_of(settings, run_id) / "cutting.json"


def forget_work(settings: Settings, run_id: str) -> None:
    """Delete what a run on own people needs while it is under way: the pictures, and weights that are no model yet."""
    of_cutting = own_pictures(settings, run_id), cutting(settings, run_id)
    for name in (*(path.name for path in of_cutting), "last.pt", "best.safetensors"):
        (folder_of(settings, run_id) / name).unlink(missing_ok=True)


def model_name(number: int) -> str:
    """Return what the model of a run is called."""
    return f"trained-{number}"


def data_sets(settings: Settings) -> list[str]:
    """Return the data sets in the folder that the settings name: folders and CSV files; no link is followed."""
    root = settings.training_dir
    if root is None or not root.is_dir():
        return []
    found = [path for path in sorted(root.iterdir()) if not path.name.startswith(".") and path.name.isprintable()]
    return [path.name for path in found if _is_data_set(path)]


def data_path(settings: Settings, name: str) -> Path:
    """Return the path of one of the `data_sets`. Raises FerError ``no_data``."""
    if settings.training_dir is None or name not in data_sets(settings):
        raise FerError("This data set is no longer there.", "no_data")
    return settings.training_dir / name


def has_room(settings: Settings) -> bool:
    """Return whether a training may begin: what it writes must not take the room of recordings."""
    return shutil.disk_usage(settings.data_dir).free >= max(settings.min_free_bytes, LEAST_ROOM)


def _is_data_set(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and path.suffix.lower() == ".csv")
