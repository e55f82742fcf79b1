"""A recording over its own time in one component: the kept video, its labels, the curves and the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from clinic import words
from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.exchange import recording_files
from clinic.jobs.kept_faces import FacePicture
from clinic.patients.caseload import RecordingRow
from clinic.recordings import playback, stored_files
from clinic.recordings.playback import Kept
from clinic.recordings.readings import AnalysisResult
from fer_core.emotions import Emotion
from fer_core.errors import FerError
from fer_core.types import Status
from pages import links, windows
from pages.charts import curves
from pages.charts.figures import title
from pages.charts.palette import COLORS
from pages.session import actor
from pages.widgets import jpeg_uri, show_errors
from web.resources import resources

ASSETS = Path(__file__).parent / "assets"
UPLOT = ASSETS / "uplot-1.6.32"
NOT_PLAYED = (
    "The video is kept, but browsers can't play this format. The chart shows its results; exporting the"
    " recording makes an MP4 copy that can be watched."
)
FIRST_SHOWN = (Emotion.HAPPY, Emotion.SAD, Emotion.NEUTRAL)


def _asset(path: Path) -> str:
    # Streamlit takes a text without a line break for a path.
    return path.read_text("utf-8") + "\n"


_component = st.components.v2.component(
    "recording_player",
    html=_asset(ASSETS / "player.html"),
    css=_asset(UPLOT / "uPlot.min.css") + _asset(ASSETS / "player.css"),
    js=_asset(UPLOT / "uPlot.iife.min.js") + _asset(ASSETS / "player.js"),
)


@dataclass(frozen=True, slots=True)
class ListedStretch:
    """A stretch of the recording that is listed beside the player, with why."""

    begin_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class MomentList:
    """Moments under a title; those to `review` are played one after the other."""

    title: str
    moments: Sequence[ListedStretch]
    review: bool = False


@dataclass(frozen=True, slots=True)
class MarkRequest:
    """What was asked for in the player: ``mark`` or ``exclude`` a stretch."""

    what: str
    begin_s: float
    end_s: float
    number: int


@dataclass(frozen=True, slots=True)
class Marked:
    """What the player shows of marks: the stretches, and the codes of the samples as the marks leave them."""

    spans: Sequence[dict[str, Any]] = field(default_factory=tuple)
    codes: str | None = None


def kept_video(recording: RecordingRow) -> Kept | None:
    """Return the recording's kept video if it may be played, else None; say why if it may not."""
    parts, who = resources(), actor()
    refusal = consent.objection(parts.db, who, recording.patient_id, Scope.KEEP_VIDEO)
    if refusal is not None:
        # Without consent, or after its withdrawal, there is none.
        if refusal.code == "consent_expired":
            st.info(links.plain_sentence(refusal.message), icon=":material/videocam_off:")
        return None
    try:
        kept = playback.kept(parts.db, parts.settings, who, recording.id)
    except FerError as error:
        if error.code != stored_files.CODE_AWAY:
            raise
        unseen = f"Whether a video of this recording is kept can't be seen now. {links.plain_sentence(error.message)}"
        st.info(unseen, icon=":material/videocam_off:")
        return None
    if kept is not None and kept.media_type is None:
        st.info(NOT_PLAYED, icon=":material/videocam_off:")
    return kept if kept is not None and kept.media_type is not None else None


def is_kept(recording: RecordingRow) -> bool:
    """Return whether the recording's video is kept, whether a browser can play it or not."""
    parts, who = resources(), actor()
    refused = consent.objection(parts.db, who, recording.patient_id, Scope.KEEP_VIDEO) is not None
    return not refused and playback.kept(parts.db, parts.settings, who, recording.id) is not None


def show_player(
    recording: RecordingRow,
    result: AnalysisResult,
    lists: Sequence[MomentList],
    marked: Marked,
    writable: bool,
    kept: Kept | None,
    faces: Sequence[FacePicture],
    blind: bool = False,
) -> MarkRequest | None:
    """Draw the player; return what was asked for in it, None for nothing. `blind`: the video alone.

    `faces`: what is shown along the axis where there is no video.
    """
    data = _picture(recording, result, kept, blind) | {
        "series": f"{recording.id}:{result.smooth_s}:{blind}:{len(result.series.statuses)}",
        "length_s": length_s(recording, result),
        "writable": writable,
        "blind": blind,
        "looks": curves.looks(words.EXPRESSIONS, words.STATUSES),
        "names": [title(words.EXPRESSIONS[emotion]) for emotion in Emotion],
        "colors": [COLORS[emotion] for emotion in Emotion],
        "dashes": [curves.DASHES[emotion] for emotion in Emotion],
        "shown": [int(emotion) for emotion in FIRST_SHOWN],
        "faces": [{"at_s": one.at_s, "picture": jpeg_uri(one.jpeg)} for one in faces],
        "marks": [] if blind else list(marked.spans),
        "lists": [] if blind else [_list(one) for one in lists],
    }
    taken = st.session_state.get(f"picture_{recording.id}")
    data |= {"picture": taken}
    if marked.codes is not None and not blind:
        data |= {"raw": data["codes"], "codes": marked.codes, "series": f"{data['series']}:{hash(marked.codes)}"}
    key = f"player_{recording.id}"
    answer = _component(key=key, data=data, on_asked_change=_nothing, on_taken_change=_nothing)
    if answer.taken and answer.taken != taken:
        _take_picture(recording.id, answer.taken)
    return _asked_of(f"asked_{recording.id}", answer.asked)


def _asked_of(name: str, asked: dict[str, Any] | None) -> MarkRequest | None:
    """Return what was asked for, also in a later run while the window that it opened is still open."""
    if asked:
        windows.taken(name)
        begin_s, end_s = float(asked["begin_s"]), float(asked["end_s"])
        st.session_state[name] = MarkRequest(str(asked["what"]), begin_s, end_s, int(asked["number"]))
    elif not windows.stays(name):
        return None
    found: MarkRequest | None = st.session_state.get(name)
    return found


def _take_picture(recording_id: str, wanted: dict[str, Any]) -> None:
    """Log that a picture of the chart is taken, then let the browser make it."""
    with show_errors():
        recording_files.note_picture(resources().db, actor(), recording_id, str(wanted["kind"]))
        st.session_state[f"picture_{recording_id}"] = wanted
        st.rerun()


def length_s(recording: RecordingRow, result: AnalysisResult) -> float:
    """Return the length of the recording in seconds, as its axis has it."""
    last = float(result.series.time_s[-1]) if len(result.series.time_s) else 0.0
    return max(recording.duration_s or 0.0, last, 0.1)


def _picture(recording: RecordingRow, result: AnalysisResult, kept: Kept | None, blind: bool) -> dict[str, Any]:
    """Return what the player needs of samples and video; `blind`: nothing of what the model said."""
    series = result.series if not blind else result.nothing()
    # Asked of the samples as they are: somebody who judges first sees no status, but others stay hidden.
    others = bool(recording.face_choice.get("left_out")) or Status.NOT_PATIENT in result.series.statuses
    return {
        "source": f"/recordings/{recording.id}/video" if kept is not None else None,
        # Where the sound begins before the pictures, the browser counts from there.
        "begins_s": kept.begins_s if kept is not None else 0.0,
        "width_px": recording.width_px,
        "hide_others": others,
        **curves.packed(series, result.boxes if kept is not None and (others or not blind) else None),
    }


def _list(one: MomentList) -> dict[str, Any]:
    moments = [{"begin_s": each.begin_s, "end_s": each.end_s, "text": each.text} for each in one.moments]
    return {"title": one.title, "review": one.review, "moments": moments}


def _nothing() -> None:
    """Let the triggers be known."""
