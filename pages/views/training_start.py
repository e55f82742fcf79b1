"""The window in which a training is set up: a preset, its values, and what it starts from."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from clinic.training import recipes, runs
from clinic.training.recipes import VALUES, Value
from clinic.training.runs import RunStanding
from clinic.training_queue.work import RUN
from pages import actions, chooser
from pages.session import actor
from pages.widgets import show_errors
from web.resources import resources

RANDOM = "random"


@actions.dialog("New training", width="large")
def set_up(data: str, known: list[RunStanding], tried: RunStanding | None = None) -> None:
    """Ask for a recipe and start it. `tried`: the run of a search whose values are taken."""
    with show_errors():
        if tried is None:
            preset, source = _preset(), "preset"
            usual = recipes.values_of(preset)
        else:
            preset, source = str(tried.recipe["preset"]), tried.id
            usual = recipes.full(tried.recipe)
            st.markdown(f"Preset {preset} with the values of run {tried.number}, and as many epochs as the preset has.")
        done = [run for run in known if run.done and run.search_id is None and run.kind == RUN]
        starts = {RANDOM: "Random weights"} | {run.id: f"Weights of run {run.number}" for run in done}
        target = actions.opening("set_up")
        with st.form(f"recipe:{preset}:{source}", border=False):
            start = chooser.choose("Start from", starts, "start_from", start=RANDOM)
            values = _values(f"{preset}:{source}", usual)
            wanted = actions.submit("Start", "start_training", target, kind="primary")
        if wanted:
            parts, who = resources(), actor()
            weights = None if start == RANDOM else start
            actions.once(
                "start_training",
                target,
                lambda: runs.start(parts.db, parts.settings, who, data, preset, values, weights),
            )
            st.rerun()


def _preset() -> str:
    preset = chooser.choose("Preset", {name: name for name in recipes.OFFERED}, "preset", start="quick") or "quick"
    st.caption(recipes.OFFERED[preset])
    return preset


def _values(source: str, usual: Mapping[str, float]) -> dict[str, float]:
    columns = st.columns(3)
    return {
        name: number_box(columns[number % 3], value.label, value, usual[name], f"value:{source}:{name}")
        for number, (name, value) in enumerate(VALUES.items())
    }


def number_box(column: st.delta_generator.DeltaGenerator, label: str, value: Value, usual: float, key: str) -> float:
    """Draw the box of a value of a recipe within its limits."""
    whole = value.step is None
    kind = int if whole else float
    return column.number_input(
        label,
        min_value=kind(value.least),
        max_value=kind(value.most),
        value=kind(usual),
        step=1 if whole else value.step,
        format="%d" if whole else "%g",
        help=value.meaning,
        key=key,
    )
