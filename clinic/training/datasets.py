"""What a check found in a data set: counts, pictures of it, and in sentences what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clinic import access
from clinic.access import Actor
from clinic.phrases import counted
from clinic.settings import Settings
from clinic.training_queue import places
from db.engine import Database
from fer_core.emotions import EMOTION_LABELS

FEW_PICTURES, RARE_SHARE = 100, 0.03
"""A class under this many training pictures, or this share of them, rests on too little."""
SPLITS = {
    "Training": "training",
    "PublicTest": "choosing the best epoch and the threshold",
    "PrivateTest": "the figures of the evaluation",
}
REASONS = {
    "also_in_test": "exact copies of test pictures",
    "photograph_in_test": "other crops of test photographs",
    "two_labels": "two labels for one picture",
    "repeat": "repeats of another training picture",
    "nearly_blank": "nearly blank",
    "not_a_face": "no face according to FER+",
}
MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class Overview:
    """A checked data set: `classes` counts pictures by split and class; `balance` and `samples` are PNG files.

    `problems`: what keeps it from being trained on; `remarks`: what to know of it; `bad_files`: one sentence for each
    file that was left out, the first `MOST_FILES` of them.
    """

    classes: dict[str, dict[str, int]]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    bad_files: tuple[str, ...]
    samples: bytes


def offered(db: Database, settings: Settings, actor: Actor) -> list[str]:
    """Return the data sets that may be trained on. Raises Forbidden ``only_administrators``."""
    with db.read() as session:
        access.require_administrator(session, actor)
    return places.data_sets(settings)


def overview(db: Database, settings: Settings, actor: Actor, check_id: str) -> Overview | None:
    """Return what a finished check found, None where its files are gone. Raises Forbidden ``only_administrators``."""
    with db.read() as session:
        access.require_administrator(session, actor)
    folder = places.folder_of(settings, check_id)
    try:
        found = json.loads((folder / "data.json").read_text("utf-8"))
        samples = (folder / "samples.png").read_bytes()
    except (OSError, ValueError):
        return None
    bad_files = tuple(map(_as_text, found["bad_files"][:MOST_FILES]))
    return Overview(found["classes"], problems(found), remarks(found), bad_files, samples)


def left_to_train_on(settings: Settings, check_id: str) -> int | None:
    """Return how many pictures a finished check leaves to train on, None where its files are gone."""
    try:
        found = json.loads((places.folder_of(settings, check_id) / "data.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return int(sum(found["classes"]["Training"].values()) - sum(found["left_out_of_training"].values()))


def _as_text(fault: str) -> str:
    """Return what an earlier version wrote without the half characters of names that are not UTF-8."""
    return fault.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def problems(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what keeps a data set from being trained on or evaluated."""
    missing = [name for name in SPLITS if not sum(found["classes"][name].values())]
    return tuple(f"There are no {name} pictures, which are needed for {SPLITS[name]}." for name in missing)


def remarks(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is worth knowing of a data set before training on it."""
    counts = found["classes"]["Training"]
    total = sum(counts.values())
    # The file of a check from before these were looked for has none of them.
    said = [
        *found.get("notes", ()),
        *(
            _of_class(label, counts[label], total)
            for label in EMOTION_LABELS
            if total and (counts[label] < FEW_PICTURES or counts[label] < RARE_SHARE * total)
        ),
    ]
    said += [
        f"{counted(count, 'training picture')} will be left out: {REASONS[reason]}."
        for reason, count in found["left_out_of_training"].items()
        if count
    ]
    said += [
        f"{counted(count, 'picture')} of {split} {'repeats' if count == 1 else 'repeat'} another one of it, and"
        f" {'counts' if count == 1 else 'count'} in {SPLITS[split]}."
        for split, count in found.get("repeats", {}).items()
        if count and split != "Training"
    ]
    said += [
        f"{counted(count, 'picture')} of {split} {'is' if count == 1 else 'are'} in the data under another label, too."
        for split, count in found.get("two_labels", {}).items()
        if count and split != "Training"
    ]
    bad = len(found["bad_files"])
    return (*said, *([f"{counted(bad, 'picture')} can't be used."] if bad else []))


def _of_class(label: str, count: int, total: int) -> str:
    if not count:
        return f"There is no training picture of {label}: no model can learn this class from it."
    share = f"{count / total:.1%}".replace("%", " %")
    return f"Only {counted(count, 'training picture')} of {label} ({share}): expect little of this class."
