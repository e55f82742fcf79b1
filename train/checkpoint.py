"""A run's folder: its description, checkpoint, curves and best weights, each file whole or not there."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from fer_core.errors import FerError
from train.config import read_recipe
from train.processes import is_first_process
from train.state import Epoch, Run


def open_folder(folder: Path, run: Run, data_sha256: str, left_out: dict[str, int]) -> None:
    """Write the run's description, or take its checkpoint up where there is one.

    Raises FerError where the folder holds a run of another recipe or other data, or its checkpoint can't be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {
        "config": run.config.to_dict(),
        "data_sha256": data_sha256,
        "left_out": left_out,
        "training_pictures": run.pictures,
        "mean": run.mean,
        "std": run.std,
    }
    description, checkpoint = folder / "run.json", folder / "last.pt"
    if not checkpoint.exists():
        if not is_first_process():
            return
        description.write_text(json.dumps(about | {"git": _git_hash()}, indent=1) + "\n")
        return
    kept = json.loads(description.read_text())
    kept["config"] = read_recipe(kept["config"])
    if any(kept[key] != json.loads(json.dumps(about[key])) for key in ("config", "data_sha256", "left_out")):
        raise FerError(f"{folder} holds a run of another recipe or other data; choose another folder.", "other_run")
    state = _state(checkpoint, run.device)
    run.network.load_state_dict(state["network"])
    run.averaged.load_state_dict(state["averaged"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.schedule.load_state_dict(state["schedule"])
    run.history.extend(Epoch(**epoch) for epoch in state["history"])


def _state(checkpoint: Path, device: torch.device) -> dict[str, Any]:
    """Return what a checkpoint holds; code in it is never run. Raises FerError where it is none of a run's."""
    try:
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location=device)
    except Exception as error:  # noqa: BLE001  # torch's own are of many kinds, for code in the file too
        raise FerError(
            f"{checkpoint} can't be read as a checkpoint of a run: {type(error).__name__}. Delete it to begin again.",
            "no_checkpoint",
        ) from None
    return state


def load_weights(network: nn.Module, path: Path) -> None:
    """Take a network's weights from a safetensors file. Raises FerError where it holds none that fit."""
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError):
        raise FerError(f"{path} holds no weights in the safetensors format.", "no_pretrained") from None
    except RuntimeError:
        raise FerError(
            f"The weights in {path} are those of another network than the preset's.", "no_pretrained"
        ) from None


def save(folder: Path, run: Run) -> None:
    """Write the checkpoint, the curves, and the best weights where this epoch is the best; each file whole or not."""
    state = {
        "network": run.network.state_dict(),
        "averaged": run.averaged.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "history": [asdict(epoch) for epoch in run.history],
    }
    if run.best is run.history[-1]:
        weights = {name: value.cpu().contiguous() for name, value in run.averaged.module.state_dict().items()}
        save_file(weights, folder / "best.tmp")
        (folder / "best.tmp").replace(folder / "best.safetensors")
    torch.save(state, folder / "last.tmp")
    (folder / "last.tmp").replace(folder / "last.pt")
    lines = "".join(json.dumps(asdict(epoch)) + "\n" for epoch in run.history)
    (folder / "epochs.tmp").write_text(lines)
    (folder / "epochs.tmp").replace(folder / "epochs.jsonl")


def _git_hash() -> str:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        # An installation from an image has no git.
        return ""
    return found.stdout.strip()
