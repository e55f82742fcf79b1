"""What is wrong with a data set is said in sentences."""

import json
import os

import pytest

from clinic.training import datasets, runs, search
from clinic.training_queue import places
from clinic.training_queue.work import LANES
from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from tests.clinic.training.conftest import until

ENOUGH = dict.fromkeys(EMOTION_LABELS, 500)
NOTHING = dict.fromkeys(EMOTION_LABELS, 0)


def found(**changes):
    return {
        "classes": {"Training": ENOUGH, "PublicTest": ENOUGH, "PrivateTest": ENOUGH},
        "left_out_of_training": {"repeat": 0},
        "bad_files": [],
    } | changes


def test_a_good_set_needs_no_words():
    assert datasets.problems(found()) == ()
    assert datasets.remarks(found()) == ()


def test_a_missing_split_a_rare_class_and_what_is_left_out_are_named():
    classes = {"Training": ENOUGH | {"disgust": 60}, "PublicTest": NOTHING, "PrivateTest": ENOUGH}
    bad = found(classes=classes, left_out_of_training={"repeat": 3, "two_labels": 1}, bad_files=["a.png: no picture"])
    assert datasets.problems(bad) == (
        "There are no PublicTest pictures, which are needed for choosing the best epoch and the threshold.",
    )
    said = " ".join(datasets.remarks(bad))
    assert "Only 60 training pictures of disgust (2.0 %)" in said
    assert "3 training pictures will be left out: repeats of another training picture." in said
    assert "1 picture can't be used." in said


def test_where_the_splits_are_from_what_repeats_and_what_is_missing_are_said():
    said = datasets.remarks(
        found(
            classes={"Training": ENOUGH | {"disgust": 0}, "PublicTest": ENOUGH, "PrivateTest": ENOUGH},
            notes=["PublicTest is the folder val."],
            repeats={"Training": 2, "PublicTest": 6, "PrivateTest": 1},
            two_labels={"Training": 0, "PublicTest": 7, "PrivateTest": 1},
        )
    )
    assert said == (
        "PublicTest is the folder val.",
        "There is no training picture of disgust: no model can learn this class from it.",
        "6 pictures of PublicTest repeat another one of it, and count in choosing the best epoch and the threshold.",
        "1 picture of PrivateTest repeats another one of it, and counts in the figures of the evaluation.",
        "7 pictures of PublicTest are in the data under another label, too.",
        "1 picture of PrivateTest is in the data under another label, too.",
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_check_reads_the_set_itself(db, settings, admin, lane):
    with (settings.training_dir / "gratings.csv").open("a") as file:
        file.write("9,Training,1 2 3\n")
    check = runs.check(db, settings, admin, "gratings.csv")
    held = lane(kinds=LANES[1])
    until(lambda: not runs.newest_check(db, admin, "gratings.csv").open, held)
    overview = datasets.overview(db, settings, admin, check)
    assert overview.classes["Training"] == dict.fromkeys(EMOTION_LABELS, 12)
    assert overview.samples.startswith(b"\x89PNG")
    assert overview.bad_files == ("gratings.csv, line 142: 3 pixels in place of 2304",)
    for asked in (
        lambda batch: runs.start(db, settings, admin, "gratings.csv", "quick", {"batch": batch}),
        lambda batch: search.start(db, settings, admin, "gratings.csv", "quick", {"batch": (batch, 86.0)}, 3, 1),
    ):
        with pytest.raises(FerError, match="is more than the 84 pictures") as refusal:
            asked(85)
        assert refusal.value.code == "bad_recipe"
    assert runs.standings(db, settings, admin) == []
    runs.start(db, settings, admin, "gratings.csv", "quick", {"batch": 84})
    written = places.folder_of(settings, check) / "data.json"
    before = json.loads(written.read_text("utf-8")) | {"bad_files": [os.fsdecode(b"M\xfcller.png: no picture")]}
    written.write_text(json.dumps(before), "utf-8")
    assert datasets.overview(db, settings, admin, check).bad_files == ("M\\xfcller.png: no picture",)
