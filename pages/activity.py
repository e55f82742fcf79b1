"""What is being analysed, what failed, analysing again with a new model, and whether the installation is sound."""

from __future__ import annotations

import streamlit as st

from clinic import model_in_use, words
from clinic.access import Role
from clinic.jobs import control, outcomes, progress, reanalysis
from clinic.jobs.obstacles import STORE_AWAY
from clinic.patients import caseload, visibility
from clinic.patients.subject import RecordingKind
from clinic.phrases import counted
from clinic.worker_health import read_health
from fer_core.model.model_card import ModelCard
from pages import actions, chooser, links
from pages.session import actor
from pages.views.decide import decide
from pages.views.folder_import import show_import
from pages.views.follow import progress_text
from pages.views.stays import while_offered
from pages.widgets import duration, show_errors
from web.resources import resources

EVERYBODY = "everybody"
STARTED = "reanalysis_started"
"""What came of the request, until the page has said it."""


@actions.part(run_every=2)
def show_jobs() -> None:
    """Draw the list of analyses that are not over; only this part runs again."""
    with show_errors():
        who = actor()
        active = progress.active(resources().db, resources().settings, who)
        if not active:
            # What a reanalysis has queued is not listed here.
            st.info(
                "No new recording of your patients is being analysed. Results are on the patients' pages.",
                icon=":material/check:",
            )
        for job in active:
            with st.container(border=True):
                left, right = st.columns([5, 1], vertical_alignment="center")
                left.markdown(f"{chooser.whose(job.subject)} · {chooser.visit(job.subject)}")
                left.progress(
                    job.status.share or 0.0, text=progress_text(job.status, job.subject.kind == RecordingKind.PICTURES)
                )
                with right:
                    if who.writes:
                        links.analysis_link("Show", job.status.recording_id)


def show_failed() -> None:
    """List what failed lately, each with its reason and, where the file is still there, another try."""
    parts = resources()
    for failed in outcomes.failed(parts.db, actor()):
        with st.container(border=True):
            left, right = st.columns([5, 1], vertical_alignment="center")
            left.markdown(f"{chooser.whose(failed.subject)} · {chooser.visit(failed.subject)}")
            left.caption(f"{links.plain_text(failed.reason)} {words.ERROR_CODE.format(code=failed.code)}")
            if failed.writable and control.can_retry(parts.db, parts.settings, actor(), failed.recording_id):
                with right:
                    wanted = actions.action("Try again", "retry", failed.recording_id)
                if wanted:
                    control.retry(parts.db, parts.settings, actor(), failed.recording_id)
                    st.rerun()


def show_pace() -> None:
    """Say how much was analysed lately."""
    pace = outcomes.pace(resources().db, actor())
    if pace.recordings or pace.video_s or pace.pictures:
        worked = [
            counted(pace.recordings, "recording"),
            f"{duration(pace.video_s)} of video",
            counted(pace.pictures, "picture"),
        ]
        st.caption(f"Within the last hour: {', '.join(worked)}.")


@actions.part(run_every=2)
def show_reanalyses() -> None:
    """Draw how far each reanalysis is, with the possible actions; only this part runs again."""
    with show_errors():
        parts = resources()
        for standing in reanalysis.standings(parts.db, actor()):
            with st.container(border=True):
                st.progress(standing.share, text=standing.sentence)
                with st.container(horizontal=True):
                    label, what = ("Go on", "go_on") if standing.paused else ("Pause", "pause")
                    pause = actions.action(label, what, standing.id, disabled=standing.finished)
                    drop = actions.action("Cancel the rest", "drop", standing.id, disabled=standing.finished)
                if pause:
                    reanalysis.pause(parts.db, actor(), standing.id, not standing.paused)
                elif drop:
                    reanalysis.cancel(parts.db, parts.settings, actor(), standing.id)
                if pause or drop:
                    actions.draw_part_again()


def show_again() -> None:
    """Offer to analyse recordings again with the installed model."""
    parts = resources()
    st.caption(
        "After a new model was installed: each recording whose file is kept gets a new result beside the old one. The"
        " charts then show the new one. New recordings are analysed first."
    )
    while_offered(actor(), visibility.offered(parts.db, actor()))
    names = chooser.patient_labels(caseload.list_patients(parts.db, actor()))
    chosen = chooser.choose("Whose recordings", {EVERYBODY: "Everybody's", **names}, "again", start=EVERYBODY)
    wanted = actions.action(
        "Analyse again", "ask_again", chosen or "nobody", icon=":material/refresh:", disabled=chosen is None
    )
    if wanted and chosen is not None:
        actions.open_dialog("again")
        analyse_again(None if chosen == EVERYBODY else chosen, names.get(chosen, "all patients"))
    came_of_it = st.session_state.pop(STARTED, None)
    if came_of_it is not None:
        st.info(came_of_it, icon=":material/info:")
    show_reanalyses()


@actions.dialog("Analyse again")
def analyse_again(patient_id: str | None, whose: str) -> None:
    """Say what changes, and have recordings analysed again if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        card = ModelCard.load(model_in_use.card_path(parts.settings))
        st.markdown(
            f"The recordings of {links.plain_text(whose)} that another model analysed are analysed again with"
            f" **{links.plain_text(card.name)}**, where their file is kept. What charts and reports show of them,"
            " the usual range too, then comes from this model. Earlier results stay stored as versions."
        )

        def start() -> None:
            started = reanalysis.start(parts.db, parts.settings, who, patient_id)
            st.session_state[STARTED] = started.sentence

        decide("Analyse again", "again", start, icon=":material/refresh:")


def show_health() -> None:
    """Say whether the worker is alive and whether its self-test passed."""
    health = read_health(resources().settings)
    if health is None or not health.alive:
        st.info("The analysis service is starting. This takes up to a minute.", icon=":material/hourglass_top:")
    elif health.store_away:
        st.error(STORE_AWAY, icon=":material/info:")
    elif health.sound is None:
        st.info("The installation is being tested with a short drawn clip.", icon=":material/hourglass_top:")
    elif health.sound:
        st.success(health.sentence, icon=":material/check_circle:")
    else:
        st.error(health.sentence, icon=":material/info:")
    if health is not None and health.device:
        st.caption(f"Analyses run on: {health.device}")


st.title("Analyses")
show_jobs()
show_pace()
if outcomes.failed(resources().db, actor()):
    st.header("Failed")
    show_failed()
if actor().role is Role.ADMINISTRATOR:
    st.header("Again with a new model")
    show_again()
    if resources().settings.import_dir is not None:
        show_import()
st.header("Installation")
show_health()
