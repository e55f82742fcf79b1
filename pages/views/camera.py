"""The live view's component: the camera's picture, the faces in it, what the model says of the one that is chosen."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.recordings.live import HELD
from fer_core.emotions import Emotion
from fer_core.live import assets
from pages.charts.palette import COLORS, UNCERTAIN
from web.paths import CAMERA

# Streamlit takes a text without a line break for a path.
_component = st.components.v2.component(
    "live_view",
    html=assets.text("live.html") + "\n",
    css=assets.text("live.css") + "\n",
    js=assets.text("live.js") + "\n",
)


def camera(patient_id: str | None, may_record: bool) -> None:
    """Draw the live view of a patient, or of nobody (None); what it records goes to the page's uploader."""
    _component(
        key=f"camera_{patient_id}",
        data={
            **assets.looks({emotion: words.EXPRESSIONS[emotion] for emotion in Emotion}, COLORS),
            "uncertain": UNCERTAIN,
            "statuses": words.STATUSES | {HELD: "labels are not interpreted"},
            "line": CAMERA,
            "patient": patient_id,
            "may_record": may_record,
        },
        default={"recording": False},
        on_acted_change=_nothing,
        on_recording_change=_nothing,
    )


def is_recording(patient_id: str) -> bool:
    """Return whether the camera that the last run drew for this patient records."""
    state = st.session_state.get(f"camera_{patient_id}")
    return bool(state is not None and state.recording)


def _nothing() -> None:
    """Let the trigger be known: that the page runs for it is what counts as presence."""
