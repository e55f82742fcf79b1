"""One recording: how usable it was, its timeline, and deleting it."""

from __future__ import annotations

import streamlit as st

from clinic import model_in_use, words
from clinic.erasure import deletion
from clinic.jobs import kept_faces
from clinic.patients import caseload, edits, fields
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.fields import RecordingFields
from clinic.patients.states import State, Tone
from clinic.patients.subject import RecordingKind
from clinic.phrases import counted, unusable_percents, usable_percent
from clinic.recordings import findings, marks, readings
from clinic.recordings.playback import Kept
from clinic.recordings.readings import AnalysisResult
from clinic.recordings.verdicts import Mark, Verdict
from pages import actions, chooser, links
from pages.charts.timeline import pictures_figure
from pages.session import actor
from pages.views.compare import show_compare
from pages.views.conditions import holding_on, show_movement_alone
from pages.views.confirm import confirmed
from pages.views.conflict import saved
from pages.views.convert import moments
from pages.views.faces import others_seen, show_renewed_choice, show_whose
from pages.views.marks import agreement_sentence, ask, ask_blind, marked_of, said, show_marks
from pages.views.moment import say_twice
from pages.views.player import ListedStretch, Marked, MomentList, is_kept, kept_video, length_s, show_player
from pages.views.reading import longest, show_episodes, show_light, show_reading, show_transitions, show_values
from pages.views.transfer import keep_receipt, recording_export_dialog
from pages.widgets import chart, day_input, day_of, duration, position, show_errors, show_standing
from web.resources import resources

SMOOTHINGS = {str(width_s): f"{width_s:g} s" if width_s else "Off" for width_s in readings.SMOOTHINGS_S}
SERIES = {"raw": "As analysed", "marked": "After marks"}


def title_of(recording: RecordingRow) -> str:
    """Return what a recording is called in lists: its name, its length, and its state where it has no result."""
    length = f" · {duration(recording.duration_s)}" if recording.duration_s else ""
    open_state = f" · {recording.standing.sentence.rstrip('.')}" if recording.samples is None else ""
    return f"{chooser.visit(recording)}{length}{open_state}"


def show_recording(patient: PatientDetail, recording: RecordingRow) -> None:
    """Draw one recording: first how much of it could be read, then the timeline."""
    if recording.note:
        st.markdown(f"Note: {links.plain_lines(recording.note)}")
    if recording.samples is None:
        show_standing(recording.standing)
        shown = [one.id for one in patient.recordings if one.visit_id == recording.visit_id and one.id != recording.id]
        if recording.standing.state is State.REPLACED and shown:
            links.recording_link("Open the result that is shown", shown[0])
        elif patient.writable:
            links.analysis_link("Show the analysis", recording.id)
    else:
        version = _version(recording)
        show_renewed_choice(version)
        holding = holding_on(patient.id, version.recorded_on)
        if holding:
            show_movement_alone(version, holding)
            _show_usable(version)
            _show_whose_alone(patient, version)
        elif version.kind == RecordingKind.VIDEO:
            _show_video(patient, version)
        else:
            _show_usable(version)
            _show_pictures(version)
            _show_whose_alone(patient, version)
    if patient.writable:
        one = recording.id
        with st.container(horizontal=True):
            change = actions.action("Edit day and note", "edit_recording", one, icon=":material/edit:", opens=True)
            delete = actions.action(
                "Delete this recording", "delete_recording", one, icon=":material/delete:", opens=True
            )
            export = recording.samples is not None and actions.action(
                "Export this recording", "export_recording", one, icon=":material/archive:", opens=True
            )
        if export:
            actions.open_dialog("export")
            recording_export_dialog(patient, recording.id)
        if change:
            edit(patient, recording)
        if delete:
            confirm_delete(patient, recording)


def _doubted(recording: RecordingRow) -> bool:
    return recording.standing.state is State.DOUBTED


def _version(recording: RecordingRow) -> RecordingRow:
    """Return the version to show; where there are several, another one is a page of its own."""
    found = caseload.versions(resources().db, actor(), recording.id)
    if len(found) < 2:
        return recording
    by_id = {version.id: version for version in found}
    names = {version.id: _version_name(version) for version in found}
    shown = next((version.id for version in found if version.shown), None)
    if shown is not None:
        if shown != recording.id:
            said = words.NOT_THE_SHOWN_RESULT.format(version=links.plain_text(names[shown]))
            st.warning(said, icon=":material/history:")
            links.recording_link("Open the result that is shown", shown)
        names[shown] += ", shown"
    chosen = chooser.choose("Result of", names, key=f"version:{recording.id}", start=recording.id)
    if chosen is not None and chosen != recording.id:
        links.open_recording(chosen)
    return by_id.get(recording.id, recording)


def _version_name(version: RecordingRow) -> str:
    return f"model {(version.model_sha256 or 'unknown')[:8]}, analysed {day_of(version.analysed_at)}"


def _show_usable(recording: RecordingRow) -> None:
    """Draw how much could be read, and why the rest could not."""
    columns = st.columns(4)
    columns[0].metric(
        "Usable face time" if recording.kind == RecordingKind.VIDEO else "Usable pictures",
        usable_percent(recording.usable_share),
        help=words.USABLE,
    )
    columns[1].metric("Samples" if recording.kind == RecordingKind.VIDEO else "Pictures", f"{recording.samples:,}")
    if recording.kind == RecordingKind.VIDEO:
        columns[2].metric("Usable", duration(recording.usable_s))
        columns[3].metric("Longest gap", duration(recording.longest_gap_s))
    if recording.reasons:
        shares = unusable_percents(recording.usable_share or 0.0, recording.reasons)
        parts = [f"{words.STATUSES[status]} ({share})" for status, share in shares.items()]
        st.caption(f"Not usable: {'; '.join(parts)}.")
    if (
        recording.kind == RecordingKind.PICTURES
        and recording.standing.tone is not Tone.GOOD
        and not _doubted(recording)
    ):
        show_standing(recording.standing)
    if recording.damaged_frames:
        st.caption(_left_out(recording))
    others = others_seen(recording)
    if others:
        stays = words.CHOICE_STAYS if recording.kind == RecordingKind.VIDEO else words.CHOICE_STAYS_PICTURES
        st.caption(f"{others} {stays}")


def _left_out(recording: RecordingRow) -> str:
    if recording.kind == RecordingKind.VIDEO:
        return f"Left out, as damaged or without a usable time: {counted(recording.damaged_frames, 'frame')}."
    others = counted(recording.damaged_frames, "picture")
    return f"Of a file of several pictures (an animation, pages), only the first is read: {others} left out."


def _show_whose_alone(patient: PatientDetail, recording: RecordingRow) -> None:
    """Draw whose face it is, and what is marked as not the patient, where no labels are marked."""
    db, who = resources().db, actor()
    found = marks.marks(db, who, recording.id)
    show_whose(patient, recording, found, length_s(recording, readings.samples(db, who, recording.id)))
    away = [mark for mark in found if mark.said.verdict is Verdict.NOT_PATIENT]
    show_marks(patient, recording, away, labelled=False)


def _show_video(patient: PatientDetail, recording: RecordingRow) -> None:
    """Draw the findings first, then the recording over its own time, then the details."""
    smooth_s = float(st.session_state.get(f"smooth_{recording.id}", readings.SMOOTHINGS_S[0]))
    db, who = resources().db, actor()
    result = readings.samples(db, who, recording.id, smooth_s)
    if not result.series.statuses:
        show_standing(recording.standing)
        return
    found, kept = marks.marks(db, who, recording.id), kept_video(recording)
    if ask_blind(offered=patient.writable and kept is not None):
        _show_blind(patient, recording, result, found, kept)
        return
    # The player is drawn first, in its place below: what is above it takes as long again to compute.
    above = st.container()
    lists = [*moment_lists(result, patient, recording), mark_list(found)]
    faces = kept_faces.shown(db, resources().settings, who, recording.id) if kept is None else []
    asked = show_player(recording, result, lists, marked_of(result, found), patient.writable, kept, faces)
    if faces:
        st.caption(words.KEPT_FACES_BESIDE if is_kept(recording) else words.KEPT_FACES)
    result = readings.with_reading(result, model_in_use.card_path(resources().settings))
    with above:
        _show_found(patient, recording, result)
    if asked is not None:
        ask(patient, recording, asked, found, blind=False)
    st.caption(f"{words.DISCLAIMER} The model output is not the chance that someone feels something.")
    show_marks(patient, recording, found)
    chooser.switch("Smoothing", SMOOTHINGS, key=f"smooth_{recording.id}", help=words.SMOOTHING)
    _show_behind(patient, recording, result, _after_marks(recording, result, found), found)


def _show_found(patient: PatientDetail, recording: RecordingRow, result: AnalysisResult) -> None:
    """Draw the findings, in sentences, with how reliable they are."""
    if result.reading is None:
        return
    if recording.standing.tone is Tone.GOOD:
        show_light(result.reading)
    elif not _doubted(recording):
        show_standing(recording.standing)
    st.markdown(links.plain_text(" ".join(findings.sentences(recording, result.reading, patient.trend))))
    agreed = marks.agreement(resources().db, actor(), recording.id)
    if agreed.judged:
        st.caption(agreement_sentence(agreed), help=words.AGREEMENT)


def _show_blind(
    patient: PatientDetail, recording: RecordingRow, result: AnalysisResult, found: list[Mark], kept: Kept | None
) -> None:
    """Draw the video alone, for a user who judges it before seeing the model's labels."""
    st.caption(words.BLIND)
    asked = show_player(recording, result, [], Marked(), patient.writable, kept, [], blind=True)
    if asked is not None:
        ask(patient, recording, asked, found, blind=True)
    # What colleagues said of it would no more be blind than the model's labels.
    own = [mark for mark in found if mark.said.verdict is Verdict.IMPRESSION and mark.by == actor().name]
    for mark in own:
        st.markdown(f"{position(mark.said.begin_s)}: {links.plain_text(said(mark))}")


def _after_marks(recording: RecordingRow, result: AnalysisResult, found: list[Mark]) -> AnalysisResult:
    """Return what is shown below the player: as analysed, or with the marks applied where that is chosen."""
    if not found or result.raw is None:
        return result
    chosen = chooser.switch("Shares, episodes and transitions below", SERIES, key=f"series_{recording.id}")
    return readings.with_marks(result, found) if chosen == "marked" else result


def mark_list(found: list[Mark]) -> MomentList:
    """Return the marks as moments beside the player."""
    return MomentList("Marks", [ListedStretch(one.said.begin_s, one.said.end_s, said(one)) for one in found])


def _show_behind(
    patient: PatientDetail,
    recording: RecordingRow,
    analysed: AnalysisResult,
    result: AnalysisResult,
    found: list[Mark],
) -> None:
    """Draw the details below the first screen: whose face, how far to trust it, shares, episodes, values.

    `analysed`: the result before marks, beside which another recording is put, of which it is that as well.
    """
    if result.reading is None or result.raw is None:
        return
    show_whose(patient, recording, found, length_s(recording, result))
    st.header("How far to trust it")
    for name, figure in findings.trust(recording, result.reading, baseline_of(patient, recording)):
        st.markdown(f"**{name}:** {links.plain_text(figure)}", help=words.FRAMING if name == findings.FRAMING else None)
    _show_usable(recording)
    st.header("Shares of the labels")
    show_reading(result, recording.id)
    show_episodes(result, recording.id)
    show_transitions(findings.transitions(result.series), recording.id)
    show_values(result, recording.id)
    with st.container(key="compare"):
        show_compare(patient, recording, analysed)


def baseline_of(patient: PatientDetail, recording: RecordingRow) -> list[RecordingRow]:
    """Return the recordings that the usual range of a recording's line is made of."""
    ids = {point.recording_id for point in findings.baseline_points(patient.trend, recording.id)}
    return [one for one in patient.recordings if one.id in ids]


def moment_lists(result: AnalysisResult, patient: PatientDetail, recording: RecordingRow) -> list[MomentList]:
    """Return the moments that are listed beside the player."""
    if result.raw is None:
        return []
    far, near = findings.stretches(result.raw, findings.usual_shares(patient.trend, recording.id))
    mixed = sorted([*far, *near], key=lambda stretch: stretch.begin_s)
    review = [ListedStretch(one.begin_s, one.end_s, one.reason) for one in mixed]
    return [
        MomentList("Moments worth a look, and usual ones to compare", review, review=True),
        MomentList("Longest episodes", longest(result.episodes)),
    ]


def _show_pictures(recording: RecordingRow) -> None:
    """Draw the model's output picture by picture."""
    card = model_in_use.card_path(resources().settings)
    result = readings.analysis_result(resources().db, actor(), recording.id, card=card)
    if result.reading is not None:
        figure = pictures_figure(moments(result.series), words.EXPRESSIONS, words.STATUSES)
        chart(figure, f"timeline_{recording.id}", "Model output for each picture")
    framing = findings.under_framing(recording)
    if framing is not None:
        st.markdown(f"**{findings.FRAMING}:** {framing}", help=words.FRAMING)


@actions.dialog("Edit recording")
def edit(patient: PatientDetail, recording: RecordingRow) -> None:
    """Change day, time and note."""
    with show_errors():
        st.markdown(f"{chooser.whose(patient)} · {title_of(recording)}")
        with st.form(f"edit:{recording.id}", border=False):
            left, right = st.columns(2)
            with left:
                recorded_on = day_input("Recorded on", recording.recorded_on, f"day:{recording.id}")
            recorded_time = right.time_input("Time (optional)", recording.recorded_time, key=f"time:{recording.id}")
            say_twice(recorded_on, recorded_time)
            note = st.text_area(
                "Note", recording.note, max_chars=fields.NOTE_MAX, height=100, key=f"note:{recording.id}"
            )
            target = actions.at(recording.id, recording.revision)
            wanted = actions.submit("Save", "save_recording", target, kind="primary")
        if wanted and recorded_on is None:
            st.error("Please give the day of the recording.", icon=":material/info:")
        elif recorded_on is not None:
            said, db, who = RecordingFields(recorded_on, recorded_time, note), resources().db, actor()

            def store(seen: int) -> None:
                edits.edit_recording(db, who, recording.id, seen, said)

            if saved(recording.id, recording.revision, wanted, store):
                st.rerun()


@actions.dialog("Delete this recording?")
def confirm_delete(patient: PatientDetail, recording: RecordingRow) -> None:
    """Ask for the name, then delete."""
    with show_errors():
        note = f" Note: {links.plain_text(recording.note)}." if recording.note else ""
        parts, who = resources(), actor()
        st.markdown(chooser.whose(patient))
        held = deletion.held_by_recording(parts.db, who, recording.id)
        marked = f" and {counted(held.counts['marks'], 'mark')}" if held.counts["marks"] else ""
        results = "The results of all its analyses" if held.counts["versions"] > 1 else "Its results"
        st.write(f"{title_of(recording)}.{note} {results}{marked} are permanently deleted; this can't be undone.")
        target = f"{actions.at(recording.id, recording.revision)}:{held.of}"
        if confirmed("Delete", "delete", target, patient):

            def carry_out() -> deletion.Receipt:
                return deletion.delete_recording(parts.db, parts.settings, who, recording.id, recording.revision, held)

            keep_receipt(actions.once("delete", target, carry_out))
            st.session_state.pop("recording", None)
            st.switch_page(links.PATIENT, query_params={"patient": patient.id})
