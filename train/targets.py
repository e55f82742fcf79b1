"""What a network is asked to answer: labels, smoothed and mixed with people's votes and teachers' soft labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from fer_core.emotions import Emotion
from fer_core.errors import FerError
from train.config import TrainConfig
from train.data import FerData


@dataclass(frozen=True)
class SoftLabels:
    """Probabilities (N, 7) that teachers gave to the training pictures, whose order `rows_sha256` identifies."""

    probabilities: NDArray[np.float32]
    rows_sha256: str
    teachers: str

    def save(self, path: Path) -> None:
        """Write them with a byte a probability, at most 7 bytes a picture."""
        bytes_ = np.rint(self.probabilities * 255).astype(np.uint8)
        save_file({"probabilities": bytes_}, path, {"rows_sha256": self.rows_sha256, "teachers": self.teachers})

    @classmethod
    def load(cls, path: Path) -> SoftLabels:
        """Read what `save` wrote; rows sum to 1 again. Raises FerError where the file is missing or another one."""
        try:
            with safe_open(path, "numpy") as file:
                about = file.metadata() or {}
                values = file.get_tensor("probabilities").astype(np.float32)
            return cls(values / values.sum(axis=1, keepdims=True), about["rows_sha256"], about["teachers"])
        except (OSError, SafetensorError, KeyError):
            raise FerError(
                f"{path} holds no soft labels; `python -m train teach` writes them.", "no_soft_labels"
            ) from None


def rows_sha256(rows: FerData) -> str:
    """Return a hash of the pictures alone, in their order."""
    return hashlib.sha256(np.ascontiguousarray(rows.pixels).tobytes()).hexdigest()


def soft_targets(rows: FerData, config: TrainConfig, soft_labels: SoftLabels | None = None) -> Tensor:
    """Return the training targets (N, 7) float32, whose rows sum to 1.

    Smoothed labels, of which shares are replaced by the FER+ votes where there are any, then by the teachers' labels.
    Cross-entropy with such a mixture equals the sum of both losses of distillation (Hinton et al. 2015, at T = 1).

    Raises FerError where the soft labels are missing or belong to other pictures.
    """
    hard = torch.from_numpy(np.eye(len(Emotion), dtype=np.float32)[rows.labels])
    target = hard * (1 - config.smoothing) + config.smoothing / len(Emotion)
    if config.ferplus and rows.votes is not None:
        votes = torch.from_numpy(rows.votes)
        voted = ~votes.isnan().any(dim=1)
        target[voted] = (1 - config.ferplus) * target[voted] + config.ferplus * votes[voted]
    if config.soft_labels:
        if soft_labels is None:
            raise FerError("This recipe learns from soft labels: name their file with --soft-labels.", "no_soft_labels")
        if soft_labels.rows_sha256 != rows_sha256(rows):
            raise FerError(
                "The soft labels belong to other training pictures; with and without --ferplus, they are others.",
                "other_data",
            )
        target = (1 - config.soft_labels) * target + config.soft_labels * torch.from_numpy(soft_labels.probabilities)
    return target


def class_weights(rows: FerData) -> Tensor:
    """Return weights (7,) whose mean over the pictures is 1, high for rare classes and 0 for absent ones."""
    counts = np.bincount(rows.labels, minlength=len(Emotion))
    present = counts > 0
    weights = np.where(present, len(rows.labels) / np.maximum(counts, 1) / present.sum(), 0.0)
    return torch.from_numpy(weights.astype(np.float32))


def fold_of(rows: FerData, folds: int) -> NDArray[np.intp]:
    """Return which of `folds` parts each picture (N,) belongs to, by a hash of the picture itself."""
    return np.array([hashlib.sha256(picture.tobytes()).digest()[0] % folds for picture in rows.pixels], np.intp)
