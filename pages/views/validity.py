"""What is known and unknown about the model for someone like this patient."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import streamlit as st

from clinic import model_in_use, words
from clinic.patients.caseload import PatientDetail
from clinic.patients.conditions import Condition
from clinic.patients.subject import RecordingKind
from clinic.recordings import marks
from fer_core.model.model_card import ModelCard
from pages import links
from pages.session import actor
from pages.views.conditions import named
from pages.views.marks import agreement_sentence
from pages.widgets import percent
from web.resources import resources

SPLIT = "PrivateTest"
"""The test pictures whose figures are shown."""


def show_validity(patient: PatientDetail, holding: Sequence[Condition]) -> None:
    """Draw the card; `holding`: the conditions under which labels are not interpreted now."""
    with st.expander("How far the model applies to this patient", key=f"folded:validity:{patient.id}"):
        left, right = st.columns(2)
        with left:
            st.markdown("**Known**")
            st.markdown("\n".join(f"- {links.plain_text(line)}" for line in _known(patient)))
        with right:
            st.markdown("**Unknown**")
            st.markdown("\n".join(f"- {links.plain_text(line)}" for line in _unknown(patient, holding)))


def _known(patient: PatientDetail) -> list[str]:
    return [*_of_the_model(), *_of_the_patient(patient)]


def _of_the_model() -> list[str]:
    tested = ModelCard.load(model_in_use.card_path(resources().settings)).metrics.get(SPLIT)
    if tested is None:
        return ["The installed model has no test results."]
    measured = tested["full"]
    said = [
        f"On {measured['pictures']:,} test pictures of other people the model gives the label that a person gave in"
        f" {percent(measured['accuracy'])}.",
        f"It calls {percent(measured['neutral_to_sad'])} of the neutral faces sad-like.",
    ]
    kept = measured.get("selective")
    if kept:
        said.append(f"Where a label stands out it agrees in {percent(kept['accuracy'])}; the rest stays uncertain.")
    return said


def _of_the_patient(patient: PatientDetail) -> list[str]:
    shares = [one.usable_share for one in patient.recordings if one.usable_share is not None]
    of = "the pictures" if {one.kind for one in patient.recordings} == {RecordingKind.PICTURES} else "the time"
    said = [f"In this patient's recordings the face can be read in {percent(median(shares))} of {of} (median)."]
    if patient.trend.changes:
        ways = len(patient.trend.changes) + 1
        said.append(f"The recordings were made in {ways} ways that can't be compared (camera, sampling or model).")
    said.append(agreement_sentence(marks.agreement(resources().db, actor(), patient.recordings[0].id)))
    return said if shares else said[1:]


def _unknown(patient: PatientDetail, holding: Sequence[Condition]) -> list[str]:
    said = [words.SUBGROUPS_UNKNOWN.replace("**", "")]
    if patient.born_on is None:
        said.append("This patient's age is not recorded; the training data says nothing about ages either.")
    said.append("How spontaneous faces in a session differ from the test pictures, which come from the web.")
    if holding:
        said.append(f"How the labels behave with {named(holding)}: they are not interpreted here.")
    return said
