"""A search's runs cover the ranges evenly, wait behind others, and are paused, stopped and deleted together."""

import math

import pytest
from sqlalchemy import select

from clinic.training import recipes, runs, search
from clinic.training_queue import places, work
from db.models import AuditRow, JobState, Training
from fer_core.errors import FerError
from tests.clinic.training.conftest import QUICKLY, until

RANGES = {"rate": (0.001, 0.1), "dropout": (0.0, 0.5), "batch": (8.0, 16.0)}
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def found(db, settings, admin):
    (only,) = search.of(runs.standings(db, settings, admin))
    return only


@pytest.fixture
def searched(db, settings, admin):
    """The id of a search of four runs that wait."""
    return search.start(db, settings, admin, "gratings.csv", "teacher", RANGES, 4, 2)


def test_each_part_of_a_range_is_drawn_from_once_and_the_preset_comes_first():
    drawn = search.drawn("quick", RANGES, 11, 4, 7)
    assert drawn[0] == recipes.made("quick", {"epochs": 4, "patience": 0})
    rates = sorted(math.log10(recipes.read(one, "rate")) for one in drawn[1:])
    assert [math.floor((place + 3) / 0.2 + 1e-3) for place in rates] == list(range(10)), "evenly in powers of ten"
    dropouts = sorted(recipes.read(one, "dropout") for one in drawn[1:])
    assert [math.floor(place / 0.05 + 1e-3) for place in dropouts] == list(range(10))
    assert {type(recipes.read(one, "batch")) for one in drawn} == {int}
    assert all(8 <= recipes.read(one, "batch") <= 16 for one in drawn[1:])
    assert len({recipes.read(one, "mix") for one in drawn}) == 1, "what is not drawn stays as the preset has it"


def test_the_seed_decides_what_is_drawn():
    assert search.drawn("quick", RANGES, 9, 4, 7) == search.drawn("quick", RANGES, 9, 4, 7)
    assert search.drawn("quick", RANGES, 9, 4, 7) != search.drawn("quick", RANGES, 9, 4, 8)


@pytest.mark.parametrize("preset", list(recipes.OFFERED))
def test_the_usual_ranges_can_be_drawn_from_with_each_preset(preset):
    ranges = {name: search.usual_range(preset, name) for name in search.DRAWN}
    for recipe in search.drawn(preset, ranges, search.MOST_RUNS, 1, 1)[1:]:
        for name, (least, most) in ranges.items():
            # A network without dropout takes it all the same, and a batch is a whole number.
            assert math.floor(least) <= recipes.read(recipe, name) <= most, name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ranges": {}}, "at least one value"),
        ({"count": 2}, "Runs"),
        ({"count": 31}, "Runs"),
        ({"epochs": 31}, "Epochs of each run"),
        ({"epochs": 0}, "Epochs of each run"),
        ({"ranges": {"rate": (0.1, 0.1)}}, "under the second"),
        ({"ranges": {"dropout": (float("nan"), 0.1)}}, "under the second"),
        ({"ranges": {"rate": (0.0, 0.1)}}, "above 0"),
        ({"ranges": {"rate": (0.1, 5.0)}}, "from 1e-06 to 1"),
        ({"ranges": {"epochs": (1, 5)}}, "can't be drawn"),
        ({"preset": "faces"}, "not offered"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(changes, said):
    asked = {"preset": "quick", "ranges": RANGES, "count": 12, "epochs": 4, "seed": 1} | changes
    with pytest.raises(FerError, match=said) as refused:
        search.drawn(**asked)
    assert refused.value.code == "bad_recipe"


def test_a_run_of_its_own_goes_before_what_waits_of_a_search(db, settings, admin, searched):
    first = found(db, settings, admin).runs[0]
    later = runs.start(db, settings, admin, "gratings.csv", "teacher", QUICKLY)
    held = work.claim(db, "w/1", work.LANES[0])
    assert held.run_id == later
    work.end(db, held, JobState.DONE)
    assert work.claim(db, "w/1", work.LANES[0]).run_id == first.id


def test_it_is_paused_stopped_and_deleted_as_one_and_written_down_once_each(db, settings, admin, searched):
    held = work.claim(db, "w/1", work.LANES[0])
    for paused in (True, True):
        search.pause(db, admin, searched, paused)
    assert found(db, settings, admin).paused
    assert work.requested(db, held) is work.TrainingRequest.PAUSE
    work.give_back(db, held)
    assert work.claim(db, "w/1", work.LANES[0]) is None
    search.pause(db, admin, searched, paused=False)
    held = work.claim(db, "w/1", work.LANES[0])
    with pytest.raises(FerError, match="under way"):
        search.remove(db, settings, admin, searched)
    for _ in range(2):
        search.stop(db, admin, searched)
    work.end(db, held, JobState.CANCELLED)
    assert not found(db, settings, admin).open
    folder = places.folder_of(settings, held.run_id)
    folder.mkdir(parents=True)
    search.remove(db, settings, admin, searched)
    assert not folder.exists()
    with db.read() as session:
        assert session.scalars(select(Training)).all() == []
        rows = session.scalars(select(AuditRow).order_by(AuditRow.number)).all()
        assert [row.action for row in rows if row.details.get("search") == searched] == [
            *("search_started", "training_paused", "training_resumed", "training_stopped", "training_deleted")
        ]
    with pytest.raises(FerError, match="no longer there"):
        search.stop(db, admin, searched)


@only_sqlite
def test_its_runs_are_trained_one_after_the_other_and_the_best_can_be_taken(db, settings, admin, lane):
    ranges = {"rate": (0.001, 0.01), "batch": (8.0, 16.0)}
    search.start(db, settings, admin, "gratings.csv", "five-layer", ranges, 3, 1)
    held = lane()
    until(lambda: not found(db, settings, admin).open, held)
    done = found(db, settings, admin)
    assert [(run.state, run.done) for run in done.runs] == [(JobState.DONE, 1)] * 3, [run.error for run in done.runs]
    assert done.drawn == ["rate", "batch"]
    assert (done.share, done.left_s) == (1.0, None)
    best = done.tried[0]
    assert best.best == max(run.best for run in done.runs)
    taken = recipes.full(best.recipe)
    assert (taken["rate"], taken["epochs"]) == (best.recipe["rate"], recipes.values_of("five-layer")["epochs"])
    recipes.made("five-layer", taken)
