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


class ModelError(FerError):
    """Model weights or a model card that can't be trusted or don't fit each other."""

    code = "model_refused"


class Cancelled(FerError):
    """The work was stopped at the user's request; nothing of it is kept."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("The analysis was cancelled.")
