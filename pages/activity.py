"""What is being analysed, what waits, and whether the installation is sound."""

from __future__ import annotations

import streamlit as st

from clinic import jobs
from clinic.health import read_health
from pages.ui import state
from pages.ui.follow import progress_text
from pages.ui.resources import actor, resources
from pages.ui.widgets import calm, day


@st.fragment(run_every=2)
def show_jobs() -> None:
    """Draw the list of analyses that are not over; only this part runs again."""
    with calm():
        who = actor()
        active = jobs.active(resources().db, who)
        if not active:
            st.info("Nothing is being analysed. Results are on the patients' pages.", icon=":material/check:")
        for job in active:
            with st.container(border=True):
                left, right = st.columns([5, 1], vertical_alignment="center")
                left.markdown(f"**{state.plain_text(job.patient_name)}** · recorded {day(job.recorded_on)}")
                left.progress(job.status.share or 0.0, text=progress_text(job.status, job.kind == "pictures"))
                with right:
                    if who.writes:
                        state.recording_link("Show", job.status.recording_id)


def show_health() -> None:
    """Say whether the analysing part lives and whether its self-test was sound."""
    health = read_health(resources().settings)
    if health is None or not health.alive:
        st.info("The analysing part is starting. This takes up to a minute.", icon=":material/hourglass_top:")
    elif health.sound is None:
        st.info("The installation is being tested on a small drawn clip.", icon=":material/hourglass_top:")
    elif health.sound:
        st.success(health.sentence, icon=":material/check_circle:")
    else:
        st.error(health.sentence, icon=":material/info:")
    if health is not None and health.device:
        st.caption(f"Analyses run on: {health.device}")


st.title("Analyses")
show_jobs()
st.header("Installation")
show_health()
