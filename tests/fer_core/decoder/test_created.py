"""When a picture was taken, as its camera wrote into it."""

import io

import pytest
from PIL import Image

from fer_core.decoder.created import picture_created_at
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


def test_the_sandbox_tells_it():
    assert inspect_file(picture(original="2026:04:05 23:30:00", offset="+09:00")).created == "2026-04-05T23:30:00+09:00"
