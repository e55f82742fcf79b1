"""What a patient can consent to, in words: on the pages, in the notice and in refusals."""

from __future__ import annotations

from clinic.settings import Settings
from db.models import Scope

SCOPES: dict[str, str] = {
    Scope.ANALYSE: "analyse recordings",
    Scope.KEEP_RESULTS: "keep the results",
    Scope.KEEP_VIDEO: "keep the videos and pictures",
    Scope.TRAIN: "use recordings to improve the model",
    Scope.EXPORT: "export the results",
}
"""What a patient consents to; each follows on "consent to"."""
SCOPE_MEANINGS: dict[str, str] = {
    Scope.ANALYSE: "The program may look at recordings of the face and label its expressions.",
    Scope.KEEP_RESULTS: "The labels over time are stored and shown. Without it nothing can be analysed.",
    Scope.KEEP_VIDEO: "The recording itself is kept, encrypted, and can be watched. Otherwise it is deleted after the"
    " analysis.",
    Scope.TRAIN: "Small pictures of the face, from moments of kept recordings that people gave a label, may be used to"
    " train this clinic's own model and to judge it. A model that has learned from them can't forget them.",
    Scope.EXPORT: "What is stored may leave this installation as an archive or a report.",
}
FACES_ALONE = (
    "Up to 12 small pictures of the face from each video are kept, encrypted, and shown along its chart. The recording"
    " itself is deleted after the analysis."
)
"""What `SCOPE_MEANINGS` says of `Scope.KEEP_VIDEO` where this installation doesn't keep the recordings themselves."""
WITHDRAWING: dict[str, str] = {
    Scope.ANALYSE: "Waiting and running analyses are stopped within seconds; their files and unfinished results are"
    " deleted.",
    Scope.KEEP_RESULTS: "All recordings of this patient are permanently deleted, with their results and kept files,"
    " and imported results of other programs.",
    Scope.KEEP_VIDEO: "All kept videos and pictures of this patient are permanently deleted; the results stay.",
    Scope.TRAIN: "A training that uses moments of this patient is stopped; the pictures that were cut for it and the"
    " record of their use are deleted. A model that has learned from them keeps it until another one takes its place.",
    Scope.EXPORT: "Nothing can be exported any more; an archive or report that waits for its download is deleted.",
}
"""The effect of withdrawing each of them."""


def asked_for(settings: Settings) -> list[Scope]:
    """Return what patients of this installation are asked to agree to: nothing that it doesn't do."""
    here = {Scope.KEEP_VIDEO: settings.keeps_pictures, Scope.TRAIN: settings.trains_on_own}
    return [scope for scope in Scope if here.get(scope, True)]
