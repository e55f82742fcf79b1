"""The one crop rule and the network's input."""

import numpy as np
import pytest
import torch

from fer_core.faces.preprocess import SIDE_PER_HEIGHT, crop_faces, middle, normalise, to_grey48, view
from fer_core.types import Box


def test_a_crop_shows_the_middle_of_the_box_at_the_rule_s_scale():
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[:, 100:] = 255
    [crop] = crop_faces(picture, [Box(60, 50, 140, 150)])
    assert crop.shape == (48, 48)
    assert (crop[:, :23] == 0).all()
    assert (crop[:, 25:] == 255).all()
    side = 100 * SIDE_PER_HEIGHT
    picture[:] = 0
    picture[:, : int(100 - side / 2)] = 255
    [crop] = crop_faces(picture, [Box(60, 50, 140, 150)])
    assert crop[:, 1:].max() == 0


def test_large_faces_are_averaged_not_sampled():
    stripes = np.zeros((960, 960, 3), np.uint8)
    stripes[:, ::2] = 255
    [crop] = crop_faces(stripes, [Box(200, 200, 760, 760)])
    assert abs(float(crop.mean()) - 127.5) < 2
    assert crop.std() < 12


def test_outside_the_picture_its_edge_goes_on():
    picture = np.full((100, 100, 3), 90, np.uint8)
    crops = crop_faces(picture, [Box(-60, -60, 40, 40), Box(80, 80, 220, 260), Box(-300, -300, -200, -200)])
    assert (crops == 90).all()


def test_no_boxes_no_crops():
    assert crop_faces(np.zeros((10, 10, 3), np.uint8), []).shape == (0, 48, 48)


def test_each_crop_is_the_same_alone_and_in_company():
    picture = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    boxes = [Box(10, 20, 90, 120), Box(250, 100, 330, 220), Box(380, 280, 420, 330)]
    together = crop_faces(picture, boxes)
    for box, crop in zip(boxes, together, strict=True):
        assert np.abs(crop_faces(picture, [box])[0].astype(int) - crop).max() <= 1


def test_grey_weights_are_those_of_bt601():
    red = np.zeros((1, 48, 48, 3), np.uint8)
    red[..., 0] = 255
    assert (to_grey48(red) == 76).all()


@pytest.mark.parametrize("wrong", [np.zeros((2, 48, 48), np.float32), np.zeros((2, 48, 48, 4), np.uint8)])
def test_other_input_is_refused(wrong):
    with pytest.raises(ValueError, match="crops are"):
        to_grey48(wrong)


def test_the_middle_is_normalised():
    grey = torch.full((1, 48, 48), 255, dtype=torch.uint8)
    grey[:, 2:46, 2:46] = 51
    x = normalise(grey, 44, mean=0.2, std=0.5)
    assert x.shape == (1, 1, 44, 44)
    assert torch.allclose(x, torch.zeros_like(x), atol=1e-6)


def test_a_view_of_usual_width_in_its_place_is_the_middle_cut():
    faces = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(view(faces, 44, 0, 1), middle(faces, 44), atol=1e-5)


def test_a_view_moves_its_content_down_and_shows_more_around_it():
    faces = torch.zeros(1, 1, 48, 48)
    faces[0, 0, 20, 24] = 1
    lower = view(faces, 44, 3, 1)[0, 0]
    assert (lower > 0.9).nonzero().tolist() == [[21, 22]]
    dot = torch.zeros(1, 1, 48, 48)
    dot[0, 0, 10:38, 10:38] = 1
    usual, wide = (float((view(dot, 44, 0, width) > 0.5).sum()) for width in (1.0, 1.15))
    assert wide / usual == pytest.approx(1 / 1.15**2, abs=0.05)
    # More around it than there is: the edge goes on.
    edge = torch.full((1, 1, 48, 48), 0.7)
    assert torch.allclose(view(edge, 44, 8, 1.3), torch.full((1, 1, 44, 44), 0.7))


@pytest.mark.parametrize("box", [Box(-500, -500, 500, 500), Box(900, 900, 950, 950), Box(-9e9, 0, 9e9, 9e9)])
def test_a_box_that_no_face_can_have_is_refused_before_memory_is_taken(box):
    with pytest.raises(ValueError, match="times the picture"):
        crop_faces(np.zeros((100, 150, 3), np.uint8), [Box(10, 10, 60, 60), box])
