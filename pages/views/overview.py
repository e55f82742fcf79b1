"""The first tab of a patient: three sentences, the axis of time, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.patients import discordance, overview
from clinic.patients.caseload import PatientDetail
from clinic.patients.conditions import Condition
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
    # Labels follow the days of their recordings, as in reports and exports: those of other days may be read.
    labels = not found or any(point.shares is not None for point in patient.trend.points)
    if patient.trend.points:
        sentences = _sentences(patient, found, labels)
        st.markdown("  \n".join(links.plain_text(sentence) for sentence in sentences if sentence))
    apart = discordance.find(patient.trend, given) if not found else None
    if apart is not None:
        st.info(links.plain_text(discordance.sentence(apart, words.TREND_NAMES)), icon=":material/forum:")
    show_axis(patient, given, labels, movement=bool(found))
    if patient.trend.points:
        show_validity(patient, found)
        show_numbers()


def _sentences(patient: PatientDetail, found: Sequence[Condition], labels: bool) -> tuple[str, ...]:
    """Return the summary. `found`: the conditions of the face that hold today; `labels`: whether any may be read."""
    if not found:
        return overview.summary(patient.trend, words.TREND_NAMES)
    if not labels:
        why = words.NOT_INTERPRETED.format(why=named(found))
        return overview.summary(patient.trend, words.TREND_NAMES, why)
    why = words.NOT_INTERPRETED_OF_DAYS.format(why=named(found))
    return (why, *overview.summary(patient.trend, words.TREND_NAMES))
