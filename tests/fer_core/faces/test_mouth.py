"""How much a mouth moves, in faces that turn, come nearer and get lighter."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fer_core.faces.mouth import MouthWatch, aligned
from fer_core.faces.preprocess import crop_faces
from fer_core.faces.quality import measure
from fer_core.types import Box, Face
from tests.fakes import face_at


def picture(opening=2.0, side=200.0, turn=0.0, light=1.0):
    """A drawn face in the middle of 400 x 400 px, and where it is; `turn` in degrees about its middle."""
    canvas = Image.new("L", (400, 400), 90)
    draw = ImageDraw.Draw(canvas)
    left = 200 - side / 2

    def ellipse(x, y, wide, high, grey):
        x, y, wide, high = left + x * side, left + y * side, wide * side, high * side
        draw.ellipse((x - wide, y - high, x + wide, y + high), fill=grey)

    ellipse(0.5, 0.5, 0.42, 0.5, 180)
    for x in (0.3, 0.7):
        ellipse(x, 0.4, 0.08, 0.04, 40)
    ellipse(0.5, 0.6, 0.05, 0.06, 140)
    ellipse(0.5, 0.75, 0.15, opening / 100, 60)
    canvas = canvas.rotate(-turn, Image.Resampling.BILINEAR, fillcolor=90)
    grey = np.clip(np.asarray(canvas, np.float64) * light, 0, 255).astype(np.uint8)
    face = face_at(left, left, side)
    # As wide as a detector's box is beside the eyes.
    half = 0.6 * side
    face = replace(face, box=Box(200 - half, 200 - half, 200 + half, 200 + half))
    angle = np.exp(1j * np.radians(turn))
    points = [(complex(x - 200, y - 200) * angle) + complex(200, 200) for x, y in face.landmarks]
    return np.repeat(grey[..., None], 3, axis=2), replace(face, landmarks=tuple((p.real, p.imag) for p in points))


def seen(rgb, face):
    crops = crop_faces(rgb, [face.box])
    [quality] = measure(crops, [face], 400, 400)
    return crops, replace(face, quality=quality)


def change(first, second, apart=0.2):
    watch = MouthWatch()
    crops, face = seen(*first)
    assert watch.changes(1.0, crops, [face], [True]) == [None]
    crops, face = seen(*second)
    [found] = watch.changes(1.0 + apart, crops, [face], [True])
    return found


def test_a_mouth_that_opens_moves_more_than_a_head_that_turns_nears_or_is_lit():
    opens = change(picture(2), picture(9))
    assert opens > 0.3
    for other in (picture(turn=8), picture(side=230), picture(light=1.3)):
        assert change(picture(), other) < opens / 2
    assert change(picture(), picture()) == 0


def test_eyes_come_to_lie_where_they_should():
    straight, turned = picture(), picture(turn=12, side=180)
    difference = np.abs(aligned(*_crop(straight)) - aligned(*_crop(turned))).mean()
    assert difference < 0.25
    unturned = np.abs(aligned(*_crop(straight)) - aligned(_crop(turned)[0], _level(turned[1]))).mean()
    assert unturned > 2 * difference


def _crop(one):
    crops, face = seen(*one)
    return crops[0], face


def _level(face):
    return replace(face, landmarks=face_at(110, 110, 180).landmarks)


@pytest.mark.parametrize("apart", [0.04, 0.1, 0.4, 3.0])
def test_moments_too_near_or_too_far_are_not_compared(apart):
    assert change(picture(2), picture(9), apart) is None


def test_at_every_frame_the_moment_a_fifth_of_a_second_earlier_counts():
    watch = MouthWatch()
    found = []
    for number in range(10):
        crops, face = seen(*picture(2 if number < 6 else 9))
        found += watch.changes(number * 0.04, crops, [face], [True])
    assert [value is None for value in found] == [True] * 4 + [False] * 6
    assert found[5] == 0
    assert min(found[6:]) > 0.3


def test_unreadable_small_and_unmarked_faces_are_not_reported():
    watch = MouthWatch()
    crops, face = seen(*picture())
    small = replace(face, quality=replace(face.quality, size_px=79.0), track=1)
    unmarked = replace(face, landmarks=None, track=2)
    other = replace(face, track=3)
    three = np.repeat(crops, 4, axis=0)
    for time_s in (0.0, 0.2):
        found = watch.changes(time_s, three, [face, small, unmarked, other], [False, True, True, True])
    assert found == [None, None, None, 0.0]
    with pytest.raises(ValueError, match="landmarks"):
        aligned(crops[0], unmarked)


def test_nothing_is_known_after_forgetting():
    watch = MouthWatch()
    crops, face = seen(*picture())
    watch.changes(0.0, crops, [face], [True])
    watch.forget()
    assert watch.changes(0.2, crops, [face], [True]) == [None]


def test_a_flat_crop_is_no_error():
    flat = np.full((48, 48), 100, np.uint8)
    assert np.abs(aligned(flat, Face(Box(0, 0, 100, 100), 1.0, face_at(0, 0).landmarks))).max() == 0
