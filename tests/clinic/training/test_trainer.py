"""Trainings go on beside the worker, and a killed one ends with the weights of one that nothing interrupted."""

import os
import signal
import threading
from datetime import timedelta

import pytest
import torch
from sqlalchemy import update

from clinic.settings import Settings
from clinic.training import curves, runs, trainer
from clinic.training_queue import places, work
from db.models import JobState, Training
from tests import doors, gratings
from tests.clinic.training.conftest import QUICKLY, WITHIN_S, until
from train.config import recipe_of
from train.run import train

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def standing(db, settings, admin, run_id):
    return next(run for run in runs.standings(db, settings, admin) if run.id == run_id)


@only_sqlite
def test_a_killed_training_ends_with_the_weights_of_an_uninterrupted_one(db, settings, admin, started, lane, tmp_path):
    first = lane()
    until(lambda: curves.read(settings, started), first)
    process = first._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not standing(db, settings, admin, started).open, first)
    assert first._process is None
    found = standing(db, settings, admin, started)
    assert (found.state, found.done, found.total) == (JobState.DONE, 3, 3)

    train(recipe_of(found.recipe), gratings.data_set(), tmp_path / "whole", torch.device("cpu"))
    whole, killed = (
        torch.load(folder / "last.pt", weights_only=True)
        for folder in (tmp_path / "whole", places.folder_of(settings, started))
    )
    for name, value in whole["averaged"].items():
        assert torch.equal(value, killed["averaged"][name]), name


@only_sqlite
def test_a_training_ends_with_the_process_that_holds_it(db, settings, started):
    """As after the worker was killed: nobody asks it to end, its standard input is closed."""
    held = trainer.Lane(db, settings, "w/1", work.LANES[0])
    until(lambda: curves.read(settings, started), held)
    process = held._process
    process.stdin.close()
    assert process.wait(WITHIN_S) != 0
    held.give_back()


@only_sqlite
def test_it_is_paused_goes_on_and_is_stopped(db, settings, admin, lane):
    many = runs.start(db, settings, admin, "gratings.csv", "teacher", QUICKLY | {"epochs": 900})
    held = lane()
    until(lambda: curves.read(settings, many), held)
    runs.pause(db, admin, many)
    until(lambda: held._process is None, held)
    found = standing(db, settings, admin, many)
    assert (found.state, found.paused) == (JobState.QUEUED, True)
    held.step()
    assert held._process is None, "what is paused is not taken up"
    done = found.done
    runs.pause(db, admin, many, paused=False)
    until(lambda: standing(db, settings, admin, many).done > done, held)
    runs.stop(db, admin, many)
    until(lambda: not standing(db, settings, admin, many).open, held)
    assert standing(db, settings, admin, many).state is JobState.CANCELLED


@only_sqlite
def test_data_that_cannot_be_used_are_named(db, settings, admin, lane):
    (settings.training_dir / "empty").mkdir()
    failed = runs.start(db, settings, admin, "empty", "teacher", {})
    held = lane()
    until(lambda: not standing(db, settings, admin, failed).open, held)
    found = standing(db, settings, admin, failed)
    assert found.state is JobState.FAILED
    assert "holds neither train/ and test/" in found.error


@only_sqlite
def test_a_training_steps_back_and_gets_one_thread_and_no_key(db, settings, started, lane, monkeypatch):
    monkeypatch.setenv("FER_MASTER_KEY", "secret")
    held = lane()
    until(lambda: curves.read(settings, started), held)
    assert os.getpriority(os.PRIO_PROCESS, held._process.pid) == settings.training_nice
    assert Settings.at(settings.data_dir).training_nice == 19
    environment = trainer._environment(settings.training_threads)
    assert environment["OMP_NUM_THREADS"] == "1"
    assert not any(name.startswith("FER_") for name in environment)


def test_one_training_at_a_time(db, settings, admin, started):
    runs.start(db, settings, admin, "gratings.csv", "teacher", QUICKLY)
    assert work.claim(db, "w/1", work.LANES[0]).id == started
    assert work.claim(db, "w/2", work.LANES[0]) is None


def test_a_dead_worker_s_training_is_taken_up_three_times(db, settings, admin, started):
    for _ in range(3):
        held = work.claim(db, "w/1", work.LANES[0])
        with db.session() as session:
            session.execute(update(Training).values(lease_until=doors.now() - timedelta(minutes=2)))
        work.release(db)
        assert work.requested(db, held) is work.TrainingRequest.GONE
    found = standing(db, settings, admin, started)
    assert found.state is JobState.FAILED
    assert "three times" in found.error


def test_an_epoch_more_forgets_earlier_deaths(db, settings, admin, started):
    for done in (1, 2, 3, 4):
        held = work.claim(db, "w/1", work.LANES[0])
        work.renew(db, held, done)
        work.died(db, held)
    assert standing(db, settings, admin, started).open


def test_a_worker_that_starts_again_takes_its_own_training_up_at_once(db, settings, started):
    work.claim(db, "w/1", work.LANES[0])
    stopping = threading.Event()
    thread = threading.Thread(target=trainer.keep, args=(db, settings, "w/1", stopping))
    thread.start()
    try:
        until(lambda: (places.folder_of(settings, started) / "recipe.json").exists())
    finally:
        stopping.set()
        thread.join(WITHIN_S)
    assert not thread.is_alive()
    with db.read() as session:
        row = session.get_one(Training, started)
        assert row.state == JobState.QUEUED.value
        assert row.attempts == 1, "a worker that is asked to end doesn't count"
