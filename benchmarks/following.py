"""Following against MTCNN at every frame, for each clip of a folder: ``python -m benchmarks following FOLDER``."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ways import Seen
from fer_core.media import video
from fer_core.types import RGB, Box

SURE = 0.95
SAME_IOU = 0.5
TOUCHING_IOU = 0.1
RUN_AWAY = 1.5
CHAIN_S = 1.0
EVERY_FRAME_UP_TO = 160
CUT_BELOW = 0.5
"""Histograms of two frames in sequence that share less than this: a cut, judged by another rule than the product's."""
FLASH_S = 0.25
"""A picture that comes back within this time was lit by a flash, and not cut."""
VIDEOS = (".mp4", ".mov", ".avi", ".webm", ".mkv", ".ts", ".mts")

Way = Callable[[Path, float], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Following:
    """What following did with one clip at one rate, beside MTCNN on each of the same frames.

    `sure`: faces that MTCNN is sure of; `found`: share of them with a box of ours of IoU 0.5 or more. `iou`, `area`:
    median overlap, and 99th percentile of our area by MTCNN's. `runaways`: boxes over 1.5 times MTCNN's area, or larger
    than the picture. `extra`: boxes where MTCNN sees nothing, at any confidence. `numbers`, `persons`: numbers given,
    and chains of MTCNN's boxes between cuts. `switches`: changes of number inside a chain. `over_cuts`: numbers that
    are on both sides of a cut. `difference`: mean difference of a probability; `other_label`: share of other labels.
    `movement`: mean movement of the outputs of a number, total variation per second. `cpu_ratio`: MTCNN's processor
    time for a frame by ours for a sample. `peak_mb`, `process_mb`: memory of all processes, and of the largest one.
    """

    clip: str
    every_s: float
    samples: int
    sure: int
    found: float
    iou: float
    area: float
    runaways: int
    partial: int
    extra: int
    numbers: int
    persons: int
    switches: int
    over_cuts: int
    difference: float
    other_label: float
    movement: float
    per_second: float
    cpu_ratio: float
    peak_mb: float
    process_mb: float


def clips(folder: Path) -> list[Path]:
    """Return the videos of a folder in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEOS)


def measure(path: Path, rates: Sequence[float], ours: Way, reference: Way, cache: Path | None) -> Iterator[Following]:
    """Yield the figures of a clip at each rate. `cache`: a folder that keeps MTCNN's boxes for the next run."""
    expected = expected_of(path, reference, cache)
    cuts = cut_times(path)
    size = video.probe(path)
    for every_s in rates:
        yield compare(path.name, every_s, ours(path, every_s), expected, cuts, size.width_px * size.height_px)


def expected_of(path: Path, reference: Way, cache: Path | None) -> dict[str, Any]:
    """Return what MTCNN sees at every frame, in long clips at ten frames a second: it is slow; and what that took."""
    info = video.probe(path)
    frames = (info.duration_s or 0.0) * (info.mean_fps or 0.0)
    every_s = 0.0 if frames <= EVERY_FRAME_UP_TO else 0.1
    name = f"{hashlib.sha256(path.read_bytes()).hexdigest()}-{every_s}.json"
    if cache is not None and (cache / name).exists():
        kept: dict[str, Any] = json.loads((cache / name).read_text())
        return kept
    found = reference(path, every_s)
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text(json.dumps(found))
    return found


def compare(
    clip: str, every_s: float, mine: dict[str, Any], reference: dict[str, Any], cuts: Sequence[float], picture_px: float
) -> Following:
    """Return the figures of what one way saw, `mine`, beside a reference at every frame."""
    seen: Seen = mine["seen"]
    by_time = {round(frame["time_s"], 3): frame["faces"] for frame in reference["seen"]}
    pairs = [(one["faces"], by_time[at]) for one in seen if (at := round(one["time_s"], 3)) in by_time]
    matched = [(box, _best(box, faces)) for faces, known in pairs for box in known if box["confidence"] > SURE]
    touching = [(box, face) for box, face in matched if face is not None and _iou(box, face) >= TOUCHING_IOU]
    good = [(box, face) for box, face in touching if _iou(box, face) >= SAME_IOU]
    both = [(b, f) for b, f in good if b["probabilities"] is not None and f["probabilities"] is not None]
    ratios = [_area(face) / _area(box) for box, face in touching]
    every = [face for faces, _ in pairs for face in faces]
    chains = _chains(seen, by_time, cuts)
    return Following(
        clip=clip,
        every_s=every_s,
        samples=len(seen),
        sure=len(matched),
        found=len(good) / len(matched) if matched else 1.0,
        iou=_median([_iou(box, face) for box, face in good]),
        area=float(np.percentile(ratios, 99)) if ratios else 1.0,
        runaways=sum(ratio > RUN_AWAY for ratio in ratios) + sum(_area(face) > picture_px for face in every),
        partial=sum(face["status"] == "partial" for face in every),
        extra=sum(_alone(face, known) for faces, known in pairs for face in faces),
        numbers=len({face["track"] for face in every}),
        persons=len(chains),
        switches=sum(a != b for chain in chains for a, b in pairwise(chain)),
        over_cuts=_over_cuts(seen, cuts),
        difference=_mean([float(np.abs(np.subtract(b["probabilities"], f["probabilities"])).mean()) for b, f in both]),
        other_label=_mean([np.argmax(b["probabilities"]) != np.argmax(f["probabilities"]) for b, f in both]),
        movement=_movement(seen),
        per_second=len(seen) / mine["wall_s"],
        cpu_ratio=(reference["cpu_s"] / len(reference["seen"])) / (mine["cpu_s"] / len(seen)),
        peak_mb=mine["peak_mb"],
        process_mb=mine["process_mb"],
    )


def cut_times(path: Path) -> list[float]:
    """Return the times of the frames with which another shot begins, after the histograms of the colours."""
    return cuts_of([(frame.time_s, _histogram(frame.rgb)) for frame in video.frames(path, 0.0, 160)])


def cuts_of(seen: Sequence[tuple[float, Any]]) -> list[float]:
    """Return the times of cuts among times and histograms, each of which sums to 1; flashes are none."""
    return [
        at
        for place, ((_, before), (at, now)) in enumerate(pairwise(seen), start=1)
        if _unlike(before, now) and not _comes_back(seen, place)
    ]


def _comes_back(seen: Sequence[tuple[float, Any]], place: int) -> bool:
    """Return whether a picture of just before `place` is seen again just after it."""
    at = seen[place][0]
    before = [histogram for time_s, histogram in seen[:place] if time_s >= at - FLASH_S]
    after = [histogram for time_s, histogram in seen[place:] if time_s <= at + FLASH_S]
    return not all(_unlike(one, other) for one in before for other in after)


def _unlike(one: Any, other: Any) -> bool:
    return bool(np.minimum(one, other).sum() < CUT_BELOW)


def _histogram(rgb: RGB) -> Any:
    cell = (rgb >> 5).astype(np.int64) @ np.array([64, 8, 1])
    return np.bincount(cell.ravel(), minlength=512) / cell.size


def _chains(seen: Seen, by_time: dict[float, Any], cuts: Sequence[float]) -> list[list[int]]:
    """Return our numbers for each person: MTCNN's sure boxes that follow each other at one place between cuts."""
    ours = {round(one["time_s"], 3): one["faces"] for one in seen}
    open_chains: list[tuple[float, dict[str, Any], list[int]]] = []
    closed: list[list[int]] = []
    for time_s, known in sorted(by_time.items()):
        shot = max((cut for cut in cuts if cut <= time_s + 1e-3), default=0.0)
        goes_on = [chain for chain in open_chains if chain[0] >= max(shot - 1e-3, time_s - CHAIN_S)]
        closed += [chain[2] for chain in open_chains if chain not in goes_on]
        open_chains = goes_on
        for box in known:
            if box["confidence"] <= SURE:
                continue
            chain = max(open_chains, key=lambda kept: _iou(kept[1], box), default=None)
            numbers: list[int] = []
            if chain is not None and _iou(chain[1], box) >= SAME_IOU:
                open_chains.remove(chain)
                numbers = chain[2]
            face = _best(box, ours.get(time_s, []))
            numbers += [face["track"]] if face is not None and _iou(box, face) >= SAME_IOU else []
            open_chains.append((time_s, box, numbers))
    return [numbers for numbers in closed + [chain[2] for chain in open_chains] if numbers]


def _over_cuts(seen: Seen, cuts: Sequence[float]) -> int:
    shots: dict[int, set[int]] = {}
    for one in seen:
        for face in one["faces"]:
            shots.setdefault(face["track"], set()).add(sum(cut <= one["time_s"] for cut in cuts))
    return sum(len(found) - 1 for found in shots.values())


def _movement(seen: Seen) -> float:
    moved: list[float] = []
    last: dict[int, tuple[float, Any]] = {}
    for one in seen:
        for face in one["faces"]:
            if face["probabilities"] is None:
                continue
            before = last.get(face["track"])
            if before is not None and one["time_s"] - before[0] <= CHAIN_S:
                distance = np.abs(np.subtract(face["probabilities"], before[1])).sum() / 2
                moved.append(float(distance) / (one["time_s"] - before[0]))
            last[face["track"]] = (one["time_s"], face["probabilities"])
    return _mean(moved)


def _iou(a: dict[str, Any], b: dict[str, Any]) -> float:
    return Box(*a["box"]).iou(Box(*b["box"]))


def _area(face: dict[str, Any]) -> float:
    return Box(*face["box"]).area


def _best(box: dict[str, Any], faces: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    return max(faces, key=lambda face: _iou(box, face), default=None)


def _alone(face: dict[str, Any], known: Sequence[dict[str, Any]]) -> bool:
    return all(_iou(face, box) < TOUCHING_IOU for box in known)


def _mean(values: Sequence[float | bool]) -> float:
    return statistics.fmean(values) if values else 0.0


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


HEAD = (
    "clip | every s | samples | sure | found | IoU | area p99 | run-aways | partial | extra | numbers"
    " | persons | switches | over cuts | difference | other label | movement /s | samples/s | CPU ratio | peak MB"
    " | MB of a process"
)
FORMATS = {"found": ".1%", "iou": ".3f", "area": ".2f", "difference": ".3f", "other_label": ".1%", "movement": ".3f"}


def row(found: Following) -> str:
    """Return the figures of a clip as a row of a Markdown table."""
    formats = FORMATS | {"per_second": ".1f", "cpu_ratio": ".1f", "peak_mb": ".0f", "process_mb": ".0f"}
    return " | ".join(format(getattr(found, one.name), formats.get(one.name, "")) for one in fields(found))


def summary(every_s: float, found: Sequence[Following]) -> str:
    """Return the ranges over all clips at one rate that hold a sure face."""
    held = [one for one in found if one.every_s == every_s and one.sure]
    if not held:
        return f"every {every_s} s: no clip with a face"
    sure = sum(one.sure for one in held)
    overall = sum(one.found * one.sure for one in held) / sure
    return (
        f"every {every_s} s, {len(held)} clips, {sure} sure faces: found {overall:.1%}"
        f" (worst {_least(held, 'found'):.1%}),"
        f" IoU {_least(held, 'iou'):.3f} to {_most(held, 'iou'):.3f}, run-aways {sum(one.runaways for one in held)},"
        f" switches {sum(one.switches for one in held)}, over cuts {sum(one.over_cuts for one in held)},"
        f" difference {_least(held, 'difference'):.3f} to {_most(held, 'difference'):.3f},"
        f" CPU ratio {_least(held, 'cpu_ratio'):.1f} to {_most(held, 'cpu_ratio'):.1f},"
        f" peak {_most(held, 'peak_mb'):.0f} MB, of a process {_most(held, 'process_mb'):.0f} MB"
    )


def _least(found: Sequence[Following], name: str) -> float:
    return min(float(getattr(one, name)) for one in found)


def _most(found: Sequence[Following], name: str) -> float:
    return max(float(getattr(one, name)) for one in found)
