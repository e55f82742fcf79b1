"""Pictures of a camera, as a browser sends them: decoded by a process without rights, one for each camera."""

from __future__ import annotations

import socket
from types import TracebackType

import numpy as np

from fer_core.errors import MEDIA_CODES, media_error
from fer_core.media import wire
from fer_core.media.kinds import CAMERA_SIDE_PX
from fer_core.media.process import READERS
from fer_core.types import RGB

CAMERA_BYTES = 512 * 1024
"""The most that one picture may take: a JPEG of 640 x 360 takes about 30 kB."""
ANSWER_WITHIN_S = 10.0
CPU_S = 12 * 3600
"""Processor time of the process: more than a session of a day takes."""


class CameraReader:
    """The process that decodes the pictures of one camera. For one thread at a time; to be closed."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process: int | None = READERS.start(theirs, CPU_S)
            ours.settimeout(ANSWER_WITHIN_S)
            wire.send(ours, wire.QUESTION, {"do": "camera", "size": 0})
        except BaseException:
            ours.close()
            raise
        self._link = ours

    def __enter__(self) -> CameraReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, jpeg: bytes) -> RGB:
        """Return a picture: (H, W, 3) uint8 RGB, no side longer than `CAMERA_SIDE_PX`.

        Raises MediaError ``too_large``, ``unknown_type``, ``damaged_image``, and ``unreadable_file`` where the process
        is gone, which ends this reader.
        """
        if len(jpeg) > CAMERA_BYTES:
            raise media_error("too_large")
        if self._process is None:
            raise media_error("unreadable_file")
        try:
            wire.send(self._link, wire.BYTES, {}, jpeg)
            return self._answer()
        except (OSError, EOFError, ValueError, wire.WireError):
            self.close()
            raise media_error("unreadable_file") from None

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            process, self._process = self._process, None
            self._link.close()
            READERS.end(process)

    def _answer(self) -> RGB:
        message = wire.receive(self._link)
        # What it gave up before it read anything, said once.
        while message.kind == wire.READY:
            message = wire.receive(self._link)
        if message.kind == wire.REFUSED:
            code = message.fields.get("code")
            raise media_error(code if isinstance(code, str) and code in MEDIA_CODES else "unreadable_file")
        height, width = message.fields.get("height"), message.fields.get("width")
        if type(height) is not int or type(width) is not int or message.kind != wire.FRAME:
            raise wire.WireError
        if not (1 <= height <= CAMERA_SIDE_PX and 1 <= width <= CAMERA_SIDE_PX) or 3 * height * width != message.size:
            raise wire.WireError
        rgb = np.empty((height, width, 3), np.uint8)
        wire.fill(self._link, rgb.data.cast("B"))
        return rgb
