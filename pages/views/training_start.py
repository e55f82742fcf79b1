"""The window in which a training is set up: a preset, its values, and what it starts from."""

from __future__ import annotations

import streamlit as st

from clinic.training import recipes, runs
from clinic.training.recipes import VALUES, Value
from clinic.training.runs import RunStanding
from pages import actions, chooser
from pages.session import actor
from pages.widgets import show_errors
from web.resources import resources

RANDOM = "random"


@actions.dialog("New training", width="large")
def set_up(data: str, known: list[RunStanding]) -> None:
    """Ask for a recipe and start it."""
    with show_errors():
        preset = chooser.choose("Preset", {name: name for name in recipes.OFFERED}, "preset", start="quick") or "quick"
        st.caption(recipes.OFFERED[preset])
        starts = {RANDOM: "Random weights"} | {run.id: f"Weights of run {run.number}" for run in known if run.done}
        target = actions.opening("set_up")
        with st.form(f"recipe:{preset}", border=False):
            start = chooser.choose("Start from", starts, "start_from", start=RANDOM)
            values = _values(preset)
            wanted = actions.submit("Start", "start_training", target, kind="primary")
        if wanted:
            parts, who = resources(), actor()
            source = None if start == RANDOM else start
            actions.once(
                "start_training",
                target,
                lambda: runs.start(parts.db, parts.settings, who, data, preset, values, source),
            )
            st.rerun()


def _values(preset: str) -> dict[str, float]:
    columns = st.columns(3)
    usual = recipes.values_of(preset)
    return {
        name: _value(columns[number % 3], preset, name, value, usual[name])
        for number, (name, value) in enumerate(VALUES.items())
    }


def _value(column: st.delta_generator.DeltaGenerator, preset: str, name: str, value: Value, usual: float) -> float:
    whole = value.step is None
    kind = int if whole else float
    return column.number_input(
        value.label,
        min_value=kind(value.least),
        max_value=kind(value.most),
        value=kind(usual),
        step=1 if whole else value.step,
        format="%d" if whole else "%g",
        help=value.meaning,
        key=f"value:{preset}:{name}",
    )
