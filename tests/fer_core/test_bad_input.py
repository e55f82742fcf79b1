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


def subtitles(folder):
    """A Matroska file of one track, of type 17, with one text."""
    return matroska(folder / "v.mkv", b"\x83\x81\x11" + b"\x86\x8bS_TEXT/UTF8", b"Good morning.")


def picture_with_another_coding(folder):
    """The head of a HEIF file with H.264 in it."""
    (folder / "p.heif").write_bytes(b"\0\0\0\x1cftypavci\0\0\0\0mif1avcimiaf" + bytes(2000))
    return folder / "p.heif"


def video_with_an_unknown_codec(folder):
    path = write_clip(folder / "v.mp4", moving_face(10))
    path.write_bytes(path.read_bytes().replace(b"avc1\0\0\0\0", b"dav1\0\0\0\0"))
    return path


def protected_video(folder):
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0f" * 16, "encryption_kid": "a7" * 16}
    return write_clip(folder / "v.mp4", moving_face(10), muxer=key)


def protected_webm(folder):
    """A VP9 track whose blocks are encrypted with a key that is named."""
    encryption = element(b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x33", b"\x01") + element(b"\x50\x35", KEY)))
    pictures = element(b"\xe0", b"\xb0\x82\x01\x40" + b"\xba\x82\x00\xf0")
    track = b"\x83\x81\x01" + b"\x86\x85V_VP9" + pictures + encryption
    return matroska(folder / "v.webm", track, b"\x01" + bytes(range(60)))


KEY = b"\x47\xe1\x81\x05" + b"\x47\xe2\x84name"
"""In a Matroska file: AES, and the name of the key."""


def element(name, content):
    """An element of a Matroska file."""
    return name + (len(content) | 1 << 28).to_bytes(4, "big") + content


def matroska(path, track, block):
    """A Matroska file with one track of this description and one block."""
    head = element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x88matroska")
    tracks = element(b"\x16\x54\xae\x6b", element(b"\xae", b"\xd7\x81\x01" + b"\x73\xc5\x81\x01" + track))
    cluster = element(b"\x1f\x43\xb6\x75", b"\xe7\x81\x00" + element(b"\xa3", b"\x81\0\0\x80" + block))
    path.write_bytes(head + element(b"\x18\x53\x80\x67", tracks + cluster))
    return path


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
    subtitles: "no_video_stream",
    picture_with_another_coding: "unread_picture",
    video_with_an_unknown_codec: "unread_codec",
    protected_video: "protected_video",
    protected_webm: "protected_video",
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
