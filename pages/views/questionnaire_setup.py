"""What is set up for questionnaires: when they are due, and the clinic's own ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from clinic.phrases import counted
from clinic.questionnaires import scales, schedule
from clinic.questionnaires.published import PUBLISHED, Band, HigherIs, Scale
from clinic.questionnaires.scales import OwnFields
from clinic.questionnaires.schedule import Due
from fer_core.errors import FerError
from pages import actions, chooser, links
from pages.session import actor
from pages.views.conflict import drawn_again
from pages.views.decide import decide
from pages.widgets import day, day_input, show_errors, today
from web.resources import resources

EVERY = {"7": "every week", "14": "every 2 weeks", "28": "every 4 weeks", "91": "every 3 months", "0": "no longer due"}
ADDED, RETIRED = "own_scale_added", "own_scale_retired"
TO_RETIRE = "retired_scale"
OWN_TEXTS = ("own_name", "own_bands", "own_source")
"""Boxes that are emptied once what was in them is stored."""
HIGHER = {HigherIs.WORSE: "more symptoms", HigherIs.BETTER: "more well-being", HigherIs.NEITHER: "neither"}


def show_schedule(patient_id: str, offered: Mapping[str, Scale], dues: Sequence[Due]) -> None:
    """Let a questionnaire be due in regular steps; `dues`: what is set now, and shown."""
    # Other steps make another button: a colleague's new setting is not replaced unseen.
    target = f"{patient_id}:{chooser.digest((due.scale, due.every_days, due.due_on) for due in dues)}"
    form = f"schedule:{patient_id}"
    folded = st.expander("When questionnaires are due", key=f"folded:{form}")
    with folded, show_errors(), drawn_again(form), st.form(form, border=False):
        for due in dues:
            every_day = EVERY.get(str(due.every_days), f"every {counted(due.every_days, 'day')}")
            st.caption(f"{links.plain_text(due.name)} is due {every_day}, next on {day(due.due_on)}.")
        left, middle, right = st.columns(3)
        with left:
            names = {key: scale.name for key, scale in offered.items()}
            chosen = chooser.choose("Questionnaire", names, f"planned:{patient_id}", start=next(iter(names)))
        with middle:
            every = chooser.choose("Due", EVERY, f"every:{patient_id}", start="14")
        with right:
            first = day_input("First day", today(), f"first_due:{patient_id}")
        needs = {"the questionnaire": chosen, "how often it is due": every}
        if actions.submit("Save", "save_schedule", target, needs=needs) and chosen is not None and every is not None:
            db, who = resources().db, actor()
            if every == "0":
                schedule.stop(db, who, patient_id, chosen, dues)
            else:
                schedule.plan(db, who, patient_id, chosen, int(every), first, dues)
            st.rerun()


def show_own_scales(offered: Mapping[str, Scale]) -> None:
    """Let the clinic define a questionnaire by its total and bands, or retire one."""
    said = st.session_state.pop(ADDED, None)
    if said:
        st.success(said, icon=":material/check:")
        for key in OWN_TEXTS:
            st.session_state[key] = ""
    if retired := st.session_state.pop(RETIRED, None):
        st.success(retired, icon=":material/check:")
        chooser.forget(TO_RETIRE)
    with st.expander("The clinic's own questionnaires", key="folded:own_scales"), show_errors():
        st.caption("For the totals of questionnaires that are answered elsewhere. Their questions are not stored.")
        own = {key: scale.name for key, scale in offered.items() if key not in PUBLISHED}
        if own:
            chosen = chooser.choose("Stop offering", own, TO_RETIRE, placeholder="Choose one")
            if chosen is not None:
                _ask_to_retire(chosen, own[chosen])
        with st.form("own_scale", border=False):
            wanted, bands = _own_fields()
            if actions.submit("Add questionnaire", "define_scale", "new"):
                scales.define(resources().db, actor(), replace(wanted, bands=_bands(bands)))
                name = links.plain_text(wanted.name.strip())
                st.session_state[ADDED] = f"{name} was added. Its totals can be entered now, for each patient."
                st.rerun()


def _ask_to_retire(scale_id: str, name: str) -> None:
    """Offer to retire a questionnaire of the clinic."""
    planned = scales.planned_for(resources().db, actor(), scale_id)
    if actions.action("Retire", "ask_retire", f"{scale_id}:{planned}"):
        actions.open_dialog("retire_scale")
        retire(scale_id, name, planned)


@actions.dialog("Retire this questionnaire")
def retire(scale_id: str, name: str, planned: int) -> None:
    """Say for whom a questionnaire ends, and retire it if wanted."""
    with show_errors():
        due = f" It is planned for {counted(planned, 'patient')}, and will not be due any more." if planned else ""
        st.markdown(
            f"Nobody in the clinic can enter **{links.plain_text(name)}** from then on.{due} Its answers stay. This"
            " can't be undone."
        )
        decide("Retire", "retire_scale", lambda: _retire(scale_id, name))


def _retire(scale_id: str, name: str) -> None:
    scales.retire(resources().db, actor(), scale_id)
    st.session_state[RETIRED] = f"{links.plain_text(name)} was retired. Its answers stay."


def _own_fields() -> tuple[OwnFields, str]:
    """Draw the boxes of a questionnaire of the clinic's own; return what is in them, and the text of the bands."""
    name, lowest, highest = st.columns([2, 1, 1])
    said = name.text_input("Name", max_chars=scales.NAME_MAX, key="own_name")
    low = lowest.number_input("Lowest total", value=0.0, key="own_low", format="%g")
    high = highest.number_input("Highest total", value=40.0, key="own_high", format="%g")
    higher = chooser.switch("A higher total means", {str(key): label for key, label in HIGHER.items()}, "own_higher")
    bands = st.text_area(
        "Bands, one a line: its lowest total, then its name",
        placeholder="0 healthy\n11 mild",
        key="own_bands",
        height=90,
    )
    left, middle, right = st.columns([1, 1, 2])
    reliability = left.number_input("Reliability (optional)", value=None, key="own_r", format="%g")
    spread = middle.number_input("Standard deviation", value=None, key="own_s", format="%g")
    source = right.text_input("Source of both", max_chars=scales.SOURCE_MAX, key="own_source")
    return OwnFields(said, low, high, HigherIs(higher), (), reliability, spread, source), bands


def _bands(text: str) -> tuple[Band, ...]:
    """Return the bands of a text. Raises FerError ``bad_scale``."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        start, _, label = line.strip().partition(" ")
        try:
            found.append(Band(float(start.replace(",", ".")), label.strip()))
        except ValueError:
            raise FerError("Please begin each line of the bands with a number.", "bad_scale") from None
    return tuple(found)
