"""An analysis under way: progress, preview, the choice of the patient's face, and how it ended."""

from __future__ import annotations

import streamlit as st

from clinic import words
from clinic.access import Actor
from clinic.jobs import control, jobs, progress
from clinic.jobs.previews import UNKNOWN_WHOSE, PreviewFace, StoredPreview
from clinic.jobs.progress import JobState, JobStatus
from clinic.patients import caseload, edits, visibility
from clinic.patients.caseload import RecordingRow
from clinic.patients.fields import RecordingFields
from clinic.patients.states import State, Tone
from clinic.patients.subject import RecordingKind, Subject
from clinic.phrases import counted
from fer_core.emotions import Emotion
from fer_core.types import Status
from pages import actions, chooser, links
from pages.charts.faces import bars, preview_figure
from pages.charts.figures import title
from pages.session import actor
from pages.views import faces
from pages.views.conditions import holding_on, say_not_interpreted
from pages.views.decide import decide
from pages.views.stays import while_open
from pages.widgets import chart, duration, show_errors, show_standing
from web.resources import resources


def follow(recording_id: str) -> None:
    """Draw the state of the recording's analysis; while it runs, again each second."""
    parts, who = resources(), actor()
    status = progress.status(parts.db, who, recording_id)
    if status is None:
        st.title("New recording")
        st.info("This recording does not exist any more.", icon=":material/info:")
        _new_recording()
        return
    subject = caseload.subject(parts.db, who, recording_id)
    before = visibility.state(parts.db, who, subject.id, recording_id)
    while_open(who, subject.id, recording_id, before, visibility.states(parts.db, who, [subject.id]))
    _show_subject(subject)
    _say_what_came(recording_id, subject)
    recording = caseload.get_recording(parts.db, who, recording_id)
    st.session_state["patient"] = recording.patient_id
    pictures, holding = (
        recording.kind == RecordingKind.PICTURES,
        holding_on(recording.patient_id, recording.recorded_on),
    )
    say_not_interpreted(holding)
    if status.state in progress.WORKING:
        _running(recording_id, pictures, who, not holding)
    elif status.standing.state is State.CHOOSING and status.writable:
        with show_errors():
            faces.choose(recording_id, subject, pictures)
    else:
        _ended(recording, status, pictures, not holding)


def _show_subject(subject: Subject) -> None:
    """Draw whose recording it is and of which day: every page of an analysis begins with it."""
    st.title(links.plain_text(subject.name), anchor=False)
    st.header(f"Recorded on {chooser.visit(subject)}", anchor=False)
    st.caption(chooser.identity(subject))


def _say_what_came(recording_id: str, subject: Subject) -> None:
    """Show what was noticed when the files were uploaded, until the page is left."""
    queued: jobs.Enqueued | None = st.session_state.get("queued")
    if queued is None or queued.recording_id != recording_id:
        st.session_state.pop("queued", None)
        return
    if queued.duplicate:
        st.info(words.SAME_FILE_AGAIN, icon=":material/info:")
    if queued.asked is not None:
        _offer_what_differs(recording_id, subject, queued.asked)
    if queued.came_twice:
        said = words.CAME_TWICE.format(pictures=counted(queued.came_twice, "picture"))
        st.info(said, icon=":material/content_copy:")
    if queued.counted_twice:
        said = words.COUNTED_TWICE.format(pictures=counted(queued.counted_twice, "picture"))
        st.warning(said, icon=":material/content_copy:")
    if queued.also_here:
        said = words.SAME_FILE_TWICE.format(visits="; ".join(chooser.visit(one) for _, one in queued.also_here))
        st.warning(said, icon=":material/content_copy:")
    if queued.also_elsewhere:
        st.warning(words.SAME_FILE_ELSEWHERE, icon=":material/warning:")


def _offer_what_differs(recording_id: str, subject: Subject, asked: RecordingFields) -> None:
    """Show what was typed this time beside what is stored, and offer to replace it."""
    found = subject.fields.differences(asked)
    if not found:
        return
    with st.container(border=True):
        for one in found:
            stored, typed = links.plain_text(one.stored), links.plain_text(one.wanted)
            st.markdown(f"{one.field}: stored **{stored}**, typed now **{typed}**")
        target = actions.at(recording_id, subject.revision)
        if actions.action("Store what was typed now", "take_over", target, icon=":material/edit:"):
            db, who, seen = resources().db, actor(), subject.revision
            actions.once("take_over", target, lambda: edits.edit_recording(db, who, recording_id, seen, asked))
            st.rerun()


@actions.part(run_every=1)
def _running(recording_id: str, pictures: bool, who: Actor, labelled: bool = True) -> None:
    """Draw progress and preview. Only this part runs each second, and it asks the database one question.

    `labelled`: whether labels may be shown. `who`: who opened the page. The gate, which watches the page's line, checks
    that this sign-in is still valid.
    """
    with show_errors():
        parts = resources()
        found = progress.watch(parts.db, parts.settings, who, recording_id)
        if found is None or found[0].state not in progress.WORKING:
            st.rerun()
        status, seen = found
        st.progress(status.share or 0.0, text=progress_text(status, pictures))
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.caption("You may leave this page: the analysis continues, and you can find it under Analyses.")
        stopping = status.cancel_requested
        with right:
            label = "Stopping…" if stopping else "Cancel"
            stop = actions.action(label, "ask_cancel", recording_id, icon=":material/stop:", disabled=stopping)
        if stop:
            actions.open_dialog("cancel")
            cancel(recording_id)
        if seen is not None:
            show_preview(seen, pictures, labelled)


@actions.dialog("Cancel this analysis")
def cancel(recording_id: str) -> None:
    """Say what is lost, and end an analysis if wanted."""
    with show_errors():
        parts, who = resources(), actor()
        subject = caseload.subject(parts.db, who, recording_id)
        st.markdown(f"**{links.plain_text(subject.name)}**, recorded on {chooser.visit(subject)}")
        st.write(words.CANCEL_ANALYSIS)
        decide(
            "Cancel the analysis",
            "cancel",
            lambda: control.cancel(parts.db, parts.settings, who, recording_id),
            icon=":material/stop:",
        )


def progress_text(status: JobStatus, pictures: bool) -> str:
    """Return one line on how far an analysis is."""
    said = status.standing
    if said.state is not State.RUNNING or said.tone is not Tone.NEUTRAL:
        return said.sentence
    parts = [said.sentence.removesuffix(".")]
    if pictures:
        parts.append(f"{status.frames} of {counted(status.total_s or 0, 'picture')} done")
    else:
        if status.total_s:
            parts.append(f"{duration(status.done_s)} of {duration(status.total_s)} done")
        parts.append(counted(status.frames, "sample"))
    if status.left_s is not None:
        parts.append(f"about {duration(max(1.0, status.left_s))} left")
    return " · ".join(parts)


def show_preview(seen: StoredPreview, pictures: bool, labelled: bool = True) -> None:
    """Draw the latest sampled picture with its boxes, and the bars of its one face.

    Boxes alone, while it is not known which of several faces is the patient's, and where labels are not interpreted.
    """
    picture, numbers = st.columns([3, 2])
    unknown = seen.several or any(face.status == UNKNOWN_WHOSE for face in seen.faces)
    hidden = unknown or not labelled
    with picture:
        boxes = [(face.box, None if hidden else _label(face)) for face in seen.faces]
        chart(
            preview_figure(
                seen.jpeg, seen.shown_px, boxes, words.EXPRESSIONS, unlabelled="Face" if hidden else "No label"
            ),
            "preview",
            "Latest picture with boxes",
            disclaimer=False,
        )
        st.caption(f"Picture {seen.time_s + 1:.0f}" if pictures else f"At {seen.time_s:.1f} s")
    with numbers:
        if unknown:
            st.caption(words.SEVERAL_FACES if seen.several else words.WHOSE_FACE_OPEN)
            return
        face = next(iter(seen.faces), None)
        st.caption(title(words.STATUSES[face.status]) if face is not None else "No face in this picture.")
        if not labelled:
            return
        chart(bars(face.probabilities if face else None, words.EXPRESSIONS), "bars", "Model output for the face")


def _label(face: PreviewFace) -> Emotion | None:
    if face.status != Status.OK or face.probabilities is None:
        return None
    return Emotion(max(range(len(Emotion)), key=face.probabilities.__getitem__))


def _ended(recording: RecordingRow, status: JobStatus, pictures: bool, labelled: bool) -> None:
    """Say how it ended and where to go now."""
    parts, who = resources(), actor()
    recording_id = recording.id
    faces.say_decided_by_others(recording_id)
    show_standing(status.standing)
    if status.state in (JobState.DONE, JobState.PARTIAL):
        links.recording_link("Open the recording", recording_id, icon=":material/play_circle:")
        links.patient_link("Open the patient's page", recording.patient_id)
    if status.state is JobState.FAILED:
        _offer_retry(status)
    seen = progress.preview(parts.db, parts.settings, who, recording_id)
    if seen is not None:
        show_preview(seen, pictures, labelled)
        if status.writable:
            control.close_preview(parts.db, parts.settings, who, recording_id)
    _new_recording()


def _offer_retry(status: JobStatus) -> None:
    """Give the code of a failure and, where the file is still there, another try."""
    parts, who = resources(), actor()
    if status.error_code:
        st.caption(words.ERROR_CODE.format(code=status.error_code))
    again = status.writable and control.can_retry(parts.db, parts.settings, who, status.recording_id)
    again = again and actions.action("Try again", "retry", status.recording_id, icon=":material/replay:")
    if again:
        control.retry(parts.db, parts.settings, who, status.recording_id)
        st.rerun()


def _new_recording() -> None:
    if actions.action("Another recording", "another", "form", icon=":material/add:", opens=True):
        st.query_params.clear()
        st.rerun()
