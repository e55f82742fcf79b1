"""What is shown while an analysis runs: small pictures and boxes in ``data_dir/work/<recording id>``, soon deleted.

They show faces, so that they lie there sealed like the files they come from.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from clinic import clock
from clinic.settings import Settings
from fer_core.errors import MediaError
from fer_core.media.image import read_image
from fer_core.media.pixelate import show_alone
from fer_core.types import RGB, Box, FaceExpression
from storage.media import open_store
from storage.sealed import open_bytes, seal_bytes
from storage.wrapping import Key, SealError, rewrap_file

log = logging.getLogger(__name__)

JPEG_QUALITY = 80
THUMBNAIL_PX = 160
THUMBNAIL_MARGIN = 0.3
"""Share of the box's size that is added on each side, so that hair and shoulders help to recognise the person."""
VIEWS_MOST = 12
"""So many small pictures of one face along the video are kept; beyond that, every second one goes."""
PREVIEW_AGE_S = 24 * 3600.0
PREVIEW = "preview"
UNKNOWN_WHOSE = "unknown_whose"
"""The status of a face whose labels are hidden, because nobody has chosen the patient's face yet."""


@dataclass(frozen=True, slots=True)
class PreviewFace:
    """A face of the preview: its box in px of the preview picture, its status and probabilities in `Emotion` order."""

    box: Box
    track: int
    status: str
    probabilities: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class StoredPreview:
    """The latest sampled frame that was kept: its JPEG, its time in seconds and its faces.

    `several`: more than one face was seen by then, so it is not known yet which is the patient's. `size_px`: width
    and height of the picture.
    """

    jpeg: bytes
    time_s: float
    faces: tuple[PreviewFace, ...]
    several: bool = False
    size_px: tuple[int, int] | None = None

    @property
    def shown_px(self) -> tuple[int, int]:
        """Width and height of the picture; one of an earlier release doesn't say, and is read. Raises MediaError."""
        if self.size_px is not None:
            return self.size_px
        height, width = read_image(io.BytesIO(self.jpeg)).shape[:2]
        return width, height

    def without_labels(self) -> StoredPreview:
        """Return the same picture with boxes only, without any label."""
        unnamed = tuple(replace(face, status=UNKNOWN_WHOSE, probabilities=None) for face in self.faces)
        return replace(self, faces=unnamed)

    def of_patient(self, tracks: Collection[int]) -> StoredPreview | None:
        """Return the picture with the patient's face alone, all around it pixelated; None where it is not in it.

        A bystander whose face was not detected is around it too.
        """
        kept = tuple(face for face in self.faces if face.track in tracks)
        others = [face.box for face in self.faces if face.track not in tracks]
        if not kept:
            return None
        jpeg = _of_faces(self.jpeg, [face.box for face in kept], others)
        return StoredPreview(jpeg, self.time_s, kept, size_px=self.size_px)


def work_dir(settings: Settings, recording_id: str) -> Path:
    """Return the recording's working folder (not made yet). Raises ValueError for what is no id."""
    if not re.fullmatch(r"[0-9a-f]{32}", recording_id):
        raise ValueError("not a recording's id")
    return settings.data_dir / "work" / recording_id


def write_preview(
    settings: Settings,
    recording_id: str,
    time_s: float,
    rgb: RGB,
    faces: Sequence[FaceExpression],
    several: bool = False,
) -> None:
    """Replace the preview in one step; `several`: more than one face was seen so far."""
    seen = tuple(_preview_face(face) for face in faces)
    height, width = rgb.shape[:2]
    shown = StoredPreview(_jpeg(Image.fromarray(rgb)), time_s, seen, several, (width, height))
    _write_preview(settings, recording_id, shown)


def keep_patient(settings: Settings, recording_id: str, tracks: Collection[int]) -> None:
    """Reduce the preview to the patient's face, or delete it where the patient is not in it, and all thumbnails."""
    remove_thumbnails(settings, recording_id)
    try:
        stored = read_preview(settings, recording_id)
        kept = stored.of_patient(tracks) if stored is not None else None
        if kept is not None:
            _write_preview(settings, recording_id, kept)
            return
    except (OSError, SealError, MediaError):
        log.warning("the preview of recording %s can't be reduced to the patient; it is deleted", recording_id)
    remove(settings, recording_id)


def read_preview(settings: Settings, recording_id: str) -> StoredPreview | None:
    """Return the latest preview, or None while there is none. Raises SealError."""
    content = _read(settings, recording_id, PREVIEW)
    if content is None:
        return None
    head, _, jpeg = content.partition(b"\n")
    fields = json.loads(head)
    faces = tuple(_from_json(face) for face in fields["faces"])
    size = fields.get("size_px")
    several = fields.get("several", len(faces) > 1)
    return StoredPreview(jpeg, fields["time_s"], faces, several, None if size is None else (size[0], size[1]))


def write_thumbnail(
    settings: Settings, recording_id: str, track: int, rgb: RGB, box: Box, at_s: float | None = None
) -> None:
    """Keep a small picture of one face, by which the clinician recognises the person.

    `at_s`: the moment, of one of several along the video; None: the best one of all.
    """
    height, width = rgb.shape[:2]
    margin_x, margin_y = box.width * THUMBNAIL_MARGIN, box.height * THUMBNAIL_MARGIN
    left, top = max(0, int(box.left - margin_x)), max(0, int(box.top - margin_y))
    right, bottom = min(width, int(box.right + margin_x) + 1), min(height, int(box.bottom + margin_y) + 1)
    if left >= right or top >= bottom:
        return
    picture = Image.fromarray(rgb[top:bottom, left:right])
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    _write(settings, recording_id, _track(track, at_s), _jpeg(picture))
    if at_s is not None:
        _thin(settings, recording_id, track)


def thumbnail(settings: Settings, recording_id: str, track: int) -> bytes | None:
    """Return the small picture of a track as JPEG, or None where none was kept. Raises SealError."""
    return _read(settings, recording_id, _track(track))


def views(settings: Settings, recording_id: str, track: int) -> list[tuple[float, bytes]]:
    """Return the small pictures of a track along the video: the moment in seconds and a JPEG each. Raises SealError."""
    read = (
        (at_s, _read(settings, recording_id, _track(track, at_s))) for at_s in _moments(settings, recording_id, track)
    )
    return [(at_s, jpeg) for at_s, jpeg in read if jpeg is not None]


def split(settings: Settings, recording_id: str, track: int, at_s: float, new: int) -> None:
    """Give the pictures of a track from a moment on to the track `new`.

    Of the best picture of all it isn't known when it was taken, so that it goes.
    """
    folder = work_dir(settings, recording_id)
    (folder / _track(track)).unlink(missing_ok=True)
    for moment_s in _moments(settings, recording_id, track):
        jpeg = _read(settings, recording_id, _track(track, moment_s))
        if moment_s >= at_s and jpeg is not None:
            _write(settings, recording_id, _track(new, moment_s), jpeg)
            (folder / _track(track, moment_s)).unlink(missing_ok=True)
    stored = read_preview(settings, recording_id)
    if stored is not None and stored.time_s >= at_s:
        faces = tuple(replace(face, track=new) if face.track == track else face for face in stored.faces)
        _write_preview(settings, recording_id, replace(stored, faces=faces))


def remove(settings: Settings, recording_id: str) -> None:
    """Delete the recording's previews and thumbnails."""
    shutil.rmtree(work_dir(settings, recording_id), ignore_errors=True)


def remove_thumbnails(settings: Settings, recording_id: str) -> None:
    """Delete the thumbnails, once the patient's face is chosen."""
    for path in work_dir(settings, recording_id).glob("track-*"):
        path.unlink(missing_ok=True)


def sweep(settings: Settings, keep: frozenset[str], older_than_s: float = PREVIEW_AGE_S) -> int:
    """Delete working folders older than `older_than_s`, save those of the recordings in `keep`; return how many."""
    root = settings.data_dir / "work"
    if not root.exists():
        return 0
    stale = [path for path in root.iterdir() if path.name not in keep and clock.file_age_s(path) > older_than_s]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


def _preview_face(expression: FaceExpression) -> PreviewFace:
    face = expression.face
    return PreviewFace(face.box, face.track, expression.status.value, expression.probabilities)


def _write_preview(settings: Settings, recording_id: str, preview: StoredPreview) -> None:
    """Write a preview as a line of JSON and its picture."""
    content = {
        "time_s": preview.time_s,
        "several": preview.several,
        "size_px": preview.size_px,
        "faces": [asdict(face) for face in preview.faces],
    }
    _write(settings, recording_id, PREVIEW, json.dumps(content).encode() + b"\n" + preview.jpeg)


def _from_json(content: dict[str, Any]) -> PreviewFace:
    probabilities = content["probabilities"]
    return PreviewFace(
        Box(**content["box"]),
        content["track"],
        content["status"],
        None if probabilities is None else tuple(probabilities),
    )


def _of_faces(jpeg: bytes, faces: Sequence[Box], others: Sequence[Box]) -> bytes:
    picture = Image.fromarray(read_image(io.BytesIO(jpeg)))
    show_alone(picture, faces, others)
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=JPEG_QUALITY)
    return written.getvalue()


def rewrap(settings: Settings, old: Key, new: Key) -> Iterator[bool]:
    """Make `new` open all previews in place of `old`; yield for each whether one of the two opens it."""
    for path in sorted((settings.data_dir / "work").glob("*/*")):
        if path.suffix in (".part", ".rewrap"):
            path.unlink(missing_ok=True)
            continue
        try:
            rewrap_file(path, old, new, _context(path.parent.name, path.name))
        except SealError:
            yield False
        else:
            yield True


def _track(track: int, at_s: float | None = None) -> str:
    return f"track-{track}" if at_s is None else f"track-{track}-at-{round(at_s * 1000)}"


def _moments(settings: Settings, recording_id: str, track: int) -> list[float]:
    """Return the moments of the small pictures of a track along the video, in seconds."""
    begin = f"{_track(track)}-at-"
    names = [path.name for path in work_dir(settings, recording_id).glob(f"{begin}*")]
    return sorted(int(name.removeprefix(begin)) / 1000 for name in names if name.removeprefix(begin).isdecimal())


def _thin(settings: Settings, recording_id: str, track: int) -> None:
    found = _moments(settings, recording_id, track)
    if len(found) > VIEWS_MOST:
        for moment_s in found[1::2]:
            (work_dir(settings, recording_id) / _track(track, moment_s)).unlink(missing_ok=True)


def _write(settings: Settings, recording_id: str, name: str, content: bytes) -> None:
    """Replace a sealed file in one step, so that a reader never sees half."""
    folder = work_dir(settings, recording_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = folder / f"{name}.part"
    beside.write_bytes(seal_bytes(content, open_store(settings).key, _context(recording_id, name)))
    os.replace(beside, folder / name)


def _read(settings: Settings, recording_id: str, name: str) -> bytes | None:
    try:
        sealed = (work_dir(settings, recording_id) / name).read_bytes()
    except FileNotFoundError:
        return None
    return open_bytes(sealed, open_store(settings).key, _context(recording_id, name))


def _context(recording_id: str, name: str) -> bytes:
    """Return what a picture is bound to: it can't stand for that of another face or recording."""
    return f"preview {recording_id} {name}".encode()
