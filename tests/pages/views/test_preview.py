"""The picture beside a running or ended analysis: whose labels and bars are drawn."""

from dataclasses import asdict

from streamlit.testing.v1 import AppTest

from clinic import words
from clinic.jobs import previews
from fer_core.types import Box
from tests.clinic.jobs.test_previews import RECORDING, RGB, seen


def drawn(settings, preview, labelled=True):
    """Return the page on which a preview is drawn, and the texts at its boxes."""

    def page(jpeg, faces, several, labelled):
        from clinic.jobs.previews import PreviewFace, StoredPreview
        from fer_core.types import Box
        from pages.views.follow import show_preview

        found = [PreviewFace(Box(**face.pop("box")), **face) for face in faces]
        show_preview(StoredPreview(jpeg, 0.0, tuple(found), several), False, labelled)

    args = (preview.jpeg, [asdict(face) for face in preview.faces], preview.several, labelled)
    return AppTest.from_function(page, args=args, default_timeout=60).run()


def stored(settings, several):
    previews.write_preview(settings, RECORDING, 0.0, RGB, [seen(0)], several)
    return previews.read_preview(settings, RECORDING)


def charts(page):
    return [element.proto.spec for element in page.get("plotly_chart")]


def test_one_face_has_a_label_and_bars(settings):
    page = drawn(settings, stored(settings, several=False))
    assert not page.exception
    picture, bars = charts(page)
    assert words.EXPRESSIONS[3].capitalize() in picture
    assert '"bar"' in bars


def test_under_a_condition_of_the_face_there_is_a_box_and_no_label(settings):
    page = drawn(settings, stored(settings, several=False), labelled=False)
    assert not page.exception
    [picture] = charts(page)
    assert not any(name.capitalize() in picture for name in words.EXPRESSIONS.values())


def test_several_faces_have_boxes_and_nothing_else(settings):
    page = drawn(settings, stored(settings, several=True).without_labels())
    assert not page.exception
    [picture] = charts(page)
    assert "No label" not in picture
    assert not any(name.capitalize() in picture for name in words.EXPRESSIONS.values())
    assert words.SEVERAL_FACES in [caption.value for caption in page.caption]


def test_one_face_of_which_nobody_knows_whose_it_is_has_a_box_and_a_sentence(settings):
    page = drawn(settings, stored(settings, several=False).without_labels())
    assert not page.exception
    [picture] = charts(page)
    assert "No label" not in picture
    assert words.WHOSE_FACE_OPEN in [caption.value for caption in page.caption]


def test_a_face_without_a_status_of_its_own_has_a_sentence(settings):
    other = previews.PreviewFace(Box(0, 0, 10, 10), 0, "blurred", None)
    page = drawn(settings, previews.StoredPreview(stored(settings, False).jpeg, 0.0, (other,)))
    assert not page.exception
    assert any("blurred" in caption.value for caption in page.caption)
