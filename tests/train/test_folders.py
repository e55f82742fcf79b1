"""Folders of any layout: which class, which person, and what is left out."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_core.emotions import EMOTION_LABELS
from fer_core.errors import FerError
from fer_core.types import Box, Face
from train.folders import group_of, label_of, read_folder

RNG = np.random.default_rng(4)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("angry/1.png", "angry"),
        ("test/Happiness/a.jpg", "happy"),
        ("03_sadness/a.jpg", "sad"),
        ("S005/surprised/0001.png", "surprise"),
        ("fear/S005/0001.png", "fear"),
        ("person 7/neutral_2.png", "neutral"),
        ("happy people/disgusted/x.png", "disgust"),
    ],
)
def test_the_nearest_folder_names_the_class_or_else_the_file(path, label):
    assert EMOTION_LABELS[label_of(Path(path))] == label


@pytest.mark.parametrize(
    ("path", "message"), [("contempt/1.png", "none of the seven"), ("sad_or_happy/1.png", "several")]
)
def test_no_class_and_several_are_no_label(path, message):
    with pytest.raises(ValueError, match=message):
        label_of(Path(path))


@pytest.mark.parametrize(
    ("path", "person"),
    [
        ("test/angry/S005_001_0011.png", "S005"),
        ("angry/KA.AN1.39.png", "KA"),
        ("S010/angry/003.png", "S010"),
        ("angry/S010/003.png", "S010"),
        ("images/train/angry/0017.png", "images/train/angry/0017.png"),
        ("angry/12_003.png", "angry/12_003.png"),
        ("angry_3.png", "angry_3.png"),
    ],
)
def test_the_person_is_a_folder_or_begins_the_file_name(path, person):
    assert group_of(Path(path), None) == person


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def face(side=48):
    return RNG.integers(0, 256, (side, side), np.uint8)


def test_crops_are_read_as_they_are_and_faults_are_named(tmp_path):
    first = face()
    save(tmp_path / "angry" / "A_1.png", first)
    save(tmp_path / "happy" / "A_2.png", face(90))
    save(tmp_path / "contempt" / "A_3.png", face())
    save(tmp_path / "sad" / "B_1.png", RNG.integers(0, 65536, (48, 48), np.uint16))
    (tmp_path / "sad" / "B_2.png").write_bytes(b"no picture")
    (tmp_path / "sad" / "notes.txt").write_text("no picture either")
    found = read_folder(tmp_path)
    assert found.files == ("angry/A_1.png", "happy/A_2.png")
    assert (found.crops[0] == first).all()
    assert found.crops.shape == (2, 48, 48)
    assert found.labels.tolist() == [0, 3]
    assert found.groups.tolist() == ["A", "A"]
    assert [fault.split(":")[0] for fault in found.left_out] == ["contempt/A_3.png", "sad/B_1.png", "sad/B_2.png"]
    assert "eight bits" in found.left_out[1]


def test_the_largest_face_is_taken_and_a_picture_without_one_is_left_out(tmp_path):
    picture = np.zeros((100, 200), np.uint8)
    picture[:, 100:] = 200
    save(tmp_path / "angry" / "two.png", picture)
    save(tmp_path / "angry" / "none.png", np.full((50, 50), 9, np.uint8))

    def detect(rgb):
        if rgb.shape[0] == 50:
            return []
        return [Face(Box(10, 30, 40, 60), 0.9), Face(Box(120, 20, 180, 80), 0.8)]

    found = read_folder(tmp_path, detect)
    assert found.files == ("angry/two.png",)
    assert (found.crops[0] == 200).all()
    assert found.left_out == ("angry/none.png: no face was found in it",)


def test_an_expression_names_the_person(tmp_path):
    save(tmp_path / "angry" / "x7y.png", face())
    assert read_folder(tmp_path, people=r"x(\d)").groups.tolist() == ["7"]
    assert read_folder(tmp_path, people=r"z(\d)").groups.tolist() == ["angry/x7y.png"]
    with pytest.raises(FerError, match="not a regular expression"):
        read_folder(tmp_path, people="(")
    with pytest.raises(FerError, match="no group"):
        read_folder(tmp_path, people="x")


def test_a_name_that_is_not_utf_8_is_text(tmp_path):
    for name in (b"angry/M\xfcller/1.png", b"angry/a\nb/1.png"):
        save(tmp_path / os.fsdecode(name), face())
    found = read_folder(tmp_path)
    assert found.files == ("angry/M\\xfcller/1.png", "angry/a\\nb/1.png")
    assert found.groups.tolist() == ["M\\xfcller", "a\\nb"]


def test_a_folder_that_is_missing_or_without_labels_is_refused(tmp_path):
    with pytest.raises(FerError, match="no folder"):
        read_folder(tmp_path / "missing")
    save(tmp_path / "contempt" / "1.png", face())
    with pytest.raises(FerError, match="none of the seven classes"):
        read_folder(tmp_path)
