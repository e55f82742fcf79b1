"""The values that travel from a file to a chart: frozen, checked once when they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_core.emotions import Emotion

if TYPE_CHECKING:
    from fer_core.media.shots import Shots

RGB = NDArray[np.uint8]
"""An RGB picture, (H, W, 3) uint8."""


class Status(StrEnum):
    """Why a sample has a label, or why it has none."""

    OK = "ok"
    UNCERTAIN = "uncertain"
    NO_FACE = "no_face"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    DARK = "dark"
    PROFILE = "profile"
    PARTIAL = "partial"
    DAMAGED = "damaged"
    OTHERS = "others"
    """Faces were found, and a person chose none of them as the one that is followed."""
    NOT_PATIENT = "not_patient"
    """Marked by a person. This status and the one before are set afterwards, never found in a file."""

    @property
    def usable(self) -> bool:
        """Whether the sample's face could be read at all (labelled, or honestly uncertain)."""
        return self in (Status.OK, Status.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Position:
    """The state of a pass over a video: what it has met up to and including one frame.

    `index` and `time_s` are the frame's; `start_s` is the stream's own time of the video's first frame.
    """

    index: int
    time_s: float
    start_s: float
    decoded: int
    damaged: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of a video, upright.

    `index` counts the frames of the stream from 0; `time_s` is the stream's own presentation time in seconds,
    from the start of the video; `rgb` is (H, W, 3) uint8, RGB; `scale` is px of this picture per px of the video's
    own upright frame. `position`: to resume from here another time. `cut`: another shot began since
    the previous frame; `shots`: what is needed to detect a cut after this one. Never stored.
    """

    index: int
    time_s: float
    rgb: RGB
    scale: float = 1.0
    position: Position | None = None
    cut: bool = False
    shots: Shots | None = None


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A video's metadata: upright size in px, duration in seconds (None if unknown), codec.

    `mean_fps` is for display alone: nothing is computed from it, because phones record at a variable rate.
    `media_type`: as what browsers play it, such as ``video/mp4``; None where they don't. `begins_s`: where in the file
    its first picture stands, later than 0 where the sound begins before it; a player counts from there.
    `bits_per_pixel`: how strongly it is compressed, the file's bits for each pixel of its frames; None if unknown.
    """

    width_px: int
    height_px: int
    duration_s: float | None
    mean_fps: float | None
    codec: str = ""
    media_type: str | None = None
    begins_s: float = 0.0
    bits_per_pixel: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in px of the upright frame; may reach beyond the frame's edge."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError(f"not a box: {self.left}, {self.top}, {self.right}, {self.bottom}")

    @property
    def width(self) -> float:
        """Width in px."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in px."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Area in px²."""
        return self.width * self.height

    @property
    def middle(self) -> tuple[float, float]:
        """The middle, x and y in px."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def scaled(self, factor: float) -> Box:
        """Return the same box in a picture of `factor` times the size."""
        return Box(self.left * factor, self.top * factor, self.right * factor, self.bottom * factor)

    def moved(self, x: float, y: float) -> Box:
        """Return the box moved by so many px."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def iou(self, other: Box) -> float:
        """Intersection over union with another box, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be read.

    `size_px`: the shorter side of its box. `sharpness`: variance of the Laplacian of the 48 px grey crop.
    `brightness`: mean grey level, 0 to 255. `yaw_deg`, `pitch_deg`, `roll_deg`: approximate pose from the five
    landmarks, None without landmarks. `outside`: share of the box that lies outside the frame, 0 to 1.
    """

    size_px: float
    sharpness: float
    brightness: float
    yaw_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    outside: float


@dataclass(frozen=True, slots=True)
class Face:
    """A face that was found: its box, the detector's confidence (0 to 1), five landmarks and its quality.

    `landmarks`: (5, 2) px as ((x, y), …): left eye, right eye, nose, left and right corner of the mouth, as the
    viewer sees them; None where the detector gave none. `track`: number of the track within the recording, from 0.
    `window`: the square in which the detector's last net saw the face, for a second look; results have none.
    """

    box: Box
    confidence: float
    landmarks: tuple[tuple[float, float], ...] | None = None
    quality: Quality | None = None
    track: int = 0
    window: Box | None = None


@dataclass(frozen=True, slots=True)
class FaceExpression:
    """A face with the model's probabilities in `Emotion` order, or with a status that says why there are none.

    A probability is the model's output for a label. It is not the chance that someone feels something.
    `mouth_change`: how much the mouth changed within 0.2 s (`fer_core.faces.mouth`), None where that isn't known.
    `framing_kept`: share of `fer_core.faces.framing.FRAMINGS` under which the label stays, 0 to 1, None where that
    wasn't tried.
    """

    face: Face
    status: Status
    probabilities: tuple[float, ...] | None
    mouth_change: float | None = None
    framing_kept: float | None = None

    def __post_init__(self) -> None:
        if self.probabilities is None:
            if self.status.usable:
                raise ValueError(f"status {self.status} needs probabilities")
            return
        if not self.status.usable:
            raise ValueError(f"status {self.status} must not carry probabilities")
        if len(self.probabilities) != len(Emotion):
            raise ValueError(f"{len(self.probabilities)} probabilities for {len(Emotion)} classes")
        if not math.isclose(sum(self.probabilities), 1.0, abs_tol=1e-3):
            raise ValueError(f"probabilities sum to {sum(self.probabilities)}")

    @property
    def emotion(self) -> Emotion | None:
        """The label, or None where the face is uncertain or could not be read."""
        if self.status is not Status.OK or self.probabilities is None:
            return None
        return Emotion(max(range(len(Emotion)), key=self.probabilities.__getitem__))

    @property
    def label(self) -> str | None:
        """The label's name, such as ``"happy"``, None where there is no label; `emotion` is its number."""
        return None if self.emotion is None else self.emotion.label


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What was seen at one moment. An empty tuple of faces means no face: a gap, never a guess.

    `damaged` marks a moment whose frame could not be decoded; its time is where a sample was due. `cut`: another shot
    began since the sample before, so no track continues.
    """

    index: int
    time_s: float
    faces: tuple[FaceExpression, ...] = ()
    damaged: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """A sampled frame to look at: (H, W, 3) uint8 RGB small enough for a page, faces with boxes in its px."""

    time_s: float
    rgb: RGB
    faces: tuple[FaceExpression, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """About 10 s of a video's results, and what the pass knows so far.

    `damaged_frames`, `skipped_frames` (without a time that goes forward, or without the frames that they need) and
    `partial` are those of the whole file in the last chunk. `resume` is what `stream_video` needs
    to go on after this chunk another time, as JSON holds it; None in the last chunk.
    """

    results: tuple[FrameResult, ...]
    info: VideoInfo
    preview: Preview | None = None
    damaged_frames: int = 0
    partial: bool = False
    resume: dict[str, Any] | None = None
    skipped_frames: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an analysis: seconds of video done and in total (None if unknown), frames sampled so far."""

    done_s: float
    total_s: float | None
    frames: int

    @property
    def share(self) -> float | None:
        """Share done, 0 to 1, or None where the length is unknown."""
        if not self.total_s:
            return None
        return min(1.0, self.done_s / self.total_s)


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """What a result depends on, apart from the file and the model; stored with it.

    `every_s`: seconds between samples, 0 for every frame. `detector`: its name and version. `segment_s`: after about so
    many seconds following starts again at a key frame (fer_core/segments.py).
    """

    every_s: float = 0.2
    detector: str = "mtcnn"
    min_face_px: int = 40
    uncertain_below: float = 0.0
    segment_s: float = 60.0


@dataclass(frozen=True, slots=True)
class RecordingAnalysis:
    """Everything found in one file, in the order of time; `preview` shows it where it is a picture.

    `skipped_frames`: as in `Chunk`, or of a picture's file those after the first. `warnings`: sentences about what of
    the file was not read.

    Raises ValueError if the times do not increase strictly.
    """

    info: VideoInfo
    results: tuple[FrameResult, ...]
    model_sha256: str
    settings: AnalysisSettings
    device: str
    damaged_frames: int = 0
    partial: bool = False
    skipped_frames: int = 0
    warnings: tuple[str, ...] = field(default=())
    preview: Preview | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        times = [result.time_s for result in self.results]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("the times of an analysis must increase strictly")
