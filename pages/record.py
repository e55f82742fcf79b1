"""Upload a recording, follow its analysis, and choose the patient's face if there are several."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from clinic import phrases, words
from clinic.consent import consent
from clinic.intake import naming
from clinic.jobs import progress
from clinic.jobs.same_files import elsewhere, here
from clinic.patients import caseload, fields, visibility
from clinic.patients.caseload import PatientSummary
from clinic.patients.fields import RecordingFields
from clinic.patients.subject import RecordingKind
from clinic.recordings import incoming
from fer_core.errors import FerError
from pages import actions, chooser, clicks, links
from pages.session import actor
from pages.views.agreed import may_be
from pages.views.follow import follow
from pages.views.hand_in import hand_in
from pages.views.moment import ask_for_moment
from pages.views.stays import while_offered
from pages.views.uploader import PICTURES, VIDEO, Sent, uploader
from pages.widgets import day, show_error, show_errors, today, zone
from web.resources import resources

KINDS: dict[str, str] = {RecordingKind.VIDEO: "A video", RecordingKind.PICTURES: "Pictures"}
SAMPLING = {"0.2": "Standard: 5 times a second", "1.0": "Coarse: once a second", "0.0": "Every frame"}
"""Seconds between the samples of a video, and what that is called."""


@actions.part(run_every=2)
def show_running() -> None:
    """List analyses that are not over, so that a user who left the page finds them; only this part runs again."""
    with show_errors():
        parts = resources()
        for job in progress.active(parts.db, parts.settings, actor()):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"{chooser.whose(job.subject)} · {chooser.visit(job.subject)}", width="stretch")
                st.caption(links.plain_sentence(job.status.standing.sentence), width="content")
                links.analysis_link("Show", job.status.recording_id)


def show_form(patients: list[PatientSummary]) -> None:
    """Draw the form of a new recording and hand it in."""
    by_id = {patient.id: patient for patient in patients}
    asked = links.query_id("patient")
    labels = chooser.patient_labels(patients)
    left, middle, right = st.columns([2, 1, 1])
    with left:
        chosen = chooser.choose("Patient", labels, f"whose:{asked}", start=asked, placeholder="Choose a patient")
    clicks.about(chosen)
    patient = by_id[chosen] if chosen is not None else None
    day_field, time_field = middle.container(), right.container()
    if patient is not None and not may_be(patient.id, *consent.ANALYSIS):
        # The choices made so far stay for the next patient.
        ask_for_moment(None, day_field, time_field)
        return
    kind = chooser.switch("What was recorded", KINDS, "recorded_kind")
    files = uploader(VIDEO if kind == RecordingKind.VIDEO else PICTURES)
    st.caption(f"The file is stored encrypted until it is analysed; then it {afterwards(chosen)}. Sound is never read.")
    born_on = patient.born_on if patient is not None else None
    recorded_on, recorded_time = ask_for_moment(files, day_field, time_field, born_on)
    objection = fields.day_objection(recorded_on, born_on, today())
    objection = objection or fields.time_objection(recorded_on, recorded_time, zone())
    chosen_file = files is not None
    if objection is not None and (chosen_file or recorded_on is not None):
        show_error(objection)
    if patient is not None:
        say_whose_names(patient, files, patients)
        say_where_else(patient.id, files)
    note = st.text_input("Note (optional)", max_chars=2000, placeholder="For example: seated, camera at eye level")
    sampling = chooser.switch("How often a video is sampled", SAMPLING, "recorded_sampling")
    ready = patient is not None and objection is None and files is not None and files.done
    if patient is not None and objection is None:
        at = f", {recorded_time:%H:%M}" if recorded_time else ""
        st.markdown(f"To be stored for {chooser.whose(patient)}, recorded on **{day(recorded_on)}{at}**.")
    target = actions.at(patient.id, patient.revision) if patient is not None else "nobody"
    start = actions.action("Start analysis", "start", target, "primary", ":material/play_arrow:", disabled=not ready)
    if start and ready and patient is not None and recorded_on is not None and files is not None:
        said = RecordingFields(recorded_on, recorded_time, note)
        hand_in(patient, VIDEO if kind == RecordingKind.VIDEO else PICTURES, files, said, float(sampling))
    if not ready and (objection is None or not chosen_file):
        st.caption(what_is_missing(patient is not None, files))


def what_is_missing(patient: bool, files: Sent | None) -> str:
    """Return why an analysis can't be started yet."""
    if not patient:
        return "Choose a patient first."
    return "The upload is not finished yet." if files is not None and not files.done else "Choose a file first."


def hashes_of(files: Sent) -> list[str]:
    """Return the SHA-256 of each file, once all files are complete."""
    settings, account_id = resources().settings, actor().account_id
    # Beside a first click on Start, which took the files in, they are no longer there.
    with suppress(FerError):
        found = [incoming.status(settings, upload_id, account_id).sha256 for upload_id in files.ids]
        return [sha256 for sha256 in found if sha256] if all(found) else []
    return []


def say_where_else(patient_id: str, files: Sent | None) -> None:
    """Say before anything starts where the same file is stored: for this patient, or for another one."""
    sha256s = hashes_of(files) if files is not None else []
    if not sha256s:
        return
    found = elsewhere(resources().db, actor(), patient_id, sha256s)
    for own, count in here(resources().db, actor(), patient_id, sha256s):
        which = "The same file" if len(sha256s) == 1 else f"{count} of these {len(sha256s)} files"
        st.info(
            f"{which} {'is' if count == 1 else 'are'} stored for this patient already: {chooser.visit(own)}.",
            icon=":material/content_copy:",
        )
    for other in found.seen:
        same = f"The same file is stored for {chooser.whose(other)} too: {chooser.visit(other)}."
        st.warning(f"{same} Please check that it belongs here.", icon=":material/warning:")
    if found.more:
        st.warning(words.SAME_FILE_ELSEWHERE, icon=":material/warning:")


def say_whose_names(patient: PatientSummary, files: Sent | None, patients: list[PatientSummary]) -> None:
    """Say of files whose names name another patient of the caseload: they may have been chosen for the wrong one."""
    names = [file.name for file in files.files] if files is not None else []
    found = naming.named_otherwise(names, patient, patients)
    for other in {one.id: one for _, one in found}.values():
        first, *more = [name for name, one in found if one.id == other.id]
        several = f" and {phrases.counted(len(more), 'other')}" if more else ""
        st.warning(
            f"Another patient is named by {links.plain_text(first)}{several}: {chooser.whose(other)}. Please check"
            f" that all files belong to {chooser.whose(patient)}.",
            icon=":material/warning:",
        )


def afterwards(patient_id: str | None) -> str:
    """Return what happens to the file after the analysis."""
    parts = resources()
    if not parts.settings.keep_files:
        return "is deleted"
    if patient_id is None:
        return "is kept where the patient agreed to that, and deleted otherwise"
    agreed = consent.objection(parts.db, actor(), patient_id, consent.Scope.KEEP_VIDEO) is None
    return "is kept" if agreed else "is deleted"


def show_form_page() -> None:
    """Draw the page for a user who has no analysis to follow yet."""
    show_running()
    while_offered(actor(), visibility.offered(resources().db, actor()))
    patients = [found for found in caseload.list_patients(resources().db, actor()) if found.emergency_until is None]
    if not patients:
        st.info("A recording belongs to a patient. Add the first one on the caseload.", icon=":material/info:")
        st.page_link(links.CASELOAD, label="Go to the caseload", icon=":material/groups:")
        return
    show_form(patients)


recording_id = links.query_id("recording")
if recording_id is None:
    st.title("New recording")
    show_form_page()
else:
    follow(recording_id)
