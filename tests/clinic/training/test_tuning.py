"""A training on the clinic's own people: from their marks to a judged model, and its end where somebody withdraws."""

import io
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from sqlalchemy import select

from clinic import model_in_use
from clinic.accounts import accounts
from clinic.consent.consent import Scope
from clinic.erasure import deletion, withdrawal
from clinic.jobs import faces
from clinic.recordings import marks
from clinic.recordings.verdicts import MarkFields, Verdict
from clinic.training import own_pictures, promotion, runs, tuning
from clinic.training_queue import places, uses, work
from db.models import AuditRow, JobState, Recording, RecordingMark, Training, TrainingUse
from fer_core.errors import FerError
from fer_core.faces.preprocess import crop_faces
from fer_core.types import Box
from tests import consents, doors, gratings, own_people
from tests.clinic.training.conftest import WITHIN_S, until
from train.config import PRESETS, is_held_out
from train.export import export
from train.run import train

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings):
    return replace(settings, keep_files=True)


@pytest.fixture
def person(db, seal, tmp_path):
    """Return a function that adds a person with a video of labelled moments, and returns the patient's id."""

    def add(number, moments=20):
        return own_people.add(db, number, moments, own_people.store(seal, tmp_path, number, moments))

    return add


@pytest.fixture
def claimed(db):
    """A training on own people that a worker holds."""
    with db.session() as session:
        session.add(Training(kind="tune", data="gratings.csv", recipe={}, total=6, created_at=doors.now()))
    return work.claim(db, "w/1", work.LANES[0])


def cut(db, settings, held):
    places.folder_of(settings, held.run_id).mkdir(parents=True, exist_ok=True)
    for _ in own_pictures.cut(db, settings, held):
        pass
    return np.load(io.BytesIO(own_pictures.read(settings, held.run_id)), allow_pickle=False)


def row_of(db, run_id):
    with db.read() as session:
        return session.get_one(Training, run_id)


def used(db):
    with db.read() as session:
        return session.scalars(select(TrainingUse.patient_id)).all()


def test_the_faces_of_labelled_moments_are_cut_and_sealed(db, settings, person, claimed):
    patient_id = person(1)
    found = cut(db, settings, claimed)
    assert found["labels"].tolist() == [moment % 7 for moment in range(20)]
    assert set(found["people"]) == {patient_id}
    # Each moment's own frame, cut to the face in it.
    pictures = [crop_faces(frame, [Box(*own_people.BOX.values())])[0] for frame in own_people.frames(1, 20)]
    off = np.abs(found["crops"].astype(int)[:, None] - np.array(pictures, int)[None]).mean(axis=(2, 3))
    assert off.argmin(axis=1).tolist() == list(range(20))
    on_disk = places.own_pictures(settings, claimed.run_id).read_bytes()
    assert found["crops"][0].tobytes() not in on_disk
    assert patient_id.encode() not in on_disk
    assert row_of(db, claimed.run_id).people == 1


@pytest.mark.parametrize("lacking", uses.NEEDED)
def test_who_does_not_agree_to_all_of_it_is_left_out(db, settings, person, claimed, lacking):
    stays, goes = person(1), person(2)
    consents.expire(db, goes, lacking)
    assert set(cut(db, settings, claimed)["people"]) == {stays}
    assert used(db) == [stays]


def test_what_a_mark_leaves_out_and_a_stranger_s_time_is_not_cut(db, settings, person, claimed):
    person(1, moments=6)
    with db.session() as session:
        recording_id = session.scalars(select(Recording.id)).one()
        for number, (verdict, begin_s) in enumerate((("exclude", 0.2), ("not_patient", 0.4), ("other", 0.6))):
            label = "happy" if verdict == "other" else None
            stretch = {"begin_s": begin_s, "end_s": begin_s + 0.1, "verdict": verdict, "label": label}
            mark = RecordingMark(recording_id=recording_id, recorded_at=doors.now(), number=9000 + number, **stretch)
            session.add(mark)
    # The newer of two labels of one moment counts.
    assert cut(db, settings, claimed)["labels"].tolist() == [0, 3, 4, 5]


def test_a_recording_whose_file_is_gone_is_left_out(db, settings, person, claimed):
    person(1)
    own_people.add(db, 2)
    assert len(cut(db, settings, claimed)["labels"]) == 20


def test_too_few_are_refused_with_their_number(db, settings, admin, person):
    person(1)
    with pytest.raises(FerError, match=r"^1 patient who agreed to it have 20 or more .* 100 are needed") as refused:
        tuning.start(db, settings, admin, "gratings.csv")
    assert refused.value.code == "too_few_people"
    with pytest.raises(FerError, match="FER_KEEP_FILES"):
        tuning.start(db, replace(settings, keep_files=False), admin, "gratings.csv")


def withdraw(db, settings, patient_id, who):
    withdrawal.withdraw(db, settings, who, patient_id, [Scope.TRAIN])


def expire(db, settings, patient_id, _who):
    consents.expire(db, patient_id, Scope.TRAIN)
    uses.check(db, settings)


def erase(kind):
    def delete(db, settings, patient_id, _who):
        deletion.erase(db, settings, kind, patient_id if kind == "patient" else recording_of(db, patient_id), None)

    return delete


@pytest.mark.parametrize("end", [withdraw, expire, erase("patient"), erase("recording")])
@pytest.mark.parametrize("paused", [False, True])
def test_it_ends_and_its_pictures_go_once_somebody_may_not_be_used(db, settings, admin, person, claimed, end, paused):
    patients = [person(1), person(2)]
    cut(db, settings, claimed)
    who = caring(db, patients)
    uses.check(db, settings)
    assert work.requested(db, claimed) is work.TrainingRequest.GO_ON
    if paused:
        runs.pause(db, admin, claimed.run_id)
        work.give_back(db, claimed)
    end(db, settings, patients[0], who)
    assert not places.own_pictures(settings, claimed.run_id).exists()
    if not paused:
        assert work.requested(db, claimed) is work.TrainingRequest.STOP
        work.end(db, claimed, JobState.CANCELLED)
    row = row_of(db, claimed.run_id)
    assert (row.state, row.error_code) == ("cancelled", "use_ended")


def say_it_is_somebody_else(db, _settings, who, recording_id):
    marks.add(db, who, recording_id, MarkFields(0.0, 0.1, Verdict.NOT_PATIENT))


def change_to_somebody_else(db, _settings, who, recording_id):
    with db.read() as session:
        mark = session.scalars(select(RecordingMark).where(RecordingMark.recording_id == recording_id)).first()
    marks.edit(db, who, mark.id, mark.revision, MarkFields(mark.begin_s, mark.end_s, Verdict.NOT_PATIENT))


CORRECTIONS = [faces.choose_again, say_it_is_somebody_else, change_to_somebody_else]


@pytest.mark.parametrize("correct", CORRECTIONS)
def test_it_ends_and_its_pictures_go_once_a_face_may_be_somebody_elses(db, settings, person, claimed, correct):
    patients = [person(1), person(2)]
    cut(db, settings, claimed)
    correct(db, settings, caring(db, patients), recording_of(db, patients[0]))
    assert work.requested(db, claimed) is work.TrainingRequest.STOP
    work.end(db, claimed, JobState.CANCELLED)
    row = row_of(db, claimed.run_id)
    assert (row.state, row.error_message) == ("cancelled", uses.FACE_CORRECTED)
    uses.sweep(db, settings)
    assert not places.own_pictures(settings, claimed.run_id).exists()


def test_another_mark_ends_nothing(db, settings, person, claimed):
    patient_id = person(1)
    cut(db, settings, claimed)
    marks.add(db, caring(db, [patient_id]), recording_of(db, patient_id), MarkFields(0.0, 0.1, Verdict.UNCLEAR))
    assert work.requested(db, claimed) is work.TrainingRequest.GO_ON


def test_what_is_corrected_while_it_is_cut_is_left_out_and_how_far_it_is_is_known(db, settings, admin, person, claimed):
    patients = [person(1), person(2)]
    who = caring(db, patients)
    places.folder_of(settings, claimed.run_id).mkdir(parents=True, exist_ok=True)
    cutting = own_pictures.cut(db, settings, claimed)
    for _ in cutting:
        found = standing(db, settings, admin, claimed.run_id)
        if found.cutting.done:
            break
    assert (found.share, found.left_s > 0) == (0.5, True)
    assert found.sentence == "The faces of labelled moments are cut out of the recordings: 1 of 2 are done."
    say_it_is_somebody_else(db, settings, who, recording_of(db, patients[0]))
    faces.choose_again(db, settings, who, recording_of(db, patients[1]))
    for _ in cutting:
        pass
    assert standing(db, settings, admin, claimed.run_id).cutting is None
    pictures = np.load(io.BytesIO(own_pictures.read(settings, claimed.run_id)), allow_pickle=False)
    assert (set(pictures["people"]), len(pictures["labels"])) == ({patients[0]}, 19)


def recording_of(db, patient_id):
    with db.read() as session:
        return session.scalar(select(Recording.id).where(Recording.patient_id == patient_id))


def caring(db, patients):
    """The clinician of these patients."""
    who = doors.actor(db, "Clinician")
    with db.session() as session:
        for patient_id in patients:
            accounts.grant(session, who.account_id, patient_id)
    return who


def test_a_withdrawal_says_which_models_a_patient_was_in_and_deletes_the_record(db, settings, person, claimed):
    patients = [person(1), person(2)]
    who = caring(db, patients)
    cut(db, settings, claimed)
    work.end(db, claimed, JobState.DONE)
    (use,) = uses.of_patient(db, settings, who, patients[0])
    assert (use.run_number, use.moments, use.held_out) == (claimed.number, 20, is_held_out(patients[0]))
    assert (use.analyses, use.known) == (False, True)
    assert withdrawal.covered(db, settings, who, patients[0], [Scope.EXPORT]).uses == 0
    assert withdrawal.withdraw(db, settings, who, patients[0], [Scope.TRAIN]).uses == 1
    assert used(db) == [patients[1]]
    assert row_of(db, claimed.run_id).state == "done", "what is finished stays"
    assert uses.of_patient(db, settings, who, patients[0]) == []


@pytest.fixture
def small(db, settings):
    """The id of a promoted run whose network is so small that going on from it takes seconds."""
    config = replace(PRESETS["teacher"], epochs=1, batch=16, ema=0.5, side=48)
    network = config.architecture | {"widths": [4, 4, 4, 4], "blocks": [1, 1, 1, 1]}
    config, data = replace(config, architecture=network), gratings.data_set()
    with db.session() as session:
        row = Training(kind="run", data="gratings.csv", recipe=config.to_dict(), state="done", created_at=doors.now())
        session.add(row)
        session.flush()
        run_id, number = row.id, row.number
    folder, card = places.folder_of(settings, run_id), places.model_card_of(settings, run_id, number)
    train(config, data, folder, torch.device("cpu"))
    export(folder, data, places.model_name(number), card.parent)
    model_in_use.write(settings, [places.model_name_in_use(run_id, number)])
    return run_id


@only_sqlite
def test_a_hundred_people_make_a_model_that_is_judged_on_a_third_of_them(db, settings, admin, small, lane, person):
    held = lane()
    patients = [person(number) for number in range(102)]
    run_id = tuning.start(db, settings, admin, "gratings.csv")
    assert tuning.start(db, settings, admin, "gratings.csv") == run_id
    until(lambda: standing(db, settings, admin, run_id).done, held, 3 * WITHIN_S)
    os.kill(held._process.pid, signal.SIGKILL)
    held._process.wait()
    until(lambda: not standing(db, settings, admin, run_id).open, held, 3 * WITHIN_S)
    found = standing(db, settings, admin, run_id)
    assert (found.state, found.error, found.people, found.agreeing) == (JobState.DONE, None, 102, 102)
    judged = found.card.metrics["own"]
    aside = sum(is_held_out(patient_id) for patient_id in patients)
    assert (judged["people"]["people"], judged["trained_on"]) == (aside, 102 - aside)
    assert judged["from"] == standing(db, settings, admin, small).card.sha256
    uses.sweep(db, settings)
    left = {path.name for path in places.folder_of(settings, run_id).rglob("*") if path.is_file()}
    name = places.model_name(found.number)
    assert left == {"run.json", "epochs.jsonl", "lock", "said-tune.txt", f"{name}.json", f"{name}.safetensors"}
    # A model of the clinic's own people is no start for another one.
    if judged["objection"] is None:
        promotion.promote(db, settings, admin, run_id, lambda *_: None)
    assert row_of(db, tuning.start(db, settings, admin, "gratings.csv")).start_from == small
    with db.read() as session:
        assert "tuning_started" in session.scalars(select(AuditRow.action)).all()


def standing(db, settings, admin, run_id):
    return next(run for run in runs.standings(db, settings, admin) if run.id == run_id)
