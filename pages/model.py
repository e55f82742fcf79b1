"""How good the model is, for whom that is unknown, and where it errs: read from the model's own card."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from clinic import words
from clinic.worker.supervisor import PROGRAM_DIR
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.model.model_card import ModelCard, known_cards
from pages.charts.model import confusion_figure, training_figure, trust_figure
from pages.charts.trend import title
from pages.widgets import chart, day, percent
from web.resources import resources

SPLIT = "PrivateTest"
EARLIER = PROGRAM_DIR / "train" / "results"
"""The cards of models that were trained here and are not installed."""


def show_accuracy(measured: dict[str, Any], unique: dict[str, Any]) -> None:
    """Show the figures that matter most, each with what it means."""
    low, high = measured["accuracy_95"]
    columns = st.columns(4)
    columns[0].metric("Agreement", _exact(measured["accuracy"]), border=True)
    columns[0].caption(
        f"with the labels of {measured['pictures']:,} test pictures; 95 % interval {_exact(low)} to {_exact(high)}."
    )
    columns[1].metric("Without repeats", _exact(unique["accuracy"]), border=True)
    columns[1].caption(
        f"agreement on the {unique['pictures']:,} test pictures whose photograph was not found elsewhere in the data."
    )
    columns[2].metric("Neutral called sad", _exact(measured["neutral_to_sad"]), border=True)
    columns[2].caption("of the neutral faces: the error that would mislead most in this use.")
    kept = measured.get("selective")
    if kept:
        columns[3].metric("Where a label is given", _exact(kept["accuracy"]), border=True)
        columns[3].caption(
            f"agreement among the {percent(kept['coverage'])} of faces with a label; the others stay uncertain."
        )


def show_classes(measured: dict[str, Any]) -> None:
    """Show the table of the seven classes."""
    rows = [
        {
            "Expression": title(words.EXPRESSIONS[emotion]),
            "Found (recall)": measured["per_class"][emotion.label]["recall"] * 100,
            "Right when given (precision)": measured["per_class"][emotion.label]["precision"] * 100,
            "F1": measured["per_class"][emotion.label]["f1"] * 100,
            "Test pictures": measured["per_class"][emotion.label]["pictures"],
        }
        for emotion in Emotion
    ]
    shares = st.column_config.NumberColumn(format="%.1f %%")
    config = dict.fromkeys(("Found (recall)", "Right when given (precision)", "F1"), shares)
    st.dataframe(rows, hide_index=True, column_config=config, key="classes")
    st.caption(
        "Found: of the faces with this label, how many the model calls so. Right when given: of the faces that the "
        "model calls so, how many have this label."
    )


def show_trust(measured: dict[str, Any]) -> None:
    """Show how far the model's outputs can be taken at their word, and what abstaining brings."""
    kept = measured["selective"]
    figure = trust_figure(measured["calibration"]["diagram"], measured["risk_coverage"]["curve"], kept["coverage"])
    chart(figure, "trust", "Reliability diagram and risk-coverage curve", disclaimer=False)
    st.caption(
        f"Left: on the dotted line an output of 70 % is right in 70 % of the pictures; on average this model is off by "
        f"{measured['calibration']['ece'] * 100:.1f} points (expected calibration error). Right: the dotted line is "
        f"where this program stops: below an output of {_exact(kept['threshold'])} a face stays uncertain."
    )


def show_models(installed: ModelCard) -> None:
    """Show the model beside those that were trained here before it, and the plain baselines."""
    rows = []
    for other in [installed, *known_cards(EARLIER)]:
        if SPLIT not in other.metrics:
            continue
        measured = other.metrics[SPLIT]["full"]
        name = f"{other.name} (installed)" if other.name == installed.name else other.name
        figures = {key: measured[key] * 100 for key in ("accuracy", "macro_f1", "neutral_to_sad")}
        saw = "yes" if other.saw_near_twins else "no"
        rows.append(
            {"Model": name, "Recipe": other.recipe.get("preset", ""), **figures, "Saw photographs of the test": saw}
        )
    rows.sort(key=lambda row: -row["accuracy"])
    shares = {
        "accuracy": st.column_config.NumberColumn("Agreement", format="%.1f %%"),
        "macro_f1": st.column_config.NumberColumn("Macro F1", format="%.1f %%"),
        "neutral_to_sad": st.column_config.NumberColumn("Neutral called sad", format="%.1f %%"),
    }
    st.dataframe(rows, hide_index=True, column_config=shares, key="models")
    st.caption(words.BASELINES)


def show_strata(strata: dict[str, Any], robustness: dict[str, Any]) -> None:
    """Show what is known of conditions, and say that nothing is known of people."""
    st.markdown(words.SUBGROUPS_UNKNOWN)
    st.markdown("\n".join(f"- {limit}" for limit in words.LIMITS))
    left, right = st.columns(2)
    thirds = [
        {"Property": name.capitalize()} | {third.capitalize(): found["accuracy"] * 100 for third, found in by.items()}
        for name, by in strata.items()
    ]
    shares = st.column_config.NumberColumn(format="%.1f %%")
    with left:
        st.markdown("**Agreement by thirds of the picture's properties**")
        st.dataframe(
            thirds, hide_index=True, column_config=dict.fromkeys(("Lowest", "Middle", "Highest"), shares), key="strata"
        )
    with right:
        st.markdown("**Agreement when pictures are disturbed**")
        disturbed = [{"Disturbance": name, "Agreement": found["accuracy"] * 100} for name, found in robustness.items()]
        st.dataframe(
            disturbed, hide_index=True, column_config={"Agreement": shares}, height="content", key="robustness"
        )


def show_making(card: ModelCard) -> None:
    """Show how the model was made, for those who want to redo it."""
    if card.curves:
        chart(training_figure(card.curves), "curves", "Training curves", disclaimer=False)
    with st.expander("How this model was made"):
        st.markdown(f"Name `{card.name}`, made {_made_on(card)}.")
        st.markdown(f"Fingerprint of its weights (SHA-256): `{card.sha256}`")
        st.json({"data": card.data, "recipe": card.recipe}, expanded=False)


def _made_on(card: ModelCard) -> str:
    try:
        return day(datetime.fromisoformat(card.made_at))
    except ValueError:
        return "at an unknown time"


def _exact(share: float) -> str:
    return f"{share * 100:.1f} %"


st.title("Model")
st.write(words.DISCLAIMER)
card = ModelCard.load(resources().settings.model)
tested = card.metrics.get(SPLIT)
if tested is None:
    st.info("The installed model brings no test results. Treat everything it says with care.", icon=":material/info:")
else:
    show_accuracy(tested["full"], tested["without_near_duplicates"])
    st.info(words.WHAT_ACCURACY_MEANS, icon=":material/info:")
    st.header("By expression")
    show_classes(tested["full"])
    st.header("What is mistaken for what")
    names = dict(zip(Emotion, EMOTION_LABELS, strict=True))
    chart(confusion_figure(tested["full"]["confusion"], names), "confusion", "Confusion matrix", disclaimer=False)
    st.caption(f"{tested['full']['pictures']:,} test pictures; each row is one true label: count and share of the row.")
    st.header("How far to trust an output")
    show_trust(tested["full"])
    st.header("Limits")
    show_strata(tested.get("strata", {}), card.metrics.get("robustness", {}))
st.header("Beside earlier and simpler models")
show_models(card)
st.header("Training")
show_making(card)
