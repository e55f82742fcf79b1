"""The data dictionary of an export: the meaning and unit of each column, and the meaning of an empty cell."""

from __future__ import annotations

from clinic import words
from clinic.patients.states import State
from clinic.questionnaires.published import PUBLISHED
from db.models import Sample
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.types import Status

SHARES = (*EMOTION_LABELS, "uncertain")
RECORDING_COLUMNS = (
    "id",
    "visit_number",
    "shown",
    "state",
    "version_of",
    "kind",
    "recorded_on",
    "recorded_time",
    "note",
    "source_name",
    "duration_s",
    "width_px",
    "height_px",
    "samples",
    "usable_samples",
    "usable_share",
    "usable_s",
    "longest_gap_s",
    "not_interpreted",
    *(f"share_{label}" for label in SHARES),
    "damaged_frames",
    "partial",
    "model_sha256",
    "program_version",
    "device",
    "analysed_at",
)
"""The columns of the table of recordings, which is for people and spreadsheets; the JSON holds all there is."""

CONSENT_COLUMNS = ("scope", "given_on", "expires_on", "document", "recorded_at", "withdrawn_at")
"""The columns of the table of consents."""

ITEMS_MOST = max(len(scale.items) for scale in PUBLISHED.values())
QUESTIONNAIRE_COLUMNS = (
    *("id", "answered_on", "scale", "total", "band", "missing", "how"),
    *(f"q{number}" for number in range(1, ITEMS_MOST + 1)),
)
"""The columns of the table of questionnaires."""

HEADER = ("file", "column", "type", "unit", "meaning", "empty")
NOBODY_SAID = "nobody gave it"
NEVER, NOT_ANALYSED, NO_FACE = "never", "not analysed, or unknown", "no face of the patient's at this moment"
NO_VIDEO, NO_SHARE = "pictures, or not analysed", "no usable face, or not analysed"
NOT_MEASURED = "no face of the patient's at this moment, or an earlier version of the program"
NO_READING = "the face could not be read, or there was none"
STATES = {
    State.COMPLETE: "analysed",
    State.UNREAD: "analysed, its labels are not interpreted",
    State.NO_FACE: "analysed, no face was found",
    State.PARTIAL: "only a part of the file could be read",
    State.EXCLUDED: "analysed, does not count in the trend",
    State.EMPTY: "no result is stored",
    State.REPLACED: "its result was deleted, as the patient has another face in it or none",
    State.CANCELLED: "cancelled or discarded",
    State.FAILED: "the analysis failed",
}
"""The states in which a version is exported, and what each means."""

_RECORDING: dict[str, tuple[str, str, str, str]] = {
    "id": ("text", "", "random id of this version of the recording", NEVER),
    "visit_number": (
        "integer",
        "",
        "number of the patient's visit; never used for another visit; the same in all versions of a recording",
        NEVER,
    ),
    "shown": ("0 or 1", "", "1 for the version that the program shows: one for each visit", NEVER),
    "state": ("text", "", "; ".join(f"{state}: {said}" for state, said in STATES.items()), NEVER),
    "version_of": ("text", "", "id of the first version of this recording", "this is the first version"),
    "kind": ("text", "", "video or pictures", NEVER),
    "recorded_on": ("date", "", "day of the recording, as the clinician gave it", NEVER),
    "recorded_time": ("time", "", "time of day of the recording, on the clinic's clock", NOBODY_SAID),
    "note": (
        "text",
        "",
        "the clinician's note; an apostrophe before = + - @ keeps spreadsheets from reading a formula",
        "",
    ),
    "source_name": ("text", "", "name of the uploaded file; apostrophe as above", ""),
    "duration_s": ("number", "s", "length of the video", "pictures, or unknown"),
    "width_px": ("integer", "px", "width of the upright picture", NOT_ANALYSED),
    "height_px": ("integer", "px", "height of the upright picture", NOT_ANALYSED),
    "samples": ("integer", "", "number of samples", NOT_ANALYSED),
    "usable_samples": ("integer", "", "of these, samples with a readable face", NOT_ANALYSED),
    "usable_share": (
        "number",
        "0 to 1",
        "share of the sampled time, or of the pictures, with a readable face",
        NOT_ANALYSED,
    ),
    "usable_s": ("number", "s", "time with a readable face", NO_VIDEO),
    "longest_gap_s": ("number", "s", "longest time without one", NO_VIDEO),
    "not_interpreted": ("text", "", "why the labels of this recording are not interpreted and its shares left out", ""),
    "damaged_frames": (
        "integer",
        "",
        "frames that could not be decoded, had no usable time, or follow the first in a picture's file",
        NEVER,
    ),
    "partial": ("0 or 1", "", "only a part of the file could be read", NEVER),
    "model_sha256": ("text", "", "SHA-256 of the weights of the model that made the results", NOT_ANALYSED),
    "program_version": ("text", "", "version of the program that made the results", NOT_ANALYSED),
    "device": ("text", "", "processor that the model ran on", NOT_ANALYSED),
    "analysed_at": ("moment", "UTC", "when the results were made (ISO 8601)", NOT_ANALYSED),
}
_CONSENT: dict[str, tuple[str, str, str, str]] = {
    "scope": ("text", "", "what was agreed to: analyse, keep_results, keep_video, train or export", NEVER),
    "given_on": ("date", "", "day on which the patient agreed", NEVER),
    "expires_on": ("date", "", "last day on which the consent is valid", "until it is withdrawn"),
    "document": ("text", "", "where the signed document is kept; apostrophe as in recordings.csv", ""),
    "recorded_at": (
        "moment",
        "UTC",
        "when it was recorded here (ISO 8601); the last one of a scope counts",
        NEVER,
    ),
    "withdrawn_at": ("moment", "UTC", "when it was withdrawn (ISO 8601)", "not withdrawn"),
}
_QUESTIONNAIRE: dict[str, tuple[str, str, str, str]] = {
    "id": ("text", "", "random id of the questionnaire that was answered", NEVER),
    "answered_on": ("date", "", "day on which the patient answered", NEVER),
    "scale": ("text", "", "name of the questionnaire; apostrophe as in recordings.csv", NEVER),
    "total": ("number", "points", "total, by the scale's own rule for missing answers", "too many answers are missing"),
    "band": ("text", "", "name of the band in which the total lies; apostrophe as above", "no total, or no bands"),
    "missing": ("integer", "", "answers that were not given", NEVER),
    "how": ("text", "", "how it was entered: items, total, patient or csv", NEVER),
}
_SAMPLE: dict[str, tuple[str, str, str, str]] = {
    "recording_id": ("text", "", "id in recordings.csv", NEVER),
    "frame_index": ("integer", "", "number of the frame in the video, or of the picture, from 0", NEVER),
    "track": ("integer", "", "number of the face that was followed; -1 for a moment without the patient's face", NEVER),
    "time_s": ("number", "s", "time from the start of the video; of pictures the picture's number", NEVER),
    "status": (
        "text",
        "",
        f"why the moment has a label or has none: {', '.join(Status)}",
        NEVER,
    ),
    "left": ("number", "px", "left edge of the face's box in the upright picture", NO_FACE),
    "top": ("number", "px", "top edge of the box", NO_FACE),
    "right": ("number", "px", "right edge of the box", NO_FACE),
    "bottom": ("number", "px", "bottom edge of the box", NO_FACE),
    "confidence": ("number", "0 to 1", "how sure the detector is that this is a face", NO_FACE),
    "sharpness": ("number", "", "variance of the Laplacian of the face at 48 px: more is sharper", NOT_MEASURED),
    "brightness": ("number", "0 to 255", "mean grey level of the face", NOT_MEASURED),
    "mouth_change": (
        "number",
        "",
        "how much the mouth changed within 0.2 s, in standard deviations of the face's grey level",
        "a picture, no face of 80 px, nothing 0.15 to 0.3 s earlier, or an earlier version of the program",
    ),
    "framing_kept": (
        "number",
        "0 to 1",
        "share of six slightly different frames of the face under which its label stays",
        "not tried: of a video, every 10 s alone; or no usable face, or an earlier version of the program",
    ),
}


def dictionary_rows() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and the rows of the dictionary."""
    recordings = [("recordings.csv", name, *_of_recording(name)) for name in RECORDING_COLUMNS]
    samples = [
        (file, column.name, *_of_sample(column.name))
        for file in ("samples.csv", "samples-other-versions.csv")
        for column in Sample.__table__.columns
    ]
    consents = [("consents.csv", name, *_CONSENT[name]) for name in CONSENT_COLUMNS]
    answers = [("questionnaires.csv", name, *_of_questionnaire(name)) for name in QUESTIONNAIRE_COLUMNS]
    return HEADER, [*recordings, *samples, *consents, *answers]


def _of_questionnaire(name: str) -> tuple[str, str, str, str]:
    if name in _QUESTIONNAIRE:
        return _QUESTIONNAIRE[name]
    question = name.removeprefix("q")
    return "integer", "points", f"answer to question {question}", "no answer, no such question, or the total alone"


def _of_recording(name: str) -> tuple[str, str, str, str]:
    if name == "share_uncertain":
        return "number", "0 to 1", "share of the usable time in which no label stands out", NO_SHARE
    if name.startswith("share_"):
        said = words.EXPRESSIONS[Emotion(EMOTION_LABELS.index(name.removeprefix("share_")))]
        return "number", "0 to 1", f"share of the usable time labelled {said}", NO_SHARE
    return _RECORDING[name]


def _of_sample(name: str) -> tuple[str, str, str, str]:
    if name in EMOTION_LABELS:
        said = words.EXPRESSIONS[Emotion(EMOTION_LABELS.index(name))]
        return "number", "0 to 1", f"model output for {said}; not the chance that someone feels something", NO_READING
    return _SAMPLE[name]
