"""The device for computation: CUDA, Apple's MPS or the CPU, and its precision."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch

from fer_core.errors import ModelError


def best_device() -> torch.device:
    """Return CUDA where there is a card, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def chosen_device(name: str | None) -> torch.device:
    """Return the device of a name, or the best one. Raises ModelError ``no_device`` where this computer has none."""
    if name is None:
        return best_device()
    there: dict[str, Callable[[], bool]] = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    device = torch.device(name)
    if device.type in there and not there[device.type]():
        raise ModelError(f"This computer has no device {name}.", "no_device")
    return device


def working_dtype(device: torch.device) -> torch.dtype:
    """Return the fastest number format that keeps the labels: bf16 where the chip multiplies it, else fp32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "mps":
        return torch.float16
    # Without the chip's own bf16 multiplication the emulation is slower than fp32.
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def share_cores() -> None:
    """Let each computation have half of the cores: faces are looked for and labelled at the same time.

    Two that both take all of them hinder each other: on two cores that costs a quarter of the speed.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


def device_label(device: torch.device) -> str:
    """Return what a person calls the device, such as "CPU (2 threads, bfloat16)"."""
    precision = str(working_dtype(device)).removeprefix("torch.")
    if device.type == "cuda":
        return f"GPU {torch.cuda.get_device_name(device)} ({precision})"
    if device.type == "mps":
        return f"Apple GPU ({precision})"
    threads = torch.get_num_threads()
    return f"CPU ({threads} thread{'' if threads == 1 else 's'}, {precision})"
