"""Questionnaires of one patient: what is due, the newest totals, entering, and all answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from clinic.patients.caseload import PatientDetail
from clinic.phrases import all_of
from clinic.questionnaires import answers, patient_mode, scales, schedule, sentences, watching
from clinic.questionnaires.answers import Answer
from clinic.questionnaires.published import Scale
from clinic.questionnaires.schedule import Due
from pages import actions, chooser, links
from pages.session import actor
from pages.views.questionnaire_entry import show_entry
from pages.views.questionnaire_import import show_import
from pages.views.questionnaire_setup import show_own_scales, show_schedule
from pages.widgets import DAY_COLUMN, clock, day, show_errors
from web.resources import resources

SAVED = "questionnaire_saved"
HOW = {"items": "answers", "total": "total", "patient": "by the patient", "csv": "imported"}


def show_watched(patient: PatientDetail, given: list[Answer]) -> None:
    """Show a notice if the newest answer to a watched question is above 0, or any that nobody has acknowledged."""
    db, who = resources().db, actor()
    found = sentences.watched(given)
    waiting = watching.waiting(db, who, patient.id) if any(one.score.watched for one in given) else []
    asking = [one for one in given if one.number in waiting]
    days = {one.answered_on for one in asking} | ({found.answered_on} if found is not None else set())
    if days:
        said = all_of([day(one) for one in sorted(days)])
        st.warning(sentences.WATCHED.format(day=said), icon=":material/front_hand:")
    if asking and patient.writable:
        with show_errors():
            # Bound to the last one that is shown: what came in since asks again.
            last = max(one.number for one in asking)
            if actions.action("Acknowledge", "acknowledge_answer", f"{patient.id}:{last}", icon=":material/check:"):
                watching.acknowledge(db, who, patient.id, last)
                st.rerun()


def show_questionnaires(patient: PatientDetail, given: list[Answer]) -> None:
    """Draw the whole tab of questionnaires; `given`: what the patient answered, the newest first."""
    parts, who = resources(), actor()
    offered = {scale.key: scale for scale in scales.offered(parts.db, who)}
    # Its place stays when the sentence goes: what stands below is folded by a browser where it moves.
    with st.container():
        said = st.session_state.pop(SAVED, None)
        if said:
            st.success(said, icon=":material/check:")
    _show_latest(given)
    _show_unfinished(patient.id, given)
    dues = schedule.dues(parts.db, who, patient.id)
    _show_due(patient, offered, dues)
    if patient.writable:
        with st.container(border=True):
            saved = show_entry(patient.id, offered, given)
        if saved is not None:
            st.session_state[SAVED] = saved
            st.rerun()
    _show_all(patient, given)
    if patient.writable:
        show_schedule(patient.id, offered, dues)
        show_import(patient)
        show_own_scales(offered)


def _show_latest(given: list[Answer]) -> None:
    """Draw the newest total of each questionnaire, and how it changed since the first one."""
    by_scale = sentences.latest_by_scale(given)
    if not by_scale:
        said = "No questionnaire has a total yet." if given else "No questionnaire has been entered yet."
        st.info(said, icon=":material/assignment:")
        return
    for column, found in zip(st.columns(max(3, len(by_scale))), by_scale.values(), strict=False):
        newest = found[0]
        band = newest.score.band or "no band"
        name = links.plain_sentence(newest.scale.name)
        column.metric(f"{name}, {day(newest.answered_on)}", f"{newest.score.total:g}", help=_help(newest))
        column.caption(f"of {newest.scale.highest:g} · {links.plain_text(band)}")
    for found in by_scale.values():
        sentence = sentences.changed(found)
        if sentence:
            st.caption(links.plain_text(sentence))


def _show_unfinished(patient_id: str, given: list[Answer]) -> None:
    """Say which questionnaires are on a device in the patient's hands, and which newest ones have no total."""
    for one in patient_mode.in_hands(resources().db, actor(), patient_id):
        st.info(
            f"{links.plain_text(one.name)} is on a device in the patient's hands since {clock(one.since)}:"
            f" {one.answered} of {one.questions} questions are answered.",
            icon=":material/tablet:",
        )
    newest = {answer.scale.key: answer for answer in reversed(given)}
    for answer in newest.values():
        if answer.score.total is None and answer.items is not None:
            answered = len(answer.items) - answer.score.missing
            st.info(
                f"{links.plain_text(answer.scale.name)} of {day(answer.answered_on)} was not finished:"
                f" {answered} of {len(answer.items)} questions are answered, too few for a total.",
                icon=":material/rule:",
            )


def _help(answer: Answer) -> str:
    scale = answer.scale
    return links.plain_text(" ".join(filter(None, [sentences.MEANS[scale.higher_is], scale.source])))


def _show_due(patient: PatientDetail, offered: Mapping[str, Scale], dues: Sequence[Due]) -> None:
    """Say what is due, and offer the device to the patient where the questions are in the program."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for due in dues:
            when = f"due since {day(due.due_on)}" if due.overdue else f"due on {day(due.due_on)}"
            st.badge(
                links.plain_text(f"{due.name}: {when}"),
                icon=":material/schedule:",
                color="orange" if due.overdue else "gray",
            )
        if patient.writable:
            for scale in offered.values():
                if scale.items:
                    # An address of this program outside Streamlit: the patient's screen is no page of it.
                    where = f"/hand-over?patient={patient.id}&scale={scale.key}"
                    st.link_button(f"{scale.name} on this device", where, icon=":material/tablet:")


def _show_all(patient: PatientDetail, given: list[Answer]) -> None:
    """List all answers, and offer to delete an entry that was a mistake."""
    if not given:
        return
    rows = [
        {
            "No.": one.number,
            "Answered on": one.answered_on,
            "Questionnaire": one.scale.name,
            "Total": one.score.total,
            "Band": one.score.band or "",
            "Missing answers": one.score.missing,
            "Answers": " ".join("–" if item is None else str(item) for item in one.items or ()),
            "Entered": HOW[one.how],
            "By": one.by or "elsewhere",
        }
        for one in given
    ]
    with st.expander(f"All questionnaires ({len(given)})", key=f"folded:answers:{patient.id}"):
        st.dataframe(
            rows, hide_index=True, placeholder="–", column_config={"Answered on": DAY_COLUMN}, key="questionnaires"
        )
        if patient.writable:
            names = {
                one.id: f"{day(one.answered_on)} · {one.scale.name} · {_total(one)} · no. {one.number}" for one in given
            }
            key = f"wrong_answer:{patient.id}"
            chosen = chooser.choose("Entered by mistake", names, key, placeholder="Choose one")
            if chosen is not None and actions.action(
                "Delete permanently", "delete_answer", chosen, icon=":material/delete:"
            ):
                _delete(chosen, key)


def _total(answer: Answer) -> str:
    return "no total" if answer.score.total is None else f"{answer.score.total:g}"


def _delete(answer_id: str, choice: str) -> None:
    with show_errors():
        parts = resources()
        answers.remove(parts.db, parts.settings, actor(), answer_id)
        chooser.forget(choice)
        st.session_state[SAVED] = "The questionnaire was permanently deleted."
        st.rerun()
