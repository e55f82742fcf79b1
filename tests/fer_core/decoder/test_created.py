"""When a picture was taken, as its camera wrote into it."""

import io

import av
import pytest
from PIL import Image

from fer_core.decoder.created import created_at, picture_created_at
from fer_core.media.sandbox import inspect_file

ORIGINAL, OFFSET = 0x9003, 0x9011


def picture(**tags):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({ORIGINAL: tags.get("original"), OFFSET: tags.get("offset")} if tags else {})
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "JPEG", exif=exif)
    return file


@pytest.mark.parametrize(
    ("tags", "reported"),
    [
        ({"original": "2026:04:05 23:30:00", "offset": "+09:00"}, "2026-04-05T23:30:00+09:00"),
        ({"original": "2026:04:05 23:30:00", "offset": "somewhere"}, "2026-04-05T23:30:00"),
        ({"original": "0000:00:00 00:00:00", "offset": ""}, None),
        ({"original": "yesterday", "offset": "+09:00"}, None),
        ({}, None),
    ],
)
def test_a_picture_says_when_it_was_taken(tags, reported):
    assert picture_created_at(picture(**tags)) == reported


@pytest.mark.parametrize(
    ("name", "tags", "reported"),
    [
        ("clip.mkv", {"DATE": "2026-10-31"}, "2026-10-31"),
        ("clip.mkv", {"DATE_RECORDED": "2026-10-31 16:30:05", "DATE": "2026-11-02"}, "2026-10-31 16:30:05"),
        ("clip.mp4", {"date": "2026-10-31"}, "2026-10-31"),
        ("clip.mkv", {}, None),
    ],
)
def test_a_video_says_when_it_was_recorded(tmp_path, name, tags, reported):
    with av.open(tmp_path / name, "w") as container:
        container.metadata.update(tags)
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height = 64, 48
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    assert created_at(tmp_path / name) == reported


def test_the_sandbox_tells_it():
    assert inspect_file(picture(original="2026:04:05 23:30:00", offset="+09:00")).created == "2026-04-05T23:30:00+09:00"
