"""What the browser is given is what was stored: full resolution, gaps as gaps, a code for each sample."""

import base64

import numpy as np

from clinic import words
from fer_core.emotions import Emotion
from fer_core.reading.reading import Series
from fer_core.types import Status
from pages.charts import curves
from pages.charts.curves import LEFT_OUT, REASONS, UNCLEAR, packed


def series():
    outputs = np.full((3, 7), np.nan)
    outputs[0] = np.where(np.arange(7) == Emotion.SAD, 0.9, 0.01)
    outputs[1] = 1 / 7
    return Series(np.array([0.0, 0.2, 0.4]), (Status.OK, Status.UNCERTAIN, Status.PROFILE), outputs, 0.2, 0.5)


def unpacked(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def test_each_sample_is_there_and_a_gap_stays_one():
    found = packed(series())
    assert np.allclose(unpacked(found["times"], np.float32), [0, 0.2, 0.4])
    values = unpacked(found["curves"], np.float32).reshape(7, 3)
    assert values[Emotion.SAD, 0] == np.float32(0.9)
    assert np.isnan(values[:, 2]).all()
    assert unpacked(found["codes"], np.uint8).tolist() == [
        Emotion.SAD,
        UNCLEAR,
        UNCLEAR + 1 + REASONS.index(Status.PROFILE),
    ]
    assert found["boxes"] is found["mouth"] is None


def test_a_box_far_outside_the_picture_stays_a_number():
    boxes = np.array([[1.4, 2, 3, 4], [-1e6, 0, 1e6, 5], [np.nan] * 4])
    found = unpacked(packed(series(), boxes)["boxes"], np.int16).reshape(3, 4)
    assert found.tolist() == [[1, 2, 3, 4], [-32768, 0, 32767, 5], [0, 0, 0, 0]]


def test_every_code_has_a_look_and_a_name():
    found = curves.looks(words.EXPRESSIONS, words.STATUSES)
    assert len(found) == LEFT_OUT + 1
    assert [look["usable"] for look in found] == [True] * (UNCLEAR + 1) + [False] * (len(REASONS) + 1)
    assert len({look["name"] for look in found}) == len(found)


def test_reasons_can_be_read_on_their_colours():
    """White text on each colour of the quality spans: WCAG 2.2, 1.4.3, at least 4.5 to 1."""
    for color in curves.QUALITY.values():
        channels = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, color
