"""Faces in pictures: the three stages of MTCNN with facenet-pytorch's weights, in batches.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
arXiv 1604.02878.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fer_core.batch_fallback import BatchFallback
from fer_core.device import chosen_device
from fer_core.faces import networks
from fer_core.faces.operators import best_apart
from fer_core.types import RGB, Box, Face

NAME = "mtcnn/facenet-pytorch-2.5.3/4"
"""Stored with each analysis. The last number grows when the same file may give other boxes: 2 since no box is larger
than the picture and windows are bound to the last search, 3 since a face that moved is looked at twice, 4 since in a
picture what is no face in its mirror image is none."""
STAGE_THRESHOLDS = (0.6, 0.7, 0.7)
MIRRORED_THRESHOLD = 0.5
"""So sure the last net has to be of the mirror image too: in a curl, a hand or leaves it sees a face by chance."""
REFIND_THRESHOLD = 0.4
"""Where a face was a moment ago, less certainty is needed."""
PYRAMID_FACTOR = 0.709
CELL_PX, STRIDE_PX = 12, 2
REFINE_BATCH = 512


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Boxes (N, 4) float32 left, top, right, bottom in px, the frame (N,) int64 of each, its score (N,)."""

    boxes: Tensor
    frame: Tensor
    score: Tensor


class Detector:
    """MTCNN on a device. `min_face_px`: the smallest face that is looked for."""

    def __init__(self, device: str | None = None, min_face_px: int = 40) -> None:
        wanted = chosen_device(device)
        # MPS lacks operations that MTCNN needs.
        self._fallback = BatchFallback(
            torch.device("cpu") if wanted.type == "mps" else wanted, REFINE_BATCH, self._to_cpu
        )
        self.min_face_px = min_face_px
        self._propose_net = _ready(networks.proposals(), self.device)
        self._refine_net = _ready(networks.refinements(), self.device)
        self._output_net = _ready(networks.outputs(), self.device)

    @property
    def device(self) -> torch.device:
        """Where the nets run: the device that was asked for, or the CPU once that one's memory did not suffice."""
        return self._fallback.device

    def _to_cpu(self) -> None:
        for network in (self._propose_net, self._refine_net, self._output_net):
            network.to("cpu")

    @torch.inference_mode()
    def detect(self, frames: Sequence[RGB], scale: float = 1.0, *, both_ways: bool = False) -> list[list[Face]]:
        """Return the faces of each picture, (H, W, 3) uint8 RGB all of one size, the most certain first.

        No box is wider or higher than the picture. `scale`: px of these pictures per px of the originals, in which
        `min_face_px` is meant. `both_ways`: leave out what is no face in its mirror image.
        """
        if not frames:
            return []
        return self._fallback.run(lambda: self._detect(frames, scale, both_ways))

    def _detect(self, frames: Sequence[RGB], scale: float, both_ways: bool) -> list[list[Face]]:
        pictures = _stack(frames, self.device)
        proposed = self._refine(pictures, self._propose(pictures, scale))
        mirrored = MIRRORED_THRESHOLD if both_ways else 0.0
        return self._output(pictures, proposed, len(frames), STAGE_THRESHOLDS[2], mirrored)

    @torch.inference_mode()
    def refind(self, frames: Sequence[RGB], boxes: Sequence[Sequence[Box]]) -> list[list[Face]]:
        """Look for faces again in known windows (squares), one list a picture; much quicker than `detect`."""
        if not frames:
            return []
        rows = [(box.left, box.top, box.right, box.bottom) for found in boxes for box in found]
        if not rows:
            return [[] for _ in frames]
        where = [number for number, found in enumerate(boxes) for _ in found]
        return self._fallback.run(lambda: self._refind(frames, rows, where))

    def _refind(
        self, frames: Sequence[RGB], rows: list[tuple[float, float, float, float]], where: list[int]
    ) -> list[list[Face]]:
        pictures = _stack(frames, self.device)
        known = torch.tensor(rows, device=self.device)
        frame = torch.tensor(where, device=self.device)
        start = _Candidates(_square(known), frame, torch.ones(len(rows), device=self.device))
        return self._output(pictures, start, len(frames), REFIND_THRESHOLD)

    def _propose(self, pictures: Tensor, reduced: float) -> _Candidates:
        """Run the proposal net over a pyramid of reduced pictures (N, 3, H, W) uint8."""
        height, width = pictures.shape[-2:]
        scale = min(1.0, CELL_PX / (self.min_face_px * reduced))
        boxes, frames, scores, levels = [], [], [], []
        level = 0
        while min(height, width) * scale >= CELL_PX:
            size = (math.ceil(height * scale), math.ceil(width * scale))
            small = F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)
            offsets, probability = self._propose_net(_normalised(small))
            hit = probability[:, 1] >= STAGE_THRESHOLDS[0]
            place = hit.nonzero()
            score = probability[:, 1][hit]
            shift = offsets.permute(0, 2, 3, 1)[hit]
            corner = place[:, 1:].flip(1).float() * STRIDE_PX
            cell = torch.cat([(corner + 1) / scale, (corner + CELL_PX) / scale], 1).floor()
            keep = best_apart(cell, score, place[:, 0], 0.5)
            boxes.append(_shifted(cell[keep], shift[keep], 0))
            frames.append(place[keep, 0])
            scores.append(score[keep])
            levels.append(level)
            scale *= PYRAMID_FACTOR
            level += 1
        if not boxes:
            none = torch.empty(0, device=self.device)
            return _Candidates(none.view(0, 4), none.long(), none)
        box, frame, score = torch.cat(boxes), torch.cat(frames), torch.cat(scores)
        keep = best_apart(box, score, frame, 0.7)
        return _Candidates(_square(box[keep]), frame[keep], score[keep])

    def _refine(self, pictures: Tensor, found: _Candidates) -> _Candidates:
        """Keep what the second net takes for a face."""
        found = _whole_px(_inside(found, pictures))
        if not len(found.boxes):
            return found
        offsets, probability = _in_batches(self._refine_net, _cut(pictures, found, 24), self._fallback.batch)
        sure = probability[:, 1] > STAGE_THRESHOLDS[1]
        boxes, frame, score = found.boxes[sure], found.frame[sure], probability[sure, 1]
        keep = best_apart(boxes, score, frame, 0.7)
        return _Candidates(_square(_shifted(boxes[keep], offsets[sure][keep], 1)), frame[keep], score[keep])

    def _output(
        self, pictures: Tensor, found: _Candidates, count: int, threshold: float, mirrored_threshold: float = 0.0
    ) -> list[list[Face]]:
        """Turn what the third net takes for a face, also in its mirror image, into faces, one list a picture."""
        faces: list[list[Face]] = [[] for _ in range(count)]
        found = _whole_px(_inside(found, pictures))
        if not len(found.boxes):
            return faces
        crops = _cut(pictures, found, 48)
        offsets, points, probability = _in_batches(self._output_net, crops, self._fallback.batch)
        sure = probability[:, 1] > threshold
        windows, frame, score = found.boxes[sure], found.frame[sure], probability[sure, 1]
        size = (windows[:, 2:] - windows[:, :2] + 1).unsqueeze(1)
        landmarks = points[sure].view(-1, 2, 5).transpose(1, 2) * size + windows[:, None, :2] - 1
        boxes = _no_larger(_shifted(windows, offsets[sure], 1), pictures)
        kept = _nms_by_smaller(boxes, score, frame)
        if kept and mirrored_threshold:
            mirrored = _in_batches(self._output_net, crops[sure][kept].flip(3), self._fallback.batch)[2][:, 1]
            kept = [row for row, other in zip(kept, mirrored.tolist(), strict=True) if other >= mirrored_threshold]
        for row in kept:
            left, top, right, bottom = boxes[row].tolist()
            if left < right and top < bottom:
                where = tuple((float(x), float(y)) for x, y in landmarks[row].tolist())
                box, window = Box(left, top, right, bottom), Box(*windows[row].tolist())
                faces[int(frame[row])].append(Face(box, float(score[row]), where, window=window))
        return faces


def _ready(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """Return a net for use; with channels last in memory it takes a third of the time on a CPU."""
    return network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _stack(frames: Sequence[RGB], device: torch.device) -> Tensor:
    """(N, 3, H, W) uint8 in channels-last memory, the form in which torch resizes bytes fastest."""
    one = frames[0]
    # A copy of a single picture would take as long as a look into it.
    usable = len(frames) == 1 and one.flags.writeable and one.flags.c_contiguous
    return torch.from_numpy(one[None] if usable else np.stack(frames)).to(device).permute(0, 3, 1, 2)


def _normalised(pictures: Tensor) -> Tensor:
    """Bytes to about -1 .. 1, as MTCNN was trained."""
    return (pictures.float() - 127.5) * 0.0078125


def _square(boxes: Tensor) -> Tensor:
    """Return squares about the boxes' middles with their longer side."""
    side = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True)
    middle = (boxes[:, 2:] + boxes[:, :2]) / 2
    return torch.cat([middle - side / 2, middle + side / 2], 1)


def _shifted(boxes: Tensor, offsets: Tensor, inclusive: int) -> Tensor:
    """Move each edge by the net's offset, in sizes of the box; `inclusive` px belong to the size on top."""
    size = (boxes[:, 2:] - boxes[:, :2] + inclusive).repeat(1, 2)
    return boxes + offsets * size


def _inside(found: _Candidates, pictures: Tensor) -> _Candidates:
    """Leave out boxes of which nothing lies inside the picture."""
    height, width = pictures.shape[-2:]
    left, top, right, bottom = found.boxes.unbind(1)
    keep = (left.clamp(min=0) + 2 <= right.clamp(max=width)) & (top.clamp(min=0) + 2 <= bottom.clamp(max=height))
    return _Candidates(found.boxes[keep], found.frame[keep], found.score[keep])


def _whole_px(found: _Candidates) -> _Candidates:
    """Round the boxes, so that what a net says of a crop is placed by the very box that was cut."""
    return _Candidates(found.boxes.round(), found.frame, found.score)


def _no_larger(boxes: Tensor, pictures: Tensor) -> Tensor:
    """Cut off, at the picture's edges, boxes that are wider or higher than the picture."""
    height, width = pictures.shape[-2:]
    limit = torch.tensor([width, height], dtype=boxes.dtype, device=boxes.device)
    larger = (boxes[:, 2:] - boxes[:, :2] > limit).repeat(1, 2)
    return torch.where(larger, torch.minimum(boxes.clamp(min=0), limit.repeat(2)), boxes)


def _cut(pictures: Tensor, found: _Candidates, side: int) -> Tensor:
    """Cut the boxes out -> (N, 3, side, side) float, normalised; black where they reach out of the picture.

    `found` has boxes in whole px. Each has a size of its own, so this is a loop; bytes are resized as they are, which
    costs 30 microseconds a box.
    """
    height, width = pictures.shape[-2:]
    crops = torch.empty(
        (len(found.boxes), 3, side, side),
        dtype=torch.uint8,
        device=pictures.device,
        memory_format=torch.channels_last,
    ).zero_()
    corners = found.boxes.to(torch.int64).tolist()
    for row, (frame, (left, top, right, bottom)) in enumerate(zip(found.frame.tolist(), corners, strict=True)):
        rows, high = _visible(top, bottom, height, side)
        columns, wide = _visible(left, right, width, side)
        part = pictures[frame, :, rows, columns]
        size = (high.stop - high.start, wide.stop - wide.start)
        crops[row, :, high, wide] = F.interpolate(
            part[None], size, mode="bilinear", antialias=True, align_corners=False
        )[0]
    return _normalised(crops)


def _visible(first: int, last: int, length: int, side: int) -> tuple[slice, slice]:
    """Return the part of a box (px from 1, both ends included) that lies inside a picture's `length`, and its place
    among the `side` px of a crop."""
    whole = last - first + 1
    begin, end = max(0, first - 1), min(length, last)
    start = min(side - 1, round((begin - first + 1) / whole * side))
    stop = max(start + 1, round((end - first + 1) / whole * side))
    return slice(begin, end), slice(start, stop)


def _in_batches(network: torch.nn.Module, crops: Tensor, size: int) -> list[Tensor]:
    parts = [network(crops[begin : begin + size]) for begin in range(0, len(crops), size)]
    return [torch.cat(outputs) for outputs in zip(*parts, strict=True)]


def _nms_by_smaller(boxes: Tensor, score: Tensor, frame: Tensor, limit: float = 0.7) -> list[int]:
    """Return the rows to keep, the most certain first: overlap is measured by the smaller box, so that a face found
    inside another goes."""
    order = score.argsort(descending=True).tolist()
    area = ((boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)).tolist()
    corners, frames = boxes.tolist(), frame.tolist()
    kept: list[int] = []
    for row in order:
        a = corners[row]
        for other in kept:
            b = corners[other]
            if frames[other] != frames[row]:
                continue
            wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
            high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
            if wide * high / min(area[row], area[other]) > limit:
                break
        else:
            kept.append(row)
    return kept
