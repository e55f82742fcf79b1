"""Pictures come out upright, in 8-bit RGB, whatever they were stored as."""

import zlib

import numpy as np
import pytest
from PIL import Image

from fer_core.decoder.image import picture_size
from fer_core.errors import MediaError
from fer_core.media.image import read_image, read_picture
from fer_core.media.kinds import sniff
from fer_core.media.picture import MOST_FURTHER
from fer_core.media.sandbox import inspect_file
from fer_core.media.verdict import ONLY_FIRST
from tests.media import animation, scene

UPRIGHT = scene(size=(320, 240), side=200)
TURNS = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.transpose(1, 0, 2),
    6: np.rot90(UPRIGHT, 1),
    7: np.rot90(UPRIGHT, 2).transpose(1, 0, 2),
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_the_eight_orientations_are_undone(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(TURNS[orientation])).save(tmp_path / "p.png", exif=exif)
    assert (read_image(tmp_path / "p.png") == UPRIGHT).all()
    assert picture_size(tmp_path / "p.png") == (320, 240)


def large(mode):
    """The upright scene as a picture of this mode, 1600 x 1200 px."""
    picture = Image.fromarray(UPRIGHT).resize((1600, 1200))
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    return picture.quantize(250) if mode == "P" else picture.convert(mode)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    ("mode", "name"),
    [("RGB", "p.jpg"), ("L", "p.jpg"), ("CMYK", "p.jpg"), ("RGB", "p.tif"), ("RGB", "p.webp"), ("I;16", "p.png")]
    + [(mode, "p.png") for mode in ("RGB", "RGBA", "LA", "P", "1")],
)
def test_a_large_picture_is_made_smaller_and_its_size_is_known(tmp_path, mode, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = large(mode) if orientation == 1 else large(mode).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / name, exif=exif)
    read = read_picture(tmp_path / name, 320)
    assert (read.width_px, read.height_px) == (1600, 1200)
    assert read.rgb.shape == (240, 320, 3)
    small = Image.fromarray(read_image(tmp_path / name)).resize((320, 240), reducing_gap=2.0)
    assert np.abs(read.rgb.astype(int) - np.asarray(small)).mean() < 4
    assert np.abs(read.rgb.astype(int) - UPRIGHT).mean() < (60 if mode in ("L", "LA", "1", "I;16") else 16)


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (641, 640)])
def test_a_picture_of_any_shape_is_made_smaller(tmp_path, size):
    Image.new("RGB", size, (200, 10, 10)).save(tmp_path / "p.png")
    read = read_picture(tmp_path / "p.png", 640)
    assert (read.width_px, read.height_px) == size
    assert max(read.rgb.shape) == 640
    assert (read.rgb == (200, 10, 10)).all()


def test_a_picture_that_is_small_enough_stays_as_it_is(tmp_path):
    Image.fromarray(UPRIGHT).save(tmp_path / "p.png")
    assert (read_picture(tmp_path / "p.png", 320).rgb == UPRIGHT).all()


def test_a_large_picture_that_was_cut_off_is_damaged_when_it_is_read_smaller(tmp_path):
    large("RGB").save(tmp_path / "p.jpg")
    data = (tmp_path / "p.jpg").read_bytes()
    (tmp_path / "p.jpg").write_bytes(data[: len(data) * 3 // 4])
    for reading in (lambda: read_picture(tmp_path / "p.jpg", 320), lambda: inspect_file(tmp_path / "p.jpg")):
        with pytest.raises(MediaError) as raised:
            reading()
        assert raised.value.code == "damaged_image"


def test_a_picture_of_a_phone_is_read_where_heic_is_known(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="no library that is required here writes HEIC")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(np.ascontiguousarray(TURNS[6]))
    heif.from_pillow(turned).save(tmp_path / "p.heic", quality=95, exif=exif.tobytes())
    assert sniff(tmp_path / "p.heic") == "heic"
    read = read_image(tmp_path / "p.heic")
    assert read.shape == UPRIGHT.shape
    assert np.abs(read.astype(int) - UPRIGHT).mean() < 8
    assert picture_size(tmp_path / "p.heic") == (320, 240)
    cut = (tmp_path / "p.heic").read_bytes()
    (tmp_path / "p.heic").write_bytes(cut[: len(cut) // 2])
    with pytest.raises(MediaError, match="damaged"):
        read_image(tmp_path / "p.heic")


def test_sixteen_bits_keep_their_greys(tmp_path):
    grey = np.asarray(Image.fromarray(UPRIGHT).convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "p.png")
    assert (read_image(tmp_path / "p.png") == grey[..., None]).all()


@pytest.mark.parametrize(("mode", "name"), [("CMYK", "p.jpg"), ("P", "p.png"), ("L", "p.png"), ("RGB", "p.webp")])
def test_other_modes_look_the_same(tmp_path, mode, name):
    picture = Image.fromarray(UPRIGHT)
    (picture.quantize(200) if mode == "P" else picture.convert(mode)).save(tmp_path / name)
    found = read_image(tmp_path / name)
    wanted = np.asarray(Image.fromarray(UPRIGHT).convert("L").convert("RGB")) if mode == "L" else UPRIGHT
    assert found.shape == UPRIGHT.shape
    assert np.abs(found.astype(int) - wanted).mean() < 12


def test_one_bit_and_transparency(tmp_path):
    Image.fromarray(UPRIGHT).convert("1").save(tmp_path / "p.png")
    assert set(np.unique(read_image(tmp_path / "p.png"))) <= {0, 255}
    clear = Image.fromarray(UPRIGHT).convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == 255).all()


def test_the_first_picture_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((20, 20, 3), grey, np.uint8)) for grey in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / "a.gif") == 10).all()


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("max_side_px", [None, 160])
def test_the_pictures_after_the_first_are_counted(tmp_path, name, max_side_px):
    read = read_picture(animation(tmp_path / name, 4), max_side_px)
    assert read.further == 3
    assert inspect_file(tmp_path / name).warnings == (ONLY_FIRST,)


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.mpo"])
def test_one_picture_is_all_of_its_file_also_where_a_camera_put_a_copy_beside_it(tmp_path, name):
    animation(tmp_path / name, 2) if name == "p.mpo" else Image.fromarray(UPRIGHT).save(tmp_path / name)
    assert read_picture(tmp_path / name).further == 0
    assert inspect_file(tmp_path / name).warnings == ()


def test_a_header_may_claim_any_number_of_pictures(tmp_path):
    written = animation(tmp_path / "a.png").read_bytes()
    place = written.index(b"acTL")
    claims = b"acTL" + (2**31 - 1).to_bytes(4, "big") + bytes(4)
    check = zlib.crc32(claims).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(written[:place] + claims + check + written[place + 16 :])
    assert read_picture(tmp_path / "a.png").further == MOST_FURTHER


@pytest.mark.parametrize("name", ["p.jpg", "p.png"])
def test_a_picture_that_was_cut_off_is_damaged(tmp_path, name):
    Image.fromarray(UPRIGHT).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    for read in (read_image, picture_size):
        try:
            read(tmp_path / name)
        except MediaError as error:
            assert error.code == "damaged_image"  # noqa: PT017 the size may be read, the picture may not
    with pytest.raises(MediaError):
        read_image(tmp_path / name)


def test_the_name_plays_no_part(tmp_path):
    Image.fromarray(UPRIGHT).save(tmp_path / "p.png")
    (tmp_path / "p.png").rename(tmp_path / "p.mp4")
    assert sniff(tmp_path / "p.mp4") == "image"
    with pytest.raises(MediaError) as missing:
        sniff(tmp_path / "missing.png")
    assert missing.value.code == "unreadable_file"
