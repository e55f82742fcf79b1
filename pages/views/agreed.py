"""What a patient has to agree to before something is done, and the way to where that is recorded."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.consent import consent
from clinic.consent.consent import Scope
from pages import links
from pages.session import actor
from web.resources import resources


def may_be(patient_id: str, *scopes: Scope) -> bool:
    """Return whether the patient consented to all of it; where not, say so and lead to where it is recorded."""
    refusal = consent.objection(resources().db, actor(), patient_id, *scopes)
    if refusal is None:
        return True
    st.warning(links.plain_sentence(refusal.message), icon=":material/contract_edit:")
    st.caption(words.ERROR_CODE.format(code=refusal.code))
    links.patient_link("Open the patient's page", patient_id)
    return False
