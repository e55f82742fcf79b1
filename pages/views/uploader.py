"""Choosing a video and sending it up in pieces: progress, pause, going on after an interruption, cancel."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from clinic import words
from clinic.recordings import incoming
from fer_core.errors import FerError
from fer_core.media.kinds import VIDEO_SUFFIXES, VIDEOS
from pages.session import actor
from web.resources import resources

ASSETS = Path(__file__).parent / "assets"
KEY = "video_upload"
OPEN = "video_upload_open"
"""Where the session keeps what came of the choice: ``{"choice", "upload", "error"}``."""

_component = st.components.v2.component(
    "video_uploader",
    html=(ASSETS / "uploader.html").read_text("utf-8"),
    css=(ASSETS / "uploader.css").read_text("utf-8"),
    js=(ASSETS / "uploader.js").read_text("utf-8"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A video that was chosen. `name` is display text; `done` says whether all of it is there."""

    upload_id: str
    name: str
    done: bool


def video_uploader() -> Sent | None:
    """Draw the choice of a video and its way up; return it once it is chosen and taken."""
    settings = resources().settings
    kinds = ", ".join(kind.suffixes[0] for kind in VIDEOS).upper()
    opened = st.session_state.get(OPEN) or {}
    result = _component(
        key=KEY,
        data={
            "accept": ",".join(f".{suffix}" for suffix in VIDEO_SUFFIXES),
            "hint": f"or drop it here: {kinds}, up to {settings.max_upload_bytes / 1e9:.3g} GB",
            **opened,
        },
        default={"chosen": None, "done": None},
        on_chosen_change=_chosen,
        on_done_change=_nothing,
    )
    chosen, upload_id = result.chosen, opened.get("upload")
    if not chosen or not upload_id or chosen["choice"] != opened.get("choice"):
        return None
    return Sent(upload_id, str(chosen["name"]), done=result.done == upload_id)


def close_uploader() -> None:
    """Forget the upload that was handed in, so that another can be chosen."""
    st.session_state.pop(OPEN, None)


def refuse_upload(error: FerError) -> None:
    """Draw the page again, with the reason where the file was chosen, so that another can be."""
    opened = st.session_state.get(OPEN) or {}
    st.session_state[OPEN] = {**opened, "upload": None, "error": _said(error)}
    st.rerun()


def _said(error: FerError) -> str:
    return f"{error.message} ({words.ERROR_CODE.format(code=error.code)})"


def _chosen() -> None:
    """Open an upload for the file that was chosen, or go on with one that was left."""
    chosen = st.session_state[KEY].chosen
    if not chosen:
        _give_up()
        return
    try:
        upload_id = _begin(chosen)
        st.session_state[OPEN] = {"choice": chosen["choice"], "upload": upload_id, "error": None}
    except FerError as error:
        st.session_state[OPEN] = {"choice": chosen["choice"], "upload": None, "error": _said(error)}


def _give_up() -> None:
    """Delete what was sent of a file that the clinician doesn't want to hand in."""
    opened = st.session_state.pop(OPEN, None) or {}
    if opened.get("upload"):
        # The page itself may have been faster.
        with suppress(FerError):
            incoming.cancel(resources().settings, opened["upload"], actor().account_id)


def _begin(chosen: dict[str, Any]) -> str:
    parts, who = resources(), actor()
    size, before = int(chosen["size"]), chosen.get("before")
    if before:
        try:
            left = incoming.status(parts.settings, str(before), who.account_id)
        except FerError:
            left = None
        # The browser remembers a file by size and date: of two such files the hash tells, at the end.
        if left is not None and left.length == size:
            return left.id
    return incoming.begin(parts.db, parts.settings, who, size).id


def _nothing() -> None:
    """Let the state be one that has a default."""
