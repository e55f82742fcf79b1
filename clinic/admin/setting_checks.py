"""What the environment names: variables that are no settings, and files and folders that are not there."""

from __future__ import annotations

import os
from pathlib import Path

from clinic.admin.findings import Finding, Level
from clinic.environment import unknown, variable
from clinic.settings import Settings
from fer_core.errors import FerError, ModelError
from fer_core.model.model_card import ModelCard

FOLDERS = ("import_dir", "training_dir")
SWEPT = ("uploads", "work", "media", "downloads", "training")
"""Folders of the data folder that the program keeps clean."""
PLACES = tuple(map(variable, ("data_dir", "key_dir", "backup_dir", "media_url", "model", *FOLDERS)))


def names() -> Finding:
    """Return whether each variable that looks like a setting is one."""
    strange = unknown(os.environ)
    if not strange:
        return Finding("settings", Level.OK, "Every FER_ variable is one that this program knows.")
    said = "; ".join(f"{name} (do you mean {near}?)" if near else name for name, near in strange.items())
    return Finding(
        "settings",
        Level.WARNING,
        f"These variables are not settings, and do nothing: {said}.",
        "Correct their names, or remove them.",
    )


def paths(settings: Settings) -> Finding:
    """Return whether the model and the folders that the environment names are there."""
    name = "named files"
    if relative := sorted(named for named in PLACES if _is_relative(os.environ.get(named) or "/")):
        return Finding(
            name,
            Level.WARNING,
            f"Not the whole path: {', '.join(relative)}. Each command takes it from the folder in which it is called.",
            "Name the path from / on; ~ stands for no home folder there.",
        )
    if settings.model is not None and not settings.model.is_file():
        return Finding(
            name,
            Level.BROKEN,
            f"The model that FER_MODEL names is not there: {settings.model}.",
            "Name its card, or unset FER_MODEL.",
        )
    if settings.model is not None and not _is_card(settings.model):
        said = f"The file that FER_MODEL names is not a model's card: {settings.model}. Nothing is analysed."
        return Finding(name, Level.BROKEN, said, "Name a card (JSON), or unset FER_MODEL.")
    for field in FOLDERS:
        folder: Path | None = getattr(settings, field)
        if folder is not None and not folder.is_dir():
            said = f"The folder that {variable(field)} names is not there: {folder}."
            return Finding(name, Level.WARNING, said, f"Make it, or unset {variable(field)}.")
    return Finding(name, Level.OK, "The model and the folders that are set to be read are there.")


def _is_card(path: Path) -> bool:
    try:
        ModelCard.load(path)
    except ModelError:
        return False
    return True


def _is_relative(place: str) -> bool:
    # The media store may be an address with a scheme; fsspec joins several by ::.
    return not (place.startswith("/") or "://" in place or "::" in place)


def within(inner: Path, outer: Path) -> bool:
    """Return whether a folder is another one or lies in it, also by a link."""
    return outer.resolve() in (inner.resolve(), *inner.resolve().parents)


def refuse_swept(settings: Settings, folder: Path) -> None:
    """Refuse backups in a folder that the program itself keeps clean. Raises FerError ``no_backup_dir``."""
    for name in SWEPT:
        if within(folder, settings.data_dir / name):
            raise FerError(
                f"{settings.data_dir / name} is the program's own: it deletes there what it doesn't know. Please name"
                " another folder, on another disk.",
                "no_backup_dir",
            )


def too_near(settings: Settings, folder: Path) -> str | None:
    """Return why a folder is no safe place for backups, None where nothing is known against it."""
    if within(folder, settings.key_dir):
        return "The backups lie in the key folder, beside the key that opens them."
    if within(folder, settings.data_dir):
        return "The backups lie in the data folder, so that both are lost together."
    return None
