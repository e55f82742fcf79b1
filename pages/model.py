"""How good the model is, for whom that is unknown, and which errors it makes: read from the model's own card."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import streamlit as st

from clinic import model_in_use, words
from clinic.children import PROGRAM_DIR
from clinic.model_intervals import between, interval, labelled_95, neutral_to_sad_95, reach
from clinic.model_report import class_figures, main_columns, observations, opening, repeat_rows
from clinic.phrases import exact_percent, percent_range
from clinic.training import promotion
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.model.model_card import ModelCard, known_cards
from pages import chooser
from pages.charts.figures import title
from pages.charts.model import (
    classes_figure,
    confusion_figure,
    models_figure,
    robustness_figure,
    training_figure,
    trust_figure,
)
from pages.views.examples import show_cell, show_gallery
from pages.views.own_figures import show_own_figures
from pages.widgets import chart, chart_of_cells, day, percent
from web.resources import resources

SPLIT = "PrivateTest"
CELLS = {"count": "Counts", "share": "Shares of the true label"}
IN_BRACKETS = "In brackets: the 95 % interval."
EARLIER = PROGRAM_DIR / "train" / "results"
"""The cards of models that were trained here and are not installed."""


def show_accuracy(measured: dict[str, Any], unique: dict[str, Any]) -> None:
    """Show the figures that matter most, each with what it means."""
    columns = st.columns(4)
    columns[0].metric("Agreement", exact_percent(measured["accuracy"]), border=True)
    columns[0].caption(
        f"with the labels of {measured['pictures']:,} test pictures; {between(measured['accuracy_95'])}."
    )
    columns[1].metric("Without repeats", exact_percent(unique["accuracy"]), border=True)
    columns[1].caption(
        f"agreement on the {unique['pictures']:,} test pictures whose photograph was not found elsewhere in the data;"
        f" {between(unique['accuracy_95'])}."
    )
    columns[2].metric("Neutral called sad", exact_percent(measured["neutral_to_sad"]), border=True)
    columns[2].caption(
        "of the neutral faces, by their likeliest label: the error that would mislead most in this use;"
        f" {between(neutral_to_sad_95(measured))}."
    )
    kept = measured.get("selective")
    if kept:
        some = kept["coverage"] > 0
        columns[3].metric("Where a label is given", exact_percent(kept["accuracy"]) if some else "–", border=True)
        columns[3].caption(
            "No face of the test gets a label: all stay uncertain."
            if not some
            else f"agreement among the {percent(kept['coverage'])} of faces with a label; the others stay uncertain;"
            f" {between(labelled_95(measured))}."
        )


def show_meaning(measured: dict[str, Any]) -> None:
    """Explain first what the figures mean for a clinician who reads a patient's labels."""
    for sentence in opening(measured):
        st.markdown(f"**{sentence}**")
    st.caption(
        f"Counted on {measured['pictures']:,} test pictures. “People” means the one person who labelled each picture."
    )
    st.info(words.WHAT_ACCURACY_MEANS, icon=":material/info:")


def show_observations(card: ModelCard) -> None:
    """Show what stands out, in sentences made from the figures."""
    found = observations(card.metrics, SPLIT)
    for heading, sentences in (
        ("Strengths", found.strengths),
        ("Weaknesses", found.weaknesses),
        ("Most confused", found.confused),
    ):
        st.markdown(f"**{heading}**\n\n" + "\n".join(f"- {sentence}" for sentence in sentences))


def show_classes(measured: dict[str, Any]) -> None:
    """Show the seven expressions: what happens to their faces, and how far their labels can be trusted."""
    figures = class_figures(measured)
    chart(classes_figure(figures, words.EXPRESSIONS), "per_class", "Each expression's faces by label", disclaimer=False)
    rows = [
        {
            "Expression": title(words.EXPRESSIONS[found.emotion]),
            "Found": found.right * 100,
            "Found, 95 %": percent_range(found.right_95),
            "Another label": found.other * 100,
            "Uncertain": found.uncertain * 100,
            "Right when given": found.precision * 100 if found.precision is not None else None,
            "Right when given, 95 %": percent_range(found.precision_95)
            if found.precision is not None
            else "no face gets it",
            "F1": found.f1 * 100,
            "Test pictures": found.pictures,
        }
        for found in figures
    ]
    names = ("Found", "Another label", "Uncertain", "Right when given", "F1")
    config = dict.fromkeys(names, st.column_config.NumberColumn(format="%.1f %%"))
    st.dataframe(rows, hide_index=True, column_config=config, key="classes")
    st.caption(
        "Found: of the faces with this label, how many get it. Right when given: of the faces that get this label, how"
        " many have it. F1 counts uncertain faces too, by their likeliest label."
    )


def show_confusion(measured: dict[str, Any], least: float) -> None:
    """Show which expression is taken for which, as counts or as shares of the true label.

    `least`: a face with a lower output stays uncertain.
    """
    names = dict(zip(Emotion, EMOTION_LABELS, strict=True))
    numbers = chooser.switch("Cells show", CELLS, "confusion_cells")
    figure = confusion_figure(measured["confusion"], names, numbers)
    clicked = chart_of_cells(figure, f"confusion:{numbers}", "Confusion matrix")
    st.caption(
        f"{measured['pictures']:,} test pictures; each row is one true label, by the likeliest label of each face,"
        " uncertain or not."
    )
    show_cell(clicked, least)


def show_repeats(tested: dict[str, Any]) -> None:
    """Show the figures without pictures that are in the data twice."""
    st.dataframe(repeat_rows(tested), hide_index=True, key="repeats")
    st.caption(f"{IN_BRACKETS} Repeats: pictures that were found in another part of the data, too.")


def show_trust(measured: dict[str, Any]) -> None:
    """Show how far the model's outputs can be trusted, and what is gained by giving no label."""
    kept = measured["selective"]
    figure = trust_figure(measured["calibration"]["diagram"], measured["risk_coverage"]["curve"], kept["coverage"])
    chart(figure, "trust", "Reliability diagram and risk-coverage curve", disclaimer=False)
    st.caption(
        f"Left: on the dotted line an output of 70 % is right in 70 % of the pictures; on average this model is off by "
        f"{measured['calibration']['ece'] * 100:.1f} points (expected calibration error). Right: the dotted line is "
        f"this program's threshold: below an output of {exact_percent(kept['threshold'])} a face stays uncertain."
    )


def show_models(installed: ModelCard) -> None:
    """Show the model beside those that were trained here before it, and the plain baselines."""
    earlier = known_cards(EARLIER)
    tried = [card for card in [installed, *earlier] if SPLIT in card.metrics]
    tried.sort(key=lambda card: -card.metrics[SPLIT]["full"]["accuracy"])
    measured = {f"{card.name} (installed)" if card is installed else card.name: card for card in tried}
    drawn = [
        (name, found["accuracy"] * 100, found["macro_f1"] * 100)
        for name, found in ((name, card.metrics[SPLIT]["full"]) for name, card in measured.items())
    ]
    figure = models_figure(sorted([*drawn, *other_programs()], key=lambda one: -one[1]))
    chart(figure, "baselines", "Agreement and macro F1 of each model and program", disclaimer=False)
    known = [ModelCard.load(), *earlier]
    rows = [
        {"Model": name, "Recipe": card.recipe.get("preset", "")}
        | main_columns(card.metrics[SPLIT]["full"])
        | {"Saw test photographs": "yes" if card.saw_near_twins(known) else "no"}
        for name, card in measured.items()
    ]
    st.dataframe(rows, hide_index=True, key="models")
    pictures = [found["full"] for found in [installed.metrics.get(SPLIT)] if found is not None]
    st.caption(" ".join([IN_BRACKETS, words.BASELINES, *(_not_ranked(found) for found in pictures)]))


def _not_ranked(measured: dict[str, Any]) -> str:
    return (
        f"With {measured['pictures']:,} test pictures the 95 % interval of an agreement reaches about"
        f" {reach(measured['accuracy'], measured['pictures'])} to each side: smaller differences rank nothing."
    )


def other_programs() -> list[tuple[str, float, float]]:
    """Return agreement and macro F1, in percent, of other programs on the same test pictures, measured here."""
    found = json.loads((EARLIER / "other_programs" / "private_test.json").read_text("utf-8"))
    return [(f"{one['name']} (other)", one["accuracy"] * 100, one["macro_f1"] * 100) for one in found]


def show_strata(strata: dict[str, Any], robustness: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    """Show what is known about recording conditions, and say that nothing is known about groups of people."""
    st.markdown(words.SUBGROUPS_UNKNOWN)
    st.markdown("\n".join(f"- {limit}" for limit in words.LIMITS))
    if robustness:
        pictures, agreement = undisturbed["pictures"], undisturbed["accuracy"]
        disturbed = {
            name: (found["accuracy"], interval(found["accuracy"] * pictures, pictures))
            for name, found in robustness.items()
        }
        chart(
            robustness_figure(disturbed, agreement),
            "disturbed",
            "Agreement when pictures are disturbed",
            disclaimer=False,
        )
    thirds = [
        {"Property": name.capitalize()} | {third.capitalize(): found["accuracy"] * 100 for third, found in by.items()}
        for name, by in strata.items()
    ]
    shares = st.column_config.NumberColumn(format="%.1f %%")
    st.markdown("**Agreement by thirds of the picture's properties**")
    config = dict.fromkeys(("Lowest", "Middle", "Highest"), shares)
    st.dataframe(thirds, hide_index=True, column_config=config, key="strata")
    found = [third for by in strata.values() for third in by.values()]
    if found:
        few = min(found, key=lambda third: third["pictures"])
        st.caption(
            f"Each third has {few['pictures']:,} pictures or more: the 95 % interval of its agreement reaches about"
            f" {reach(few['accuracy'], few['pictures'])} to each side."
        )


def show_making(card: ModelCard) -> None:
    """Show how the model was made, in a closed expander, for those who want to reproduce it."""
    with st.expander("For engineers: how this model was made", key="folded:making"):
        if card.curves:
            chart(training_figure(card.curves), "curves", "Training curves of loss and accuracy", disclaimer=False)
        st.markdown(f"Name `{card.name}`, made {_made_on(card)}.")
        st.markdown(f"Fingerprint of its weights (SHA-256): `{card.sha256}`")
        st.json({"data": card.data, "recipe": card.recipe}, expanded=False)


def _made_on(card: ModelCard) -> str:
    try:
        return day(datetime.fromisoformat(card.made_at))
    except ValueError:
        return "at an unknown time"


st.title("Model")
st.write(words.DISCLAIMER)
card = ModelCard.load(model_in_use.card_path(resources().settings))
tested = card.metrics.get(SPLIT)
if tested is None:
    st.info("The installed model has no test results. Treat its labels with caution.", icon=":material/info:")
else:
    st.header("What it means")
    show_meaning(tested["full"])
    show_observations(card)
    st.header("Figures")
    show_accuracy(tested["full"], tested["without_near_duplicates"])
    show_repeats(tested)
    if promotion.OWN in card.metrics:
        st.header("The clinic's own people")
        show_own_figures(card)
    st.header("By expression")
    show_classes(tested["full"])
    st.header("What is mistaken for what")
    show_confusion(tested["full"], card.uncertain_below)
    st.header("Faces that it labels rightly and wrongly")
    show_gallery(card.uncertain_below)
    st.header("How far to trust an output")
    show_trust(tested["full"])
    st.header("Limits")
    show_strata(tested.get("strata", {}), card.metrics.get("robustness", {}), tested["full"])
st.header("Compared with earlier and simpler models")
show_models(card)
show_making(card)
