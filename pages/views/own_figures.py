"""How a model that was fine-tuned on the clinic's own people did on those it has not seen."""

from __future__ import annotations

import streamlit as st

from clinic.model_report import own_people
from clinic.training import promotion
from fer_core.model.model_card import ModelCard


def show_own_figures(card: ModelCard) -> None:
    """Show the figures of a model on the clinic's own people, where it has some, and why it is not put to use."""
    judged = card.metrics.get(promotion.OWN)
    if judged is None:
        return
    st.markdown("\n".join(f"- {sentence}" for sentence in own_people(judged)))
    against = promotion.objection(card)
    if against is not None:
        st.warning(f"This model is not put to use. {against}", icon=":material/info:")
