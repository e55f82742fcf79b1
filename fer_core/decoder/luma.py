"""Small grey pictures of decoded frames, by which cuts are found (see fer_core/media/shots.py)."""

from __future__ import annotations

from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from fer_core.media.shots import HEIGHT, WIDTH


class Luma:
    """Makes small grey pictures of frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def of(self, frame: VideoFrame) -> str:
        """Return a decoded frame as `Shots` keeps it."""
        small = self._reformatter.reformat(frame, WIDTH, HEIGHT, "gray", interpolation="AREA", threads=1)
        return bytes(small.to_ndarray()).hex()
