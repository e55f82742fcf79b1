"""Values check themselves when they are made."""

import math

import pytest

from fer_core.emotions import Emotion
from fer_core.types import (
    AnalysisSettings,
    Box,
    Face,
    FaceExpression,
    FrameResult,
    Progress,
    RecordingAnalysis,
    Status,
    VideoInfo,
)

FACE = Face(Box(0, 0, 10, 12), 0.99)
HAPPY = (0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.1)


@pytest.mark.parametrize("corners", [(5, 0, 5, 9), (0, 9, 5, 2), (0, 0, math.nan, 2)])
def test_a_box_has_an_area(corners):
    with pytest.raises(ValueError, match="not a box"):
        Box(*corners)


def test_iou():
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert Box(0, 0, 10, 10).iou(Box(10, 0, 20, 10)) == 0


def test_a_label_only_where_the_status_is_ok():
    assert FaceExpression(FACE, Status.OK, HAPPY).emotion is Emotion.HAPPY
    assert FaceExpression(FACE, Status.OK, HAPPY).label == "happy"
    assert FaceExpression(FACE, Status.OK, (1.0, 0, 0, 0, 0, 0, 0)).label == "angry", "the class whose number is 0"
    assert FaceExpression(FACE, Status.UNCERTAIN, HAPPY).emotion is None
    assert FaceExpression(FACE, Status.UNCERTAIN, HAPPY).label is None
    assert FaceExpression(FACE, Status.DARK, None).emotion is None


@pytest.mark.parametrize(
    ("status", "probabilities"),
    [(Status.OK, None), (Status.BLURRED, HAPPY), (Status.OK, (1.0,)), (Status.OK, (0.5,) * 7)],
)
def test_probabilities_and_status_agree(status, probabilities):
    with pytest.raises(ValueError, match=r"probabilities"):
        FaceExpression(FACE, status, probabilities)


def test_times_increase_strictly():
    info = VideoInfo(640, 360, 1.0, 30.0)
    results = (FrameResult(0, 0.0), FrameResult(1, 0.0))
    with pytest.raises(ValueError, match="increase"):
        RecordingAnalysis(info, results, "0" * 64, AnalysisSettings(), "CPU")


def test_progress_without_a_length_has_no_share():
    assert Progress(5, None, 10).share is None
    assert Progress(5, 10, 10).share == 0.5
    assert Progress(12, 10, 10).share == 1.0
