"""Pictures while a long video is analysed: how long the user who uploaded one waits for its result."""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clinics import Clinic, clinic, picture, until, video
from clinic.jobs import progress
from clinic.jobs.progress import JobStatus
from db.models import JobState

ANSWERED_WITHIN_S = 2.0
ENLARGED = 12
"""Every second picture is so many times as wide and high: as large as a phone's (3840x2880)."""
PAUSE_S = 3.0
"""Pictures are handed in at random moments, so many seconds apart at most."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long each picture took from being queued to its result, seconds, shortest first.

    `video_done_s`: how much of the video was done meanwhile.
    """

    waited_s: list[float]
    video_done_s: float

    @property
    def sound(self) -> bool:
        """Whether each picture was answered in time, and the video went on beside them."""
        return self.waited_s[-1] <= ANSWERED_WITHIN_S and self.video_done_s > 0

    def table(self) -> str:
        """The same for people."""
        median_s, longest_s = self.waited_s[len(self.waited_s) // 2], self.waited_s[-1]
        return "\n".join(
            [
                f"pictures handed in while the video ran   {len(self.waited_s)}",
                f"answered after, median and longest       {median_s:.2f} s, {longest_s:.2f} s",
                f"video analysed meanwhile                 {self.video_done_s:.0f} s",
                "sound" if self.sound else "NOT SOUND",
            ]
        )


def measure(pictures: int, seconds: int, seed: int = 0) -> Waits:
    """Hand pictures in while the app's own worker is at a video of so many seconds."""
    chance = random.Random(seed)  # noqa: S311 moments, no secrets
    with tempfile.TemporaryDirectory() as name, clinic(Path(name)) as place:
        long = place.hand_in(video(Path(name) / "video.mp4", seconds), "video")
        place.supervised()
        until(lambda: _status(place, long).done_s > 0)
        begun_s, waited_s = _status(place, long).done_s, []
        for number in range(pictures):
            time.sleep(chance.uniform(0, PAUSE_S))
            waited_s.append(
                _wait_for(place, picture(Path(name) / "picture.png", number, ENLARGED if number % 2 else 1))
            )
        at = _status(place, long)
        if at.state is not JobState.RUNNING:
            raise SystemExit("The video was over before the pictures were: take a longer one.")
        return Waits(sorted(waited_s), at.done_s - begun_s)


def _wait_for(place: Clinic, content: bytes) -> float:
    recording_id = place.hand_in(content, "image")
    begun = time.monotonic()
    until(lambda: _status(place, recording_id).finished)
    return time.monotonic() - begun


def _status(place: Clinic, recording_id: str) -> JobStatus:
    found = progress.status(place.db, place.who, recording_id)
    if found is None:
        raise LookupError("the recording is gone")
    return found
