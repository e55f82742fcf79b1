"""Training, for administrators: data sets, runs, their comparison, and which model is in use."""

from __future__ import annotations

import streamlit as st

from clinic.model_report import main_figures
from clinic.training import promotion, runs
from fer_core.model.model_card import ModelCard
from pages import actions, links
from pages.session import actor
from pages.views.decide import decide
from pages.views.own_training import show_own_samples
from pages.views.training_data import choose_data, show_data
from pages.views.training_runs import compare, show_both, show_runs
from pages.views.training_search import set_up_search, show_searches
from pages.views.training_start import set_up
from pages.widgets import show_errors
from web.resources import resources


def show_model_in_use() -> None:
    """Say which model analyses, and offer the way back to the one before."""
    parts = resources()
    card = ModelCard.load(promotion.in_use(parts.settings))
    st.markdown(f"**{links.plain_text(card.name)}**: {main_figures(card, promotion.SPLIT)}")
    reason = promotion.fixed(parts.settings)
    if reason is not None:
        st.caption(reason)
        return
    before = promotion.before(parts.settings)
    if before is not None and actions.action(
        "Go back to the model before", "ask_roll_back", card.sha256, icon=":material/undo:"
    ):
        actions.open_dialog("roll_back")
        roll_back(card, before)


@actions.dialog("Go back to the model before", width="large")
def roll_back(used: ModelCard, before: ModelCard) -> None:
    """Show the model in use beside the one before it, and go back to that one if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        show_both(used, "Before it", before)
        st.write(
            f"New recordings of all patients are then analysed with {links.plain_text(before.name)}. Results that"
            f" {links.plain_text(used.name)} gave stay as they are until those recordings are analysed again on the"
            " page Analyses. Its run stays, and can be put to use again."
        )
        decide(
            "Go back",
            "roll_back",
            lambda: promotion.roll_back(parts.db, parts.settings, who, used.sha256),
            icon=":material/undo:",
        )


st.title("Training")
st.write(
    "Train a model on a public data set, measure it, and put it to use. One training runs at a time, in a process of"
    " its own that gives way to the analysis of recordings. After a restart it continues after its last finished epoch."
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
show_own_samples(data)
