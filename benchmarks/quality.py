"""What the thresholds of `fer_core.quality` do: agreement with the labels at each size, light, blur and cut.

Faces of FER2013's PrivateTest are made smaller, darker, softer or cut off step by step; each step is measured as
`quality.measure` sees it and labelled. How much agreement a turned head costs can't be measured: FER2013 has no poses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fer_core.faces.quality import BLURRED_BELOW, DARK_BELOW, OUTSIDE_ABOVE, TOO_SMALL_PX, measure
from fer_core.model.classifier import Classifier
from fer_core.types import Box, Face, Quality
from train.data import FerData

SIDE = 48


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one disturbance: its name, the median measure, the share that passes, and the agreement.

    `refused` and `passed` are the agreement among the faces that the threshold refuses and lets pass; None for nobody.
    """

    what: str
    median: float
    passing: float
    agreement: float
    passed: float | None
    refused: float | None


def shrunk(side_px: int) -> Callable[[Image.Image], Image.Image]:
    """A face that was `side_px` wide in the picture."""
    return lambda face: face.resize((side_px, side_px), Image.Resampling.BOX).resize(
        face.size, Image.Resampling.BILINEAR
    )


def darkened(share: float) -> Callable[[Image.Image], Image.Image]:
    """A face in `share` of its light."""
    return lambda face: face.point(lambda level: level * share)


def softened(sigma_px: float) -> Callable[[Image.Image], Image.Image]:
    """A face out of focus."""
    return lambda face: face.filter(ImageFilter.GaussianBlur(sigma_px))


def cut(share: float) -> Callable[[Image.Image], Image.Image]:
    """A face of which `share` lies to the left of the picture: there is nothing but black."""

    def apply(face: Image.Image) -> Image.Image:
        kept = face.copy()
        kept.paste(0, (0, 0, round(SIDE * share), SIDE))
        return kept

    return apply


SIZES, LIGHTS, SIGMAS, CUTS = (40, 32, 24, 20, 16, 12), (0.8, 0.4, 0.2, 0.1), (0.5, 1.0, 1.5, 2.0), (0.1, 0.25, 0.4)


def steps(classifier: Classifier, data: FerData) -> list[Step]:
    """Return every step on all pictures of `data`."""
    found = [_step(classifier, data, "as they are", lambda face: face, _sharp, SIDE, 0.0)]
    found += [_step(classifier, data, f"{px} px wide", shrunk(px), _large, px, 0.0) for px in SIZES]
    found += [
        _step(classifier, data, f"{share:.0%} of the light", darkened(share), _light, SIDE, 0.0) for share in LIGHTS
    ]
    found += [_step(classifier, data, f"blur, sigma {px} px", softened(px), _sharp, SIDE, 0.0) for px in SIGMAS]
    found += [_step(classifier, data, f"{share:.0%} cut off", cut(share), _inside, SIDE, share) for share in CUTS]
    return found


def table(found: list[Step]) -> str:
    """Return the steps as a table in Markdown, with the thresholds that they stand beside."""
    lines = [
        f"Thresholds: width {TOO_SMALL_PX:.0f} px, mean grey {DARK_BELOW:.0f}, variance of the Laplacian"
        f" {BLURRED_BELOW:.0f}, share outside {OUTSIDE_ABOVE:.2f}.",
        "",
        "| faces of PrivateTest | median of the measure | pass | agreement | of those that pass | of the refused |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {step.what} | {step.median:.3g} | {step.passing:.1%} | {step.agreement:.1%} | {_share(step.passed)}"
        f" | {_share(step.refused)} |"
        for step in found
    ]
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _large(quality: Quality) -> tuple[float, bool]:
    return quality.size_px, quality.size_px >= TOO_SMALL_PX


def _light(quality: Quality) -> tuple[float, bool]:
    return quality.brightness, quality.brightness >= DARK_BELOW


def _sharp(quality: Quality) -> tuple[float, bool]:
    return quality.sharpness, quality.sharpness >= BLURRED_BELOW


def _inside(quality: Quality) -> tuple[float, bool]:
    return quality.outside, quality.outside <= OUTSIDE_ABOVE


def _step(
    classifier: Classifier,
    data: FerData,
    what: str,
    disturb: Callable[[Image.Image], Image.Image],
    judge: Callable[[Quality], tuple[float, bool]],
    size_px: float,
    outside: float,
) -> Step:
    crops = np.stack([np.asarray(disturb(Image.fromarray(face)), np.uint8) for face in data.pixels])
    box = Box(-outside * size_px, 0.0, (1 - outside) * size_px, size_px)
    judged = [judge(quality) for quality in measure(crops, [Face(box, 1.0)] * len(crops), size_px, size_px)]
    right: NDArray[Any] = classifier.probabilities(crops).argmax(axis=1) == data.labels
    passes = np.array([passed for _, passed in judged])
    return Step(
        what,
        float(np.median([value for value, _ in judged])),
        float(passes.mean()),
        float(right.mean()),
        float(right[passes].mean()) if passes.any() else None,
        float(right[~passes].mean()) if not passes.all() else None,
    )
