"""Media made in code: faces of a public-domain portrait, and files that are damaged on purpose."""

import struct
from fractions import Fraction

import av
import numpy as np
from PIL import Image
from skimage.data import astronaut

FACE = astronaut()[0:300, 80:380]
"""(300, 300, 3) uint8 RGB: a smiling face, public domain (NASA)."""


def scene(left=60, top=20, side=260, size=(480, 320)):
    """A picture of `size` (width, height) with the face at a place."""
    picture = np.full((size[1], size[0], 3), 70, np.uint8)
    face = np.asarray(Image.fromarray(FACE).resize((side, side)))
    right, bottom = min(size[0], left + side), min(size[1], top + side)
    picture[max(0, top) : bottom, max(0, left) : right] = face[
        max(0, -top) : bottom - top, max(0, -left) : right - left
    ]
    return picture


def write_clip(
    path,
    pictures,
    rate=10,
    codec="libx264",
    pix_fmt="yuv420p",
    times_s=None,
    options=None,
    muxer=None,
    container=None,
    aspect=None,
):
    """Write pictures as a video; `times_s` gives each frame a time of its own, `aspect` the pixels' width by height."""
    defaults = {"preset": "ultrafast"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=container, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=defaults | (options or {}))
        stream.pix_fmt = pix_fmt
        base = Fraction(1, 10_000) if times_s is not None else Fraction(1, rate)
        for number, rgb in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = rgb.shape[:2]
                if aspect is not None:
                    stream.sample_aspect_ratio = aspect
                stream.codec_context.time_base = base
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.time_base = base
            frame.pts = round(times_s[number] / base) if times_s is not None else number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def moving_face(count=20, size=(480, 320)):
    """The face moves slowly to the right."""
    return [scene(left=30 + 3 * number, size=size) for number in range(count)]


def interlaced(path, count=20, step=8):
    """A face that moves between the two half pictures of each frame, so that its edges look like combs."""
    pictures = []
    for number in range(count):
        first, second = scene(left=30 + step * number), scene(left=30 + step * number + step // 2)
        first[1::2] = second[1::2]
        pictures.append(first)
    return write_clip(path, pictures, options={"x264-params": "tff=1", "flags": "+ildct+ilme"})


def starting_at_frame(path, frame):
    """Let an MP4's edit list begin at a later frame, as cameras do that record a little before the button."""
    data = bytearray(path.read_bytes())
    timescale_at = data.index(b"mdhd") + 4 + 12
    timescale = int.from_bytes(data[timescale_at : timescale_at + 4], "big")
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
    entry = data.index(b"elst") + 4 + 8
    begin = int.from_bytes(data[entry + 4 : entry + 8], "big") + round(frame * timescale / rate)
    data[entry + 4 : entry + 8] = begin.to_bytes(4, "big")
    path.write_bytes(data)
    return path


def turned_by_matrix(path):
    """Write a quarter turn clockwise into an MP4's display matrix, as phones do."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    one = 0x10000
    data[place : place + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    return path


def sound_only(path):
    """An MP4 with a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        for number in range(40):
            frame.pts = number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def with_zeros(path, begin, end):
    """Overwrite a stretch of a file (shares of its size) with zeros."""
    data = bytearray(path.read_bytes())
    first, last = int(begin * len(data)), int(end * len(data))
    data[first:last] = bytes(last - first)
    path.write_bytes(data)
    return path


def cut(path, share):
    """Keep the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path
