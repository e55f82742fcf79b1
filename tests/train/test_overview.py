"""Counts and pictures of a data set."""

import json
from dataclasses import replace

import numpy as np
from PIL import Image

from train.overview import balance_figure, write_overview


def test_counts_and_pictures(patterns, tmp_path):
    found = write_overview(patterns, tmp_path)
    assert found == json.loads((tmp_path / "data.json").read_text())
    assert found["classes"]["Training"] == dict.fromkeys(found["classes"]["Training"], 12)
    assert found["also_in_another_split"]["PrivateTest"]["exact"] == 0
    sheet = np.asarray(Image.open(tmp_path / "samples.png").convert("L"))
    # The first picture of the first class stands whole in the sheet.
    assert (sheet[:48, 90:138] == patterns.pixels[0]).all()


def test_repeats_and_two_labels_within_a_test_split_are_counted(patterns, tmp_path):
    public = np.flatnonzero(patterns.split == "PublicTest")
    pixels, labels = patterns.pixels.copy(), patterns.labels.copy()
    pixels[public[1:4]] = pixels[public[0]]
    labels[public[:3]], labels[public[3]] = 4, 5
    found = write_overview(replace(patterns, pixels=pixels, labels=labels), tmp_path)
    assert found["repeats"] == {"Training": 0, "PublicTest": 3, "PrivateTest": 0}
    assert found["two_labels"] == {"Training": 0, "PublicTest": 4, "PrivateTest": 0}


def test_a_longer_bar_for_more_pictures():
    image = np.asarray(balance_figure({"angry": 100, "happy": 50}).convert("RGB"))
    blue = (image == (0x3F, 0x6F, 0xB5)).all(axis=2)
    first, second = blue[:33].any(axis=0).sum(), blue[33:].any(axis=0).sum()
    assert first == 2 * second - 1
