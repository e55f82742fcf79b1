"""Media made in code: faces of a public-domain portrait, and files that are damaged on purpose."""

import struct
from contextlib import ExitStack
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


def somebody_else(**place):
    """The same scene in other colours: another person in another room, as far as colours tell."""
    return (scene(**place) * np.array([0.4, 0.8, 1.0])).astype(np.uint8)


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
    metadata=None,
):
    """Write pictures as a video; `times_s` gives each frame a time of its own, `aspect` the pixels' width by height."""
    defaults = {"preset": "ultrafast"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=container, options=muxer or {}) as container:
        container.metadata.update(metadata or {})
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


def turned_by_matrix(path, a=0, b=1, c=-1, d=0):
    """Write a display matrix into an MP4, as phones do; by default a quarter turn clockwise."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    one = 0x10000
    data[place : place + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    return path


def animation(path, frames=3):
    """A file of several pictures (GIF, PNG, WebP, TIFF, MPO by its name): the first the scene, then others."""
    first, *others = [Image.fromarray(np.roll(scene(), 9 * number, 1)) for number in range(frames)]
    first.save(path, save_all=True, append_images=others)
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


def muxed(path, parts, muxer=None):
    """Put the first streams of files into one as they are; `parts`: (path, seconds later, whether it is marked)."""
    with av.open(str(path), "w", options=muxer or {}) as target, ExitStack() as opened:
        packets = []
        for source, later_s, default in parts:
            container = opened.enter_context(av.open(str(source)))
            stream = target.add_stream_from_template(container.streams[0])
            stream.disposition = av.stream.Disposition.default if default else 0
            for packet in container.demux(container.streams[0]):
                if packet.dts is not None:
                    shift = round(later_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packets.append((float(packet.dts * packet.time_base), stream, packet))
        for _, stream, packet in sorted(packets, key=lambda one: one[0]):
            packet.stream = stream
            target.mux(packet)
    return path


def silence(path, seconds):
    """So many seconds of silence as an MP4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        for number in range(round(seconds * 48_000 / 1024)):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def as_hdr(path, pictures, transfer, rate=10):
    """Write pictures as HDR video with lossless colours: reference white at 203 cd/m2 (PQ) or 75 % (HLG)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=rate, options={"x265-params": "log-level=error:lossless=1"})
        stream.pix_fmt = "yuv444p10le"
        stream.height, stream.width = pictures[0].shape[:2]
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        for number, rgb in enumerate(pictures):
            deep = av.VideoFrame.from_ndarray(_coded(rgb, transfer), format="rgb48le")
            frame = deep.reformat(format="yuv444p10le", dst_colorspace=9, dst_color_range=1)
            frame.color_trc, frame.color_primaries, frame.pts = transfer, 9, number
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _coded(rgb, transfer):
    """Return sRGB as 16 bits of PQ (16) or HLG (18) in BT.2020 (BT.2100, BT.2408, BT.2087)."""
    value = rgb / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    wide = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    light = np.clip(light @ wide.T, 0, 1)
    if transfer == 16:
        power = (light * 203 / 10_000) ** 0.1593017578125
        coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        scene_light = light * 0.265
        bright = 0.17883277 * np.log(np.maximum(12 * scene_light - 0.28466892, 1e-9)) + 0.55991073
        coded = np.where(scene_light <= 1 / 12, np.sqrt(3 * scene_light), bright)
    return (coded * 65535).round().astype(np.uint16)
