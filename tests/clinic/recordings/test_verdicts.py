"""What marks make of a series: other labels, what is left out, and how often people agree."""

import numpy as np
import pytest

from clinic.recordings import verdicts
from clinic.recordings.verdicts import Mark, MarkFields, Verdict
from fer_core.emotions import Emotion
from fer_core.reading.reading import Series, read
from fer_core.types import Status


def series(*labels):
    """Samples a second apart: a label each, None for no face."""
    outputs = np.full((len(labels), 7), np.nan)
    for row, label in enumerate(labels):
        if label is not None:
            outputs[row] = np.where(np.arange(7) == label, 0.94, 0.01)
    statuses = tuple(Status.NO_FACE if label is None else Status.OK for label in labels)
    return Series(np.arange(len(labels), dtype=np.float64), statuses, outputs, 1.0, 0.5)


def mark(begin_s, end_s, verdict, label=None, number=1):
    return Mark(str(number), number, 1, MarkFields(begin_s, end_s, verdict, label), None, None)


def test_no_judgement_is_no_agreement():
    assert verdicts.agreed_of([]) == verdicts.Agreement(0, 0, None, None)


def test_another_label_takes_the_model_s_place_and_what_is_left_out_is_not_counted():
    raw = series(Emotion.SAD, Emotion.SAD, Emotion.HAPPY, None, Emotion.SAD)
    found = [mark(0, 2, Verdict.OTHER, "neutral"), mark(4, 5, Verdict.NOT_PATIENT)]
    changed, left_out = verdicts.applied(raw, found)
    assert left_out.tolist() == [False, False, False, False, True]
    shares = read(verdicts.kept(changed, left_out)).shares
    assert shares[Emotion.NEUTRAL] == pytest.approx(2 / 3)
    assert shares[Emotion.SAD] == 0
    assert raw.outputs[0, Emotion.SAD] == pytest.approx(0.94), "the series as analysed stays"


def test_a_label_is_given_to_no_sample_without_a_face():
    changed, _ = verdicts.applied(series(None, Emotion.SAD), [mark(0, 2, Verdict.OTHER, "happy")])
    assert changed.statuses == (Status.NO_FACE, Status.OK)


def test_of_two_labels_the_newer_counts():
    found = [mark(0, 1, Verdict.OTHER, "happy", number=2), mark(0, 1, Verdict.OTHER, "sad", number=1)]
    changed, _ = verdicts.applied(series(Emotion.NEUTRAL), found)
    assert changed.outputs[0].argmax() == Emotion.HAPPY
