"""Consent on the patient's page: its state, recording it, withdrawing it, and the notice to be printed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import streamlit as st

from clinic.consent import consent, giving, notice
from clinic.consent.consent import ConsentState, ConsentStatus, Scope
from clinic.consent.scopes import FACES_ALONE, SCOPE_MEANINGS, SCOPES, WITHDRAWING, asked_for
from clinic.erasure import withdrawal
from clinic.erasure.withdrawal import Covered
from clinic.patients.caseload import PatientDetail
from clinic.phrases import counted
from clinic.training_queue import uses
from pages import actions, chooser, clicks
from pages.session import actor
from pages.views.confirm import confirmed
from pages.views.conflict import saved
from pages.widgets import day, day_input, day_of, instants, show_errors, today
from web.resources import resources

COLORS: dict[ConsentState, Literal["green", "orange", "gray"]] = {
    ConsentState.STANDS: "green",
    ConsentState.EXPIRED: "orange",
    ConsentState.WITHDRAWN: "gray",
    ConsentState.NEVER: "gray",
}
ICONS = {
    ConsentState.STANDS: "check",
    ConsentState.EXPIRED: "event_busy",
    ConsentState.WITHDRAWN: "block",
    ConsentState.NEVER: "remove",
}
DONE = "withdrawn"


def show_consent(patient: PatientDetail) -> bool:
    """Draw the state of the consent, and ask for it where it is missing; return whether anything may be analysed."""
    parts, who = resources(), actor()
    found = consent.standings(parts.db, who, patient.id)
    _say_what_went()
    lacking = [one for one in found if one.scope in consent.ANALYSIS and one.state is not ConsentState.STANDS]
    if lacking:
        with st.container(border=True):
            st.markdown(f"**{_call(lacking)}**")
            with st.container(horizontal=True, vertical_alignment="center"):
                _badges(found)
            if patient.writable:
                _buttons(patient, found, urgent=True)
        return False
    # One line while there is nothing to do.
    ends = [one.expires_on for one in found if one.scope in consent.ANALYSIS and one.expires_on is not None]
    said_shortly = f"Consent is valid until {day(min(ends))}" if ends else "Consent is valid"
    with st.popover(said_shortly, icon=":material/check:", key=f"menu:consent:{patient.id}:{clicks.opened()}"):
        _badges(found)
        if patient.writable:
            _buttons(patient, found, urgent=False)
    return True


def _badges(found: Collection[ConsentStatus]) -> None:
    st.markdown("Consent to", width="content")
    for standing in found:
        if _concerns(standing):
            st.badge(said(standing), icon=f":material/{ICONS[standing.state]}:", color=COLORS[standing.state])


def said(standing: ConsentStatus) -> str:
    """Return one line on the state of the consent to a scope."""
    what = SCOPES[standing.scope]
    if standing.state is ConsentState.STANDS:
        return f"{what}, until {day(standing.expires_on)}" if standing.expires_on else what
    if standing.state is ConsentState.EXPIRED:
        return f"{what}: ended {day(standing.expires_on)}"
    if standing.state is ConsentState.WITHDRAWN and standing.withdrawn_at is not None:
        return f"{what}: withdrawn {day_of(standing.withdrawn_at)}"
    return f"{what}: not given"


def in_words(counts: Covered) -> str:
    """Return what a withdrawal deletes, in words."""
    named = (
        (counts.recordings, "recording", "recordings", " with all results"),
        (counts.files, "stored file", "stored files", ""),
        (counts.analyses, "analysis that is not over", "analyses that are not over", ""),
        (counts.series, "table of another program", "tables of other programs", ""),
        (counts.uses, "record of use in a training", "records of use in trainings", ""),
    )
    parts = [f"{counted(count, one, many)}{more}" for count, one, many, more in named if count]
    return ", ".join(parts) or "nothing that is stored"


def _call(lacking: list[ConsentStatus]) -> str:
    """Return what to do about missing consents that block something."""
    found = {standing.state for standing in lacking}
    what = "analysed or shown" if any(one.scope is Scope.KEEP_RESULTS for one in lacking) else "analysed"
    if ConsentState.EXPIRED in found:
        return "The consent has ended. Please record its renewal, or withdraw it to delete what it covers."
    if ConsentState.WITHDRAWN in found:
        return f"Consent was withdrawn: nothing more is {what}."
    return f"Nothing can be {what} before the patient's consent is recorded."


def _concerns(standing: ConsentStatus) -> bool:
    """Return whether a scope applies here: it is asked for, or something was recorded of it."""
    return standing.scope in asked_for(resources().settings) or standing.state is not ConsentState.NEVER


def _meaning(scope: Scope) -> str:
    """Return what agreeing to a scope means in this installation."""
    faces_alone = scope is Scope.KEEP_VIDEO and not resources().settings.keep_files
    return FACES_ALONE if faces_alone else SCOPE_MEANINGS[scope]


def _buttons(patient: PatientDetail, found: list[ConsentStatus], urgent: bool) -> None:
    with st.container(horizontal=True):
        kind: Literal["primary", "secondary"] = "primary" if urgent else "secondary"
        if actions.action("Record consent", "record_consent", patient.id, kind, ":material/contract_edit:", opens=True):
            _record(patient)
        open_scopes = _to_withdraw(patient, found)
        if open_scopes and actions.action(
            "Withdraw everything", "withdraw_all", patient.id, icon=":material/block:", opens=True
        ):
            _withdraw(patient, open_scopes)
        st.link_button("Notice to print", notice.PATH, icon=":material/print:")


def _to_withdraw(patient: PatientDetail, found: list[ConsentStatus]) -> list[Scope]:
    """Return what there is to withdraw; of a patient from before consents were recorded, whatever is stored."""
    if patient.recordings and all(standing.state is ConsentState.NEVER for standing in found):
        return [standing.scope for standing in found if _concerns(standing)]
    return [standing.scope for standing in found if standing.state in (ConsentState.STANDS, ConsentState.EXPIRED)]


@actions.dialog("Record consent", width="medium")
def _record(patient: PatientDetail) -> None:
    with show_errors():
        parts, who = resources(), actor()
        st.markdown(chooser.whose(patient))
        st.write("What the patient agreed to, after reading the notice with you. What is not ticked stays unchanged.")
        with st.form(f"consent:{patient.id}", border=False):
            ticked = []
            for scope in asked_for(parts.settings):
                if st.checkbox(SCOPES[scope].capitalize(), key=f"scope:{patient.id}:{scope.value}"):
                    ticked.append(scope)
                st.caption(_meaning(scope))
            left, right = st.columns(2)
            with left:
                given_on = day_input("Agreed on", today(), f"given:{patient.id}")
            with right:
                last_day = day_input("Last day (optional)", None, f"last:{patient.id}")
            document = st.text_input(
                "Where the signed document is kept",
                max_chars=giving.DOCUMENT_MAX,
                placeholder="For example: binder 3, page 12",
            )
            target = actions.at(patient.id, patient.consents_revision)
            wanted = actions.submit("Record", "store_consent", target, kind="primary")
        _show_uses(patient.id)
        if wanted and given_on is None:
            st.error("Please give the day on which the patient agreed.", icon=":material/info:")
        elif given_on is not None:
            agreed_on = given_on

            def store(seen: int) -> None:
                giving.record(parts.db, who, patient.id, ticked, agreed_on, last_day, document, seen)

            if saved(f"consents of {patient.id}", patient.consents_revision, wanted, store):
                st.rerun()
        _show_history(patient.id)


def _show_history(patient_id: str) -> None:
    recorded, shown = instants("Recorded")
    rows = [
        {
            recorded: standing.recorded_at,
            "By": standing.recorded_by or "elsewhere",
            "To": SCOPES[standing.scope],
            "Agreed on": day(standing.given_on),
            "Last day": day(standing.expires_on),
            "Document": standing.document,
            "Withdrawn": day_of(standing.withdrawn_at),
        }
        for standing in consent.history(resources().db, actor(), patient_id)
    ]
    if rows:
        with st.expander("What was recorded so far", key=f"folded:consents:{patient_id}"):
            st.dataframe(rows, hide_index=True, column_config={recorded: shown}, key="consents")


def _show_uses(patient_id: str) -> None:
    """Say in which trainings a patient was, and whether the models of these are in use."""
    parts = resources()
    rows = [
        {
            "Training": f"Run {one.run_number}" if one.known else f"Run {one.run_number}, elsewhere",
            "Used on": day_of(one.used_at),
            "Moments": one.moments,
            "For": "judging the model" if one.held_out else "learning",
            "Its model": "in use" if one.analyses else "not in use",
        }
        for one in uses.of_patient(parts.db, parts.settings, actor(), patient_id)
    ]
    if rows:
        st.markdown("**Trainings in which moments of this patient were used**")
        st.dataframe(rows, hide_index=True, key="uses")


@actions.dialog("Withdraw consent?", width="medium")
def _withdraw(patient: PatientDetail, offered: Collection[Scope]) -> None:
    """List what each withdrawal deletes, and do it once the name is typed; everything is ticked."""
    with show_errors():
        parts, who, patient_id = resources(), actor(), patient.id
        st.markdown(chooser.whose(patient))
        ticked = []
        for scope in offered:
            if st.checkbox(f"Consent to {SCOPES[scope]}", value=True, key=f"withdraw:{patient_id}:{scope.value}"):
                ticked.append(scope)
            st.caption(WITHDRAWING[scope])
        _show_uses(patient_id)
        counts = withdrawal.covered(parts.db, parts.settings, who, patient_id, ticked)
        st.warning(f"Permanently deleted: {in_words(counts)}. This can't be undone.", icon=":material/delete:")
        # The click does not cover what a colleague adds meanwhile: it was not counted.
        target = f"{actions.at(patient_id, patient.consents_revision)}:{counts.of}"
        if confirmed("Withdraw and delete", "withdraw", target, patient, disabled=not ticked):
            seen, shown = patient.consents_revision, counts
            counts = actions.once(
                "withdraw",
                target,
                lambda: withdrawal.withdraw(parts.db, parts.settings, who, patient_id, ticked, seen, shown),
            )
            st.session_state[DONE] = f"Withdrawn. Permanently deleted: {in_words(counts)}."
            st.rerun()


def _say_what_went() -> None:
    done = st.session_state.pop(DONE, None)
    if done is not None:
        st.success(done, icon=":material/check:")
