"""People's marks on stretches of a recording: adding and listing them, and how often they agree with the model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from clinic import words
from clinic.patients.caseload import PatientDetail, RecordingRow
from clinic.patients.fields import NOTE_MAX
from clinic.patients.subject import RecordingKind
from clinic.recordings import marks, verdicts
from clinic.recordings.readings import AnalysisResult
from clinic.recordings.verdicts import LABELLED, LEAVES_OUT, REASONS, Agreement, Mark, MarkFields, Verdict
from fer_core.emotions import Emotion
from pages import actions, chooser, links
from pages.charts import curves
from pages.charts.figures import title
from pages.session import actor
from pages.views.conflict import saved
from pages.views.decide import decide
from pages.views.player import Marked, MarkRequest
from pages.widgets import percent, position, show_errors
from web.resources import resources

LABELS = {emotion.label: title(words.EXPRESSIONS[emotion]) for emotion in Emotion}
OFFERED = [verdict for verdict in Verdict if verdict is not Verdict.IMPRESSION]


def marked_of(result: AnalysisResult, found: Sequence[Mark]) -> Marked:
    """Return what the player shows of marks."""
    spans = [
        {
            "begin_s": mark.said.begin_s,
            "end_s": mark.said.end_s,
            "text": said(mark),
            "leaves_out": mark.said.verdict in LEAVES_OUT,
        }
        for mark in found
    ]
    if not any(mark.said.verdict in LEAVES_OUT or mark.said.verdict is Verdict.OTHER for mark in found):
        return Marked(spans)
    series, left_out = verdicts.applied(result.series, found)
    codes = curves.codes(series)
    codes[left_out] = curves.LEFT_OUT
    return Marked(spans, curves.encoded(codes))


def said(mark: Mark) -> str:
    """Return a mark in words."""
    fields = mark.said
    what = words.VERDICTS[fields.verdict]
    if fields.label is not None:
        what += f": {LABELS[fields.label]}"
    if fields.reason is not None:
        what += f": {words.MARK_REASONS[fields.reason]}"
    return f"{what} · {fields.note}" if fields.note else what


@actions.dialog("Mark this stretch")
def ask(
    patient: PatientDetail, recording: RecordingRow, asked: MarkRequest, found: Sequence[Mark], blind: bool
) -> None:
    """Ask for a mark on a stretch, and store it."""
    with show_errors():
        st.markdown(f"**{links.plain_text(patient.name)}** · {chooser.identity(patient)}")
        st.caption(f"From {position(asked.begin_s)} to {position(asked.end_s)}")
        key = f"{recording.id}:{asked.number}"
        start = Verdict.EXCLUDE if asked.what == "exclude" else Verdict.AGREE
        wanted = _form(key, MarkFields(asked.begin_s, asked.end_s, Verdict.IMPRESSION if blind else start))
        seen = frozenset(mark.id for mark in found)
        db, who = resources().db, actor()

        def store(known: frozenset[str]) -> None:
            if wanted is not None:
                # A user who judges blind does not see what a colleague said of the stretch meanwhile.
                marks.add(db, who, recording.id, wanted, None if blind else known)

        if saved(f"marks of {key}", seen, actions.action("Keep", "add_mark", key, "primary"), store):
            st.rerun()


@actions.dialog("Change this mark")
def change(patient: PatientDetail, recording: RecordingRow, mark: Mark) -> None:
    """Change what a mark says; what is judged is the model of the version that is shown."""
    with show_errors():
        st.markdown(f"**{links.plain_text(patient.name)}** · {chooser.identity(patient)}")
        st.caption(f"From {position(mark.said.begin_s)} to {position(mark.said.end_s)}")
        if mark.model_label and mark.model_sha256 != recording.model_sha256:
            st.caption(words.JUDGED_AGAIN.format(model=_model_of(mark), shown=_short(recording.model_sha256)))
        target = actions.at(mark.id, mark.revision)
        wanted = _form(target, mark.said)
        db, who = resources().db, actor()

        def store(known: int) -> None:
            if wanted is not None:
                marks.edit(db, who, mark.id, known, wanted, recording.id)

        if saved(f"mark {mark.id}", mark.revision, actions.action("Keep", "edit_mark", target, "primary"), store):
            st.rerun()


def _form(key: str, start: MarkFields) -> MarkFields | None:
    """Draw the form of a mark; return its values, with a label or reason not chosen yet as None."""
    verdict = start.verdict
    if verdict is not Verdict.IMPRESSION:
        names = {one.value: words.VERDICTS[one] for one in OFFERED}
        chosen = chooser.choose("What do you say about it?", names, f"verdict:{key}", start=verdict.value)
        verdict = Verdict(chosen or verdict)
    label = reason = None
    if verdict in LABELLED:
        label = chooser.choose("Label", LABELS, f"label:{key}", start=start.label, placeholder="Choose a label")
    if verdict in REASONS:
        reasons = {name: title(words.MARK_REASONS[name]) for name in REASONS[verdict]}
        reason = chooser.choose("Why", reasons, f"reason:{key}:{verdict}", start=start.reason, placeholder="Choose")
    note = st.text_input("Note (optional)", start.note, max_chars=NOTE_MAX, key=f"note:{key}")
    return MarkFields(start.begin_s, start.end_s, verdict, label, reason, note)


def show_marks(patient: PatientDetail, recording: RecordingRow, found: Sequence[Mark], labelled: bool = True) -> None:
    """List the marks, each with its possible actions. A label of another model than the shown one's names its model.

    `labelled`: whether the page shows labels; without them marks can be deleted and not changed.
    """
    if not found:
        return
    with st.expander(f"Marks ({len(found)})", expanded=True, key=f"folded:marks:{recording.id}"):
        if labelled:
            st.caption(words.MARKS)
        for mark in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                span = span_of(recording, mark)
                st.markdown(f"**{span}** {links.plain_text(said(mark) + _judged(mark, recording))}", width="stretch")
                st.caption(links.plain_text(mark.by or "elsewhere"), width="content")
                if patient.writable:
                    _buttons(patient, recording, mark, labelled)


def _judged(mark: Mark, recording: RecordingRow) -> str:
    """Return what the model had said of a marked stretch, and which model where it is not the shown version's."""
    if not mark.model_label:
        return ""
    model = "model" if mark.model_sha256 == recording.model_sha256 else _model_of(mark)
    return f" · {model}: {words.TREND_NAMES[_column(mark.model_label)]}"


def _model_of(mark: Mark) -> str:
    return f"model {_short(mark.model_sha256)}"


def _short(model_sha256: str | None) -> str:
    return (model_sha256 or "unknown")[:8]


def span_of(recording: RecordingRow, mark: Mark) -> str:
    """Return which stretch of a video, or which pictures, are marked."""
    if recording.kind == RecordingKind.VIDEO:
        return f"{position(mark.said.begin_s)} to {position(mark.said.end_s)}"
    first, last = math.ceil(mark.said.begin_s) + 1, math.ceil(mark.said.end_s)
    return f"picture {first}" if first == last else f"pictures {first} to {last}"


def _buttons(patient: PatientDetail, recording: RecordingRow, mark: Mark, changeable: bool) -> None:
    if changeable and actions.action("Change", "change_mark", mark.id, "tertiary", ":material/edit:", opens=True):
        change(patient, recording, mark)
    at = actions.at(mark.id, mark.revision)
    if actions.action("Delete", "ask_delete_mark", at, "tertiary", ":material/delete:"):
        actions.open_dialog("delete_mark")
        delete(patient, recording, mark)


@actions.dialog("Delete this mark")
def delete(patient: PatientDetail, recording: RecordingRow, mark: Mark) -> None:
    """Show a mark once more, and delete it if wanted."""
    with show_errors():
        st.markdown(f"**{links.plain_text(patient.name)}** · {chooser.identity(patient)}")
        st.markdown(f"**{span_of(recording, mark)}** {links.plain_text(said(mark))}")
        counts = " The stretch counts again." if mark.said.verdict in LEAVES_OUT else ""
        st.write(f"The mark is deleted for good.{counts}")
        db, who = resources().db, actor()
        decide("Delete", "delete_mark", lambda: marks.remove(db, who, mark.id, mark.revision), icon=":material/delete:")


def _column(label: str) -> int:
    return len(Emotion) if label not in LABELS else list(LABELS).index(label)


def agreement_sentence(found: Agreement) -> str:
    """Return how often people agreed with the model for this patient."""
    if found.low is None or found.high is None:
        judged = f"{found.judged} of {verdicts.FEWEST} labels of this patient are judged"
        return f"{judged}; with {verdicts.FEWEST}, agreement is shown."
    return (
        f"People agreed with {found.agreed} of {found.judged} judged labels of this patient"
        f" ({percent(found.agreed / found.judged)}, 95 % interval {percent(found.low)} to {percent(found.high)})."
    )


def ask_blind(offered: bool) -> bool:
    """Draw the choice to judge before seeing what the model said; return whether it is chosen."""
    return offered and st.toggle("Blind first", key="blind_first", help=words.BLIND)
