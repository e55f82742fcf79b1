"""Files are told by their first bytes, and what is offered for choice is what is read."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from fer_core.media.image import read_image
from fer_core.media.kinds import DEMUXERS, PICTURE_READERS, VIDEO_SUFFIXES, kind_of, sniff
from fer_core.media.sandbox import inspect_file
from fer_core.media.video import frames
from tests.media import moving_face, scene, write_clip

CLIPS = {
    "v.MTS": {"container": "mpegts", "muxer": {"mpegts_m2ts_mode": "1"}},
    "v.ts": {"container": "mpegts"},
    "v.mpg": {"container": "vob", "codec": "mpeg2video", "rate": 25},
    "v.vob": {"container": "vob", "codec": "mpeg1video", "rate": 25},
    "v.wmv": {"container": "asf", "codec": "wmv2"},
    "v.flv": {"container": "flv"},
    "v.3gp": {"container": "3gp", "codec": "mpeg4"},
}


@pytest.mark.parametrize(("name", "options"), CLIPS.items(), ids=CLIPS)
def test_what_camcorders_and_windows_write_is_read(tmp_path, name, options):
    rate = options.get("rate", 10)
    path = write_clip(tmp_path / name, moving_face(20), **({"rate": rate} | options))
    assert name.rpartition(".")[2].lower() in VIDEO_SUFFIXES
    assert inspect_file(path).kind == "video"
    found = list(frames(path, 0))
    assert [frame.time_s for frame in found] == pytest.approx([n / rate for n in range(20)], abs=0.001)
    assert np.abs(found[10].rgb.astype(int) - moving_face(20)[10]).mean() < 12


def test_dv_from_a_tape_is_read(tmp_path):
    pictures = [scene(size=(720, 576))] * 5
    path = write_clip(tmp_path / "v.dv", pictures, rate=25, codec="dvvideo", container="dv")
    assert inspect_file(path).kind == "video"
    assert len(list(frames(path, 0))) == 5


def test_motion_jpeg_2000_is_read_and_a_picture_of_jpeg_2000_is_named(tmp_path):
    signature = b"\0\0\0\x0cjP  \r\n\x87\n"
    path = write_clip(tmp_path / "v.mov", moving_face(5), codec="jpeg2000")
    head, rest = path.read_bytes()[:28], path.read_bytes()[28:]
    assert head[4:8] == b"ftyp"
    assert head[20:28] == b"\0\0\0\x08wide"
    # The brand with the signature before it takes just the place of MOV's brand and the empty atom behind it.
    path = tmp_path / "v.mj2"
    path.write_bytes(signature + b"\0\0\0\x10ftypmjp2\0\0\0\0" + rest)
    assert inspect_file(path).kind == "video"
    assert len(list(frames(path, 0))) == 5
    assert sniff(io.BytesIO(signature + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 ")) == "unread_picture"


def test_an_avif_picture_is_a_picture(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "p.avif", quality=90)
    assert sniff(tmp_path / "p.avif") == "image"
    assert np.abs(read_image(tmp_path / "p.avif").astype(int) - scene()).mean() < 5
    assert inspect_file(tmp_path / "p.avif").kind == "image"


def test_a_picture_of_a_phone_s_fifty_megapixels_is_read(tmp_path):
    Image.new("RGB", (8192, 6144), (90, 80, 70)).save(tmp_path / "p.jpg", quality=40)
    assert (inspect_file(tmp_path / "p.jpg").width_px, read_image(tmp_path / "p.jpg").shape) == (8192, (6144, 8192, 3))


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"avif\0\0\0\0avifmif1", "image"),
        (b"mif1\0\0\0\0mif1avif", "image"),
        (b"mif1\0\0\0\0mif1heic", "heic"),
        (b"heic\0\0\0\0mif1heic", "heic"),
        (b"avci\0\0\0\0mif1avcimiaf", "unread_picture"),
        (b"mif3avif", "unread_picture"),
        (b"    \0\0\0\0heic", "unread_picture"),
        (b"qt  \0\0\0\0qt  mp42", "video"),
        (b"isom\0\0\x02\0isomiso2avc1mp41", "video"),
        (b"qt  \0\0\0\0qt  ", "video"),
    ],
)
def test_the_brands_of_an_iso_file_tell_its_kind(brands, kind):
    head = (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands
    assert kind_of(head + bytes(800)) == kind


def test_every_reader_that_is_named_exists():
    assert set(PICTURE_READERS) <= set(Image.registered_extensions().values())
    for name in DEMUXERS.split(","):
        assert name in ",".join(av.formats_available).split(","), name


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video", "mpeg4", "libx264", "libx265"])
def test_pictures_without_a_container_are_a_video_that_is_not_read(codec, tmp_path):
    """As some cameras and tools write them; their own reader's name is that of the codec."""
    form = {
        "mpeg1video": "mpeg1video",
        "mpeg2video": "mpeg2video",
        "mpeg4": "m4v",
        "libx264": "h264",
        "libx265": "hevc",
    }
    with av.open(str(tmp_path / "bare"), "w", format=form[codec]) as container:
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=25, width=64, height=64, options=quiet)
        stream.pix_fmt = "yuv420p"
        for packet in (*stream.encode(av.VideoFrame(64, 64, "yuv420p")), *stream.encode()):
            container.mux(packet)
    assert sniff(tmp_path / "bare") == "unread_video"


def test_an_open_file_is_reported_like_a_path():
    assert sniff(io.BytesIO(b"OggS")) == "unread_video"
    assert sniff(io.BytesIO(b"")) == "empty"
    assert sniff(io.BytesIO(b"G" * 3)) == "unknown"
