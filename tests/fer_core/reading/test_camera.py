"""When a recording was made otherwise than those before it."""

import pytest

from fer_core.reading.camera import Camera, difference

USUAL = Camera(face_px=40.0, sharpness=1000.0, brightness=120.0, pixels=1280 * 720, codec="h264", bits_per_pixel=0.1)


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (USUAL, None),
        (Camera(), None),
        (Camera(face_px=31.0), "face size"),
        (Camera(face_px=33.0), None),
        (Camera(face_px=400.0), None),
        (Camera(sharpness=350.0, brightness=120.0), "sharpness"),
        (Camera(sharpness=3000.0, brightness=120.0), "sharpness"),
        (Camera(sharpness=350.0, brightness=71.0), None),
        (Camera(brightness=55.0), "light"),
        (Camera(pixels=640 * 360), "resolution"),
        (Camera(pixels=720 * 1280), None),
        (Camera(codec="vp9"), "codec"),
        (Camera(bits_per_pixel=0.045), "compression"),
        (Camera(bits_per_pixel=0.21), "compression"),
        (Camera(bits_per_pixel=0.055), None),
    ],
)
def test_what_differs(now, what):
    assert difference([USUAL], now) == what


def test_large_faces_are_all_alike():
    assert difference([Camera(face_px=300.0)], Camera(face_px=60.0)) is None
    assert difference([Camera(face_px=300.0)], Camera(face_px=24.0)) == "face size"


def test_a_slow_drift_is_noticed():
    sharp = [1000.0 * 0.8**n for n in range(12)]
    cameras = [Camera(sharpness=each, brightness=100.0) for each in sharp]
    line = cameras[:1]
    for each in cameras[1:]:
        if difference(line, each):
            break
        line.append(each)
    assert len(line) < 12


def test_what_an_older_version_did_not_know_makes_no_new_line():
    assert difference([Camera(), Camera()], USUAL) is None
