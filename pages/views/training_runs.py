"""Runs as cards: how far each is, its curves, and what may be done with it; and all of them side by side."""

from __future__ import annotations

import streamlit as st

from clinic.model_report import main_figures
from clinic.phrases import counted
from clinic.training import promotion, recipes, runs
from clinic.training.recipes import VALUES
from clinic.training.runs import RunStanding
from clinic.training_queue.work import TUNE
from fer_core.model.model_card import ModelCard
from pages import actions, links
from pages.charts.model import training_figure
from pages.charts.training import runs_figure, tried_figure
from pages.session import actor
from pages.views.decide import decide
from pages.views.own_figures import show_own_figures
from pages.widgets import chart, day_of, duration, show_errors
from web.resources import resources

SHOWN = 10
"""So many runs have a card; the table holds all."""
DRAWN = ("epochs", "batch", "rate", "weight_decay", "dropout", "smoothing", "mix", "erase")
"""The values that have an axis of their own beside the accuracy."""


def show_runs(found: list[RunStanding]) -> None:
    """Draw a card for each run that is under way, kept up to date, and for the newest of the others."""
    if not found:
        st.info("Nothing has been trained here yet.", icon=":material/info:")
    found = _alone(found)
    if _under_way(found):
        _follow([run.id for run in _under_way(found)])
    for run in [run for run in found if run not in _under_way(found)][:SHOWN]:
        with st.container(border=True):
            _show_run(run)


@actions.part(run_every=2)
def _follow(before: list[str]) -> None:
    """Draw what is under way; only this part runs again, and the whole page when something has ended."""
    with show_errors():
        parts = resources()
        found = _under_way(_alone(runs.standings(parts.db, parts.settings, actor())))
        if [run.id for run in found] != before:
            st.rerun()
        reason = runs.obstacle(parts.settings)
        if reason is not None:
            st.warning(reason, icon=":material/info:")
        for run in found:
            with st.container(border=True):
                _show_run(run)


def _alone(found: list[RunStanding]) -> list[RunStanding]:
    """Return the runs that are part of no search, which has a card of its own."""
    return [run for run in found if run.search_id is None]


def _under_way(found: list[RunStanding]) -> list[RunStanding]:
    return [run for run in found if run.open or (run.evaluation is not None and run.evaluation.open)]


def _show_run(run: RunStanding) -> None:
    st.markdown(f"**{links.plain_text(run.name)}** · {day_of(run.created_at)}")
    left = f" About {duration(run.left_s)} left." if run.left_s is not None else ""
    so_far = " so far" if run.open else ""
    best = f" Best accuracy on PublicTest{so_far}: {_percent(run.best)}." if run.best is not None else ""
    st.progress(run.share, text=f"{run.sentence}{left}{best}")
    if run.error:
        st.error(links.plain_text(run.error), icon=":material/info:")
    if run.curves and run.open:
        chart(training_figure(run.curves), f"curves:{run.id}", f"Curves of run {run.number}", disclaimer=False)
    elif run.curves:
        with st.expander("Curves", key=f"folded:curves:{run.id}"):
            chart(training_figure(run.curves), f"curves:{run.id}", f"Curves of run {run.number}", disclaimer=False)
    _show_people(run)
    _show_evaluation(run)
    with st.container(horizontal=True):
        _offer(run)


def _show_people(run: RunStanding) -> None:
    """Say how many patients took part in a run on the clinic's own people, and how many of them no longer agree."""
    if run.people is None:
        return
    if run.agreeing == run.people:
        st.markdown(f"{counted(run.people, 'patient')} took part, all of whom still agree.")
    else:
        st.warning(
            f"Of {counted(run.people, 'patient')} who took part, {run.agreeing} still agree. What a model learned from"
            " the others stays in it: train again without them and put that model to use.",
            icon=":material/info:",
        )


def _show_evaluation(run: RunStanding) -> None:
    if run.card is not None:
        used = " Its model is in use." if run.analyses else ""
        st.markdown(f"Evaluated: {main_figures(run.card, promotion.SPLIT)}{used}")
        show_own_figures(run.card)
    elif run.evaluation is not None and run.evaluation.open:
        st.info("The evaluation is under way.", icon=":material/hourglass_top:")
    elif run.evaluation is not None and run.evaluation.error:
        st.error(links.plain_text(run.evaluation.error), icon=":material/info:")


def _offer(run: RunStanding) -> None:
    """Draw the buttons of what may be done with a run as it stands."""
    db, settings, who = resources().db, resources().settings, actor()
    # Each pause and each epoch makes another button: a click counts for the run as it was drawn.
    target = f"{run.id}:{run.state}:{run.paused}"
    if run.open:
        label, icon = ("Go on", "play_arrow") if run.paused else ("Pause", "pause")
        if actions.action(label, "pause_training", target, icon=f":material/{icon}:"):
            runs.pause(db, who, run.id, not run.paused)
            st.rerun()
        # A window may stay open over an epoch's end: to stop means the same whatever the run does.
        if actions.action("Stop", "ask_stop", run.id, icon=":material/stop:"):
            actions.open_dialog("stop_training")
            stop(run)
        return
    if run.evaluable and actions.action("Evaluate", "evaluate", target, icon=":material/fact_check:"):
        runs.evaluate(db, settings, who, run.id)
        st.rerun()
    good = run.card is not None and promotion.objection(run.card) is None
    free = good and not run.analyses and promotion.fixed(settings) is None
    if free and actions.action("Put to use", "ask_promote", target, icon=":material/publish:"):
        actions.open_dialog("promote")
        promote(run)
    needed = run.in_use or (run.evaluation is not None and run.evaluation.open)
    if not needed and actions.action("Delete", "ask_delete", target, icon=":material/delete:"):
        actions.open_dialog("delete_run")
        delete(run)


def show_both(used: ModelCard, which: str, other: ModelCard) -> None:
    """Show the figures of the model in use and of another one, and say where they can't be compared."""
    for said, card in (("In use", used), (which, other)):
        st.markdown(f"{said}, **{links.plain_text(card.name)}**: {main_figures(card, promotion.SPLIT)}")
    if used.data.get("data_sha256") != other.data.get("data_sha256"):
        st.warning("The two were measured on different data sets: the figures can't be compared.")


@actions.dialog("Put this model to use", width="large")
def promote(run: RunStanding) -> None:
    """Show the model beside the one in use, and put it to use if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        used = ModelCard.load(promotion.in_use(parts.settings))
        if run.card is None:
            return
        show_both(used, "This one", run.card)
        st.caption(
            "Its golden check and the self-test run first. New recordings are then analysed with it. A new model starts"
            " a new baseline: earlier recordings can be analysed again on the page Analyses."
        )
        target = actions.opening("promote")
        if actions.action("Check and put to use", "promote", target, kind="primary"):
            with st.spinner("The model is being checked…"):
                actions.once("promote", target, lambda: promotion.promote(parts.db, parts.settings, who, run.id))
            st.rerun()


@actions.dialog("Stop this run")
def stop(run: RunStanding) -> None:
    """Say what is lost, and end a run for good if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(f"{links.plain_text(run.name)}: {run.sentence}")
        st.write(f"A run that was stopped can't go on. {_left_behind(run)} Pause it instead to let it go on later.")
        decide("Stop for good", "stop_training", lambda: runs.stop(parts.db, who, run.id), icon=":material/stop:")


def _left_behind(run: RunStanding) -> str:
    if run.kind == TUNE:
        return "The pictures of patients that were cut out for it are deleted, and it leaves no model."
    return "What its best epoch learned stays, and can be evaluated." if run.done else "It leaves no model."


@actions.dialog("Delete this run")
def delete(run: RunStanding) -> None:
    """Delete a run with its weights, if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(f"{links.plain_text(run.name)}: its curves and weights will be gone.")
        decide(
            "Delete",
            "delete_run",
            lambda: runs.remove(parts.db, parts.settings, who, run.id),
            icon=":material/delete:",
        )


def compare(found: list[RunStanding]) -> None:
    """Show all runs that have an epoch side by side: a table, their curves, and what was tried."""
    tried = [run for run in _alone(found) if run.curves]
    if len(tried) < 2:
        st.caption("As soon as two runs have an epoch, they are shown side by side here.")
        return
    rows = [
        {
            "Run": run.name,
            "Best accuracy": (run.best or 0.0) * 100,
            "Epochs": run.done,
            "Seconds an epoch": sum(epoch["seconds"] for epoch in run.curves) / run.done,
            **{VALUES[name].label: recipes.read(run.recipe, name) for name in DRAWN if name != "epochs"},
        }
        for run in tried
    ]
    config = {
        "Best accuracy": st.column_config.NumberColumn(format="%.1f %%"),
        "Seconds an epoch": st.column_config.NumberColumn(format="%.1f"),
    }
    st.dataframe(rows, hide_index=True, column_config=config, key="compared_runs")
    newest = [(f"Run {run.number}", run.curves) for run in tried[:7]]
    chart(runs_figure(newest), "compared_curves", "Accuracy of the runs over their epochs", disclaimer=False)
    values = [{name: recipes.read(run.recipe, name) for name in DRAWN} for run in tried]
    labels = {name: VALUES[name].label for name in DRAWN if len({run[name] for run in values}) > 1}
    if labels:
        best = [run.best or 0.0 for run in tried]
        runs_drawn = [f"Run {run.number}" for run in tried]
        chart(
            tried_figure(runs_drawn, values, labels, best),
            "tried",
            "What was tried, and how good it was",
            disclaimer=False,
        )
        st.caption(
            "Each line is a run; the axes are the values in which the runs differ, and last the best accuracy on"
            " PublicTest, which gives the colour: from orange, the worst, to teal, the best."
        )


def _percent(share: float | None) -> str:
    return f"{share * 100:.1f} %" if share is not None else "–"
