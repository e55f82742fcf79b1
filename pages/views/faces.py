"""The patient's face: chosen, joined and split while the choice is open, and changed later as far as possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from clinic import words
from clinic.jobs import candidates, control, faces
from clinic.jobs import pictures as pictures_of
from clinic.jobs.candidates import Candidate
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.states import State
from clinic.patients.subject import RecordingKind, Subject
from clinic.phrases import counted
from clinic.recordings import marks
from clinic.recordings.verdicts import Mark, MarkFields, Verdict
from fer_core.errors import FerError
from fer_core.faces.likeness import Alike
from fer_core.types import Status
from pages import actions, chooser, links
from pages.charts.tracks import NARROW, WIDE, faces_over_time
from pages.session import actor
from pages.views import picture_faces
from pages.views.confirm import confirmed
from pages.views.conflict import saved
from pages.views.marks import span_of
from pages.widgets import jpeg_uri, percent, position, show_errors, show_standing
from web.resources import resources

FEW, CELL_PX = 4, 260
"""More faces than this share lines, in cells of this width: three beside each other at a window of 1280 px."""
DECIDED_BY_OTHERS = "face_decided_by_others"


def choose(recording_id: str, subject: Subject, pictures: bool) -> None:
    """Ask which faces are the patient, each over the time of the video."""
    parts, who = resources(), actor()
    found = faces.candidates(parts.db, parts.settings, who, recording_id)
    if pictures and picture_faces.too_many(found):
        _offer_discard(recording_id, subject)
        return
    seen = faces.drawn(parts.db, who, recording_id)
    earlier, at = faces.leaves_a_result(parts.db, who, recording_id), actions.at(recording_id, seen)
    if pictures:
        picture_faces.ask(recording_id, found, subject, seen)
    else:
        st.header("Which face is the patient?")
        st.write(words.CHOOSE_FACE)
    with st.form(f"choose:{recording_id}:{seen}", border=False):
        ticked = picture_faces.ticked(at, found) if pictures else _ticked(at, found)
        same = _same_person(recording_id, seen) if earlier else None
        chosen = actions.submit("This is the patient", "choose_face", at, kind="primary")
    below = st.container()
    if not pictures:
        _offer_split(recording_id, found, seen)
    _offer_discard(recording_id, subject)
    # Last, so that a refusal leaves everything else on the page.
    with below, show_errors():
        if chosen and not ticked:
            st.warning("Please tick the patient's face.", icon=":material/info:")
        elif chosen and earlier and same is None:
            st.warning("Please say whether the earlier result shows the same person.", icon=":material/info:")
        elif chosen:
            _keep(recording_id, ticked, seen, same)


def _offer_discard(recording_id: str, subject: Subject) -> None:
    if actions.action("The patient is not there", "ask_discard", recording_id, opens=True):
        _discard(recording_id, subject)


def _same_person(recording_id: str, seen: str) -> bool | None:
    """Ask whether the earlier result is of the person who is ticked; return None before an answer.

    `seen`: what was drawn. An answer is about that result, and not about one that comes in later.
    """
    st.write(words.EARLIER_RESULT)
    said = chooser.choose(
        "Does the earlier result show the same person?", words.SAME_PERSON, f"same:{recording_id}:{seen}"
    )
    return None if said is None else said == "same"


def _keep(recording_id: str, ticked: Sequence[int], seen: str, same: bool | None) -> None:
    """Keep the chosen faces; if another user decided meanwhile, say so beside the result."""
    parts, who = resources(), actor()
    target = f"{actions.at(recording_id, seen)}:{sorted(ticked)}:{same}"
    try:
        # A repeated click finds its own choice made, and goes on to the result.
        actions.once(
            "keep_face",
            target,
            lambda: faces.choose_track(parts.db, parts.settings, who, recording_id, ticked, seen, same),
        )
    except FerError as error:
        if error.code != "nothing_to_choose":
            raise
        st.session_state[DECIDED_BY_OTHERS] = recording_id
    st.rerun()


def say_decided_by_others(recording_id: str) -> None:
    """Say that this choice was not used, if another user had decided before."""
    if st.session_state.get(DECIDED_BY_OTHERS) == recording_id:
        st.warning(words.DECIDED_BY_OTHERS, icon=":material/warning:")


def _ticked(at: str, found: Sequence[Candidate]) -> list[int]:
    """Draw the faces of a video; return those that are ticked."""
    length_s = max((one.last_s for one in found), default=0.0)
    many = len(found) > FEW
    with st.container(horizontal=many):
        ticked = [one.track for one in found if _candidate(at, one, length_s, many)]
    for pair in candidates.probably_one(found):
        _look_alike(pair, {one.track: one for one in found})
    return ticked


def _candidate(at: str, one: Candidate, length_s: float, many: bool) -> bool:
    """Draw one face to choose; return whether it is ticked. `many`: it shares its line with others."""
    with st.container(border=True, width=CELL_PX if many else "stretch"):
        ticked = st.checkbox(f"Face {one.track + 1}", value=False, key=f"track:{at}:{one.track}")
        span = f"from {position(one.first_s)} to {position(one.last_s)}"
        said = f"Seen in {percent(one.share)} of the samples, {span}"
        if one.views:
            wide = NARROW if many else WIDE
            st.image(faces_over_time(one.spans, one.views, length_s, said, wide), said, width="stretch", alt=said)
        elif one.thumbnail is not None:
            st.image(jpeg_uri(one.thumbnail), said, width=150, alt=said)
        else:
            st.caption(f"{said}. There is no picture of this part.")
    return ticked


def _look_alike(pair: Alike, found: Mapping[int, Candidate]) -> None:
    """Say that two faces look alike, with both pictures; the clinician compares them, and ticks them or doesn't."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for track in (pair.first, pair.second):
            name = f"Face {track + 1}"
            st.image(jpeg_uri(found[track].thumbnail or b""), name, width=60, alt=name)
        st.caption(words.LOOK_ALIKE.format(first=pair.first + 1, second=pair.second + 1))


def _offer_split(recording_id: str, found: Sequence[Candidate], seen: str) -> None:
    """Offer to split a face that turns into another person."""
    with st.expander("One of these faces is two people", key=f"folded:split:{recording_id}"):
        st.write(words.SPLIT_FACE)
        names = {str(one.track): f"Face {one.track + 1}" for one in found}
        left, right = st.columns(2, vertical_alignment="bottom")
        with left:
            track = chooser.switch("Face to split", names, f"split:{recording_id}:{seen}")
        last_s = max((one.last_s for one in found), default=0.0)
        at_s = right.number_input(
            "Another person from second",
            0.0,
            max(0.1, last_s),
            step=0.5,
            format="%.1f",
            key=f"at:{recording_id}:{seen}",
        )
        if actions.action("Split this face", "split_face", actions.at(recording_id, seen)):
            parts, who = resources(), actor()

            def carry_out() -> None:
                faces.split(parts.db, parts.settings, who, recording_id, int(track), at_s, seen)

            actions.once("split_face", actions.at(recording_id, seen), carry_out)
            st.rerun()


@actions.dialog("Discard this recording?")
def _discard(recording_id: str, subject: Subject) -> None:
    """Ask for the name, then discard the recording without a result."""
    with show_errors():
        st.markdown(chooser.whose(subject))
        parts, who = resources(), actor()
        stays = faces.leaves_a_result(parts.db, who, recording_id)
        st.write(f"Recorded on {chooser.visit(subject)}. {words.DISCARD_LEAVES if stays else words.DISCARD}")
        if confirmed("Discard", "discard", recording_id, subject):
            actions.once("discard", recording_id, lambda: control.discard(parts.db, parts.settings, who, recording_id))
            st.rerun()


def show_whose(patient: PatientDetail, recording: RecordingRow, found: Sequence[Mark], length_s: float) -> None:
    """Show how the patient's face was distinguished from others, and offer what can still be changed."""
    st.header("Whose face")
    st.write(_how(recording))
    away = [mark for mark in found if mark.said.verdict is Verdict.NOT_PATIENT]
    if away:
        listed = ", ".join(span_of(recording, one) for one in away)
        st.write(f"Marked as not the patient: {listed}.")
    if not patient.writable:
        return
    with st.expander("Another person is taken for the patient", key=f"folded:face:{recording.id}"):
        with show_errors():
            _not_patient(recording, found, length_s)
        with show_errors():
            _offer_again(recording)


def show_renewed_choice(recording: RecordingRow) -> None:
    """Say above a result that its patient's face is being chosen again, or that this came to nothing."""
    renewed = faces.renewed_choice(resources().db, actor(), recording.id)
    doubted = recording.standing.state is State.DOUBTED
    if doubted:
        show_standing(recording.standing)
    elif renewed is not None and renewed.state in words.NOT_CHOSEN_AGAIN:
        st.info(words.NOT_CHOSEN_AGAIN[renewed.state], icon=":material/info:")
    if renewed is not None and (doubted or renewed.state in words.NOT_CHOSEN_AGAIN):
        links.analysis_link("Show the analysis that asks for the face", renewed.recording_id)


def _how(recording: RecordingRow) -> str:
    choice = recording.face_choice
    how, confirmed = str(choice.get("how")), choice.get(pictures_of.CONFIRMED)
    said = words.WHOSE.get(how, "")
    if how == "clinician" and confirmed and recording.samples != 1:
        said = words.CHOSEN_IN_PICTURES.format(pictures=counted(confirmed, "picture"))
    if pictures_of.taken_together(recording.kind, choice, _faces_kept(recording)):
        said = words.TAKEN_TOGETHER if how == "only" else f"{said} {words.TAKEN_TOGETHER}"
    return f"{said} {others_seen(recording)}".strip()


def _faces_kept(recording: RecordingRow) -> int:
    """Return in how many moments the patient's face is stored."""
    without = sum(recording.reasons.get(status, 0.0) for status in (Status.NO_FACE, Status.OTHERS, Status.DAMAGED))
    return round((recording.samples or 0) * (1.0 - without))


def others_seen(recording: RecordingRow) -> str:
    """Return what is said of the faces that were not chosen as the patient's; empty for none."""
    others = len(recording.face_choice.get("left_out", ()))
    if not others:
        return ""
    if recording.kind == RecordingKind.PICTURES:
        return f"Not chosen: {counted(others, 'face')}; their results were deleted."
    return f"Also seen: {counted(others, 'other face')}; their results were deleted."


def _not_patient(recording: RecordingRow, found: Sequence[Mark], length_s: float) -> None:
    seen = frozenset(mark.id for mark in found)
    key = actions.at(recording.id, max((mark.number for mark in found), default=0))
    begin_s, end_s = (
        _which_picture(length_s, key) if recording.kind == RecordingKind.PICTURES else _which_stretch(length_s, key)
    )
    wanted = actions.action("This is not the patient", "not_patient", key, icon=":material/person_off:")
    db, who = resources().db, actor()

    def store(known: frozenset[str]) -> None:
        marks.add(db, who, recording.id, MarkFields(begin_s, end_s, Verdict.NOT_PATIENT), known)

    if saved(f"not_patient {key}", seen, wanted, store):
        st.rerun()


def _which_stretch(length_s: float, key: str) -> tuple[float, float]:
    st.write(words.NOT_PATIENT_HERE)
    left, right = st.columns(2)
    begin_s = left.number_input("From second", 0.0, length_s, 0.0, 1.0, "%.1f", key=f"not_from:{key}")
    return begin_s, right.number_input("To second", 0.0, length_s, 0.0, 1.0, "%.1f", key=f"not_to:{key}")


def _which_picture(last_s: float, key: str) -> tuple[float, float]:
    """Ask for a picture; the first one is at second 0 of the stored samples, the next one at second 1."""
    st.write(words.NOT_PATIENT_PICTURE)
    number = st.number_input("Picture", 1, int(last_s) + 1, 1, 1, key=f"not_picture:{key}")
    return float(number - 1), float(number)


def _offer_again(recording: RecordingRow) -> None:
    parts, who = resources(), actor()
    why = faces.stays(parts.db, parts.settings, who, recording.id)
    if why is not None:
        st.caption(why)
        return
    st.write(words.CHOOSE_AGAIN)
    if actions.action("Choose the face again", "choose_again", recording.id, icon=":material/face:"):
        version = actions.once(
            "choose_again", recording.id, lambda: faces.choose_again(parts.db, parts.settings, who, recording.id)
        )
        links.open_analysis(version)
