"""Pictures of a camera: decoded one after the other elsewhere, and what is no such picture is refused."""

import io

import numpy as np
import pytest
from PIL import Image

from fer_core.errors import MediaError
from fer_core.media import camera
from fer_core.media.camera import CameraReader
from fer_core.media.process import READERS
from tests.media import scene


def jpeg(rgb=None, form="JPEG"):
    content = io.BytesIO()
    Image.fromarray(scene() if rgb is None else rgb).save(content, form, quality=90)
    return content.getvalue()


@pytest.fixture
def reader():
    with CameraReader() as opened:
        yield opened


def test_one_process_reads_them_all_at_their_own_size(reader):
    process = reader._process
    for size in ((640, 360), (480, 320), (64, 48)):
        wanted = scene(size=size)
        found = reader.read(jpeg(wanted))
        assert found.shape == wanted.shape
        assert np.abs(found.astype(int) - wanted).mean() < 4
    assert reader._process == process


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unknown_type"),
        (b"no picture", "unknown_type"),
        (jpeg(form="PNG"), "unknown_type"),
        (jpeg()[:1500], "damaged_image"),
        (jpeg(np.zeros((8, 4000, 3), np.uint8)), "too_large"),
        (b"\xff\xd8\xff" + bytes(camera.CAMERA_BYTES), "too_large"),
    ],
    ids=["empty", "text", "png", "cut", "wide", "bytes"],
)
def test_what_is_no_such_picture_is_refused_and_the_next_is_read(reader, content, code):
    with pytest.raises(MediaError) as refused:
        reader.read(content)
    assert refused.value.code == code
    assert reader.read(jpeg()).shape == scene().shape


def test_a_process_that_is_gone_ends_the_reader():
    with CameraReader() as reader:
        READERS.end(reader._process)
        for _ in range(2):
            with pytest.raises(MediaError) as refused:
                reader.read(jpeg())
            assert refused.value.code == "unreadable_file"
