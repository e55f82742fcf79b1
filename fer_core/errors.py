"""The errors of the core: each has a stable code and a sentence that a clinician can act on."""

from __future__ import annotations


class FerError(Exception):
    """A refusal or failure with a stable `code` and a `message` for the person at the screen.

    The message never holds a file's name or a patient's data, so that it may be logged and shown.
    """

    code = "error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class MediaError(FerError):
    """A picture or video that can't be used; `code` is one of those in the manual's table of bad input."""

    code = "unreadable_file"


MEDIA_CODES: dict[str, str] = {
    "empty": "The file is empty. Please copy it again from the camera.",
    "unknown_type": (
        "This is neither a picture (JPEG, PNG, WebP, AVIF) nor a video (MP4, MOV, MKV, WebM, AVI, MTS, MPG, WMV)."
    ),
    "unread_video": (
        "This video format can't be read here (for example Ogg, RealMedia or MXF). Please convert it to MP4"
        " (H.264), for example with HandBrake or VLC, and try again."
    ),
    "unread_picture": (
        "This picture format can't be read here (for example HEIF with H.264 or JPEG 2000 in it). Please save the"
        " picture as JPEG and try again."
    ),
    "unread_codec": (
        "The pictures of this video are in a format that can't be read here. Please convert the video to MP4 (H.264),"
        " for example with HandBrake or VLC, and try again. If that fails too, please copy it again."
    ),
    "protected_video": (
        "This video is protected against copying, so that only the program it was made for can show it. Please use"
        " a recording that isn't protected."
    ),
    "damaged_image": "The picture is damaged, or its copy is incomplete. Please copy it again.",
    "heic_unsupported": "This computer can't read HEIC pictures. Please save the picture as JPEG and try again.",
    "too_large": (
        "The picture or video has too many pixels. Please make it smaller: up to 67 megapixels in a picture and 50 in a"
        " video are read."
    ),
    "not_a_video": "This file claims to be a video, but contains something else. Nothing of it was opened.",
    "no_video_stream": "This file contains no video, only sound, subtitles or other data.",
    "incomplete_file": "The copy of this video was interrupted: its end is missing. Please copy it again.",
    "damaged_video": "The video is damaged: no picture of it could be read. Please copy it again.",
    "unreadable_file": "The file can't be read. Please try another copy of it.",
    "hostile_file": (
        "This file tried to do what no picture or video does. It was stopped, and nothing of it was used. Please tell"
        " the person who looks after this program, and don't open the file elsewhere."
    ),
}
"""Sentences for files that can't be used, with what helps; the code is stable, the sentence is for people."""


def media_error(code: str) -> MediaError:
    """Return the error of a code of `MEDIA_CODES`, with its sentence."""
    return MediaError(MEDIA_CODES[code], code)


class ModelError(FerError):
    """Model weights or a model card that can't be trusted or don't match."""

    code = "model_refused"


class Cancelled(FerError):
    """The work was stopped at the user's request; nothing of it is kept."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("The analysis was cancelled.")
