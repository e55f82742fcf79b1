"""What a patient can consent to, in words: on the pages, in the notice and in refusals."""

from __future__ import annotations

from db.models import Scope

SCOPES: dict[str, str] = {
    Scope.ANALYSE: "analyse recordings",
    Scope.KEEP_RESULTS: "keep the results",
    Scope.KEEP_VIDEO: "keep the videos and pictures",
    Scope.EXPORT: "export the results",
}
"""What a patient consents to; each follows on "consent to"."""
SCOPE_MEANINGS: dict[str, str] = {
    Scope.ANALYSE: "The program may look at recordings of the face and label its expressions.",
    Scope.KEEP_RESULTS: "The labels over time are stored and shown. Without it nothing can be analysed.",
    Scope.KEEP_VIDEO: "The recording itself is kept, encrypted, and can be watched. Otherwise it is deleted after the"
    " analysis.",
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
    Scope.EXPORT: "Nothing can be exported any more; an archive or report that waits for its download is deleted.",
}
"""The effect of withdrawing each of them."""
