"""Whether all devices and number formats give the same labels, and what a face costs on one core."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fer_core.device import best_device, working_dtype
from fer_core.model.classifier import Classifier

TIMED_FACES = 1024


@dataclass(frozen=True, slots=True)
class Way:
    """One device and number format: `agree` of the labels are those of the CPU in fp32; `ms_a_face` is None on GPUs."""

    name: str
    agree: float
    largest_difference: float
    ms_a_face: float | None


def ways(crops: NDArray[np.uint8]) -> Iterator[Way]:
    """Yield each way in which this machine can label face crops (N, 48, 48), compared with the CPU in fp32."""
    exact = _classifier("cpu", torch.float32)
    expected = exact.probabilities(crops)
    yield Way("cpu float32", 1.0, 0.0, _ms_a_face(exact, crops))
    for device in dict.fromkeys(("cpu", best_device().type)):
        dtype = working_dtype(torch.device(device))
        if (device, dtype) == ("cpu", torch.float32):
            continue
        classifier = _classifier(device, dtype)
        found = classifier.probabilities(crops)
        agree = float((found.argmax(1) == expected.argmax(1)).mean())
        difference = float(np.abs(found - expected).max())
        ms_a_face = _ms_a_face(classifier, crops) if device == "cpu" else None
        yield Way(f"{device} {str(dtype).removeprefix('torch.')}", agree, difference, ms_a_face)


def _classifier(device: str, dtype: torch.dtype) -> Classifier:
    classifier = Classifier.load(device=device)
    classifier._dtype = dtype
    return classifier


def _ms_a_face(classifier: Classifier, crops: NDArray[np.uint8]) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        classifier.probabilities(crops[:TIMED_FACES])
        begun = time.perf_counter()
        classifier.probabilities(crops[:TIMED_FACES])
        return (time.perf_counter() - begun) * 1000 / len(crops[:TIMED_FACES])
    finally:
        torch.set_num_threads(threads)


def table(crops: NDArray[np.uint8]) -> str:
    """Return the ways as a table."""
    lines = [f"{'':<16}{'same label':>12}{'largest difference':>20}{'ms a face, one core':>21}"]
    for way in ways(crops):
        cost = "" if way.ms_a_face is None else f"{way.ms_a_face:.2f}"
        lines.append(f"{way.name:<16}{way.agree:>12.2%}{way.largest_difference:>20.3f}{cost:>21}")
    return "\n".join(lines)
