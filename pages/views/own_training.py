"""Training on the clinic's own recordings: how many labelled moments there are of people who agree, and the start."""

from __future__ import annotations

import streamlit as st

from clinic.consent.consent import Scope
from clinic.consent.scopes import SCOPES
from clinic.phrases import counted
from clinic.training import own_samples, tuning
from clinic.training.own_samples import MARKS_EACH, PATIENTS_NEEDED, OwnSamples
from pages import actions, links
from pages.session import actor
from pages.widgets import show_errors
from web.resources import resources

HOW = f"""The training continues a model that learned from no patient, with data set and labelled moments together.

- **Consent.** Only moments of patients who agree that their recordings improve the model, and that they are kept. When
  one of them withdraws that, a training under way is ended and its pictures are deleted. What a finished model has
  learned stays in it until another one takes its place; the consent of each patient shows in which trainings they were.
- **Number.** {PATIENTS_NEEDED} patients with {MARKS_EACH} labelled moments each are the minimum: a third of them, held
  out, then show a gain or a loss of 5 points.
- **Judgement.** The patients held out are chosen only by their id, and no training here ever learns from them. The new
  model can be put to use only where it is shown to be better for them, and not worse on the data set's test.
- **Labels.** A mark names a stretch as one clinician saw it, often after the model had said its label. So the figures
  say how well the model agrees with the clinicians here, and not that they are right."""
USE = f"“{SCOPES[Scope.TRAIN]}” and to keeping them"
WHERE = "their clinicians ask for it and record it on the patient's page, under “Consent and sharing”."
NO_DATA = "Please name and choose a data set above first."
NOT_KEPT = "This installation keeps no recordings (`FER_KEEP_FILES`), so that there is nothing to train on."


def show_own_samples(data: str | None) -> None:
    """Say how many labelled moments of its own the clinic has, and offer to train on them beside a data set."""
    found = own_samples.count(resources().db, actor())
    st.markdown(_labelled(found))
    st.markdown(_ready(found))
    with st.expander("What a training on them does, and what it needs", key="folded:own_training"):
        st.markdown(HOW)
    if data is None:
        st.caption(NO_DATA)
    elif not resources().settings.trains_on_own:
        st.caption(NOT_KEPT)
    elif found.enough and actions.action("Train on them", "ask_tune", data, icon=":material/model_training:"):
        actions.open_dialog("tune")
        begin(data, found.ready)


def _labelled(found: OwnSamples) -> str:
    """Say how many moments have a label that a person gave, and of how many of them the patients agree."""
    if not found.marks:
        return (
            "No moment of a recording has been labelled by a person yet. Clinicians give labels on the page of a"
            " recording, as marks."
        )
    whose = f"Clinicians labelled {counted(found.marks, 'moment')} of {counted(found.patients, 'patient')}"
    if not found.agreed:
        return f"{whose}. None of these patients consents to {USE}: {WHERE}"
    if found.agreed == found.marks:
        return f"{whose}, all of whom consent to {USE}."
    return f"{whose}. {found.agreed:,} of them are of {counted(found.patients_agreed, 'patient')} who consent to {USE}."


def _ready(found: OwnSamples) -> str:
    """Say how many patients a training needs, and how many of them there are."""
    needed = f"A training needs {PATIENTS_NEEDED} patients who consent, with {MARKS_EACH} or more labelled moments each"
    if found.enough:
        return f"{needed}: there are {found.ready:,}."
    there = f"there is {found.ready}" if found.ready == 1 else f"there are {found.ready}"
    return f"{needed}: {there}, so **{PATIENTS_NEEDED - found.ready} are missing**."


@actions.dialog("Train on the clinic's own recordings", width="large")
def begin(data: str, ready: int) -> None:
    """Say what will happen, and start it."""
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(
            f"The faces of labelled moments of {counted(ready, 'patient')} are cut out of their kept recordings, kept"
            f" sealed while the training runs, and deleted at its end. The data set {links.plain_text(data)} takes part"
            " too, so that the model doesn't forget what it knows. At the end the page says how it did on patients whom"
            " it never saw."
        )
        target = actions.opening("tune")
        if actions.action("Start", "start_tuning", target, kind="primary"):
            actions.once("start_tuning", target, lambda: tuning.start(parts.db, parts.settings, who, data))
            st.rerun()
