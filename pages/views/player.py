"""A kept video beside its timeline: a moment is chosen on the strip of labels, which shows where the video is."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import streamlit as st

from clinic.consent import consent
from clinic.consent.consent import Scope
from clinic.patients.caseload import RecordingRow
from clinic.recordings import playback
from pages.charts.timeline import LabelRun
from pages.session import actor
from web.resources import resources

ASSETS = Path(__file__).parent / "assets"
NOT_PLAYED = "The video is kept, but browsers can't play its kind. What was read of it stands in the chart."

_component = st.components.v2.component(
    "player",
    html=(ASSETS / "player.html").read_text("utf-8"),
    css=(ASSETS / "player.css").read_text("utf-8"),
    js=(ASSETS / "player.js").read_text("utf-8"),
)


def has_video(recording: RecordingRow) -> bool:
    """Return whether a video of the recording is kept that may be played; say why where one is closed."""
    parts, who = resources(), actor()
    refusal = consent.objection(parts.db, who, recording.patient_id, Scope.KEEP_VIDEO)
    if refusal is not None:
        # Where it was never agreed to, or withdrawn, there is none.
        if refusal.code == "consent_expired":
            st.info(refusal.message, icon=":material/videocam_off:")
        return False
    kept = playback.kept(parts.db, parts.settings, who, recording.id)
    if kept is not None and kept.media_type is None:
        st.info(NOT_PLAYED, icon=":material/videocam_off:")
    return kept is not None and kept.media_type is not None


def show_video(recording: RecordingRow, runs: list[LabelRun]) -> None:
    """Draw the player with the strip of labels."""
    parts = resources()
    kept = playback.kept(parts.db, parts.settings, actor(), recording.id)
    # Where the sound begins before the pictures, the browser counts from there.
    begins_s = kept.begins_s if kept is not None else 0.0
    length_s = max(recording.duration_s or 0.0, runs[-1].end_s if runs else 0.0, 0.1)
    data = {
        "source": f"/recordings/{recording.id}/video",
        "runs": [asdict(replace(run, begin_s=begins_s + run.begin_s, end_s=begins_s + run.end_s)) for run in runs],
        "length_s": begins_s + length_s,
    }
    _component(key=f"player_{recording.id}", data=data)
