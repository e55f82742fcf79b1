"""High dynamic range video, as phones record it, converted to what an ordinary camera would have recorded.

Sources: ITU-R BT.2100 (PQ, HLG), BT.2408 (reference white at 203 cd/m2 in PQ, at 75 % in HLG), BT.2087 (BT.2020 to
BT.709), IEC 61966-2-1 (sRGB). HLG is mapped by the light of the scene, as BT.2408 does for cameras. Up to 95 % of
the reference white the light stays as it is; what is brighter is compressed into the rest, where a camera clips it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from fer_core.types import RGB

PQ, HLG = 16, 18
"""The transfers' numbers in ITU-T H.273."""
PQ_WHITE, HLG_WHITE = 203.0, 0.265
KNEE = 0.95
_UNSPECIFIED, _BT2020 = 2, 9
_STEPS, _BRIGHTEST = 2**16, 4.0
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)


def is_hdr(frame: VideoFrame) -> bool:
    """Return whether the frame's light is coded as PQ or HLG."""
    return int(frame.color_trc) in (PQ, HLG)


def tone_mapped(frame: VideoFrame, width: int, height: int) -> RGB:
    """Return an HDR frame in this size as (H, W, 3) uint8 RGB, sRGB."""
    matrix = _BT2020 if int(frame.colorspace) == _UNSPECIFIED else None
    deep = frame.reformat(width=width, height=height, format="rgb48le", src_colorspace=matrix).to_ndarray()
    light = _light_of(int(frame.color_trc))[deep] @ _TO_BT709.T
    levels = (light.clip(0, _BRIGHTEST) * ((_STEPS - 1) / _BRIGHTEST)).astype(np.uint16)
    shown: RGB = _shown()[levels]
    return shown


@cache
def _light_of(transfer: int) -> NDArray[np.float32]:
    """Return the light of each coded value of 16 bits, 1 for the reference white."""
    coded = np.linspace(0, 1, _STEPS)
    if transfer == PQ:
        power = coded ** (1 / 78.84375)
        light = 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return (light / PQ_WHITE).astype(np.float32)
    bright = (np.exp((coded - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return (np.where(coded <= 0.5, coded**2 / 3, bright) / HLG_WHITE).astype(np.float32)


@cache
def _shown() -> NDArray[np.uint8]:
    """Return the sRGB value of each step of light from 0 to `_BRIGHTEST`."""
    light = np.linspace(0, _BRIGHTEST, _STEPS)
    rest = 1 - KNEE
    light = np.where(light <= KNEE, light, KNEE + rest * (1 - np.exp((KNEE - light) / rest)))
    coded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (coded * 255).round().astype(np.uint8)
