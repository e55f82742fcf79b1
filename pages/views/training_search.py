"""Searches for hyper-parameters: the window in which one is set up, and a card for each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from clinic.training import recipes, runs, search
from clinic.training.recipes import VALUES
from clinic.training.runs import RunStanding
from clinic.training.search import BY_FACTORS, Range, Search
from pages import actions, chooser, links
from pages.charts.training import tried_figure
from pages.session import actor
from pages.views.decide import decide
from pages.views.training_start import number_box, set_up
from pages.widgets import chart, day_of, duration, show_errors
from web.resources import resources

DRAWN_AT_FIRST = ("rate", "dropout", "erase")
WHAT_IT_IS = (
    "Short runs whose values are drawn from ranges; the first run is the preset unchanged. They wait in the queue like"
    " all other runs, and a training of its own goes before those that still wait."
)
HOW_TO_READ = (
    "Each line is a run that has ended; the axes are the values that were drawn, and last the best accuracy on"
    " PublicTest, which gives the colour: from orange, the worst, to teal, the best. On FER2013, differences of less"
    " than about two points may be chance, and the best of many runs looks better than it is. What is best after few"
    " epochs need not be best after many: a full run and its evaluation decide."
)


@actions.dialog("Search for hyper-parameters", width="large")
def set_up_search(data: str) -> None:
    """Ask for the ranges of a search and start it."""
    with show_errors():
        st.caption(WHAT_IT_IS)
        offered = {name: name for name in recipes.OFFERED}
        preset = chooser.choose("Preset", offered, "search_preset", start="quick") or "quick"
        labels = {name: VALUES[name].label for name in search.DRAWN}
        chosen = chooser.several("Values that are drawn", labels, DRAWN_AT_FIRST, "search_values")
        target = actions.opening("search")
        with st.form(f"search:{preset}", border=False):
            columns = st.columns(3)
            count = _whole(columns[0], "Runs", search.FEWEST_RUNS, search.MOST_RUNS, search.USUAL_RUNS)
            epochs = _whole(columns[1], "Epochs of each run", 1, search.MOST_EPOCHS, search.USUAL_EPOCHS)
            seed = _whole(columns[2], "Seed of the search", 1, 1_000_000, 1)
            ranges = {name: _range(preset, name) for name in chosen}
            wanted = actions.submit("Start the search", "start_search", target, kind="primary")
        if wanted:
            parts, who = resources(), actor()
            actions.once(
                "start_search",
                target,
                lambda: search.start(parts.db, parts.settings, who, data, preset, ranges, count, epochs, seed),
            )
            st.rerun()


def _whole(column: st.delta_generator.DeltaGenerator, label: str, least: int, most: int, usual: int) -> int:
    return column.number_input(label, min_value=least, max_value=most, value=usual, step=1, key=f"search:{label}")


def _range(preset: str, name: str) -> Range:
    left, right = st.columns(2)
    value, (least, most) = VALUES[name], search.usual_range(preset, name)
    key = f"search:{preset}:{name}"
    return (
        number_box(left, f"{value.label} from", value, least, f"{key}:from"),
        number_box(right, f"{value.label} to", value, most, f"{key}:to"),
    )


def show_searches(found: list[RunStanding]) -> None:
    """Draw a card for each search, those that are under way kept up to date."""
    searches = search.of(found)
    under_way = [one.id for one in searches if one.open]
    if not searches:
        st.caption("No search has been run yet.")
    if under_way:
        _follow(under_way)
    for one in searches:
        if not one.open:
            with st.container(border=True):
                _show(one)
                _offer_ended(one, found)


@actions.part(run_every=2)
def _follow(before: list[str]) -> None:
    """Draw what is under way; only this part runs again, and the whole page when a search has ended."""
    with show_errors():
        parts = resources()
        found = [one for one in search.of(runs.standings(parts.db, parts.settings, actor())) if one.open]
        if [one.id for one in found] != before:
            st.rerun()
        reason = runs.obstacle(parts.settings)
        if reason is not None:
            st.warning(reason, icon=":material/info:")
        for one in found:
            with st.container(border=True):
                _show(one)
                _offer_open(one)


def _draw(found: Search, labels: Mapping[str, str]) -> None:
    """Draw the runs that have ended: one that is under way has had fewer epochs, and would look worse than it is."""
    ended = [run for run in found.tried if not run.open]
    if len(ended) < 2:
        return
    names = [f"Run {run.number}" for run in ended]
    values = [_values(found, run) for run in ended]
    figure = tried_figure(names, values, labels, [run.best or 0.0 for run in ended], BY_FACTORS)
    chart(figure, f"search:{found.id}", "What was drawn, and how good it was; the table has the same", disclaimer=False)
    st.caption(HOW_TO_READ)


def _values(found: Search, run: RunStanding) -> dict[str, float]:
    return {name: recipes.read(run.recipe, name) for name in found.drawn}


def _show(found: Search) -> None:
    st.markdown(f"**{links.plain_text(found.name)}** · {day_of(found.runs[0].created_at)}")
    left = f" About {duration(found.left_s)} left." if found.left_s is not None else ""
    tried = found.tried
    best = f" Best so far: run {tried[0].number}, {_accuracy(tried[0])}." if tried else ""
    st.progress(found.share, text=f"{found.sentence}{left}{best}")
    for error in sorted({run.error for run in found.runs if run.error}):
        st.error(links.plain_text(error), icon=":material/info:")
    if len(tried) < 2:
        return
    labels = {name: VALUES[name].label for name in found.drawn}
    _draw(found, labels)
    rows = [_row(run, _values(found, run), labels) for run in tried]
    accuracy = {"Best accuracy": st.column_config.NumberColumn(format="%.1f %%")}
    st.dataframe(rows, hide_index=True, column_config=accuracy, key=f"search_table:{found.id}")


def _row(run: RunStanding, drawn: Mapping[str, float], labels: Mapping[str, str]) -> dict[str, float]:
    row: dict[str, float] = {"Run": run.number, "Best accuracy": (run.best or 0.0) * 100, "Epochs": run.done}
    return row | {labels[name]: value for name, value in drawn.items()}


def _offer_open(found: Search) -> None:
    """Draw the buttons of what may be done with a search that is under way."""
    db, who = resources().db, actor()
    target = f"{found.id}:{found.paused}"
    with st.container(horizontal=True):
        label, icon = ("Go on", "play_arrow") if found.paused else ("Pause", "pause")
        if actions.action(label, "pause_search", target, icon=f":material/{icon}:"):
            search.pause(db, who, found.id, not found.paused)
            st.rerun()
        if actions.action("Stop", "ask_stop_search", found.id, icon=":material/stop:"):
            actions.open_dialog("stop_search")
            stop(found)


def _offer_ended(found: Search, known: list[RunStanding]) -> None:
    """Offer the values of a run for a full one, and to delete the search."""
    tried = {run.id: run for run in found.tried}
    if tried:
        labels = {run.id: f"Run {run.number}: {_accuracy(run)}" for run in tried.values()}
        chosen = chooser.choose("Values of", labels, f"tried:{found.id}", start=next(iter(tried)))
    with st.container(horizontal=True):
        if tried and chosen is not None:
            target = f"{found.id}:{chosen}"
            if actions.action("Use these values for a full run", "ask_full", target, icon=":material/model_training:"):
                actions.open_dialog("set_up")
                set_up(found.runs[0].data, known, tried[chosen])
        if actions.action("Delete the search", "ask_delete_search", found.id, icon=":material/delete:"):
            actions.open_dialog("delete_search")
            delete(found)


@actions.dialog("Stop this search")
def stop(found: Search) -> None:
    """Say what is lost, and end a search for good if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(f"{links.plain_text(found.name)}: {found.sentence}")
        st.write(
            "A search that was stopped can't go on. The run under way stops too, and those that wait never begin; runs"
            " that have ended stay. Pause it instead to let it go on later."
        )
        decide("Stop for good", "stop_search", lambda: search.stop(parts.db, who, found.id), icon=":material/stop:")


@actions.dialog("Delete this search")
def delete(found: Search) -> None:
    """Delete a search with all its runs, if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(f"{links.plain_text(found.name)}: all of its runs will be gone, with curves and weights.")
        decide(
            "Delete",
            "delete_search",
            lambda: search.remove(parts.db, parts.settings, who, found.id),
            icon=":material/delete:",
        )


def _accuracy(run: RunStanding) -> str:
    return f"{(run.best or 0.0) * 100:.1f} %"
