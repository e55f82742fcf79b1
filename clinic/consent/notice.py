"""A notice for patients, to print and sign: in plain words, with this installation's actual settings."""

from __future__ import annotations

import base64
import hashlib

from clinic.consent.consent import Scope
from clinic.consent.scopes import asked_for
from clinic.paper import paper
from clinic.phrases import counted
from clinic.settings import Settings

PATH = "/patient-notice"

_HASH = base64.b64encode(hashlib.sha256(paper("notice.css").encode()).digest()).decode("ascii")
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

WHAT = (
    "Your clinician would like to record your face, in a video or in a few pictures, and to have a computer program"
    " look at it. The program finds your face, and gives each moment a label such as \u201chappy-like\u201d or"
    " \u201csad-like\u201d: what the face looks like.",
    "It does not know what you feel, and it makes no diagnosis. It is often wrong. Your clinician looks at how the"
    " labels change over months, beside what you say yourself.",
    "It does not listen: sound is never read. It does not recognise people. Faces of other people in the"
    " picture are not kept.",
)
WHO = (
    "Your clinician, and colleagues with whom your clinician shares your records for your treatment.",
    "In an emergency another clinician of this practice may look for one hour, and has to give a reason.",
    "Each access is logged. You may ask who had access.",
)
WITHDRAW = (
    "You need not agree, and you may change your mind at any time, without giving a reason. Your treatment does not"
    " depend on it.",
    "Tell your clinician. An analysis that is running then stops within seconds. What you no longer agree to is deleted"
    " from the program at once: the recordings, the results, or both.",
    "The practice makes backups of the whole database. If a backup is ever restored, what was deleted is"
    " taken out of it again.",
    "You may ask to see what is stored about you, and, if you agree to the last point below, to have it handed over.",
)
AGREED: dict[Scope, str] = {
    Scope.ANALYSE: "The program may look at recordings of my face and label the expressions.",
    Scope.KEEP_RESULTS: "The labels over time may be stored and shown to my clinician. (Without this nothing can be"
    " analysed.)",
    Scope.KEEP_VIDEO: "The videos and pictures themselves may be kept, encrypted, and watched by my clinician.",
    Scope.TRAIN: "Small pictures of my face, from moments of kept recordings to which people gave a label, may be used"
    " to improve the practice's own copy of the program.",
    Scope.EXPORT: "What is stored may be handed over as a file, to me or to another practice.",
}

LEARNED = (
    "If you agree that pictures of your face are used to improve the program and later change your mind, they are"
    " deleted and not used again. But what the program has learned from them can't be taken out of it: it stays"
    " until the practice replaces what was learned. Your clinician can see in which versions your pictures were used."
)
"""What a withdrawal can't do, where patients are asked for `Scope.TRAIN`."""

FACES_ALONE = "Up to 12 small pictures of my face from each video may be kept, encrypted, and seen by my clinician."
"""What `AGREED` says of `Scope.KEEP_VIDEO` where the videos themselves are not kept."""


def page(settings: Settings) -> str:
    """Return the notice as one page of HTML that needs nothing else."""
    scopes = asked_for(settings)
    agreed = AGREED | ({} if settings.keep_files else {Scope.KEEP_VIDEO: FACES_ALONE})
    return paper(
        "notice.html",
        what=WHAT,
        kept=kept(settings),
        who=(where(settings), *WHO),
        withdraw=(*WITHDRAW, LEARNED) if Scope.TRAIN in scopes else WITHDRAW,
        boxes=[agreed[scope] for scope in scopes],
    )


def kept(settings: Settings) -> tuple[str, ...]:
    """Return what is kept, and until when, by this installation's settings."""
    times = settings.retention
    if settings.keep_files:
        files = (
            "Videos and pictures are stored encrypted. They are deleted after the analysis, unless you agree below that"
            " they are kept."
        )
    else:
        files = "Videos and pictures are stored encrypted until they are analysed, and are then deleted."
    if settings.keep_faces and not settings.keep_files:
        files += " If you agree below, up to 12 small pictures of your face from each video are kept, encrypted."
    said = [
        files,
        "A file whose analysis failed for a technical reason is kept for a day, so that it can be tried again.",
        "Numbers are kept: the labels over time, how sure the program was, where in the picture the face was, the"
        " day of the recording, and your clinician's note.",
        _until("Numbers for each moment", times.samples_days, "after the recording"),
        _until("A recording with its results", times.recordings_days, "after it was made"),
        _until("Your name or code, with everything", times.patients_days, "after the last recording"),
    ]
    return tuple(said)


def where(settings: Settings) -> str:
    """Return where data is kept and processed, by this installation's settings."""
    machines = "computers that the practice runs for this" if settings.dask else "a computer of the practice"
    elsewhere = "://" in settings.media_url and not settings.media_url.startswith("file:")
    store = " Encrypted files lie in a storage that the practice chose." if elsewhere else ""
    return f"Everything is computed on {machines}. Nothing is sent to the makers of the program.{store}"


def _until(what: str, days: int | None, since: str) -> str:
    if days is None:
        return f"{what}: until your clinician deletes it, or you withdraw your consent."
    return f"{what}: {counted(days, 'day')} {since}; then it is deleted automatically."
