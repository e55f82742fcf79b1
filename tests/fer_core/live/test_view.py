"""The live view: only the chosen face is labelled, one that leaves has to be chosen again, and hints say what helps."""

import io

import numpy as np
import pytest
from PIL import Image

from fer_core.analyzer import Analyzer
from fer_core.emotions import Emotion
from fer_core.errors import MediaError
from fer_core.faces.tracking import KEEP_LOST_S
from fer_core.live.view import HINTS, PAUSE_S, LiveView
from fer_core.types import Status
from tests.media import scene

EMPTY = np.full((320, 480, 3), 70, np.uint8)


@pytest.fixture(scope="module")
def analyzer():
    return Analyzer.open(device="cpu")


@pytest.fixture
def view(analyzer):
    with LiveView(analyzer) as opened:
        yield opened


def jpeg(rgb):
    content = io.BytesIO()
    Image.fromarray(rgb).save(content, "JPEG", quality=90)
    return content.getvalue()


def two():
    picture = scene(left=10, top=40, side=200, size=(640, 360))
    picture[40:240, 400:600] = scene(left=0, top=0, side=200, size=(200, 200))[:, ::-1]
    return picture


def test_nobody_is_labelled_before_somebody_is_chosen(view):
    told = view.look(jpeg(two()), 0.0)
    assert (told["width"], told["height"], told["chosen"]) == (640, 360, None)
    assert len(told["faces"]) == 2
    assert all(set(face) == {"number", "box", "chosen"} and not face["chosen"] for face in told["faces"])


def test_the_chosen_face_alone_is_labelled(view):
    left = min(view.look(jpeg(two()), 0.0)["faces"], key=lambda face: face["box"][0])
    view.choose(left["number"])
    told = view.look(jpeg(two()), 0.1)
    chosen, other = sorted(told["faces"], key=lambda face: face["box"][0])
    assert told["chosen"] == chosen["number"] == left["number"]
    assert set(other) == {"number", "box", "chosen"}
    assert (chosen["status"], chosen["label"], chosen["hint"]) == ("ok", int(Emotion.HAPPY), "")
    assert sum(chosen["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert chosen["band"] in ("high", "medium")


def test_a_face_that_left_is_not_taken_for_the_next_one_that_comes(view):
    view.choose(view.look(jpeg(scene()), 0.0)["faces"][0]["number"])
    assert view.look(jpeg(scene()), 0.1)["faces"][0]["chosen"]
    assert view.look(jpeg(EMPTY), 0.5) == {"width": 480, "height": 320, "faces": [], "chosen": 0, "hint": ""}
    away = [view.look(jpeg(EMPTY), 0.5 + step / 4)["chosen"] for step in range(1, 4 * int(KEEP_LOST_S) + 1)]
    assert away[0] == 0
    assert away[-1] is None
    told = view.look(jpeg(scene()), 3.0)
    assert told["chosen"] is None
    assert not told["faces"][0]["chosen"]


@pytest.mark.parametrize(
    ("picture", "hint"),
    [
        (scene(side=80), Status.TOO_SMALL),
        (scene(side=110), Status.TOO_SMALL),
        ((scene() * 0.12).astype(np.uint8), Status.DARK),
        (scene(left=-125), Status.PARTIAL),
    ],
    ids=["far", "readable", "dark", "cut"],
)
def test_hints_say_what_helps(view, picture, hint):
    for time_s in (0.0, 0.1):
        told = view.look(jpeg(picture), time_s)
        assert told["faces"], "the face has to be found"
        view.choose(told["faces"][0]["number"])
    assert told["faces"][0]["hint"] == HINTS[hint]


def test_a_dark_picture_without_a_face_asks_for_light(view):
    assert view.look(jpeg(EMPTY // 10), 0.0)["hint"] == HINTS[Status.DARK]


def test_a_camera_of_another_size_begins_with_nobody_chosen(view):
    view.choose(view.look(jpeg(scene()), 0.0)["faces"][0]["number"])
    assert view.look(jpeg(scene(size=(500, 340))), 0.1)["chosen"] is None


@pytest.mark.parametrize(("pause_s", "known"), [(KEEP_LOST_S + 1, True), (PAUSE_S + 1, False)])
def test_a_computer_that_paused_knows_the_face_again_unless_it_took_long(view, pause_s, known):
    view.choose(view.look(jpeg(scene()), 0.0)["faces"][0]["number"])
    assert view.look(jpeg(scene()), 0.1)["chosen"] == 0
    assert (view.look(jpeg(scene()), 0.1 + pause_s)["chosen"] == 0) == known


def test_times_need_not_be_right(view):
    assert [len(view.look(jpeg(scene()), time_s)["faces"]) for time_s in (5.0, 5.0, 1.0)] == [1, 1, 1]


def test_what_is_no_picture_is_refused(view):
    with pytest.raises(MediaError):
        view.look(b"no picture", 0.0)
