"""The process that reads a file: gives up its rights, receives one request, asks for the file's bytes, and answers."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import BinaryIO, cast

import numpy as np

from fer_core.carry import Json, from_json, to_json
from fer_core.decoder.examine import examine
from fer_core.decoder.image import read_camera_picture, read_image
from fer_core.decoder.lock import give_up_rights
from fer_core.decoder.remote import Link, RemoteFile
from fer_core.decoder.spans import spans
from fer_core.decoder.video import frames, probe
from fer_core.errors import FerError
from fer_core.media import wire
from fer_core.media.frame_head import FrameHead
from fer_core.media.passage import Bookmark, DecodeStats, Span
from fer_core.media.ring import Ring
from fer_core.media.source import Source
from fer_core.types import VideoInfo

Answer = Callable[[Link, Source, Json], None]


def serve(socket_to_asker: socket.socket, cpu_s: int, ring: Ring | None = None) -> None:
    """Answer one question about one file, in at most `cpu_s` seconds of processor time; never return.

    `ring`: the memory through which frames go.
    """
    try:
        link = Link(socket_to_asker, ring)
        link.say(wire.READY, to_json(give_up_rights(cpu_s)))
        question = link.question()
        file = io.BufferedReader(RemoteFile(link, question["size"]), wire.RANGE_BYTES)
        _answer(link, cast(BinaryIO, file), question)
    except BaseException:  # noqa: BLE001 the caller is gone, or sees that the answer is missing
        os._exit(1)
    os._exit(0)


def _answer(link: Link, file: BinaryIO, question: Json) -> None:
    try:
        ANSWERS[question["do"]](link, file, question)
    except FerError as error:
        link.say(wire.REFUSED, {"code": error.code})
    except MemoryError:
        link.say(wire.REFUSED, {"code": "too_large"})


def _examine(link: Link, file: Source, question: Json) -> None:  # noqa: ARG001 same form as the others
    link.say(wire.ANSWER, to_json(examine(file)))


def _read_image(link: Link, file: Source, question: Json) -> None:
    picture = read_image(file, question["max_side_px"])
    rgb = np.ascontiguousarray(picture.rgb)
    sizes = {"height": rgb.shape[0], "width": rgb.shape[1]}
    sizes |= {"height_px": picture.height_px, "width_px": picture.width_px, "further": picture.further}
    link.say(wire.ANSWER, sizes, rgb.data.cast("B"))


def _probe(link: Link, file: Source, question: Json) -> None:  # noqa: ARG001 same form as the others
    link.say(wire.ANSWER, to_json(probe(file)))


def _spans(link: Link, file: Source, question: Json) -> None:
    link.say(wire.ANSWER, {"spans": [asdict(span) for span in spans(file, question["segment_s"])]})


def _frames(link: Link, file: Source, question: Json) -> None:
    stats = DecodeStats()
    after = None if question["after"] is None else from_json(Bookmark, question["after"])
    info = None if question["info"] is None else from_json(VideoInfo, question["info"])
    span = from_json(Span, question["span"])
    for frame in frames(file, question["every_s"], question["max_side_px"], stats, after, span, info):
        height, width = frame.rgb.shape[:2]
        assert frame.position is not None
        link.show(frame.rgb, FrameHead(height, width, frame.scale, frame.position, frame.cut, stats))
    link.say(wire.ANSWER, to_json(stats))


def _camera(link: Link, file: Source, question: Json) -> None:  # noqa: ARG001 same form as the others
    """Read one picture after the other, until the caller is gone; one that can't be read is no end."""
    while True:
        content = link.picture()
        try:
            rgb = read_camera_picture(content)
        except FerError as error:
            link.say(wire.REFUSED, {"code": error.code})
        else:
            link.say(wire.FRAME, {"height": rgb.shape[0], "width": rgb.shape[1]}, rgb.data.cast("B"))


ANSWERS: dict[str, Answer] = {
    "examine": _examine,
    "read_image": _read_image,
    "probe": _probe,
    "spans": _spans,
    "frames": _frames,
    "camera": _camera,
}
"""What may be asked."""
