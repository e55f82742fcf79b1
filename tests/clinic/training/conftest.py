"""An installation with a data set to train on, an administrator, and the trainer's lanes."""

import time
from dataclasses import replace

import pytest

from clinic.training import runs
from clinic.training.trainer import Lane
from clinic.training_queue.work import LANES
from db.models import Role
from tests import doors, gratings

QUICKLY = {"batch": 16, "epochs": 3, "ema": 0.5}
WITHIN_S = 120


def until(met, lane=None, within_s=WITHIN_S):
    """Let a lane work until a condition is met."""
    deadline = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < deadline, "it did not happen"
        if lane is not None:
            lane.step()
        time.sleep(0.05)


@pytest.fixture
def settings(settings, tmp_path):
    """The settings of an installation with a folder of data sets."""
    gratings.write_csv(tmp_path / "data sets" / "gratings.csv")
    # Beside other tests a training of the lowest priority may wait for a minute.
    return replace(settings, training_dir=tmp_path / "data sets", training_nice=1)


@pytest.fixture
def admin(db):
    """The administrator who acts."""
    return doors.actor(db, "Admin", Role.ADMINISTRATOR)


@pytest.fixture
def started(db, settings, admin):
    """The id of a run of three epochs that waits."""
    return runs.start(db, settings, admin, "gratings.csv", "teacher", QUICKLY)


@pytest.fixture
def lane(db, settings):
    """Return a function that makes what a worker of this name runs trainings with; their processes end at the end."""
    made = []

    def make(worker="w/1", kinds=LANES[0]):
        made.append(Lane(db, settings, worker, kinds))
        return made[-1]

    yield make
    for one in made:
        one.give_back()
