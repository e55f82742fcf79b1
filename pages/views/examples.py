"""Example faces of the test pictures with what the model looked at, where their data set is on the server."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clinic.access import Role
from clinic.training import datasets, examples
from clinic.training.examples import Example
from fer_core.emotions import Emotion
from pages import actions, chooser, links
from pages.charts.figures import title
from pages.session import actor
from pages.widgets import percent, show_errors
from web.resources import resources

SHOWN = 12
FACE_PX, CELL_PX = 112, 120
"""Six stand beside each other at a window of 1280 px."""
HEAT = (
    "Below each face, orange shows what spoke for the label that was given (Grad-CAM). The map is coarse, about 6 by 6"
    " fields, and says where the model looked, not why."
)
NONE_YET = "No example faces are there: an administrator makes them below, where the test's data set is on the server."


def show_cell(clicked: tuple[int, int] | None, least: float) -> None:
    """Show faces of the cell of the confusion matrix that was clicked, or chosen below it; `least` as in `_show`."""
    parts, who = resources(), actor()
    made = examples.made(parts.db, parts.settings, who)
    if made is None:
        return
    labels = {str(int(emotion)): title(emotion.label) for emotion in Emotion}
    left, right = st.columns(2)
    with left:
        true = chooser.choose("Examples: people say", labels, "cell_true", placeholder="Choose, or click a cell")
    with right:
        given = chooser.choose("The model says", labels, "cell_given", placeholder="Choose, or click a cell")
    if clicked is None and true is not None and given is not None:
        clicked = int(true), int(given)
    if clicked is None:
        return
    cell = Emotion(clicked[0]), Emotion(clicked[1])
    pictures, found = examples.of_cell(parts.db, parts.settings, who, made, *cell)
    says = f"{title(cell[0].label)}, called {cell[1].label}"
    st.markdown(f"**{says}**: {len(found)} of {pictures:,} test pictures")
    _show(found, least)


def show_gallery(least: float) -> None:
    """Show faces that get the right label and faces that don't, and offer administrators to make them.

    `least` as in `_show`.
    """
    with show_errors():
        parts, who = resources(), actor()
        made = examples.made(parts.db, parts.settings, who)
        if made is None:
            st.info(NONE_YET, icon=":material/info:")
        else:
            right, wrong = examples.gallery(parts.db, parts.settings, who, made)
            st.markdown("**Right**, spread evenly over the test pictures")
            _show(right[:SHOWN], least)
            st.markdown("**Wrong**, spread evenly likewise")
            _show(wrong[:SHOWN], least)
            st.caption(HEAT)
        if who.role is Role.ADMINISTRATOR and made is None:
            _offer()


def _offer() -> None:
    """Let an administrator have the examples made, and say how far that is."""
    parts, who = resources(), actor()
    found = examples.standing(parts.db, who)
    if found is not None and found.open:
        _follow(found.id)
        return
    if found is not None and found.error:
        st.error(links.plain_text(found.error), icon=":material/info:")
    ready = datasets.offered(parts.db, parts.settings, who)
    if not ready:
        return
    start = ready[0] if len(ready) == 1 else None
    data = chooser.choose("Data set of the test", {name: name for name in ready}, "examples_data", start=start)
    target = f"{data}:{found.id if found is not None else 'first'}"
    if actions.action("Make example faces", "make_examples", target, disabled=data is None) and data is not None:
        actions.once("make_examples", target, lambda: examples.make(parts.db, parts.settings, who, data))
        st.rerun()


@actions.part(run_every=2)
def _follow(asked: str) -> None:
    with show_errors():
        found = examples.standing(resources().db, actor())
        if found is None or found.id != asked or not found.open:
            st.rerun()
        st.info("The example faces are being made.", icon=":material/hourglass_top:")


def _show(found: Sequence[Example], least: float) -> None:
    """Draw faces beside each other. `least`: a face with a lower output would stay uncertain."""
    with st.container(horizontal=True):
        for one in found:
            true, given = one.true.label, one.given.label
            said = true if one.true is one.given else f"{true}, called {given}"
            output = f"{said}, output {percent(one.output)}{'; stays uncertain' if one.output < least else ''}"
            with st.container(width=CELL_PX):
                st.image(_png(one.face), alt=f"Test picture: {said}", width=FACE_PX)
                st.image(_png(one.heat), output, alt="What spoke for the label", width=FACE_PX)


def _png(encoded: str) -> str:
    return f"data:image/png;base64,{encoded}"
