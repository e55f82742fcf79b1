"""Train, export and evaluate expression models on FER2013."""

from __future__ import annotations

import os

# Two OpenMP threads that spin beside another busy process cost 40 times the work; waiting quietly costs nothing.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from fer_core.classifier import Classifier
from fer_core.device import best_device
from fer_core.errors import FerError
from fer_core.model_card import WEIGHTS_FOLDER, ModelCard
from train.config import PRESETS
from train.data import PRIVATE_TEST, PUBLIC_TEST, load
from train.evaluate import evaluate
from train.export import export
from train.report import model_card_markdown
from train.run import train


def _run(arguments: argparse.Namespace) -> None:
    config = replace(PRESETS[arguments.preset], seed=arguments.seed)
    data = load(arguments.data, arguments.ferplus)
    for name in data.bad_files:
        print(f"left out, can't be read: {name}", file=sys.stderr)
    folder = arguments.out or Path("runs") / arguments.preset
    train(config, data, folder, best_device(), lambda line: print(line, flush=True), arguments.start_from)


def _export(arguments: argparse.Namespace) -> None:
    data = load(arguments.data, arguments.ferplus)
    export(arguments.run, data, arguments.name, arguments.to, lambda line: print(line, flush=True))


def _evaluate(arguments: argparse.Namespace) -> None:
    classifier = Classifier.load(arguments.card)
    data = load(arguments.data, arguments.ferplus)
    found = evaluate(classifier, data, arguments.split, classifier.card.uncertain_below)
    found["model"] = {"name": classifier.card.name, "sha256": classifier.card.sha256, "device": classifier.device_name}
    text = json.dumps(found, indent=1)
    if arguments.json == "-":
        print(text)
        return
    if arguments.json:
        Path(arguments.json).write_text(text + "\n")
    full, clean = found["full"], found["without_duplicates"]
    low, high = full["accuracy_95"]
    print(f"{arguments.split}: accuracy {full['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%}),")
    print(
        f"  macro F1 {full['macro_f1']:.2%}, {full['pictures']} pictures; neutral -> sad {full['neutral_to_sad']:.2%}"
    )
    print(f"  without its {found['duplicates']} duplicates: {clean['accuracy']:.2%}, macro F1 {clean['macro_f1']:.2%}")


def _report(arguments: argparse.Namespace) -> None:
    arguments.out.write_text(model_card_markdown(ModelCard.load(arguments.card)), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    commands = parser.add_subparsers(dest="command", required=True)
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder with one folder a class")
    data.add_argument("--ferplus", type=Path, help="fer2013new.csv, the FER+ votes")

    run = commands.add_parser("run", parents=[data], help="train a preset; run it again to go on after a stop")
    run.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    run.add_argument("--out", type=Path, help="the run's folder (default: runs/PRESET)")
    run.add_argument("--start-from", type=Path, help="weights of the same network (a run's best.safetensors)")
    run.add_argument("--seed", type=int, default=1)
    run.set_defaults(action=_run)

    ship = commands.add_parser("export", parents=[data], help="write a run's best weights and their card")
    ship.add_argument("--run", type=Path, required=True, help="the run's folder")
    ship.add_argument("--name", required=True, help="the model's name")
    ship.add_argument("--to", type=Path, default=WEIGHTS_FOLDER, help="folder of the weights (default: the program's)")
    ship.set_defaults(action=_export)

    measure = commands.add_parser("evaluate", parents=[data], help="measure the shipped model, or another by its card")
    measure.add_argument("--split", choices=(PUBLIC_TEST, PRIVATE_TEST), default=PUBLIC_TEST)
    measure.add_argument("--card", type=Path, help="a model's card (default: the shipped model's)")
    measure.add_argument("--json", help="write all figures as JSON to this file, - for standard output")
    measure.set_defaults(action=_evaluate)

    report = commands.add_parser("report", help="write MODEL_CARD.md from a model's card")
    report.add_argument("--card", type=Path)
    report.add_argument("--out", type=Path, default=Path("MODEL_CARD.md"))
    report.set_defaults(action=_report)
    return parser


def main() -> int:
    """Run the command line; exit code 2 for what can't be used."""
    arguments = _parser().parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        arguments.action(arguments)
    except FerError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
