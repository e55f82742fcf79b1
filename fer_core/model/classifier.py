"""Face crops to probabilities: weights, preprocessing, class order and calibration as one object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fer_core.batch_fallback import BatchFallback
from fer_core.device import chosen_device, device_label, working_dtype
from fer_core.emotions import Emotion
from fer_core.errors import ModelError
from fer_core.faces.preprocess import middle, normalise, to_grey48, view
from fer_core.model.golden import TOLERANCE, golden_crops
from fer_core.model.model_card import DEFAULT_MODEL, WEIGHTS_FOLDER, ModelCard, file_sha256, remedy
from fer_core.model.network import build_network

BATCH = 128
CLOSE_CALL = 0.03
"""Where the two highest logits lie nearer than this, reduced precision could swap them: such faces are done in fp32."""


class Classifier:
    """An intact model on a device, ready to label face crops.

    `card` is the model's card; `device_name` says where it runs, for people.
    """

    def __init__(self, card: ModelCard, network: nn.Module, device: torch.device) -> None:
        self.card = card
        self._fallback = BatchFallback(device, BATCH, self._to_cpu)
        self.device_name = device_label(device)
        self._dtype = working_dtype(device)
        self._offsets = torch.tensor(card.offsets)
        network = network.eval().to(device)
        self._network = network.to(memory_format=torch.channels_last)

    @property
    def device(self) -> torch.device:
        """Where the model runs: the device that was asked for, or the CPU once that one's memory did not suffice."""
        return self._fallback.device

    @classmethod
    def load(cls, path: Path | None = None, device: str | None = None) -> Classifier:
        """Load a model by its card (default: the shipped one) and check that it is the one the card describes.

        Raises ModelError where the weights are missing, altered, of another shape, or don't give the golden answers.
        """
        path = path or WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"
        card = ModelCard.load(path)
        weights = path.parent / card.weights
        if weights.suffix != ".safetensors":
            raise ModelError("Only weights in the safetensors format are accepted.")
        if not weights.is_file():
            raise ModelError(f"The model's weights are missing: no {card.weights} lies beside its card.", "no_model")
        if file_sha256(weights) != card.sha256:
            raise ModelError(f"The model's weights do not match its card. {remedy(path)}")
        network = build_network(card.architecture)
        try:
            with safe_open(weights, "pt") as file:
                metadata = file.metadata()
            network.load_state_dict(load_file(weights), strict=True)
        except (SafetensorError, RuntimeError):
            raise ModelError("The model's weights do not fit the network that its card describes.") from None
        if metadata != card.metadata():
            raise ModelError(f"The model's card was changed. {remedy(path)}")
        classifier = cls(card, fuse(network.eval()), chosen_device(device))
        if not classifier.answers_as_its_card():
            raise ModelError(f"The model does not give the answers that its card expects. {remedy(path)}")
        return classifier

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, 7) float32 in `Emotion` order; rows sum to 1.

        `crops` are (N, 48, 48) uint8 grey or (N, H, W, 3) uint8 RGB. A probability is the model's calibrated output
        for a label; it is not the chance that someone feels something.

        Raises ValueError for another shape or type.
        """
        grey = to_grey48(crops)
        return self._fallback.run(lambda: self._in_batches(grey))

    def _in_batches(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        out, size = np.empty((len(grey), len(Emotion)), np.float32), self._fallback.batch
        for begin in range(0, len(grey), size):
            out[begin : begin + size] = self._batch(grey[begin : begin + size])
        return out

    def _to_cpu(self) -> None:
        self._network.to("cpu")
        self._dtype = working_dtype(torch.device("cpu"))
        self.device_name = f"{device_label(torch.device('cpu'))}, because the GPU's memory did not suffice"

    @torch.inference_mode()
    def _batch(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        feed = self.card.input
        faces = normalise(torch.from_numpy(np.ascontiguousarray(grey)).to(self.device), feed.side, feed.mean, feed.std)
        logits = self._logits(faces, self._dtype)
        if self._dtype is not torch.float32:
            highest = logits.topk(2).values
            close = highest[:, 0] - highest[:, 1] < CLOSE_CALL
            if close.any():
                logits[close] = self._logits(faces[close], torch.float32)
        found: NDArray[np.float32] = torch.softmax(logits / self.card.temperature, 1).cpu().numpy()
        return found

    def _logits(self, faces: Tensor, dtype: torch.dtype) -> Tensor:
        """Return float32 logits (N, 7) of faces (N, 1, 48, 48), offsets added.

        Those of faces that are not clear are averaged over several views. The weight of the views grows gradually, so
        that a hair's breadth in the output, from another device or the next frame, never makes a leap.
        """
        feed = self.card.input
        logits = self._forward(middle(faces, feed.cut), dtype)
        highest = logits.softmax(1).amax(1)
        unclear = highest < feed.mirror_below
        if unclear.any():
            weight = (feed.mirror_below - highest[unclear]) / (feed.mirror_below - feed.mirror_fully_below)
            seen = self._views(faces[unclear], logits[unclear], dtype)
            logits[unclear] = logits[unclear].lerp(seen, weight.clamp(max=1)[:, None])
        return logits + self._offsets.to(logits.device)

    def _views(self, faces: Tensor, first: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the mean logits over all views and their mirror images; `first` are those of the first view."""
        cut, views = self.card.input.cut, self.card.input.views
        framed = [middle(faces, cut), *(view(faces, cut, down, width) for down, width in views[1:])]
        others = [x.flip(3) for x in framed] + framed[1:]
        total = first + torch.stack([self._forward(x, dtype) for x in others]).sum(0)
        return total / (2 * len(views))

    def _forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        with torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32):
            logits: Tensor = self._network(x.contiguous(memory_format=torch.channels_last)).float()
        return logits

    def answers_as_its_card(self) -> bool:
        """Return whether the answers to the card's golden picture are those that the card expects."""
        found = self.probabilities(golden_crops(self.card.golden.picture))
        expected = np.array(self.card.golden.probabilities, np.float32).reshape(-1, len(Emotion))
        return found.shape == expected.shape and bool(np.abs(found - expected).max() <= TOLERANCE)


def fuse(network: nn.Module) -> nn.Module:
    """Fold each batch norm of a network in evaluation mode into the convolution before it; the answers stay equal."""
    for parent in list(network.modules()):
        if not isinstance(parent, nn.Sequential):
            continue
        for index in range(len(parent) - 1):
            first, second = parent[index], parent[index + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                parent[index] = fuse_conv_bn_eval(first, second)
                parent[index + 1] = nn.Identity()
    return network
