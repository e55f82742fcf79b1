"""One face's outputs, and pictures with boxes: nothing is fetched from an address."""

from fer_core.emotions import Emotion
from fer_core.types import Box
from pages.charts.faces import bars, preview_figure

NAMES = {emotion: f"{emotion.label}-like" for emotion in Emotion}
SHARES = (0.05, 0.05, 0.1, 0.3, 0.2, 0.1, 0.2)


def test_bars_show_seven_probabilities_and_none_of_them_without_a_face():
    assert sorted(bars(SHARES, NAMES).data[0].x) == sorted(SHARES)
    assert set(bars(None, NAMES).data[0].x) == {0.0}


def test_a_preview_carries_its_picture_and_marks_each_face():
    faces = [(Box(10, 20, 60, 90), Emotion.HAPPY), (Box(80, 2, 120, 40), None)]
    figure = preview_figure(b"\xff\xd8jpeg", (160, 120), faces, NAMES)
    assert figure.layout.images[0].source.startswith("data:image/jpeg;base64,")
    assert [shape.line.dash for shape in figure.layout.shapes] == ["solid", "dot"]
    assert [note.text for note in figure.layout.annotations] == ["Happy-like", "No label"]
    assert tuple(figure.layout.yaxis.range) == (120, 0)
