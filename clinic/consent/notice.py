"""A notice for patients, to print and sign: in plain words, with this installation's actual settings."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from clinic.consent.consent import Scope
from clinic.phrases import counted
from clinic.settings import Settings

PATH = "/patient-notice"

STYLE = """
:root { color-scheme: light }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1.5rem; background: #fff; color: #1a1a1a;
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 0.25rem } h2 { font-size: 1.05rem; margin: 1.4rem 0 0.3rem }
p, ul { margin: 0.3rem 0 } ul { padding-left: 1.2rem }
.box { list-style: none; padding: 0 } .box li { padding: 0.2rem 0 0.2rem 1.8rem; text-indent: -1.8rem }
.box li::before { content: "\\2610"; display: inline-block; width: 1.8rem; text-indent: 0; font-size: 1.1rem }
.line { display: flex; gap: 1.5rem; margin-top: 2.2rem }
.line span { flex: 1; border-top: 1px solid #1a1a1a; padding-top: 0.2rem; font-size: 0.8rem }
.hint { padding: 0.6rem 0.8rem; background: #eef3f4; border-radius: 0.4rem }
@media print { body { margin: 0; padding: 0; font-size: 11pt } .hint { display: none } h2 { break-after: avoid }
  .sign { break-inside: avoid } }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
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
    Scope.EXPORT: "What is stored may be handed over as a file, to me or to another practice.",
}


def page(settings: Settings) -> str:
    """Return the notice as one page of HTML that needs nothing else."""
    scopes = [scope for scope in Scope if scope is not Scope.KEEP_VIDEO or settings.keep_files]
    boxes = "".join(f"<li>{escape(AGREED[scope])}</li>" for scope in scopes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Notice for patients</title>'
        f"<style>{STYLE}</style></head><body>"
        '<p class="hint">To be printed with the browser (Ctrl+P), read together, and signed. The signed sheet stays'
        " with the practice; where it is kept is entered in the program with the consent.</p>"
        "<h1>Recording facial expressions: what happens, and your choice</h1>"
        f"<h2>What is done</h2>{_paragraphs(WHAT)}"
        f"<h2>What is kept, and for how long</h2>{_list(kept(settings))}"
        f"<h2>Where, and who sees it</h2>{_list((where(settings), *WHO))}"
        f"<h2>If you change your mind</h2>{_paragraphs(WITHDRAW)}"
        '<div class="sign"><h2>What I agree to</h2><p>I have understood this, and could ask questions. I agree to what'
        f' is ticked:</p><ul class="box">{boxes}</ul>'
        "<p>This holds until I withdraw it, or until the day given here.</p>"
        '<div class="line"><span>Name</span><span>Holds until (may be left empty)</span></div>'
        '<div class="line"><span>Place and day</span><span>Signature</span></div>'
        '<div class="line"><span>Clinician</span><span>Signature</span></div></div></body></html>'
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


def _paragraphs(texts: tuple[str, ...]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _list(texts: tuple[str, ...]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"
