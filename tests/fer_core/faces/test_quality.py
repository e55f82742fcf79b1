"""Why a face can't be read, and which way it looks."""

from dataclasses import replace

import numpy as np
import pytest

from fer_core.faces.quality import measure, pose, verdict
from fer_core.types import Box, Face, Status
from tests.fakes import STRAIGHT, face_at

NOISE = np.random.default_rng(0).integers(0, 256, (1, 48, 48)).astype(np.uint8)


def quality(crop=NOISE, face=None, scale=1.0):
    return measure(crop, [face or face_at(100, 100)], 640, 360, scale)[0]


def test_a_good_face_has_no_reason():
    found = quality()
    assert verdict(found) is None
    assert found.size_px == 100
    assert found.outside == 0


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (quality(face=face_at(-60, 100)), Status.PARTIAL),
        (quality(face=face_at(100, 100, side=12)), Status.TOO_SMALL),
        (quality(NOISE // 16), Status.DARK),
        (quality(np.full((1, 48, 48), 120, np.uint8)), Status.BLURRED),
        (replace(quality(), yaw_deg=60.0), Status.PROFILE),
        (replace(quality(), yaw_deg=-60.0), Status.PROFILE),
        (replace(quality(), yaw_deg=None), None),
    ],
)
def test_each_reason(found, reason):
    assert verdict(found) is reason


def test_sizes_are_reported_in_px_of_the_original():
    assert quality(scale=0.5).size_px == 200


def test_straight_ahead_is_zero():
    assert pose(STRAIGHT) == pytest.approx((0, 0, 0), abs=2)


def test_signs_of_the_pose():
    eyes = STRAIGHT[:2]
    right = (*eyes, (0.62, 0.603), *STRAIGHT[3:])
    up = (*eyes, (0.5, 0.5), *STRAIGHT[3:])
    assert pose(right)[0] > 15
    assert pose(up)[1] > 10
    angle = np.radians(20)
    turned = [(x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)) for x, y in STRAIGHT]
    yaw, pitch, roll = pose(turned)
    assert roll == pytest.approx(20, abs=0.1)
    assert (yaw, pitch) == pytest.approx((0, 0), abs=2)


def test_a_face_without_landmarks_has_no_pose():
    face = Face(Box(0, 0, 50, 50), 0.9)
    assert quality(face=face).yaw_deg is None
