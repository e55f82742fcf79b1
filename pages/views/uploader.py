"""Choosing files and uploading them in pieces: progress, pause, resuming after an interruption, cancel."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from clinic import words
from clinic.recordings import incoming
from fer_core.errors import FerError
from fer_core.media.kinds import PICTURE_SUFFIXES, VIDEO_SUFFIXES, VIDEOS
from pages.session import actor
from web.resources import resources

ASSETS = Path(__file__).parent / "assets"

_component = st.components.v2.component(
    "uploader",
    html=(ASSETS / "uploader.html").read_text("utf-8"),
    css=(ASSETS / "uploader.css").read_text("utf-8"),
    js=(ASSETS / "uploader.js").read_text("utf-8"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be chosen: its button, the endings of the files, how they are called, and whether several are taken.

    `receives`: nothing is chosen, the live view of the same page hands over what it recorded. `most_bytes`: what the
    page takes of a file, None where only the clinic's own limit holds.
    """

    key: str
    label: str
    suffixes: tuple[str, ...]
    called: str
    many: bool = False
    receives: bool = False
    most_bytes: int | None = None

    @property
    def opened(self) -> str:
        """Where the session keeps what came of the choice: ``{"choice", "uploads", "error"}``."""
        return f"{self.key}_open"


VIDEO = Kind("video_upload", "Choose a video", VIDEO_SUFFIXES, ", ".join(kind.suffixes[0] for kind in VIDEOS).upper())
PICTURES = Kind("picture_upload", "Choose pictures", PICTURE_SUFFIXES, "JPEG, PNG, WebP, AVIF", many=True)
ARCHIVE = Kind("archive_upload", "Choose an archive", ("zip",), "ZIP")
LIVE = Kind("live_upload", "Recording", ("webm", "mp4"), "WEBM", receives=True)


def live_of(patient_id: str) -> Kind:
    """Return what takes the recordings of one patient's live view, and of no other's."""
    return replace(LIVE, key=f"{LIVE.key}_{patient_id}")


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that was chosen. `name` is display text."""

    upload_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The files of a choice, one or more; `done` says whether all of them are complete."""

    files: tuple[SentFile, ...]
    done: bool

    @property
    def first(self) -> SentFile:
        """The first file, or the only one."""
        return self.files[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the files' uploads."""
        return tuple(file.upload_id for file in self.files)


def uploader(kind: Kind) -> Sent | None:
    """Draw the choice of files and their upload, sealed; return them once they are complete."""
    opened = st.session_state.get(kind.opened) or {}
    result = _component(
        key=kind.key,
        data={
            "label": kind.label,
            "many": kind.many,
            "receives": kind.receives,
            "accept": ",".join(f".{suffix}" for suffix in kind.suffixes),
            "hint": f"or drop it here: {kind.called}, up to {_size(_most(kind))}",
            **opened,
        },
        default={"chosen": None, "done": None},
        on_chosen_change=lambda: _chosen(kind),
        on_done_change=_nothing,
    )
    chosen, ids = result.chosen, opened.get("uploads")
    if not chosen or not ids or chosen["choice"] != opened.get("choice"):
        return None
    names = [str(file["name"]) for file in chosen["files"]]
    files = tuple(SentFile(upload_id, name) for upload_id, name in zip(ids, names, strict=True))
    return Sent(files, done=list(result.done or ()) == ids)


def _most(kind: Kind) -> int:
    most = resources().settings.max_upload_bytes
    return most if kind.most_bytes is None else min(most, kind.most_bytes)


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def holds_files(kind: Kind) -> bool:
    """Return whether files were chosen in what the last run drew, and not used yet."""
    state = st.session_state.get(kind.key)
    return bool(state is not None and state.chosen and (st.session_state.get(kind.opened) or {}).get("uploads"))


def drop(kind: Kind) -> None:
    """Delete what was uploaded and not used, and forget it."""
    give_up((st.session_state.pop(kind.opened, None) or {}).get("uploads") or ())


def close_uploader(kind: Kind) -> None:
    """Forget the uploaded files, so that others can be chosen."""
    st.session_state.pop(kind.opened, None)


def refuse_upload(kind: Kind, error: FerError) -> None:
    """Draw the page again, with the reason where the files were chosen, so that others can be."""
    opened = st.session_state.get(kind.opened) or {}
    st.session_state[kind.opened] = {**opened, "uploads": None, "error": _said(error)}
    st.rerun()


def give_up(ids: Iterable[str]) -> None:
    """Delete uploads that were not used; one that is already gone is no error."""
    for upload_id in ids:
        with suppress(FerError):
            incoming.cancel(resources().settings, upload_id, actor().account_id)


def _said(error: FerError) -> str:
    return f"{error.message} ({words.ERROR_CODE.format(code=error.code)})"


def _chosen(kind: Kind) -> None:
    """Open uploads for the chosen files, or resume interrupted ones."""
    chosen = st.session_state[kind.key].chosen
    if not chosen:
        drop(kind)
        return
    begun: list[str] = []
    found = {"choice": chosen["choice"], "uploads": begun, "error": None}
    try:
        for file in chosen["files"] if kind.many else chosen["files"][:1]:
            if int(file["size"]) > _most(kind):
                raise FerError(f"This file is larger than {_size(_most(kind))}.", "too_large")
            begun.append(_begin(file, begun))
    except FerError as error:
        give_up(begun)
        found |= {"uploads": None, "error": _said(error)}
    st.session_state[kind.opened] = found


def _begin(chosen: dict[str, Any], taken: Collection[str] = ()) -> str:
    """Return the upload of a file: the one that was left, or a new one. `taken`: of other files of the choice."""
    parts, who, size = resources(), actor(), int(chosen["size"])
    left = _left(chosen.get("before"), size)
    return left if left and left not in taken else incoming.begin(parts.db, parts.settings, who, size).id


def _left(before: dict[str, Any] | None, size: int) -> str | None:
    """Return the upload that was left, where what is there of it is the beginning of this file.

    The browser remembers a file by size and date, which two files may share. Where nothing is there yet, nothing tells
    them apart, and another tab may be sending its file there.
    """
    if not before or not before["sent"]:
        return None
    settings = resources().settings
    try:
        left = incoming.status(settings, str(before["id"]), actor().account_id)
        same = left.length == size and incoming.is_beginning(settings, left, int(before["sent"]), str(before["digest"]))
    except FerError:
        return None
    return left.id if same else None


def _nothing() -> None:
    """Let the state be one that has a default."""
