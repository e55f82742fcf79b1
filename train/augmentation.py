"""How strongly faces are varied in training, as a part of a recipe; needs no torch (see augment.py)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """How strongly faces are varied: ranges are uniform and symmetric, chances are 0 to 1.

    `degrees` of rotation; `scale` and `shift` as shares of the side; `light` of brightness and contrast;
    `erase` the chance that a rectangle of 2 to 20 % of the area is replaced by noise (Zhong et al. 2017).
    `gamma`: the exponent lies between e^-gamma and e^gamma; `contrast`: least and most factor, in place of that of
    `light`; `dim`: the chance that 10 to 60 % of the light are left; `degrade`: the chance of a low resolution, and the
    chance of strong JPEG compression; `cover`: the chance that mouth, eyes, a side or a hand's place is covered.
    """

    degrees: float = 15.0
    scale: float = 0.15
    shift: float = 0.10
    light: float = 0.25
    erase: float = 0.3
    flip: float = 0.5
    gamma: float = 0.0
    contrast: tuple[float, float] | None = None
    dim: float = 0.0
    degrade: float = 0.0
    cover: float = 0.0


HARSH = Augmentation(scale=0.2, shift=0.2, gamma=0.5, contrast=(0.7, 1.8), dim=0.1, degrade=0.3, cover=0.15, erase=0.2)
"""For faces as cameras and people make them: chosen for other sets than the one trained on."""
