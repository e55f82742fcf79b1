"""Training, for administrators: data sets, runs, their comparison, and which model is in use."""

from __future__ import annotations

import streamlit as st

from clinic.model_report import main_figures
from clinic.phrases import counted
from clinic.training import own_samples, promotion, runs
from fer_core.model.model_card import ModelCard
from pages import actions, links
from pages.session import actor
from pages.views.training_data import choose_data, show_data
from pages.views.training_runs import compare, show_runs
from pages.views.training_search import set_up_search, show_searches
from pages.views.training_start import set_up
from web.resources import resources

NOT_OFFERED = """The program does not train on recordings of this clinic, for three reasons:

- **Consent.** Patients agree that recordings are analysed, results and videos kept, results exported. None of that
  allows training, and no consent is asked for what the program can't do. What a model has learned from a patient can't
  be taken out of its weights again when consent is withdrawn.
- **Number.** {needed} patients with {each} labelled moments each are the least from which an attempt could be judged: a
  third of them held out then show a gain or a loss of 5 points.
- **Labels.** A mark names a stretch as one clinician saw it, often after the model had said its label. That is
  agreement, and no independent label of each picture."""


def show_model_in_use() -> None:
    """Say which model analyses, and offer the way back to the one before."""
    parts = resources()
    card = ModelCard.load(promotion.in_use(parts.settings))
    st.markdown(f"**{links.plain_text(card.name)}**: {main_figures(card, promotion.SPLIT)}")
    reason = promotion.fixed(parts.settings)
    if reason is not None:
        st.caption(reason)
        return
    offered = promotion.can_roll_back(parts.settings)
    if offered and actions.action("Go back to the model before", "roll_back", card.sha256, icon=":material/undo:"):
        who = actor()
        promotion.roll_back(parts.db, parts.settings, who, card.sha256)
        st.rerun()


def show_own_samples() -> None:
    """Say how many labelled moments of its own the clinic has, and why they are not trained on."""
    found = own_samples.count(resources().db, actor())
    st.markdown(
        f"People labelled {counted(found.marks, 'moment')} of {counted(found.patients, 'patient')}, of which"
        f" {found.with_video:,} are of {counted(found.patients_with_video, 'patient')} whose videos may be kept."
        f" {found.ready} of {own_samples.PATIENTS_NEEDED} patients have enough of them."
    )
    with st.expander("Why they are not trained on"):
        st.markdown(NOT_OFFERED.format(needed=own_samples.PATIENTS_NEEDED, each=own_samples.MARKS_EACH))


st.title("Training")
st.write(
    "Train a model on a public data set, measure it, and put it to use. One training runs at a time, in a process of"
    " its own that steps back behind the analysis of recordings. After a restart it goes on where its last epoch ended."
)
found = runs.standings(resources().db, resources().settings, actor())
st.header("Model in use")
show_model_in_use()
st.header("Data set")
data = choose_data()
if data is not None:
    show_data(data)
    with st.container(horizontal=True):
        if actions.action("New training", "ask_training", data, kind="primary", icon=":material/model_training:"):
            actions.open_dialog("set_up")
            set_up(data, found)
        if actions.action("Search for hyper-parameters", "ask_search", data, icon=":material/manage_search:"):
            actions.open_dialog("search")
            set_up_search(data)
st.header("Runs")
show_runs(found)
st.header("Searches")
show_searches(found)
st.header("Side by side")
compare(found)
st.header("The clinic's own recordings")
show_own_samples()
