"""Texts for clinicians, in one place: expressions and not feelings, reasons and not verdicts."""

from __future__ import annotations

from db.models import ConditionKind, EventKind, JobState, Role
from fer_core.emotions import Emotion
from fer_core.reading.reading import Light
from fer_core.types import Status

DISCLAIMER = "Shows facial expressions as labelled by a model, not feelings or a diagnosis."

EXPRESSIONS: dict[Emotion, str] = {
    Emotion.ANGRY: "angry-like",
    Emotion.DISGUST: "disgust-like",
    Emotion.FEAR: "fear-like",
    Emotion.HAPPY: "happy-like",
    Emotion.SAD: "sad-like",
    Emotion.SURPRISE: "surprise-like",
    Emotion.NEUTRAL: "neutral",
}
"""What each label is called: a likeness of a face, not the state of a person."""
TREND_NAMES: dict[int, str] = dict(enumerate([*(EXPRESSIONS[emotion] for emotion in Emotion), "uncertain"]))
"""The same for the columns of a trend, of which the last is uncertain."""

STATUSES: dict[str, str] = {
    Status.OK: "labelled",
    Status.UNCERTAIN: "uncertain: no label stands out",
    Status.NO_FACE: "no face found",
    Status.TOO_SMALL: "face too small: bring the camera closer",
    Status.BLURRED: "face blurred: hold the camera still",
    Status.DARK: "face too dark: add light from the front",
    Status.PROFILE: "face turned away",
    Status.PARTIAL: "face partly outside the picture",
    Status.DAMAGED: "file damaged here",
    Status.OTHERS: "only faces that were not chosen as the patient's",
    Status.NOT_PATIENT: "not the patient, as a user marked",
}
"""Why a sample has a label or none, with advice for next time."""

USABLE = (
    "How much of it shows a face that can be read. A face behind a hand, a mask or hair is treated like a clear one:"
    " it often counts as uncertain, and may get a wrong label. Please mark such stretches. [How](#how)"
)
LIGHTS: dict[Light, str] = {
    Light.GOOD: "Good basis",
    Light.LIMITED: "Limited basis",
    Light.INSUFFICIENT: "No basis: too little face could be read",
}
"""How reliable a recording is."""

CHANGES: dict[str, str] = {
    "model": "new model",
    "kind": "pictures and video",
    "sampling": "other sampling",
    "codec": "other camera: file format",
    "resolution": "other camera: resolution",
    "face size": "other camera: face size",
    "sharpness": "other camera: sharpness",
    "light": "other light",
    "compression": "other camera: compression",
}
"""Why a new line begins."""

FRAMING = (
    "Every 10 s, and in each picture, the face is cut out again six times: moved by 5 % of its box to each side, up and"
    " down, and 8 % larger and smaller. The share of these whose label is the same, uncertain being one, is the mean"
    " over the faces tried. On test pictures 84 to 88 % stay. [How](#how)"
)
SHARES_INTERVAL = (
    "Share of the usable time, with its 95 % interval. Consecutive moments are alike, so the interval rests on"
    " fewer, independent ones."
)
NO_SHARES = "There are none: nothing of this recording is usable."
SHARES_TOO_SHORT = "Share of the usable time. With under 20 s of usable face no interval can be given. [How](#how)"
ADJUSTED = (
    "Diamonds: adjusted shares. The model calls some expressions uncertain, or by another name, more often than others;"
    " a diamond is the share of each expression that would give labels like these, if the model errs here as on its"
    " test pictures. Faces in a session may differ from those, so both are shown. [How](#how)"
)
NOT_ADJUSTED = "Shares adjusted for the model's known errors are not given: {reason}. [How](#how)"
MOVEMENT = (
    "How much the model's output changes from one second to the next: 0 for a face that never changes, 1 for one that"
    " goes over to another label each second. The output's own noise is taken off, and how often the face was sampled"
    " makes no difference. Not given with less than two samples a second. [How](#how)"
)
CIRCUMPLEX = (
    "A derived index from -1 to 1, with its 95 % interval; not a measurement: the mean of the places that people gave"
    " to the words for the labels (Russell & Mehrabian 1977). A moment without a clear label counts as 0, as a neutral"
    " one does. It says nothing about how someone feels. [How](#how)"
)
EPISODES = (
    "Stretches of at least 0.5 s in which the model's output for one label stays at 50 % or more; neutral is left out."
    " The apex is where it is highest. A moment without a usable face, or a hole in the recording, ends an episode."
    " [How](#how)"
)
VERDICTS: dict[str, str] = {
    "agree": "The model's label fits",
    "other": "Another label fits",
    "impression": "Own impression, before the labels were shown",
    "unclear": "Can't be interpreted",
    "not_patient": "Not the patient",
    "event": "Something happened",
    "exclude": "Leave out",
}
MARK_REASONS: dict[str, str] = {
    "medication": "medication",
    "topic": "a topic came up",
    "crying": "crying",
    "laughing": "laughing",
    "talking": "talking",
    "camera": "camera moved or covered",
    "other_person": "another person in the picture",
    "interruption": "interruption",
    "other": "another reason",
}
MARKS = (
    "Marks stand beside the samples, which stay as they are. A stretch marked as not the patient counts nowhere: not in"
    " the summary, the trend or an export. Apart from that, the trend uses the samples as they were analysed."
)
AGREEMENT = (
    "Marked moments were chosen by people, not at random: they show where the model was looked at, not how often it"
    " is right in general."
)
KEPT_FACES = "The small pictures of the face are what is kept of this video. It can't be watched."
KEPT_FACES_BESIDE = "The small pictures of the face are kept beside the video."
BLIND = (
    "The video alone, without labels, curves or sentences. Say what you see; it is stored beside the model's"
    " labels, which are shown when you turn this off."
)
JUDGED_AGAIN = (
    "This mark was made on labels of {model}. What you change in it is said of the labels shown here, of model {shown}."
)
CHOICE_STAYS_PICTURES = "If a picture still shows another person, mark it as not the patient: see Whose face."
CHOICE_STAYS = "If a stretch still shows another person, mark it as not the patient: see Whose face."
NOT_THE_SHOWN_RESULT = (
    "Another result is shown for this recording in lists, trend and reports: {version}. This one counts nowhere."
)
NOT_THE_SHOWN_VERSION = (
    "The recording was analysed more than once. This is not the result that the program shows for this visit: do not"
    " count it beside that one."
)
VERSIONS_IN_TABLES = (
    "{visits}, {rows} in recordings.csv. Each time a recording is analysed again, its visit gets another version, in a"
    " row of its own: count a visit by its one row with shown = 1, which is the version that the program shows. The"
    " column state says how its analysis ended. samples.csv has the samples of these versions alone;"
    " samples-other-versions.csv has those of all other versions, and is not to be added to it."
)
LABELS_OF_A_CONDITION = (
    "Labels of a time in which a condition of the face held are not interpreted; patient.json names the conditions, and"
    " recordings.csv the recordings. The tables of samples have all labels as they were analysed."
)
NOT_INTERPRETED_THEN = (
    "The patient had a condition of the face then, so the labels of that recording are not interpreted."
)
NOT_COMPARABLE = (
    "These two were made in different ways (model, kind, sampling, camera or light), so a difference between them may"
    " come only from that."
)
COMPARED = (
    "Both as analysed, on one scale. Where the intervals overlap, the difference may be chance. Where they do not, the"
    " two recordings differ, as sessions of a patient who does not change often do: two recordings say nothing of a"
    " lasting change."
)
TRANSITIONS = (
    "How often the label in the column followed directly on the label in the row, in the smoothed samples. Staying the"
    " same is not counted, nor what lies on both sides of a gap."
)
SMOOTHING = (
    "Running mean of the model's output over this time; gaps stay gaps. It changes curves, labels and episodes: which"
    " moments have a label is decided again after it. Shares are always those of the samples as they are. [How](#how)"
)
FALSE_RINGS = (
    "A ring marks the second of two recordings in a row that lie outside the usual range on the same side. Of 100"
    " patients who don't change, up to about {usual} get a ring somewhere within 12 recordings, and up to about {alike}"
    " where sessions are similar to the ones just before them. [How](#how)"
)
MOUTH = (
    "Of the time in which this is known, the mouth moves in {moving} %, as in talk. Talk changes the labels: it"
    " makes faces uncertain, and may look like surprise. So the two parts are shown side by side. Sound is not"
    " analysed. [How](#how)"
)
STILL_TREND = "The trend compares the time in which the mouth is still, because talk changes the labels. [How](#how)"
SMALL_TRENDS = "Below each share: its 95 % interval. Shaded: the usual range."
USUAL_RANGE = (
    "The usual range comes from the first {count} recordings that count, and stays as it is. The band behind a"
    " recording is the range that it was judged by: a shorter recording has a wider one. [How](#how)"
)
POWER = "A change that lasts would be seen in 8 of 10 cases within three recordings from: {changes}. [How](#how)"
POWER_NONE = (
    "No change of {names} would be seen in 8 of 10 cases within three recordings: they differ too much. [How](#how)"
)
CHANCE = "Two recordings of this patient differ by chance, in 19 of 20 cases, by less than: {changes}. [How](#how)"
NOISE_FLOOR = "The standard error of a share within one recording (noise floor) is about: {changes}. [How](#how)"

BASELINES = (
    "All were measured on the same test pictures. Those marked (other) are other programs; this program trained the"
    " rest. “sequential” and “five-layer” are the"
    " plain networks of a usual student project, kept to compare with. A model that was trained on photographs of the"
    " test in another crop knew some of the answers, so its figures are too good."
)

ROLES: dict[str, str] = {
    Role.ADMINISTRATOR: "Administrator",
    Role.CLINICIAN: "Clinician",
    Role.VIEWER: "Viewer",
}
ROLE_MEANINGS: dict[str, str] = {
    Role.ADMINISTRATOR: "manages the accounts, and otherwise does what a clinician does.",
    Role.CLINICIAN: "adds patients and recordings, and shares patients with others.",
    Role.VIEWER: "views patients that are shared, and changes nothing.",
}
ACCOUNTS_SEE_OWN = (
    "Each account sees only the patients of its own caseload, administrators too. Users who see a patient can share the"
    " patient on the patient's page, under Consent and sharing."
)

FIRST_STEPS = (
    "Add the first patient with the button above, print the notice, and record what the patient agreed to. Then add"
    " a recording: a video of a session, or a few pictures."
    " The program finds the faces, labels their expressions, and keeps the numbers; the file itself is deleted after"
    " the analysis."
)
CODE = "The clinic's own number of the patient. It distinguishes patients of the same name, as the date of birth does."
EVENT_KINDS: dict[EventKind, str] = {
    EventKind.MEDICATION: "Medication",
    EventKind.SESSION: "Session",
    EventKind.EVENT: "Event",
}
CONDITIONS: dict[ConditionKind, str] = {
    ConditionKind.PARKINSONISM: "Parkinsonism",
    ConditionKind.FACIAL_PALSY: "Facial palsy",
    ConditionKind.RIGIDITY: "Rigidity under antipsychotics",
    ConditionKind.BOTULINUM: "Botulinum toxin in the face",
    ConditionKind.AUTISM: "Autism",
    ConditionKind.COVERED: "Mask or veil",
    ConditionKind.OTHER: "Another reason",
}
CONDITIONS_MEANING = (
    "Where a face is stiff, uneven, covered, or moves in its own way, a label compares it with faces that it can't be"
    " compared with. Of a recording made while one of these conditions lasts, no labels are shown: only movement."
)
NOT_INTERPRETED = "Labels are not interpreted for this patient ({why}): only movement of the face is shown."
NOT_INTERPRETED_OF_DAYS = (
    "Labels of recordings made under a condition of the face ({why}) are not interpreted: of these only movement is"
    " shown."
)
NOT_INTERPRETED_LIVE = "Labels are not interpreted for this patient ({why}): the live view shows none."
TOGETHER = "angry-, disgust-, fear- and sad-like together"
ADJUSTED_TREND = (
    "Adjusted: the shares of expressions that would give labels like these, if the model errs here as on its test"
    " pictures; without a usual range, which is one of the labels."
)
CONSENT_IS_ABOVE = "The status of the consent is shown above, on every tab; its menu records, renews and withdraws it."
NOTHING_SHARED = (
    "No patient is shared with you yet. A patient's clinician can do so on the patient's page,"
    " under Consent and sharing."
)
EMERGENCY = (
    "For a patient who is not on your caseload, where waiting for the patient's clinician could do harm. You may look"
    " for one hour; the reason is kept permanently in the audit log."
)
CHOOSE_FACE = (
    "Tick each face that is the patient: someone who leaves and comes back is listed twice, and ticking both joins"
    " them. The bar under the pictures shows when a face is seen. The results of everyone else are deleted at once."
)
WHOSE_FACES = "Whose faces are these?"
CHOOSE_PICTURES = (
    "Tick the face of {patient} in each picture. Nobody is recognised, and the pictures are not compared with each"
    " other: please look at each face. The results of every face without a tick are deleted at once."
)
TOO_MANY_FACES = (
    "These pictures show {faces}; this page can ask about {most} at most. Please press “The patient is not there”: it"
    " drops this recording, and add the pictures again in smaller groups."
)
ALONE_IN_PICTURES = "Pictures with one face"
TOGETHER_IN_PICTURES = "Pictures with several faces: at most one of them is the patient's"
SAME_PERSON = {
    "same": "Yes: it stays, with the marks on it",
    "other": "No: it is deleted, with the marks that are about the face",
}
EARLIER_RESULT = (
    "An earlier analysis of this recording has a result. If it shows somebody else, it is deleted with the marks on it"
    " that are about the face: what was agreed with or corrected, impressions, and stretches that are unclear or not"
    " the patient. Open the recording first if you don't know whom it shows."
)
SPLIT_FACE = (
    "Where the pictures of one face show two people, split it at the moment at which the other one begins. Then tick"
    " the parts that show the patient."
)
WHOSE = {
    "only": "One face was seen; it was taken as the patient's.",
    "others_negligible": "The only face seen for more than a moment was taken as the patient's.",
    "clinician": "A user chose the patient's face.",
    "carried": "The patient's face was taken from the previous version, where it is in the same place.",
}
"""How the patient's face was distinguished from others."""
CHOSEN_IN_PICTURES = "A user chose the patient's face in {pictures}, each by itself."
TAKEN_TOGETHER = (
    "Faces that were each alone in their picture were taken as one person's; the pictures were not compared."
    " Please check that each of them shows the patient."
)
"""What is added for pictures that an earlier version of the program joined."""
NOT_PATIENT_HERE = (
    "A stretch that shows another person counts nowhere: not in the summary, the trend or an export, and the video is"
    " unrecognisable there. Delete its mark to undo this."
)
NOT_PATIENT_PICTURE = (
    "A picture that shows another person counts nowhere: not in the summary, the trend or an export. Delete its mark to"
    " undo this."
)
CANCEL_ANALYSIS = (
    "What this analysis has found so far is deleted, and so is the file that was uploaded for it. Where an earlier"
    " result of the recording is stored, that one and its file stay."
)
CHOOSE_AGAIN = (
    "The kept file is analysed again, and you are asked which face is the patient's. Until then the present result"
    " does not count, since it may show another person; then it is deleted, with the marks on it that are about the"
    " face: what you agreed with or corrected, your own labels, and stretches that are unclear or not the patient."
)
NOT_CHOSEN_AGAIN = {
    JobState.FAILED: (
        "The patient's face was to be chosen again, but that analysis failed. The result before it stands."
    ),
    JobState.CANCELLED: (
        "The patient's face was to be chosen again, but that was cancelled. The result before it stands."
    ),
}
"""By the state of the analysis that was to ask for the face."""
DECIDED_BY_OTHERS = (
    "It was decided in the meantime, by another user or in another window, so this choice of the face was not used."
    " Open the recording and check that it shows your patient."
)
LOOK_ALIKE = (
    "Face {first} and face {second} look alike in colours and are never seen at the same moment. Two people may, too:"
    " compare the pictures, and if they show one person, tick both or neither. Only the colours of face, hair, clothes"
    " and background were compared; nobody is recognised."
)
SEVERAL_FACES = "Several faces were seen. Their labels are shown after the patient's face is chosen."
WHOSE_FACE_OPEN = "Labels are shown once it is known which face is the patient's."
SAME_FILE_AGAIN = "This file was analysed for this patient before, in the same way: here is the stored result."
CAME_TWICE = "Uploaded more than once, counted once: {pictures}."
COUNTED_TWICE = "Stored in another recording of this patient too, and counted twice in the trend: {pictures}."
SAME_FILE_TWICE = "The same file is another recording of this patient too, and is counted twice in the trend: {visits}."
DISCARD = "What was found in it is deleted, also by earlier analyses; no result is kept."
DISCARD_LEAVES = (
    "What this analysis found is deleted. The result of the earlier analysis of this recording stays: if that shows"
    " somebody else, choose the face again on the recording's page."
)
MAYBE_ONE_PERSON = "Please check whether it is one person: this program keeps them as two patients."
TIME_SKIPPED = (
    "The file says {time:%H:%M}, which {day} did not have: the clocks went forward then. The time was left out; please"
    " enter it if you know it."
)
TIME_AGAIN = (
    "The file says {time:%H:%M} of {day}, when this time came a second time after the clocks went back. Only the first"
    " can be stored, so the time was left out."
)
TIME_TO_COME = "The file says {time:%H:%M}, which is still to come, so the time was left out."
TIMES_IN_NAME = "The file's name says several times, so none was taken."
SAME_FILE_ELSEWHERE = "The same file is stored for another patient too. Please check that it belongs here."

ERROR_CODE = "Error code: {code}"
"""What to name when asking for help: a code stays the same in every version."""

SUBGROUPS_UNKNOWN = (
    "How well the model reads people of different age, sex, skin colour or culture is **unknown**: the training data"
    " says nothing about its people. Expect differences."
)
WHAT_ACCURACY_MEANS = (
    "Accuracy is agreement with labels that one person gave to still pictures from the web; other people agree with"
    " those labels in about 65 % of the pictures. It is not how often the program knows what someone feels."
)
LIMITS = (
    "Read a curve against the same patient's own earlier recordings, made with the same camera and light.",
    "A neutral face is sometimes called sad-like; the share is given on this page by name.",
    "Rare classes, disgust first, rest on few pictures.",
    "Small, dark, blurred or turned faces get no label; the share of usable face time says how much is left.",
)

REPORT_LIMITS = (
    LIMITS[0],
    "A neutral face is sometimes called sad-like; how often, the program's page Model says by name.",
    *LIMITS[2:],
)
"""The same on paper, where no page of the program is at hand."""

INTENDED_USE = (
    "For mental-health clinicians who look at one consenting patient's facial expressions over months, beside"
    " questionnaires and their own judgement. Not for triage, alarms, staff, schools, or recording in secret."
)

STATEMENT_VERSION = 1
"""Of `STATEMENT`: to be counted up where its meaning changes, so that everybody is asked again."""
STATEMENT = (
    "The program labels facial expressions in recordings. It does not know what a person feels, and gives no diagnosis,"
    " no risk and no alarm.",
    "I use it only for patients in treatment who have consented after it was explained to them, and whose consent is"
    " recorded in it. Never in secret.",
    "I do not use it for triage, for staff, in schools, or as the only basis for a decision about a person.",
    "I read a curve beside questionnaires and my own judgement, against the same patient's earlier recordings, and"
    " never against other people.",
    "I know that labels are often wrong, that a neutral face is sometimes called sad-like, and that it is not known how"
    " well people of different age, sex, skin colour or culture are read.",
    "What I view and do is logged in an audit that nobody can change.",
)
"""What everybody accepts before anything opens."""


def band(probability: float) -> str:
    """Return low, medium or high for a model output between 0 and 1: more digits would promise too much."""
    if probability < 1 / 3:
        return "low"
    return "medium" if probability < 2 / 3 else "high"


TOOLS: dict[str, str] = {"openface": "OpenFace", "pyfeat": "py-feat", "facereader": "FaceReader"}
"""Other programs whose tables are read (clinic/exchange/other_tools.py)."""
TOOL_UNITS: dict[str, str] = {
    "openface": "AU…_r: mean strength of the movement, from 0 to 5. AU…_c: share of the moments with it, from 0 to 1.",
    "pyfeat": "All figures lie between 0 and 1.",
    "facereader": "All figures lie between 0 and 1, valence between −1 and 1.",
}
"""What their figures are measured in, as the programs' own manuals say."""
OTHER_TOOLS = (
    "Figures of other programs are shown separately: each is a mean over the moments that its program could read,"
    " on that program's own scale. They can't be compared with the labels of this one."
)
OTHER_TOOLS_UNREAD = (
    "Labels of this program are left out where a condition of the patient's face held that day: only its"
    " measures of movement are shown."
)

NEEDS: dict[str, str] = {
    "answer_above_0": "PHQ-9, question 9 above 0",
    "choose_face": "Choose a face",
    "failed": "Analysis failed",
    "consent_ends": "Consent ends",
    "questionnaire_due": "Questionnaire due",
    "outside": "Outside the usual range",
}
"""Why a patient needs attention (clinic/patients/needs.py); the last is a fact about the newest recording, no alarm."""
