"""What bad input gets: one table, asked of the process that looks at files first."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from fer_core.errors import MEDIA_CODES, MediaError
from fer_core.media.sandbox import inspect_file
from tests.media import cut, moving_face, scene, sound_only, write_clip


def empty(folder):
    (folder / "v.mp4").write_bytes(b"")
    return folder / "v.mp4"


def text(folder):
    (folder / "v.mp4").write_text("This is a letter.\n" * 50)
    return folder / "v.mp4"


def concat_script(folder):
    write_clip(folder / "victim.mp4", moving_face(3))
    (folder / "v.mp4").write_text("ffconcat version 1.0\nfile victim.mp4\n")
    return folder / "v.mp4"


def playlist(folder):
    write_clip(folder / "victim.mp4", moving_face(3))
    (folder / "v.mp4").write_text("#EXTM3U\n#EXTINF:1,\nvictim.mp4\n#EXT-X-ENDLIST\n")
    return folder / "v.mp4"


def remote_playlist(folder):
    (folder / "v.mp4").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/victim.ts\n#EXT-X-ENDLIST\n")
    return folder / "v.mp4"


def archive(folder):
    with zipfile.ZipFile(folder / "v.zip", "w") as file:
        file.writestr("a.txt", "x" * 1000)
    return (folder / "v.zip").rename(folder / "v.mp4")


def drawing(folder):
    (folder / "p.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder / "p.svg"


def document(folder):
    (folder / "p.pdf").write_bytes(b"%PDF-1.7\n%%EOF\n")
    return folder / "p.pdf"


def postscript(folder):
    Image.fromarray(scene()).save(folder / "p.eps")
    return folder / "p.eps"


def cut_picture(folder):
    Image.fromarray(scene()).save(folder / "p.jpg")
    return cut(folder / "p.jpg", 0.5)


def cut_png(folder):
    Image.fromarray(scene()).save(folder / "p.png")
    return cut(folder / "p.png", 0.5)


def huge_picture(folder):
    Image.new("1", (12_000, 12_000)).save(folder / "p.png")
    return folder / "p.png"


def sound(folder):
    return sound_only(folder / "v.mp4")


def without_index(folder):
    path = write_clip(folder / "v.mp4", moving_face(10))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])
    return path


def photo_of_a_phone(folder):
    """The head of a HEIC file; what follows plays no part without a decoder."""
    (folder / "p.heic").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(2000))
    return folder / "p.heic"


def layered_drawing(folder):
    (folder / "p.psd").write_bytes(b"8BPS\x00\x01" + bytes(500))
    return folder / "p.psd"


def telescope_picture(folder):
    (folder / "p.fits").write_bytes(b"SIMPLE  =                    T" + b" " * 2850)
    return folder / "p.fits"


def tiny_file_of_a_huge_video(folder):
    """Some kilobytes that unpack to 144 million pixels a frame."""
    black = [np.zeros((9000, 16_000, 3), np.uint8)]
    return write_clip(folder / "v.avi", black, codec="mjpeg", pix_fmt="yuvj420p")


def theora_video(folder):
    (folder / "v.ogv").write_bytes(b"OggS\0\x02" + bytes(500))
    return folder / "v.ogv"


TABLE = {
    empty: "empty",
    text: "not_a_video",
    concat_script: "not_a_video",
    playlist: "not_a_video",
    remote_playlist: "not_a_video",
    archive: "not_a_video",
    drawing: "unknown_type",
    document: "unknown_type",
    postscript: "unknown_type",
    photo_of_a_phone: "heic_unsupported",
    layered_drawing: "unknown_type",
    telescope_picture: "unknown_type",
    tiny_file_of_a_huge_video: "too_large",
    cut_picture: "damaged_image",
    cut_png: "damaged_image",
    huge_picture: "too_large",
    sound: "no_video_stream",
    theora_video: "unread_video",
    without_index: "incomplete_file",
}


@pytest.mark.parametrize(("make", "code"), TABLE.items(), ids=lambda value: getattr(value, "__name__", value))
def test_bad_input_gets_its_code_and_one_sentence(tmp_path, make, code):
    path = make(tmp_path)
    with pytest.raises(MediaError) as refusal:
        inspect_file(path)
    assert refusal.value.code == code
    assert refusal.value.message == MEDIA_CODES[code]
    assert path.name not in refusal.value.message


def test_good_input_gets_its_kind_by_content(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "p.png")
    (tmp_path / "p.png").rename(tmp_path / "p.mp4")
    found = inspect_file(tmp_path / "p.mp4")
    assert (found.kind, found.width_px, found.height_px) == ("image", 480, 320)
    found = inspect_file(write_clip(tmp_path / "v.mp4", moving_face(10)))
    assert (found.kind, found.width_px, found.duration_s) == ("video", 480, pytest.approx(1.0, abs=0.01))
