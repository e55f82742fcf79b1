"""Train, export and evaluate expression models on FER2013."""

from __future__ import annotations

import os

# Two OpenMP threads that spin beside another busy process cost 40 times the work; waiting quietly costs nothing.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fer_core import core_files
from fer_core.device import best_device
from fer_core.errors import FerError
from fer_core.faces.detector import Detector
from fer_core.model.classifier import Classifier
from fer_core.model.model_card import DEFAULT_MODEL, WEIGHTS_FOLDER, ModelCard
from fer_core.pipes import end_quietly
from train.background import alone_in, step_back
from train.config import PRESETS, TrainConfig, recipe_of
from train.data import PRIVATE_TEST, PUBLIC_TEST, FerData, load
from train.duplicates import NEAR_TWINS, search_near_pairs
from train.evaluate import evaluate, evaluate_folder
from train.examples import write_examples
from train.export import export, recalibrate
from train.folders import Detect, read_folder
from train.overview import write_overview
from train.own import handed_over
from train.processes import is_first_process, join, leave
from train.report import folder_summary, model_card_markdown, tuning_summary
from train.run import train
from train.state import Run
from train.targets import SoftLabels
from train.teach import teach
from train.tune import tune

_LISTED = 20
"""How many of the pictures that are left out are named."""
RESULTS = Path(__file__).parent / "results"
"""Cards of models that were trained here; their weights stay out of version control."""


def _load(arguments: argparse.Namespace) -> FerData:
    data = load(arguments.data, arguments.ferplus)
    if data.bad_files:
        more = [f"and {len(data.bad_files) - _LISTED} more"] if len(data.bad_files) > _LISTED else []
        print(f"{len(data.bad_files)} pictures are left out:", file=sys.stderr)
        print("\n".join(f"  {fault}" for fault in [*data.bad_files[:_LISTED], *more]), file=sys.stderr)
    return data


def _run(arguments: argparse.Namespace) -> None:
    device = join(best_device())
    try:
        config = _recipe(arguments)
        folder = arguments.out or Path("runs") / arguments.preset
        soft_labels = SoftLabels.load(arguments.soft_labels) if config.soft_labels and arguments.soft_labels else None
        watch = _print_progress if is_first_process() else lambda _: None
        with alone_in(folder) if is_first_process() else nullcontext():
            train(config, _load(arguments), folder, device, watch, arguments.start_from, soft_labels)
    finally:
        leave()


def _recipe(arguments: argparse.Namespace) -> TrainConfig:
    if arguments.recipe:
        try:
            return recipe_of(json.loads(arguments.recipe.read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            raise FerError(f"{arguments.recipe.name} holds no recipe of this version.", "no_recipe") from None
    config = replace(
        PRESETS[arguments.preset],
        seed=arguments.seed,
        protocol=arguments.protocol,
        folds=arguments.folds,
        fold=arguments.fold,
    )
    return replace(config, epochs=arguments.epochs) if arguments.epochs else config


def _print_progress(run: Run) -> None:
    print(run.progress, flush=True)


def _teach(arguments: argparse.Namespace) -> None:
    labels = teach(arguments.runs, _load(arguments), best_device(), arguments.in_sample)
    labels.save(arguments.out)
    print(f"{len(labels.probabilities)} pictures, teachers: {labels.teachers}; {arguments.out}")


def _search(arguments: argparse.Namespace) -> None:
    # Optuna is needed for this command alone.
    from train.search import search

    base = replace(PRESETS[arguments.preset], epochs=arguments.epochs)
    study = search(base, _load(arguments), arguments.out, arguments.trials, best_device(), lambda line: print(line))
    print(f"best of {len(study.trials)} trials: PublicTest {study.best_value:.2%} with {study.best_params}")


def _data(arguments: argparse.Namespace) -> None:
    print(json.dumps(write_overview(_load(arguments), arguments.out), indent=1))


def _twins(arguments: argparse.Namespace) -> None:
    data = _load(arguments)
    pairs, correlations = search_near_pairs(data)
    np.savez_compressed(
        arguments.out,
        data_sha256=data.sha256,
        pairs=pairs.astype(np.int32),
        correlation=correlations.astype(np.float16),
    )
    print(f"{len(pairs)} pairs of pictures in two splits show one photograph; {arguments.out}")


def _export(arguments: argparse.Namespace) -> None:
    data = _load(arguments)
    write, source = (export, arguments.run) if arguments.run else (recalibrate, arguments.card)
    write(source, data, arguments.name, arguments.to, lambda line: print(line, flush=True))


def _evaluate(arguments: argparse.Namespace) -> None:
    classifier = Classifier.load(arguments.card)
    if arguments.folder:
        _evaluate_folder(arguments, classifier)
        return
    if not arguments.data:
        raise FerError("Name the data set with --data, or a folder of pictures with --folder.", "no_data")
    data = _load(arguments)
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
    near = found["without_near_duplicates"]
    print(f"  without its {found['near_duplicates']} exact and near duplicates: {near['accuracy']:.2%}")


def _evaluate_folder(arguments: argparse.Namespace, classifier: Classifier) -> None:
    pictures = read_folder(arguments.folder, _detection(arguments), arguments.people)
    other = Classifier.load(arguments.against) if arguments.against else None
    found = evaluate_folder(classifier, pictures, classifier.card.uncertain_below, other)
    if arguments.json:
        text = json.dumps(found, indent=1)
        print(text) if arguments.json == "-" else Path(arguments.json).write_text(text + "\n")
    if arguments.json != "-":
        print(folder_summary(found))


def _examples(arguments: argparse.Namespace) -> None:
    write_examples(_load(arguments), arguments.card, arguments.out)


def _tune(arguments: argparse.Namespace) -> None:
    path = arguments.card or WEIGHTS_FOLDER / f"{DEFAULT_MODEL}.json"
    own = arguments.handed or read_folder(arguments.folder, _detection(arguments), arguments.people)
    with alone_in(arguments.out):
        card = tune(path, _load(arguments), own, arguments.out, arguments.name, watch=_print_progress)
    print(tuning_summary(card.metrics["own"]))


def _detection(arguments: argparse.Namespace) -> Detect | None:
    detector = None if arguments.crops else Detector()
    return (lambda rgb: detector.detect([rgb])[0]) if detector else None


def _report(arguments: argparse.Namespace) -> None:
    arguments.out.write_text(model_card_markdown(ModelCard.load(arguments.card)), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument(
        "--background",
        type=int,
        metavar="NICE",
        help="run at this lower priority (19: the lowest), and end when standard input, a pipe, is closed",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", type=Path, required=True, help="fer2013.csv, or a folder with one folder a class")
    data.add_argument("--ferplus", type=Path, help="fer2013new.csv, the FER+ votes")

    run = commands.add_parser("run", parents=[data], help="train a preset; run it again to go on after a stop")
    run.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    run.add_argument("--recipe", type=Path, help="a whole recipe as JSON, as run.json has it, instead of a preset")
    run.add_argument("--out", type=Path, help="the run's folder (default: runs/PRESET)")
    run.add_argument(
        "--start-from", type=Path, help="weights of the same network (a run's best.safetensors), or a folder of dlib's"
    )
    run.add_argument(
        "--protocol",
        choices=("clean", "official"),
        default="clean",
        help="official: train on all of Training, twins of test pictures too, only for comparison with papers",
    )
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--epochs", type=int, default=0, help="instead of the preset's")
    run.add_argument("--soft-labels", type=Path, help="teachers' labels, which `teach` wrote, for the preset `distil`")
    run.add_argument("--folds", type=int, default=0, help="cut the training pictures in this many parts ...")
    run.add_argument("--fold", type=int, default=0, help="... and leave this one out (from 0), to be labelled later")
    run.set_defaults(action=_run)

    teachers = commands.add_parser("teach", parents=[data], help="write soft labels from finished runs")
    teachers.add_argument("runs", type=Path, nargs="+", help="the runs' folders")
    teachers.add_argument("--out", type=Path, required=True, help="file of the soft labels (.safetensors)")
    teachers.add_argument("--in-sample", action="store_true", help="allow teachers that have seen all the pictures")
    teachers.set_defaults(action=_teach)

    tuning = commands.add_parser("search", parents=[data], help="search for hyper-parameters with Optuna")
    tuning.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    tuning.add_argument("--trials", type=int, required=True, help="how many more trials")
    tuning.add_argument("--epochs", type=int, default=8, help="of each trial")
    tuning.add_argument("--out", type=Path, default=Path("runs/search"), help="folder of the study and its runs")
    tuning.set_defaults(action=_search)

    overview = commands.add_parser("data", parents=[data], help="count classes and twins, draw balance and samples")
    overview.add_argument("--out", type=Path, default=Path("runs/data"))
    overview.set_defaults(action=_data)

    twins = commands.add_parser("twins", parents=[data], help="search pictures of two splits for the same photographs")
    twins.add_argument("--out", type=Path, default=NEAR_TWINS, help="file of the pairs (.npz; default: the program's)")
    twins.set_defaults(action=_twins)

    ship = commands.add_parser(
        "export", parents=[data], help="calibrate and measure a run's best weights, and write their card"
    )
    source = ship.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, help="the run's folder")
    source.add_argument("--card", type=Path, help="a model's card instead, to calibrate and measure it once more")
    ship.add_argument("--name", required=True, help="the model's name")
    ship.add_argument("--to", type=Path, default=RESULTS, help="folder of both (default: train/results)")
    ship.set_defaults(action=_export)

    measure = commands.add_parser("evaluate", help="measure the shipped model, or another by its card")
    measure.add_argument("--data", type=Path, help="fer2013.csv, or a folder with one folder a class")
    measure.add_argument("--ferplus", type=Path, help="fer2013new.csv, the FER+ votes")
    measure.add_argument("--folder", type=Path, help="instead: pictures of another set, in folders of any layout")
    measure.add_argument("--crops", action="store_true", help="the pictures of --folder are cut to the face already")
    measure.add_argument("--people", help="regular expression on their paths; its first group names the person")
    measure.add_argument("--against", type=Path, help="card of a second model to compare with on the same pictures")
    measure.add_argument("--split", choices=(PUBLIC_TEST, PRIVATE_TEST), default=PUBLIC_TEST)
    measure.add_argument("--card", type=Path, help="a model's card (default: the shipped model's)")
    measure.add_argument("--json", help="write all figures as JSON to this file, - for standard output")
    measure.set_defaults(action=_evaluate)

    tuned = commands.add_parser(
        "tune", parents=[data], help="fine-tune a model on pictures of own people; FER2013 and people held out judge it"
    )
    whose = tuned.add_mutually_exclusive_group(required=True)
    whose.add_argument("--folder", type=Path, help="the own pictures, in folders of any layout")
    whose.add_argument("--own", choices=["-"], help="the own pictures as the clinic's worker hands them over")
    tuned.add_argument("--crops", action="store_true", help="the pictures of --folder are cut to the face already")
    tuned.add_argument("--people", help="regular expression on their paths; its first group names the person")
    tuned.add_argument("--card", type=Path, help="card of the model to go on from (default: the shipped model's)")
    tuned.add_argument("--name", default="tuned", help="the new model's name")
    tuned.add_argument("--out", type=Path, default=Path("runs/tuned"), help="folder of the run and its model")
    tuned.set_defaults(action=_tune, handed=None)

    shown = commands.add_parser("examples", parents=[data], help="write example faces of each cell, with Grad-CAM")
    shown.add_argument("--card", type=Path, required=True, help="the model's card")
    shown.add_argument("--out", type=Path, required=True, help="folder of the examples")
    shown.set_defaults(action=_examples)

    report = commands.add_parser("report", help="write MODEL_CARD.md from a model's card")
    report.add_argument("--card", type=Path)
    report.add_argument("--out", type=Path, default=Path("MODEL_CARD.md"))
    report.set_defaults(action=_report)
    return parser


def main() -> int:
    """Run the command line; exit code 2 for what can't be used."""
    core_files.leave_none()
    arguments = _parser().parse_args()
    if getattr(arguments, "own", None):
        # Before standard input is watched for its end.
        arguments.handed = handed_over(sys.stdin.fileno())
    if arguments.background is not None:
        step_back(arguments.background)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        arguments.action(arguments)
        sys.stdout.flush()
    except BrokenPipeError as error:
        return end_quietly(error)
    except FerError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
