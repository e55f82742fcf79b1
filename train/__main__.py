"""`python -m train run` trains a preset."""

from __future__ import annotations

import os

# Two OpenMP threads that spin beside another busy process cost 40 times the work; waiting quietly costs nothing.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from fer_core.errors import FerError
from train.config import PRESETS
from train.data import load
from train.run import train


def best_device() -> torch.device:
    """Return CUDA, else Apple MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def main() -> int:
    """Run the command line; exit code 2 for what can't be used."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train a preset; run it again to go on after a stop")
    run.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder with one folder a class")
    run.add_argument("--ferplus", type=Path, help="fer2013new.csv, the FER+ votes")
    run.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    run.add_argument("--out", type=Path, help="the run's folder (default: runs/PRESET)")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        data = load(arguments.data, arguments.ferplus)
        config = replace(PRESETS[arguments.preset], seed=arguments.seed)
        train(config, data, arguments.out or Path("runs") / arguments.preset, best_device(), lambda s: print(s, flush=True))
    except FerError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
