"""A data set on the server: chosen from a list, checked, and shown with what is wrong with it."""

from __future__ import annotations

import base64

import streamlit as st

from clinic.training import datasets, runs
from clinic.training.datasets import Overview
from pages import actions, chooser, links
from pages.charts.training import balance_figure
from pages.session import actor
from pages.widgets import chart, show_errors
from web.resources import resources

NO_FOLDER = (
    "No folder of data sets is named. Set FER_TRAINING_DIR to a folder on the server that holds data sets: CSV files"
    " like FER2013's, or folders with train/ and test/ and a folder for each class in them."
)


def choose_data() -> str | None:
    """Offer the data sets of the server's folder, and return the one that is chosen."""
    parts = resources()
    if parts.settings.training_dir is None:
        st.info(NO_FOLDER, icon=":material/info:")
        return None
    ready = datasets.offered(parts.db, parts.settings, actor())
    if not ready:
        st.info("The folder of data sets is empty.", icon=":material/info:")
        return None
    start = ready[0] if len(ready) == 1 else None
    return chooser.choose(
        "Data set", {name: name for name in ready}, "data_set", start=start, placeholder="Choose a data set"
    )


@actions.part(run_every=2)
def follow_check(data: str) -> None:
    """Draw how far the check of a data set is; the whole page runs again when it has ended."""
    with show_errors():
        parts = resources()
        found = runs.newest_check(parts.db, actor(), data)
        if found is None or not found.open:
            st.rerun()
        st.info("The data set is being checked. FER2013 itself takes some minutes.", icon=":material/hourglass_top:")
        if actions.action("Stop the check", "stop_training", found.id):
            actions.once("stop_training", found.id, lambda: runs.stop(parts.db, actor(), found.id))
            st.rerun()


def show_data(data: str) -> None:
    """Show what the newest check of a data set found, and offer another one."""
    parts, who = resources(), actor()
    found = runs.newest_check(parts.db, who, data)
    if found is not None and found.open:
        follow_check(data)
        return
    if found is not None and found.error:
        st.error(links.plain_text(found.error), icon=":material/info:")
    overview = datasets.overview(parts.db, parts.settings, who, found.id) if found is not None else None
    if overview is not None:
        show_overview(overview)
    target = f"{data}:{found.id if found is not None else 'first'}"
    label = "Check the data set again" if found is not None else "Check the data set"
    if actions.action(label, "check_data", target, icon=":material/fact_check:"):
        actions.once("check_data", target, lambda: runs.check(parts.db, parts.settings, who, data))
        st.rerun()


def show_overview(found: Overview) -> None:
    """Show counts, pictures and what is wrong."""
    for problem in found.problems:
        st.error(problem, icon=":material/info:")
    chart(balance_figure(found.classes), "balance", "Pictures of each class by split", disclaimer=False)
    # In a column beside it the names of the classes were too small to read.
    sheet = "data:image/png;base64," + base64.b64encode(found.samples).decode("ascii")
    st.image(sheet, "Examples of each class", alt="Example faces of each class")
    if found.remarks:
        st.markdown("\n".join(f"- {links.plain_text(remark)}" for remark in found.remarks))
    if found.bad_files:
        with st.expander("Pictures that can't be used", key="folded:bad_files"):
            st.markdown("\n".join(f"- {links.plain_text(fault)}" for fault in found.bad_files))
