"""The first tab of a patient: three sentences, the axis of time, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.patients import discordance, overview, recast
from clinic.patients.caseload import PatientDetail
from clinic.questionnaires.answers import Answer
from fer_core.emotions import Emotion
from pages import chooser, links
from pages.charts.trend import title
from pages.views.axis import ADJUSTED, LABELLED, show_axis
from pages.views.conditions import holding_now, named
from pages.views.numbers import show_numbers
from pages.views.validity import show_validity

FIRST_SHOWN = (Emotion.HAPPY, Emotion.SAD)


def show_overview(patient: PatientDetail, given: Sequence[Answer]) -> None:
    """Draw the summary, the axis, and the pages of formulas."""
    if patient.closed:
        st.info(patient.closed, icon=":material/lock:")
    elif not patient.recordings:
        st.info("No recordings yet. Add a video of a session, or a few pictures.", icon=":material/videocam:")
    found = holding_now(patient.id)
    why = words.NOT_INTERPRETED.format(why=named(found)) if found else None
    if patient.trend.points:
        sentences = overview.summary(patient.trend, words.TREND_NAMES, why)
        st.markdown("  \n".join(links.plain_text(sentence) for sentence in sentences if sentence))
    apart = discordance.find(patient.trend, given) if not found else None
    if apart is not None:
        st.info(links.plain_text(discordance.sentence(apart, words.TREND_NAMES)), icon=":material/forum:")
    shown, basis = _chosen() if patient.trend.points and not found else ([], LABELLED)
    show_axis(patient, given, shown, labels=not found, basis=basis)
    if patient.trend.points:
        show_validity(patient, found)
        show_numbers()


def _chosen() -> tuple[list[int], str]:
    """Draw the choice of expressions and of what their shares are; return the columns and the basis."""
    columns = {emotion.label: emotion.value for emotion in Emotion} | {"together": recast.COMPOSITE}
    names = {emotion.label: title(words.EXPRESSIONS[emotion]) for emotion in Emotion} | {"together": "Four together"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = chooser.several("Expressions", names, [one.label for one in FIRST_SHOWN], "expressions_shown")
        bases = {LABELLED: "As labelled", ADJUSTED: "Adjusted"}
        basis = chooser.switch("Shares", bases, "shares_basis", help=f"{title(words.TOGETHER)}. {words.ADJUSTED_TREND}")
    return [column for label, column in columns.items() if label in picked], basis
