"""What is shown while an analysis runs: small pictures and boxes in ``data_dir/work/<recording id>``, soon deleted."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from clinic.settings import Settings
from fer_core.types import RGB, Box, FaceExpression

JPEG_QUALITY = 80
THUMBNAIL_PX = 160
THUMBNAIL_MARGIN = 0.3
"""Share of the box's size that is added on each side, so that hair and shoulders help to tell who it is."""
PREVIEW_AGE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class PreviewFace:
    """A face of the preview: its box in px of the preview picture, its status and probabilities in `Emotion` order."""

    box: Box
    track: int
    status: str
    probabilities: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class StoredPreview:
    """The latest sampled frame that was kept: where its JPEG lies, its time in seconds and its faces."""

    path: Path
    time_s: float
    faces: tuple[PreviewFace, ...]


def work_dir(settings: Settings, recording_id: str) -> Path:
    """Return the recording's working folder (not made yet). Raises ValueError for what is no id."""
    if not re.fullmatch(r"[0-9a-f]{32}", recording_id):
        raise ValueError("not a recording's id")
    return settings.data_dir / "work" / recording_id


def write_preview(
    settings: Settings, recording_id: str, time_s: float, rgb: RGB, faces: Sequence[FaceExpression]
) -> None:
    """Replace the preview: the picture first, then the faces, each in one step, so that a reader never sees half."""
    folder = _made(work_dir(settings, recording_id))
    _replace_jpeg(folder / "preview.jpg", Image.fromarray(rgb))
    told = {"time_s": time_s, "faces": [_as_json(face) for face in faces]}
    _replace(folder / "preview.json", json.dumps(told).encode())


def read_preview(settings: Settings, recording_id: str) -> StoredPreview | None:
    """Return the latest preview, or None while there is none."""
    folder = work_dir(settings, recording_id)
    try:
        told = json.loads((folder / "preview.json").read_bytes())
    except FileNotFoundError:
        return None
    return StoredPreview(folder / "preview.jpg", told["time_s"], tuple(_from_json(face) for face in told["faces"]))


def write_thumbnail(settings: Settings, recording_id: str, track: int, rgb: RGB, box: Box) -> None:
    """Keep a small picture of one face, by which the clinician tells who it is."""
    height, width = rgb.shape[:2]
    margin_x, margin_y = box.width * THUMBNAIL_MARGIN, box.height * THUMBNAIL_MARGIN
    left, top = max(0, int(box.left - margin_x)), max(0, int(box.top - margin_y))
    right, bottom = min(width, int(box.right + margin_x) + 1), min(height, int(box.bottom + margin_y) + 1)
    if left >= right or top >= bottom:
        return
    picture = Image.fromarray(rgb[top:bottom, left:right])
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    _replace_jpeg(_made(work_dir(settings, recording_id)) / f"track-{track}.jpg", picture)


def thumbnail(settings: Settings, recording_id: str, track: int) -> Path | None:
    """Return the small picture of a track, or None where none was kept."""
    path = work_dir(settings, recording_id) / f"track-{track}.jpg"
    return path if path.exists() else None


def remove(settings: Settings, recording_id: str) -> None:
    """Delete the recording's previews and thumbnails."""
    shutil.rmtree(work_dir(settings, recording_id), ignore_errors=True)


def remove_thumbnails(settings: Settings, recording_id: str) -> None:
    """Delete the thumbnails, once it is said who is who."""
    for path in work_dir(settings, recording_id).glob("track-*.jpg"):
        path.unlink(missing_ok=True)


def sweep(settings: Settings, keep: frozenset[str], older_than_s: float = PREVIEW_AGE_S) -> int:
    """Delete working folders older than `older_than_s`, save those of the recordings in `keep`; return how many."""
    root = settings.data_dir / "work"
    if not root.exists():
        return 0
    limit = time.time() - older_than_s
    stale = [path for path in root.iterdir() if path.name not in keep and path.stat().st_mtime < limit]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


def _as_json(expression: FaceExpression) -> dict[str, Any]:
    return {
        "box": asdict(expression.face.box),
        "track": expression.face.track,
        "status": expression.status.value,
        "probabilities": expression.probabilities,
    }


def _from_json(told: dict[str, Any]) -> PreviewFace:
    probabilities = told["probabilities"]
    return PreviewFace(
        Box(**told["box"]), told["track"], told["status"], None if probabilities is None else tuple(probabilities)
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _replace_jpeg(path: Path, picture: Image.Image) -> None:
    beside = path.with_suffix(".part")
    picture.save(beside, "JPEG", quality=JPEG_QUALITY)
    os.replace(beside, path)


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".part")
    beside.write_bytes(content)
    os.replace(beside, path)
