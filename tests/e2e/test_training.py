"""A training from the page: a data set is looked at, a run is started, its worker killed, paused, and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest
import torch

from clinic.settings import Settings
from clinic.training import curves
from clinic.worker_health import read_health
from tests import gratings
from train.config import recipe_of
from train.run import train

pytestmark = pytest.mark.e2e
WITHIN_S = 120


@pytest.fixture
def sets(tmp_path, monkeypatch):
    """A folder of data sets that the server offers; its trainings don't wait for the tests beside it."""
    gratings.write_csv(tmp_path / "sets" / "gratings.csv")
    monkeypatch.setenv("FER_TRAINING_DIR", str(tmp_path / "sets"))
    monkeypatch.setenv("FER_TRAINING_NICE", "0")


@pytest.fixture
def epochs(data, account):
    """Return a function that says how many epochs of the only run are on the disk."""

    def count():
        runs = [path.parent.name for path in (data / "training").glob("*/recipe.json")]
        return len(curves.read(Settings.at(data), runs[0])) if runs else 0

    return count


def until(met):
    deadline = time.monotonic() + WITHIN_S
    while not met():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


class EnoughError(Exception):
    """The run has as many epochs as are wanted."""


def uninterrupted(folder, run, epochs):
    """Train the recipe of a run without a stop for so many epochs, and return its weights."""

    def watch(found):
        if len(found.history) == epochs:
            raise EnoughError

    recipe = recipe_of(json.loads((run / "recipe.json").read_text()))
    with pytest.raises(EnoughError):
        train(recipe, gratings.data_set(), folder, torch.device("cpu"), watch)
    return torch.load(folder / "last.pt", weights_only=True)["averaged"]


def test_a_training_survives_its_worker_and_goes_on_from_the_page(
    sets, account, server, page, sign_in, data, epochs, tmp_path
):
    sign_in()
    page.get_by_role("link", name="Training").click()
    page.get_by_role("button", name="Check the data set").click()
    page.get_by_role("button", name="Check the data set again").wait_for(timeout=WITHIN_S * 1000)
    page.get_by_alt_text("Example faces of each class").wait_for()

    page.get_by_role("button", name="New training").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("spinbutton", name="Epochs").fill("200")
    dialog.get_by_role("spinbutton", name="Batch").fill("16")
    dialog.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text(re.compile(r"Epoch \d+ of 200 is under way")).wait_for(timeout=WITHIN_S * 1000)

    killed = read_health(Settings.at(data)).pid
    os.kill(killed, signal.SIGKILL)
    before = epochs()
    until(lambda: epochs() > before + 1)
    assert read_health(Settings.at(data)).pid != killed

    page.get_by_role("button", name="Pause").click()
    page.get_by_text(re.compile(r"Paused after \d+ of 200 epochs")).wait_for()
    rested = epochs()
    page.get_by_role("button", name="Go on").click()
    under_way = page.get_by_text(re.compile(r"is under way"))
    under_way.or_(page.get_by_text("Nothing was done")).first.wait_for()
    if not under_way.first.is_visible():
        page.get_by_role("button", name="Go on").click()
    until(lambda: epochs() > rested)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop for good").click()
    page.get_by_text(re.compile(r"Stopped after \d+ of 200 epochs")).wait_for()
    page.get_by_role("button", name="Evaluate").wait_for()

    (run,) = [path.parent for path in (data / "training").glob("*/recipe.json")]
    weights = torch.load(run / "last.pt", weights_only=True)["averaged"]
    whole = uninterrupted(tmp_path / "whole", run, epochs())
    assert all(torch.equal(whole[name], weights[name]) for name in whole), "killed and paused, it learned the same"
