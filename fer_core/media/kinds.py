"""The kinds of files that are read: their names' endings, and how their first bytes identify them."""

from __future__ import annotations

from dataclasses import dataclass

from fer_core.errors import media_error
from fer_core.media.source import Source, opened


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: what it is called, the endings of its name, and FFmpeg's or Pillow's name of its reader."""

    name: str
    suffixes: tuple[str, ...]
    reader: str


VIDEOS = (
    FileKind(
        "MP4, MOV and 3GP (phones, cameras)", ("mp4", "mov", "m4v", "3gp", "3g2", "mj2"), "mov,mp4,m4a,3gp,3g2,mj2"
    ),
    FileKind("Matroska and WebM (calls, screen recorders)", ("mkv", "webm"), "matroska,webm"),
    FileKind("AVI", ("avi",), "avi"),
    FileKind("AVCHD, HDV and other MPEG transport streams (camcorders)", ("mts", "m2ts", "m2t", "ts"), "mpegts"),
    FileKind("MPEG-1 and MPEG-2 (camcorders, DVD)", ("mpg", "mpeg", "vob", "mod"), "mpeg"),
    FileKind("DV (tape camcorders)", ("dv",), "dv"),
    FileKind("Windows Media", ("wmv", "asf"), "asf"),
    FileKind("Flash Video", ("flv",), "flv"),
)
PICTURES = (
    FileKind("JPEG", ("jpg", "jpeg"), "JPEG"),
    FileKind("PNG", ("png",), "PNG"),
    FileKind("WebP", ("webp",), "WEBP"),
    FileKind("AVIF", ("avif",), "AVIF"),
    FileKind("GIF", ("gif",), "GIF"),
    FileKind("TIFF", ("tif", "tiff"), "TIFF"),
    FileKind("BMP", ("bmp",), "BMP"),
)
HEIC = FileKind("HEIC, where pillow-heif is installed", ("heic", "heif"), "HEIF")
VIDEO_SUFFIXES = tuple(suffix for kind in VIDEOS for suffix in kind.suffixes)
PICTURE_SUFFIXES = tuple(suffix for kind in (*PICTURES, HEIC) for suffix in kind.suffixes)
DEMUXERS = ",".join(kind.reader for kind in VIDEOS)
"""Demuxers that may open a file. A playlist or a concatenation script would open others in its name."""
PICTURE_READERS = tuple(kind.reader for kind in PICTURES)
"""Pillow knows some seventy formats, among them ones that run other programs; these are read."""
CAMERA_SIDE_PX = 1280
"""The longest side of a picture that comes from a live camera."""

HEAD_BYTES = 4 * 204
_PICTURE_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*", b"BM")
_VIDEO_HEADS = (
    b"\x1a\x45\xdf\xa3",
    b"FLV\x01",
    b"\0\0\x01\xba",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"\x1f\x07\0",
)
"""Matroska, Flash Video, MPEG program stream, ASF, DV."""
_BARE = (
    *(b"\0\0\x01" + code for code in (b"\xb3", b"\xb0", b"\xb5", b"\0\0\0\x01\x20")),
    *(
        start + code
        for start in (b"\0\0\x01", b"\0\0\0\x01")
        for code in (b"\x67", b"\x27", b"\x09", b"\x06\x05", b"\x40\x01")
    ),
)
"""Pictures one after the other without a container: MPEG-1 and MPEG-2, MPEG-4 Visual, H.264, H.265."""
_UNREAD_HEADS = (b"OggS", b".RMF", b"\x06\x0e\x2b\x34", b"FWS", b"CWS", b"nut/", b"DKIF", *_BARE)
"""Videos that are not read: Ogg, RealMedia, MXF, Flash, NUT, IVF, and those without a container."""
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_UNREAD_PICTURE_BRANDS = (b"avci", b"avcs", b"j2ki", b"jpeg", b"vvic", b"evbi", b"mif2", b"mif3")
"""Pictures in HEIF with another coding (H.264, JPEG 2000, JPEG, H.266, EVC), and of its newer forms."""
_PICTURE_BRANDS = (*_UNREAD_PICTURE_BRANDS, *_AVIF_BRANDS, b"heic", b"heix", b"mif1")
_JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
"""Stands before the brand in pictures and videos of JPEG 2000."""
_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Length of a transport stream's packets, and where 0x47 stands in them: plain, AVCHD's, with error correction."""


def named_as_video(name: str) -> bool:
    """Return whether a file's name ends as those of videos do."""
    return name.lower().endswith(tuple(f".{suffix}" for suffix in VIDEO_SUFFIXES))


def sniff(source: Source) -> str:
    """Return what a file's first bytes say.

    ``"image"``, ``"heic"``, ``"video"``, ``"unread_video"`` or ``"unread_picture"`` (known, but not read), ``"empty"``
    or ``"unknown"``. The name plays no part. Raises MediaError ``unreadable_file`` where the file can't be opened.
    """
    try:
        with opened(source) as file:
            return kind_of(file.read(HEAD_BYTES))
    except OSError:
        raise media_error("unreadable_file") from None


def kind_of(head: bytes) -> str:
    """Return what the first `HEAD_BYTES` bytes of a file say; see `sniff`."""
    if not head:
        return "empty"
    if head.startswith(_PICTURE_HEADS):
        return "image"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image", b"AVI ": "video"}.get(head[8:12], "unknown")
    if head.startswith(_JPEG_2000):
        return "video" if head[20:24] == b"mjp2" else "unread_picture"
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    # A QuickTime file may begin with any of its atoms.
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip") or head.startswith(_VIDEO_HEADS):
        return "video"
    if _is_transport_stream(head):
        return "video"
    return "unread_video" if head.startswith(_UNREAD_HEADS) else "unknown"


def _kind_of_brands(head: bytes) -> str:
    """Distinguish a picture in an ISO file from a video: by the major brand, or a general one's compatible brands."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    major, *others = (head[place : place + 4] for place in (8, *range(16, length, 4)))
    if major in _AVIF_BRANDS or (major in (b"mif1", b"msf1") and any(brand in _AVIF_BRANDS for brand in others)):
        return "image"
    if major in _HEIC_BRANDS:
        return "heic"
    # No video says that it is compatible with a picture.
    return "unread_picture" if any(brand in _PICTURE_BRANDS for brand in (major, *others)) else "video"


def _is_transport_stream(head: bytes) -> bool:
    """Return whether 0x47 comes back in four packets."""
    return any(
        len(head) >= 4 * size and all(head[place] == 0x47 for place in range(first, 4 * size, size))
        for size, first in _PACKETS
    )
