"""The first tab of a patient: three sentences, the axis of time, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.patients import discordance, overview
from clinic.patients.caseload import PatientDetail
from clinic.questionnaires.answers import Answer
from pages import links
from pages.views.axis import show_axis
from pages.views.conditions import holding_now, named
from pages.views.numbers import show_numbers
from pages.views.validity import show_validity


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
    show_axis(patient, given, labels=not found)
    if patient.trend.points:
        show_validity(patient, found)
        show_numbers()
