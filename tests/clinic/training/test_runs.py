"""What administrators do with trainings is checked, written down, and changes nothing that is in use."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic import model_in_use
from clinic.training import datasets, examples, promotion, recipes, runs
from clinic.training_queue import places
from clinic.training_queue.work import LANES, claim, end
from db.models import AuditRow, JobState, Role, Training
from fer_core.errors import FerError
from fer_core.model.model_card import ModelCard
from tests import doors

EPOCH = {"epoch": 1, "rate": 0.1, "train_loss": 2.0, "public_loss": 1.9, "public_accuracy": 0.3, "seconds": 2.0}


def trained(db, settings, run_id):
    """Let a run have ended after an epoch."""
    folder = places.folder_of(settings, run_id)
    folder.mkdir(parents=True)
    (folder / "epochs.jsonl").write_text(json.dumps(EPOCH) + "\n")
    end(db, claim(db, "w/1", LANES[0]), JobState.DONE, done=1)


def measured(db, settings, run_id):
    """Let a run have been evaluated: its card has the figures of the shipped model."""
    with db.read() as session:
        card = places.model_card_of(settings, run_id, session.get_one(Training, run_id).number)
    card.parent.mkdir()
    ModelCard.load().save(card)
    return card


def audited(db):
    with db.read() as session:
        return [row.action for row in session.scalars(select(AuditRow).order_by(AuditRow.number))]


@pytest.mark.attack("training: what a viewer and a clinician may ask for on the page of administrators")
@pytest.mark.parametrize("role", [Role.VIEWER, Role.CLINICIAN])
def test_administrators_alone_train(db, settings, admin, started, attack, role):
    who = doors.actor(db, "Somebody", role)
    for asked in (
        lambda: datasets.offered(db, settings, who),
        lambda: datasets.overview(db, settings, who, started),
        lambda: runs.standings(db, settings, who),
        lambda: runs.check(db, settings, who, "gratings.csv"),
        lambda: runs.start(db, settings, who, "gratings.csv", "quick", {}),
        lambda: runs.pause(db, who, started),
        lambda: runs.stop(db, who, started),
        lambda: runs.evaluate(db, settings, who, started),
        lambda: runs.remove(db, settings, who, started),
        lambda: promotion.promote(db, settings, who, started, lambda *_: None),
        lambda: promotion.roll_back(db, settings, who, "0" * 64),
        lambda: examples.make(db, settings, who, "gratings.csv"),
    ):
        attack(asked, "only_administrators")


@pytest.mark.attack("training: a path, and a link, in the place of a data set's name")
def test_a_path_is_no_data_set(db, settings, admin, attack):
    (settings.training_dir / "link").symlink_to(settings.data_dir)
    (settings.training_dir / "notes.txt").touch()
    assert places.data_sets(settings) == ["gratings.csv"]
    for name in ("../clinic.db", "link", "notes.txt", str(settings.training_dir / "gratings.csv")):
        attack(lambda name=name: runs.start(db, settings, admin, name, "quick", {}), "no_data")
        attack(lambda name=name: runs.check(db, settings, admin, name), "no_data")


@pytest.mark.parametrize(
    ("preset", "values"),
    [("faces", {}), ("quick", {"rate": 2.0}), ("quick", {"epochs": float("nan")}), ("quick", {"architecture": 1.0})],
)
def test_a_recipe_outside_of_the_limits_is_refused(preset, values):
    with pytest.raises(FerError) as refused:
        recipes.made(preset, values)
    assert refused.value.code == "bad_recipe"


def test_each_value_of_each_preset_can_be_changed_and_read_again():
    for preset in recipes.OFFERED:
        usual = recipes.values_of(preset)
        assert recipes.made(preset, usual) == recipes.made(preset, {})
        for name, value in recipes.VALUES.items():
            assert recipes.read(recipes.made(preset, {name: value.most}), name) == value.most


def test_a_check_that_is_under_way_is_not_asked_for_twice(db, settings, admin):
    first = runs.check(db, settings, admin, "gratings.csv")
    assert runs.check(db, settings, admin, "gratings.csv") == first
    runs.stop(db, admin, first)
    assert runs.check(db, settings, admin, "gratings.csv") != first


def test_a_run_is_evaluated_once_and_after_its_end(db, settings, admin, started):
    with pytest.raises(FerError, match="has ended with an epoch"):
        runs.evaluate(db, settings, admin, started)
    trained(db, settings, started)
    first = runs.evaluate(db, settings, admin, started)
    assert runs.evaluate(db, settings, admin, started) == first
    runs.stop(db, admin, first)
    measured(db, settings, started)
    with pytest.raises(FerError, match="evaluated already"):
        runs.evaluate(db, settings, admin, started)


def test_a_model_is_put_to_use_and_taken_back(db, settings, admin, started):
    trained(db, settings, started)
    with pytest.raises(FerError, match="not evaluated"):
        promotion.promote(db, settings, admin, started, lambda *_: None)
    card = measured(db, settings, started)
    with pytest.raises(FerError, match="It hangs"):
        promotion.promote(db, settings, admin, started, lambda *_: "It hangs.")
    assert model_in_use.card_path(settings) is None
    for _ in range(2):
        # A second click promotes nothing more.
        promotion.promote(db, settings, admin, started, lambda *_: None)
    assert model_in_use.card_path(settings) == card
    with pytest.raises(FerError, match="in use"):
        runs.remove(db, settings, admin, started)
    promotion.roll_back(db, settings, admin, ModelCard.load(card).sha256)
    assert model_in_use.card_path(settings) is None
    with pytest.raises(FerError, match="not in use any more"):
        promotion.roll_back(db, settings, admin, ModelCard.load(card).sha256)
    runs.remove(db, settings, admin, started)
    assert not places.folder_of(settings, started).exists()
    assert audited(db)[-4:] == ["training_started", "model_promoted", "model_rolled_back", "training_deleted"]


def test_a_model_that_is_no_better_for_the_clinic_s_own_people_is_not_put_to_use(db, settings, admin, started):
    trained(db, settings, started)
    path = measured(db, settings, started)
    card = ModelCard.load(path)
    for against in ("It is not shown to be better.", None):
        replace(card, metrics=card.metrics | {"own": {"objection": against}}).save(path)
        if against is not None:
            with pytest.raises(FerError, match=f"not put to use. {against}") as refused:
                promotion.promote(db, settings, admin, started, lambda *_: None)
            assert refused.value.code == "no_better"
            assert model_in_use.card_path(settings) is None
    promotion.promote(db, settings, admin, started, lambda *_: None)
    assert model_in_use.card_path(settings) == path


@pytest.mark.parametrize("named", [{"model": Path("own.json")}, {"dask": "tcp://127.0.0.1:1"}])
def test_where_the_environment_decides_nothing_is_promoted(db, settings, admin, started, named):
    trained(db, settings, started)
    measured(db, settings, started)
    with pytest.raises(FerError, match="FER_MODEL"):
        promotion.promote(db, replace(settings, **named), admin, started, lambda *_: None)


def test_a_broken_file_of_the_model_in_use_is_named_and_not_passed_over(settings):
    (settings.data_dir / "model_in_use.json").write_text("{")
    with pytest.raises(FerError, match=r"model_in_use\.json"):
        model_in_use.card_path(settings)


def test_pausing_and_stopping_are_written_down_once(db, admin, started):
    for paused in (True, True, False):
        runs.pause(db, admin, started, paused)
    runs.stop(db, admin, started)
    runs.stop(db, admin, started)
    assert audited(db)[-3:] == ["training_paused", "training_resumed", "training_stopped"]
