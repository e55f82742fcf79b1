"""Walks the table of `permissions.py`: each function, page and route, by each person."""

import ast
import inspect
import io
import re
import shutil
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

from clinic import clock_watch, model_in_use, words
from clinic.access import CONSOLE, Role
from clinic.accounts import accounts, first_administrator, handover, identities, oidc, sessions, takeovers, tokens, totp
from clinic.admin import zones
from clinic.consent import consent, giving
from clinic.consent.consent import Scope
from clinic.erasure import deletion, withdrawal
from clinic.exchange import (
    csv_tables,
    downloads,
    exports,
    handing_out,
    import_queue,
    imported_series,
    imports,
    recording_files,
    video_copies,
)
from clinic.exchange.downloads import Kind
from clinic.intake import folders, uploaded
from clinic.jobs import control, faces, jobs, kept_faces, outcomes, progress, reanalysis, same_files
from clinic.patients import caseload, conditions, doubles, edits, events, listing, needs, sharing, visibility
from clinic.patients.conditions import ConditionKind
from clinic.patients.events import EventKind
from clinic.patients.fields import PatientFields, RecordingFields
from clinic.patients.listing import CaseloadQuery
from clinic.patients.record_state import state_of
from clinic.questionnaires import answers, incoming_csv, patient_mode, scales, schedule, watching
from clinic.questionnaires.answers import Given
from clinic.questionnaires.published import HigherIs
from clinic.questionnaires.scales import OwnFields
from clinic.recordings import incoming, live, marks, playback, readings, uploads
from clinic.recordings.incoming import Incoming
from clinic.recordings.pieces import Piece
from clinic.recordings.playback import ByteRange
from clinic.recordings.uploads import Upload
from clinic.recordings.verdicts import MarkFields, Verdict
from clinic.reports import report_jobs, reports
from clinic.reports.content import ReportScope as Reported
from clinic.settings import Settings
from clinic.training import datasets, examples, own_samples, promotion, runs, search, tuning
from clinic.training_queue import places, uses
from db.engine import migrate, open_database
from db.models import (
    Account,
    FaceCondition,
    HandOverPatient,
    HandOverRequest,
    ImportedSeries,
    Job,
    JobState,
    OwnScale,
    Patient,
    PatientEvent,
    QuestionnaireAnswer,
    Reanalysis,
    Recording,
    RecordingMark,
    Training,
    new_id,
)
from db.records import save_results
from fer_core.emotions import Emotion
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard
from pages.navigation import PLACES
from storage import keys
from storage.media import open_store
from storage.sealed import open_sealed, seal_bytes, sealing
from tests import doors, own_people, page_runs
from tests.clinic.fakes import result
from tests.consents import agree
from tests.permissions import FOR_NO_PERSON, FUNCTIONS, PAGES, PEOPLE, ROUTES
from tests.web.test_gate import inner
from web import account, monitoring, provider, watch
from web import live as live_line
from web import patient_mode as patient_mode_pages
from web import sign_in as door_pages
from web import tokens as token_page
from web.api import application as api
from web.gate import Behind, Gate
from web.resources import resources
from web.routes import routes

page_runs.share_found_components()

ROOT = Path(__file__).parents[1]
EXCLUDED = MarkFields(0.0, 1.0, Verdict.EXCLUDE, reason="camera")
MODULES = (
    accounts,
    answers,
    watching,
    clock_watch,
    conditions,
    csv_tables,
    events,
    first_administrator,
    giving,
    handover,
    incoming_csv,
    scales,
    schedule,
    zones,
    caseload,
    consent,
    control,
    deletion,
    downloads,
    edits,
    exports,
    folders,
    patient_mode,
    identities,
    import_queue,
    imports,
    incoming,
    faces,
    jobs,
    oidc,
    marks,
    outcomes,
    live,
    kept_faces,
    playback,
    progress,
    readings,
    recording_files,
    video_copies,
    reanalysis,
    totp,
    sharing,
    sessions,
    takeovers,
    tokens,
    uploads,
    uploaded,
    datasets,
    examples,
    promotion,
    runs,
    search,
    own_samples,
    tuning,
    uses,
    withdrawal,
    handing_out,
    listing,
    needs,
    visibility,
    report_jobs,
    reports,
    same_files,
    imported_series,
    doubles,
)
NAME = "Quentin Invented"
ROLES = {"viewer": Role.VIEWER, "administrator": Role.ADMINISTRATOR}


def png():
    content = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), 9, np.uint8)).save(content, "PNG")
    return content.getvalue()


def a_recording(db, patient_id, state, *moments):
    now = datetime.now(UTC)
    with db.session() as session:
        stored = Recording(patient_id=patient_id, kind="video", recorded_on=date(2026, 1, 5), created_at=now)
        session.add(stored)
        session.flush()
        session.add(Job(recording_id=stored.id, state=state.value, created_at=now))
        save_results(session, stored.id, [result(index, *seen) for index, seen in enumerate(moments)])
        return stored.id


def a_kept_video(db, settings, patient_id):
    """A recording whose video was kept."""
    recording_id, upload_id = a_recording(db, patient_id, JobState.DONE), new_id()
    media, part = open_store(settings), uploads.part_path(settings, upload_id)
    with part.open("wb") as file, sealing(file, media.key, upload_id.encode()) as sealed:
        sealed.write(b"a video")
    media.adopt(part, upload_id)
    with db.session() as session:
        job = session.scalar(select(Job).where(Job.recording_id == recording_id))
        job.sources = [{"id": upload_id, "media_type": "video/mp4"}]
    return recording_id


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A folder with a database in which everybody of `PEOPLE` is signed in, and their tokens."""
    folder = tmp_path_factory.mktemp("world")
    settings = Settings.at(folder)
    keys.make(settings)
    migrate(settings.database_url)
    db = open_database(settings.database_url)
    with pytest.MonkeyPatch.context() as cheap:
        doors.cheap_hashes(cheap)
        tokens = {name: doors.sign_in(db, name, ROLES.get(name, Role.CLINICIAN)) for name in PEOPLE[1:]}
    actors = {name: sessions.actor_of(db, token) for name, token in tokens.items()}
    patient_id = caseload.add_patient(db, actors["clinician"], NAME)
    agree(db, patient_id)
    for name in ("viewer", "disabled"):
        sharing.share(db, actors["clinician"], patient_id, name)
    sharing.open_in_emergency(db, actors["emergency"], patient_id, "a reason that is long enough")
    ids = {
        "patient_id": patient_id,
        "recording_id": a_recording(db, patient_id, JobState.QUEUED),
        "watched_id": a_kept_video(db, settings, patient_id),
        "choosing_id": a_recording(db, patient_id, JobState.CHOOSING, *[(0, 1)] * 4),
    }
    accounts.disable(db, actors["administrator"], actors["disabled"].account_id)
    db.close()
    return SimpleNamespace(folder=folder, tokens=tokens, actors={"nobody": None, **actors}, **ids)


@pytest.fixture
def world(template, tmp_path, monkeypatch):
    """A copy of the template that may be spoilt."""
    doors.cheap_hashes(monkeypatch)
    shutil.copytree(template.folder, tmp_path, dirs_exist_ok=True)
    shutil.copytree(Settings.at(template.folder).key_dir, Settings.at(tmp_path).key_dir)
    db = open_database(Settings.at(tmp_path).database_url)
    settings = Settings.at(tmp_path)
    yield SimpleNamespace(**{**vars(template), "db": db, "settings": settings})
    db.close()


def stored_file(world):
    upload_id = new_id()
    return Upload(upload_id, "visit", "0" * 64, 5, "video")


def ended(world):
    """Let no analysis be under way, so that the patient can be exported."""
    with world.db.session() as session:
        session.execute(update(Job).values(state=JobState.DONE.value))
    return world.patient_id


def waiting(world, actor):
    """An archive that was prepared for the person while that was allowed."""
    folder = world.settings.data_dir / "downloads"
    folder.mkdir(exist_ok=True)
    with world.db.read() as session:
        state = state_of(session, world.patient_id)
    path = folder / f"{new_id()}-{world.patient_id}-{state}-results.zip"
    content = bytes(downloads.ASKED_EVERY_BYTES + 1)
    owner = actor.account_id if actor is not None else ""
    path.write_bytes(seal_bytes(content, open_store(world.settings).key, downloads._context(path, owner)))
    file = open_sealed(path.open("rb"), open_store(world.settings).key, downloads._context(path, owner))
    return downloads.Waiting(path, world.patient_id, downloads.Kind.ARCHIVE, False, file, len(content))


def sent(world, actor, content=b"an archive"):
    """An upload that is wholly there, of whoever it may be."""
    owner = actor.account_id if actor else ""
    begun = incoming._open(world.settings, Incoming(new_id(), len(content), owner))
    piece = Piece(world.settings, begun.id, 0, {}, owner)
    piece.write(content)
    return piece.close().id


def archive():
    """The export of another installation's patient."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.at(Path(folder))
        keys.make(settings)
        migrate(settings.database_url)
        db = open_database(settings.database_url)
        with db.session() as session:
            stored = Patient(name="From Elsewhere", created_at=datetime.now(UTC))
            session.add(stored)
            session.flush()
            patient_id = stored.id
        agree(db, patient_id)
        written = io.BytesIO()
        exports.export_patient(db, settings, CONSOLE, patient_id, written)
        db.close()
        return io.BytesIO(written.getvalue())


def a_part():
    """More of a video than is handed out without asking again."""
    size = playback.CHECKED_EVERY_BYTES + 1
    return ByteRange(io.BytesIO(bytes(size)), "video/mp4", 0, size - 1, size, whole=True)


def account_of(world, name):
    with world.db.read() as session:
        return session.scalar(select(Account.id).where(Account.name_key == name))


def asked_for(world):
    """The id of a reanalysis that somebody asked for."""
    stored = Reanalysis(model_sha256="m", created_at=datetime.now(UTC))
    with world.db.session() as session:
        session.add(stored)
        session.flush()
        return stored.id


DAY = date(2026, 1, 5)


def stored_row(world, **values):
    """The id of a row that was stored without asking anybody."""
    table = values.pop("table")
    row = table(**values)
    with world.db.session() as session:
        session.add(row)
        session.flush()
        return row.id


def a_number(world):
    """The number of an answer above 0 to question 9."""
    made = stored_row(
        world, table=QuestionnaireAnswer, patient_id=world.patient_id, scale="phq9", answered_on=DAY, total=1.0,
        items=[0] * 8 + [1], how="items", recorded_at=datetime.now(UTC),
    )  # fmt: skip
    with world.db.read() as session:
        return session.get_one(QuestionnaireAnswer, made).number


def an_answer(world):
    return stored_row(
        world, table=QuestionnaireAnswer, patient_id=world.patient_id, scale="phq9", answered_on=DAY, total=3.0,
        how="total", recorded_at=datetime.now(UTC),
    )  # fmt: skip


def a_series(world):
    return stored_row(
        world, table=ImportedSeries, patient_id=world.patient_id, tool="openface", recorded_on=DAY, moments=1,
        readable_share=1.0, measures={"AU12_r": 1.0}, recorded_at=datetime.now(UTC),
    )  # fmt: skip


def an_event(world):
    return stored_row(
        world, table=PatientEvent, patient_id=world.patient_id, kind="event", happened_on=DAY, text="moved",
        recorded_at=datetime.now(UTC),
    )  # fmt: skip


def a_mark(world):
    return stored_row(
        world, table=RecordingMark, recording_id=world.watched_id, begin_s=0.0, end_s=1.0, verdict="exclude",
        reason="camera", recorded_at=datetime.now(UTC),
    )  # fmt: skip


def a_condition(world):
    return stored_row(
        world, table=FaceCondition, patient_id=world.patient_id, kind="autism", began_on=DAY,
        recorded_at=datetime.now(UTC),
    )  # fmt: skip


def seen_condition(world):
    one = conditions.Condition(a_condition(world), ConditionKind.AUTISM, "", DAY, None)
    return one.id, one.revision


def a_scale(world):
    return stored_row(
        world, table=OwnScale, name="Ours", lowest=0.0, highest=9.0, higher_is="worse", created_at=datetime.now(UTC)
    )


def turn_on(world, actor):
    """Turn the second step on, and return the recovery codes."""
    made = totp.begin(world.db, world.settings, actor, doors.PASSWORD)
    return totp.confirm(world.db, world.settings, actor, doors.code_at(made.secret, time.time()))


def with_a_folder(world):
    """Return the settings of a server on which an empty folder lies ready."""
    (world.settings.data_dir / "incoming" / "march").mkdir(parents=True)
    return replace(world.settings, import_dir=world.settings.data_dir / "incoming")


def a_request(world):
    """A caseload that somebody else asked to hand over."""
    ids = [account_of(world, name) for name in ("clinician", "foreign", "viewer")]
    with world.db.session() as session:
        asked = HandOverRequest(giver_id=ids[0], taker_id=ids[1], asked_by=ids[2], patients=1, created_at=doors.now())
        session.add(asked)
        session.flush()
        session.add(HandOverPatient(request_id=asked.id, patient_id=world.patient_id))
        return asked.id


CALLS = {
    "accounts.accept_statement": lambda w, a: accounts.accept_statement(w.db, a, words.STATEMENT_VERSION),
    "accounts.add": lambda w, a: accounts.add(w.db, a, "New One", Role.CLINICIAN),
    "accounts.disable": lambda w, a: accounts.disable(w.db, a, account_of(w, "viewer")),
    "accounts.enable": lambda w, a: accounts.enable(w.db, a, account_of(w, "disabled")),
    "handover.confirm": lambda w, a: handover.confirm(w.db, a, a_request(w)),
    "handover.hand_over": lambda w, a: handover.hand_over(
        w.db, a, account_of(w, "clinician"), account_of(w, "foreign")
    ),
    "handover.refuse": lambda w, a: handover.refuse(w.db, a, a_request(w)),
    "handover.waiting": lambda w, a: handover.waiting(w.db, a),
    "tokens.listed": lambda w, a: tokens.listed(w.db, a),
    "tokens.make": lambda w, a: tokens.make(w.db, a, "a script", [w.patient_id], doors.PASSWORD),
    "tokens.revoke": lambda w, a: tokens.revoke(w.db, a, new_id()),
    "takeovers.lately": lambda w, a: takeovers.lately(w.db, a),
    "takeovers.read": lambda w, a: takeovers.read(w.db, a, 1),
    "takeovers.unread": lambda w, a: takeovers.unread(w.db, a),
    "accounts.list_accounts": lambda w, a: accounts.list_accounts(w.db, a),
    "accounts.reset_password": lambda w, a: accounts.reset_password(w.db, a, account_of(w, "viewer")),
    "accounts.set_role": lambda w, a: accounts.set_role(w.db, a, account_of(w, "viewer"), Role.ADMINISTRATOR),
    "answers.listed": lambda w, a: answers.listed(w.db, a, w.patient_id),
    "answers.record": lambda w, a: answers.record(w.db, a, w.patient_id, Given("gad7", DAY, total=4)),
    "answers.remove": lambda w, a: answers.remove(w.db, w.settings, a, an_answer(w)),
    "watching.acknowledge": lambda w, a: watching.acknowledge(w.db, a, w.patient_id, a_number(w)),
    "watching.waiting": lambda w, a: watching.waiting(w.db, a, w.patient_id),
    "conditions.add": lambda w, a: conditions.add(w.db, a, w.patient_id, ConditionKind.AUTISM, DAY),
    "conditions.conditions": lambda w, a: conditions.conditions(w.db, a, w.patient_id),
    "conditions.change": lambda w, a: conditions.change(w.db, a, *seen_condition(w), DAY, None, ""),
    "conditions.remove": lambda w, a: conditions.remove(w.db, a, *seen_condition(w)),
    "conditions.end": lambda w, a: conditions.end(w.db, a, *seen_condition(w), DAY),
    "events.add": lambda w, a: events.add(w.db, a, w.patient_id, EventKind.MEDICATION, DAY, "started"),
    "events.marks": lambda w, a: events.marks(w.db, a, w.patient_id),
    "events.remove": lambda w, a: events.remove(w.db, a, an_event(w)),
    "patient_mode.in_hands": lambda w, a: patient_mode.in_hands(w.db, a, w.patient_id),
    "patient_mode.begin": lambda w, a: patient_mode.begin(w.db, a, w.patient_id, "phq9", "4711"),
    "incoming_csv.preview": lambda w, a: incoming_csv.preview(w.db, a, w.patient_id, b"date,scale,total\n"),
    "incoming_csv.take": lambda w, a: incoming_csv.take(w.db, a, w.patient_id, b"date,scale,total\n"),
    "scales.define": lambda w, a: scales.define(w.db, a, OwnFields("New", 0, 9, HigherIs.WORSE)),
    "scales.offered": lambda w, a: scales.offered(w.db, a),
    "scales.planned_for": lambda w, a: scales.planned_for(w.db, a, "phq9"),
    "scales.retire": lambda w, a: scales.retire(w.db, a, a_scale(w)),
    "schedule.dues": lambda w, a: schedule.dues(w.db, a, w.patient_id),
    "schedule.plan": lambda w, a: schedule.plan(w.db, a, w.patient_id, "phq9", 14),
    "schedule.stop": lambda w, a: schedule.stop(w.db, a, w.patient_id, "phq9"),
    "caseload.add_patient": lambda w, a: caseload.add_patient(w.db, a, "New One"),
    "deletion.delete_patient": lambda w, a: deletion.delete_patient(w.db, w.settings, a, w.patient_id),
    "deletion.delete_recording": lambda w, a: deletion.delete_recording(w.db, w.settings, a, w.recording_id),
    "deletion.held_by_patient": lambda w, a: deletion.held_by_patient(w.db, a, w.patient_id),
    "deletion.held_by_recording": lambda w, a: deletion.held_by_recording(w.db, a, w.recording_id),
    "caseload.get_patient": lambda w, a: caseload.get_patient(w.db, a, w.patient_id),
    "caseload.get_recording": lambda w, a: caseload.get_recording(w.db, a, w.recording_id),
    "caseload.list_patients": lambda w, a: caseload.list_patients(w.db, a),
    "listing.page": lambda w, a: listing.page(w.db, a, CaseloadQuery()),
    "visibility.states": lambda w, a: visibility.states(w.db, a, [w.patient_id]),
    "visibility.offered": lambda w, a: visibility.offered(w.db, a),
    "visibility.state": lambda w, a: visibility.state(w.db, a, w.patient_id),
    "needs.count": lambda w, a: needs.count(w.db, a),
    "caseload.subject": lambda w, a: caseload.subject(w.db, a, w.recording_id),
    "doubles.like": lambda w, a: doubles.like(w.db, a, PatientFields("Another"), w.patient_id),
    "doubles.need_no_other": lambda w, a: doubles.need_no_other(w.db, a, PatientFields("Another"), w.patient_id, ()),
    "doubles.others": lambda w, a: doubles.others(w.db, a, w.patient_id),
    "edits.edit_patient": lambda w, a: edits.edit_patient(w.db, a, w.patient_id, 1, PatientFields("Another")),
    "edits.edit_recording": lambda w, a: edits.edit_recording(
        w.db, a, w.recording_id, 1, RecordingFields(date(2026, 1, 5), note="a note")
    ),
    "caseload.samples": lambda w, a: caseload.samples(w.db, a, w.watched_id),
    "caseload.versions": lambda w, a: caseload.versions(w.db, a, w.choosing_id),
    "consent.history": lambda w, a: consent.history(w.db, a, w.patient_id),
    "consent.objection": lambda w, a: consent.objection(w.db, a, w.patient_id, Scope.EXPORT),
    "giving.record": lambda w, a: giving.record(w.db, a, w.patient_id, [Scope.EXPORT], date(2026, 1, 5)),
    "consent.standings": lambda w, a: consent.standings(w.db, a, w.patient_id),
    "folders.bring_offered": lambda w, a: folders.bring_offered(w.db, with_a_folder(w), a, "march"),
    "folders.offered": lambda w, a: folders.offered(w.db, with_a_folder(w), a),
    "identities.link": lambda w, a: identities.link(
        w.db, a, account_of(w, "viewer"), "https://provider.test", "v@example.test"
    ),
    "identities.unlink": lambda w, a: identities.unlink(w.db, a, account_of(w, "viewer")),
    "progress.active": lambda w, a: progress.active(w.db, w.settings, a),
    "faces.choose_again": lambda w, a: faces.choose_again(w.db, w.settings, a, w.watched_id),
    "faces.leaves_a_result": lambda w, a: faces.leaves_a_result(w.db, a, w.watched_id),
    "faces.split": lambda w, a: faces.split(w.db, w.settings, a, w.choosing_id, 0, 0.1),
    "faces.drawn": lambda w, a: faces.drawn(w.db, a, w.choosing_id),
    "faces.renewed_choice": lambda w, a: faces.renewed_choice(w.db, a, w.watched_id),
    "faces.stays": lambda w, a: faces.stays(w.db, w.settings, a, w.watched_id),
    "control.can_retry": lambda w, a: control.can_retry(w.db, w.settings, a, w.recording_id),
    "control.discard": lambda w, a: control.discard(w.db, w.settings, a, w.choosing_id),
    "control.cancel": lambda w, a: control.cancel(w.db, w.settings, a, w.recording_id),
    "faces.candidates": lambda w, a: faces.candidates(w.db, w.settings, a, w.choosing_id),
    "faces.choose_track": lambda w, a: faces.choose_track(w.db, w.settings, a, w.choosing_id, 0),
    "control.close_preview": lambda w, a: control.close_preview(w.db, w.settings, a, w.recording_id),
    "jobs.check": lambda w, a: jobs.check(w.db, a, w.patient_id, RecordingFields(date(2026, 1, 6))),
    "jobs.enqueue": lambda w, a: jobs.enqueue(
        w.db, w.settings, a, w.patient_id, [stored_file(w)], date(2026, 1, 6), model_sha256="m"
    ),
    "uploaded.hand_in": lambda w, a: uploaded.hand_in(
        w.db, w.settings, a, w.patient_id, {sent(w, a, png()): "a.png"}, RecordingFields(date(2026, 1, 6)), 0.2
    ),
    "progress.preview": lambda w, a: progress.preview(w.db, w.settings, a, w.recording_id),
    "control.retry": lambda w, a: control.retry(w.db, w.settings, a, w.recording_id),
    "progress.status": lambda w, a: progress.status(w.db, a, w.recording_id),
    "progress.watch": lambda w, a: progress.watch(w.db, w.settings, a, w.recording_id),
    "marks.add": lambda w, a: marks.add(w.db, a, w.watched_id, EXCLUDED),
    "marks.agreement": lambda w, a: marks.agreement(w.db, a, w.watched_id),
    "marks.edit": lambda w, a: marks.edit(w.db, a, a_mark(w), 1, EXCLUDED),
    "marks.marks": lambda w, a: marks.marks(w.db, a, w.watched_id),
    "marks.remove": lambda w, a: marks.remove(w.db, a, a_mark(w), 1),
    "outcomes.failed": lambda w, a: outcomes.failed(w.db, a),
    "outcomes.pace": lambda w, a: outcomes.pace(w.db, a),
    "kept_faces.shown": lambda w, a: kept_faces.shown(w.db, w.settings, a, w.watched_id),
    "playback.content": lambda w, a: list(playback.content(w.db, w.settings, a, w.watched_id, a_part())),
    "playback.kept": lambda w, a: playback.kept(w.db, w.settings, a, w.watched_id),
    "playback.note_view": lambda w, a: playback.note_view(w.db, w.settings, a, w.watched_id),
    "playback.open_part": lambda w, a: playback.open_part(w.db, w.settings, a, w.watched_id).file.close(),
    "readings.samples": lambda w, a: readings.samples(w.db, a, w.watched_id),
    "readings.analysis_result": lambda w, a: readings.analysis_result(w.db, a, w.watched_id),
    "same_files.here": lambda w, a: same_files.here(w.db, a, w.patient_id, ["0" * 64]),
    "same_files.elsewhere": lambda w, a: same_files.elsewhere(w.db, a, w.patient_id, ["0" * 64]),
    "video_copies.ask": lambda w, a: video_copies.ask(w.db, w.settings, a, w.watched_id),
    "video_copies.cancel": lambda w, a: video_copies.cancel(w.db, a, w.watched_id),
    "video_copies.standing": lambda w, a: video_copies.standing(w.db, w.settings, a, w.watched_id),
    "recording_files.note_picture": lambda w, a: recording_files.note_picture(w.db, a, w.watched_id, "png"),
    "recording_files.prepare": lambda w, a: recording_files.prepare(w.db, w.settings, a, w.watched_id),
    "imported_series.add": lambda w, a: imported_series.add(
        w.db, a, w.patient_id, DAY, io.BytesIO(b"frame,confidence,success,AU12_r\n1,0.9,1,2.0\n")
    ),
    "imported_series.listed": lambda w, a: imported_series.listed(w.db, a, w.patient_id),
    "imported_series.remove": lambda w, a: imported_series.remove(w.db, a, a_series(w)),
    "live.begin": lambda w, a: live.begin(w.db, a, w.patient_id),
    "live.remaining_s": lambda w, a: live.remaining_s(w.db, a, w.patient_id),
    "handing_out.fhir": lambda w, a: handing_out.fhir(w.db, a, w.patient_id),
    "handing_out.prepare": lambda w, a: handing_out.prepare(w.db, w.settings, a, w.patient_id, Kind.FHIR),
    "report_jobs.ask": lambda w, a: report_jobs.ask(w.db, a, w.patient_id, Reported(), Kind.HTML),
    "report_jobs.cancel": lambda w, a: report_jobs.cancel(w.db, a, w.patient_id),
    "report_jobs.standing": lambda w, a: report_jobs.standing(w.db, w.settings, a, w.patient_id),
    "reports.check": lambda w, a: reports.check(w.db, a, w.patient_id, Reported()),
    "reports.prepare": lambda w, a: reports.prepare(w.db, w.settings, a, w.patient_id, Reported(), Kind.HTML),
    "reports.preview": lambda w, a: reports.preview(w.db, w.settings, a, w.patient_id, Reported()),
    "reanalysis.cancel": lambda w, a: reanalysis.cancel(w.db, w.settings, a, asked_for(w)),
    "reanalysis.find_patient": lambda w, a: reanalysis.find_patient(w.db, a, NAME),
    "reanalysis.pause": lambda w, a: reanalysis.pause(w.db, a, asked_for(w)),
    "reanalysis.standing": lambda w, a: reanalysis.standing(w.db, a, asked_for(w)),
    "reanalysis.standings": lambda w, a: reanalysis.standings(w.db, a),
    "reanalysis.start": lambda w, a: reanalysis.start(w.db, w.settings, a, model_sha256="m"),
    "totp.begin": lambda w, a: totp.begin(w.db, w.settings, a, doors.PASSWORD),
    "totp.check_password": lambda w, a: totp.check_password(w.db, a, doors.PASSWORD),
    "totp.begun": lambda w, a: (
        totp.begin(w.db, w.settings, a, doors.PASSWORD),
        totp.begun(w.db, w.settings, a),
    ),
    "totp.confirm": lambda w, a: turn_on(w, a),
    "totp.renew_codes": lambda w, a: totp.renew_codes(w.db, w.settings, a, doors.PASSWORD, turn_on(w, a)[0]),
    "totp.reset": lambda w, a: totp.reset(w.db, a, account_of(w, "viewer")),
    "totp.standing": lambda w, a: totp.standing(w.db, a),
    "totp.turn_off": lambda w, a: totp.turn_off(w.db, w.settings, a, doors.PASSWORD, turn_on(w, a)[0]),
    "sharing.history": lambda w, a: sharing.history(w.db, a, w.patient_id),
    "sharing.open_in_emergency": lambda w, a: sharing.open_in_emergency(w.db, a, NAME, "a reason that is long enough"),
    "sharing.readers": lambda w, a: sharing.readers(w.db, a, w.patient_id),
    "sharing.share": lambda w, a: sharing.share(w.db, a, w.patient_id, "administrator"),
    "sharing.unshare": lambda w, a: sharing.unshare(w.db, a, w.patient_id, account_of(w, "viewer")),
    "sessions.change_password": lambda w, a: sessions.change_password(w.db, a, doors.PASSWORD, "ten dry umbrellas"),
    "datasets.offered": lambda w, a: datasets.offered(w.db, w.settings, a),
    "datasets.overview": lambda w, a: datasets.overview(w.db, w.settings, a, new_id()),
    "examples.gallery": lambda w, a: examples.gallery(w.db, w.settings, a, made_examples(w)),
    "examples.made": lambda w, a: examples.made(w.db, w.settings, a),
    "examples.make": lambda w, a: examples.make(w.db, with_a_data_set(w), a, "faces.csv"),
    "examples.of_cell": lambda w, a: examples.of_cell(w.db, w.settings, a, made_examples(w), Emotion.SAD, Emotion.SAD),
    "examples.standing": lambda w, a: examples.standing(w.db, a),
    "own_samples.count": lambda w, a: own_samples.count(w.db, a),
    "promotion.promote": lambda w, a: promotion.promote(w.db, w.settings, a, evaluated(w), lambda *_: None),
    "promotion.roll_back": lambda w, a: promotion.roll_back(w.db, w.settings, a, promoted(w)),
    "runs.check": lambda w, a: runs.check(w.db, with_a_data_set(w), a, "faces.csv"),
    "runs.evaluate": lambda w, a: runs.evaluate(w.db, w.settings, a, a_run(w)),
    "runs.newest_check": lambda w, a: runs.newest_check(w.db, a, "faces.csv"),
    "runs.pause": lambda w, a: runs.pause(w.db, a, a_run(w)),
    "runs.remove": lambda w, a: runs.remove(w.db, w.settings, a, a_run(w)),
    "runs.standings": lambda w, a: runs.standings(w.db, w.settings, a),
    "runs.start": lambda w, a: runs.start(w.db, with_a_data_set(w), a, "faces.csv", "quick", {}),
    "runs.stop": lambda w, a: runs.stop(w.db, a, a_run(w)),
    "search.pause": lambda w, a: search.pause(w.db, a, a_search(w)),
    "search.remove": lambda w, a: search.remove(w.db, w.settings, a, a_search(w)),
    "search.start": lambda w, a: search.start(
        w.db, with_a_data_set(w), a, "faces.csv", "quick", {"rate": (0.1, 0.2)}, 3, 1
    ),
    "search.stop": lambda w, a: search.stop(w.db, a, a_search(w)),
    "tuning.start": lambda w, a: tuning.start(w.db, with_enough_people(w), a, "faces.csv"),
    "uses.of_patient": lambda w, a: uses.of_patient(w.db, w.settings, a, w.patient_id),
    "uploads.store": lambda w, a: uploads.store(w.db, w.settings, a, io.BytesIO(png()), "visit.png"),
    "clock_watch.confirm": lambda w, a: clock_watch.confirm(w.db, a),
    "zones.adopt": lambda w, a: zones.adopt(w.db, a, "Europe/Berlin"),
    "zones.choose": lambda w, a: zones.choose(w.db, a, "Europe/Berlin"),
    "exports.export_patient": lambda w, a: exports.export_patient(w.db, w.settings, a, ended(w), io.BytesIO()),
    "exports.export_to": lambda w, a: exports.export_to(w.db, w.settings, a, ended(w), w.settings.data_dir / "p.zip"),
    "downloads.content": lambda w, a: list(downloads.content(w.db, a, waiting(w, a))),
    "downloads.need_allowed": lambda w, a: downloads.need_allowed(w.db, a, waiting(w, a)),
    "downloads.take": lambda w, a: downloads.take(w.db, w.settings, a, waiting(w, a).path.name[:32]).file.close(),
    "downloads.prepare": lambda w, a: downloads.prepare(w.db, w.settings, a, ended(w)),
    "imports.import_patient": lambda w, a: imports.import_patient(w.db, w.settings, a, archive()),
    "import_queue.begin": lambda w, a: import_queue.begin(w.db, w.settings, a, sent(w, a)),
    "import_queue.cancel": lambda w, a: import_queue.cancel(w.db, a, new_id()),
    "import_queue.standings": lambda w, a: import_queue.standings(w.db, a),
    "incoming.need_uploader": lambda w, a: incoming.need_uploader(w.db, a),
    "incoming.begin": lambda w, a: incoming.begin(w.db, w.settings, a, 5),
    "withdrawal.covered": lambda w, a: withdrawal.covered(w.db, w.settings, a, w.patient_id, tuple(Scope)),
    "withdrawal.withdraw": lambda w, a: withdrawal.withdraw(w.db, w.settings, a, w.patient_id, [Scope.EXPORT]),
}


def with_a_data_set(world):
    """The settings of an installation with a data set to train on."""
    folder = world.settings.data_dir / "sets"
    folder.mkdir(exist_ok=True)
    (folder / "faces.csv").touch()
    return replace(world.settings, training_dir=folder)


def with_enough_people(world):
    """The settings of an installation on whose own people a model may be trained."""
    for number in range(own_samples.PATIENTS_NEEDED):
        own_people.add(world.db, number)
    return replace(with_a_data_set(world), keep_files=True)


def a_run(world):
    """The id of a run that was stopped after an epoch."""
    with world.db.session() as session:
        row = Training(kind="run", data="faces.csv", recipe={}, state=JobState.CANCELLED.value, created_at=doors.now())
        session.add(row)
        session.flush()
    folder = places.folder_of(world.settings, row.id)
    folder.mkdir(parents=True)
    (folder / "epochs.jsonl").write_text('{"epoch": 1, "public_accuracy": 0.5, "seconds": 1}\n')
    return row.id


def a_search(world):
    """The id of a search whose only run was stopped."""
    search_id, run_id = new_id(), a_run(world)
    with world.db.session() as session:
        session.get_one(Training, run_id).search_id = search_id
    return search_id


def made_examples(world):
    """The id of example faces of a model."""
    with world.db.session() as session:
        row = Training(kind="examples", data="faces.csv", state=JobState.DONE.value, created_at=doors.now())
        session.add(row)
        session.flush()
    folder = places.folder_of(world.settings, row.id)
    folder.mkdir(parents=True)
    (folder / "gallery.json").write_text('{"right": [], "wrong": []}')
    (folder / "cell-4-4.json").write_text('{"pictures": 0, "examples": []}')
    return row.id


def evaluated(world):
    """The id of a run whose model was measured."""
    run_id = a_run(world)
    with world.db.read() as session:
        card = places.model_card_of(world.settings, run_id, session.get_one(Training, run_id).number)
    card.parent.mkdir()
    ModelCard.load().save(card)
    return run_id


def promoted(world):
    """The hash of a model that was promoted."""
    card = next((world.settings.data_dir / "training" / evaluated(world)).glob("model/*.json"))
    model_in_use.write(world.settings, [str(card.relative_to(world.settings.data_dir))])
    return ModelCard.load(card).sha256


def rows(table):
    for name, line in table.items():
        for person, expected in zip(PEOPLE, line.split(), strict=True):
            yield pytest.param(name, person, expected, id=f"{name}-{person}")


def public_functions():
    for module in MODULES:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__.rpartition('.')[2]}.{name}", function


def test_each_public_function_is_in_the_table():
    found = dict(public_functions())
    assert set(found) == set(FUNCTIONS) | set(FOR_NO_PERSON)
    assert not set(FUNCTIONS) & set(FOR_NO_PERSON)
    assert set(CALLS) == set(FUNCTIONS)
    for name in FUNCTIONS:
        assert "actor" in inspect.signature(found[name]).parameters, name


def asks_who_acts(path):
    """The public functions of a module that take the acting user."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if public and "actor" in {argument.arg for argument in node.args.args}:
            yield f"{path.stem}.{node.name}"


def test_no_module_that_asks_who_acts_is_left_out():
    asking = {name for path in (ROOT / "clinic").rglob("*.py") for name in asks_who_acts(path)}
    steps = {name for name in asking if name.startswith("access.")}
    assert asking - steps <= set(FUNCTIONS) | set(FOR_NO_PERSON)


def reached(path):
    """The functions of the table's modules that a page calls."""
    names = {module.__name__.rpartition(".")[2] for module in MODULES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            yield f"{node.value.id}.{node.attr}"


def test_pages_reach_patients_through_the_table_alone():
    """A page asks neither the database nor what lies below the functions that check who acts."""
    public = dict(public_functions())
    unchecked = {"control", "jobs", "caseload", "sharing", "uploads"}
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "pages" / "views").glob("*.py")]:
        for name in set(reached(path)) & set(public):
            module = name.partition(".")[0]
            assert name in FUNCTIONS or module not in unchecked or name in ("uploads.discard", "incoming.status"), (
                f"{path.name}: {name}"
            )
        text = path.read_text(encoding="utf-8")
        assert path.name == "resources.py" or not re.search(r"\bdb\.(session|read|engine)\b", text), path.name


def outcome(call, world, actor):
    try:
        call(world, actor)
    except FerError as refusal:
        return refusal.code
    return "ok"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "person", "expected"), list(rows(FUNCTIONS)))
def test_functions(world, name, person, expected):
    assert outcome(CALLS[name], world, world.actors[person]) == expected


@pytest.mark.parametrize("person", PEOPLE[1:-1])
def test_nobody_is_listed_a_patient_of_others(world, person):
    sees = person in ("viewer", "emergency", "clinician")
    assert len(caseload.list_patients(world.db, world.actors[person])) == sees
    assert len(progress.active(world.db, world.settings, world.actors[person])) == 2 * sees


def streamlit_routes():
    runtime = SimpleNamespace(
        media_file_mgr=SimpleNamespace(_storage=None),
        uploaded_file_mgr=None,
        component_registry=None,
        bidi_component_registry=None,
        stats_mgr=None,
    )
    return create_streamlit_routes(runtime)


def path_of(route):
    return (route.path or "/") if isinstance(route, Mount) else route.path


def test_each_route_is_in_the_table():
    ours = [
        *door_pages.ROUTES,
        *account.ROUTES,
        *token_page.ROUTES,
        *provider.ROUTES,
        *patient_mode_pages.ROUTES,
        *watch.routes(place.path for place in PLACES),
        *routes(None, None),
        *live_line.routes(None, None),
        *monitoring.routes(None, None),
        *api.routes(None, None),
    ]
    assert {path_of(route) for route in [*ours, *streamlit_routes()]} == set(ROUTES)
    assert [path_of(route) for route in streamlit_routes() if isinstance(route, WebSocketRoute)] == ["/_stcore/stream"]


@pytest.mark.parametrize(("path", "person", "expected"), list(rows(ROUTES)))
def test_routes(world, path, person, expected):
    cookies = {"sign_in": world.tokens[person]} if person in world.tokens else {}
    gate = Gate(inner, Behind(lambda: world.db, lambda message: False, b"", ""))
    client = TestClient(gate, cookies=cookies, follow_redirects=False)
    path = path.replace("{session_id}", "a").replace("{file_id}", "b").replace("{file_id:path}", "c.mp4")
    path = (
        path.replace("{path:path}", "d/e")
        .replace("{upload_id}", "f")
        .replace("{ticket}", "g")
        .replace("{recording_id}", "h")
    )
    if expected in ("open", "refused"):
        assert connects(client, path) == (expected == "open")
        return
    for method in ("GET", "PUT"):
        assert client.request(method, path).status_code == int(expected)


def connects(client, path):
    try:
        with client.websocket_connect(path):
            return True
    except WebSocketDisconnect:
        return False


def test_each_page_is_in_the_table():
    frame = {
        "__init__",
        "actions",
        "chooser",
        "clicks",
        "links",
        "navigation",
        "session",
        "shell",
        "widgets",
        "windows",
    }
    assert {path.stem for path in (ROOT / "pages").glob("*.py")} - frame == set(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "person", "expected"), list(rows(PAGES)))
def test_pages(world, monkeypatch, name, person, expected):
    for variable in ("FER_DATABASE_URL", "FER_DEMO", "FER_BEHIND_TLS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("FER_DATA_DIR", str(world.settings.data_dir))
    monkeypatch.setattr("clinic.worker.supervisor.Supervisor.ensure", lambda self: None)
    monkeypatch.setattr("pages.session.token", lambda: world.tokens.get(person))
    try:
        assert shown(name, world.patient_id, world.recording_id) == expected
    finally:
        resources().db.close()


def shown(name, patient_id, recording_id):
    """Open a page and return what came of it."""
    page = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=60).run()
    if name != "caseload":
        try:
            page.switch_page(f"{name}.py")
        except ValueError:
            return "hidden"
    page.query_params["id" if name == "recording" else "patient"] = recording_id if name == "recording" else patient_id
    page.run()
    codes = [
        caption.value.removeprefix("Error code: ")
        for caption in page.caption
        if caption.value.startswith("Error code: ")
    ]
    if codes:
        return codes[0]
    titles = {
        "live": "Live view",
        "record": "New recording",
        "activity": "Analyses",
        "patient": NAME,
        "recording": NAME,
    }
    assert [title.value for title in page.title] == [titles.get(name, name.capitalize())]
    return "ok"
