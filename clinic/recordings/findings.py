"""The findings of a recording on its first screen, as sentences, and the moments worth a look. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from clinic import words
from clinic.patients.caseload import RecordingRow
from clinic.patients.trends import BASELINE_MIN, Trend, TrendPoint
from clinic.phrases import counted, unusable_percents, usable_percent
from fer_core.emotions import Emotion
from fer_core.reading.intervals import Floats
from fer_core.reading.reading import (
    GOOD_LONGEST_GAP_S,
    GOOD_SIZE,
    GOOD_USABLE_SHARE,
    Light,
    Reading,
    Series,
)

WINDOW_S = 10.0
GOOD_WINDOW = 0.8
"""So much of a stretch must be readable for it to be proposed."""
UNUSUAL, QUIET = 5, 3
NAMED = 0.1
"""Labels with a smaller share are not named in the first sentences."""
ALIKE = 1.5
"""How many times larger or smaller a figure of the picture may be than in the baseline before it is named."""
FRAMING = "Stability under framing"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ten seconds that are proposed to be looked at: why, and how far its labels are from the usual (0 to 1)."""

    begin_s: float
    end_s: float
    reason: str
    distance: float


def baseline_points(trend: Trend, recording_id: str) -> list[TrendPoint]:
    """Return the points of the baseline of a recording's own line; of other lines none can be compared with it."""
    segment = next((point.segment for point in trend.points if point.recording_id == recording_id), None)
    return [point for point in trend.points if point.in_baseline and point.segment == segment]


def usual_shares(trend: Trend, recording_id: str) -> tuple[float, ...] | None:
    """Return the patient's usual shares in a recording's line, in the order of `summaries.LABELS`.

    None while its baseline is being built, and where the line compares the time in which the mouth is still alone: a
    stretch of all the time can't be compared with that.
    """
    own = baseline_points(trend, recording_id)
    if len(own) < BASELINE_MIN or any(point.still for point in own):
        return None
    return tuple(np.mean([point.shares or () for point in own], axis=0).tolist())


def stretches(series: Series, usual: Sequence[float] | None) -> tuple[list[Stretch], list[Stretch]]:
    """Return the readable stretches least like the usual shares, and the ones most like them, each in order of time.

    Without usual shares the recording's own are taken. Of the ten-second windows, those with less than 80 % of
    readable samples are left out.
    """
    windows, shares = _windows(series)
    known = usual is not None
    # One stretch alone is as usual as itself.
    if not len(windows) or (len(windows) == 1 and not known):
        return [], []
    middle = np.array(usual) if usual is not None else shares.mean(axis=0)
    distances = np.abs(shares - middle).sum(axis=1) / 2
    order = np.argsort(-distances, kind="stable").tolist()
    far, near = order[:UNUSUAL], order[UNUSUAL:][::-1][:QUIET]

    def as_stretches(places: list[int], quiet: bool) -> list[Stretch]:
        return [
            _stretch(windows[place], shares[place], middle, distances[place], known, quiet) for place in sorted(places)
        ]

    return as_stretches(far, False), as_stretches(near, True)


def transitions(series: Series) -> Floats:
    """Return how often each label followed each other one, (8, 8) in the order of `summaries.LABELS`; rows: from.

    Two samples follow each other where both are readable and no hole lies between them. The diagonal is 0: staying the
    same is no transition.
    """
    counts: Floats = np.zeros((len(Emotion) + 1,) * 2)
    usable = series.usable
    labels = np.full(len(usable), -1)
    labels[usable] = series.votes.argmax(axis=1) if usable.any() else 0
    step = float(np.median(np.diff(series.time_s))) if len(series.time_s) > 1 else 0.0
    near = np.diff(series.time_s) <= 2 * step + 1e-9
    before, after = labels[:-1], labels[1:]
    changed = near & (before >= 0) & (after >= 0) & (before != after)
    np.add.at(counts, (before[changed], after[changed]), 1)
    return counts


def sentences(recording: RecordingRow, reading: Reading, trend: Trend) -> list[str]:
    """Return three to five sentences: how much could be read, what was found, and how that is for this patient."""
    point = next((one for one in trend.points if one.recording_id == recording.id), None)
    found = [_readable(recording, reading)]
    if reading.shares:
        found += [_labels(reading), _against_usual(point, trend)]
    return [*found, *_camera(recording, point, trend)][:5]


def basis(reading: Reading) -> str:
    """Return how reliable a recording is, with what makes it less so."""
    if reading.light is not Light.LIMITED:
        return words.LIGHTS[reading.light]
    reasons = []
    if reading.usable_share < GOOD_USABLE_SHARE:
        reasons.append(f"only {usable_percent(reading.usable_share)} could be read")
    if reading.longest_gap_s is None:
        reasons.append("pictures show single moments")
    elif reading.longest_gap_s > GOOD_LONGEST_GAP_S:
        reasons.append(f"a gap of {reading.longest_gap_s:.0f} s")
    if reading.size < GOOD_SIZE:
        reasons.append(f"worth about {counted(reading.size, 'independent moment')}")
    return f"{words.LIGHTS[reading.light]}: {', '.join(reasons)}"


def trust(recording: RecordingRow, reading: Reading, baseline: Sequence[RecordingRow]) -> list[tuple[str, str]]:
    """Return how far to trust it: each figure's name and value, compared with the baseline's recordings if known."""
    figures = {
        "Face width": ("face_px", "px"),
        "Light": ("brightness", "of 255"),
        "Sharpness": ("sharpness", ""),
        "Compression": ("bits_per_pixel", "bits a pixel"),
    }
    lines = [("Basis", basis(reading))]
    for name, (attribute, unit) in figures.items():
        value = getattr(recording, attribute)
        if value is not None:
            known = [one for row in baseline if (one := getattr(row, attribute)) is not None]
            lines.append((name, f"{_rounded(value)} {unit}".strip() + _beside(value, known)))
    if reading.halves:
        apart = max(abs(one - other) for one, other in zip(*reading.halves, strict=True))
        lines.append(("Stability", f"two halves of the recording differ by at most {apart * 100:.0f} points"))
    framing = under_framing(recording)
    if framing is not None:
        lines.append((FRAMING, framing))
    lines.append(("Independent moments", f"about {reading.size:.0f}"))
    return lines


def under_framing(recording: RecordingRow) -> str | None:
    """Return how many labels stay when the face is framed a little otherwise, None where that wasn't tried."""
    if recording.framing_kept is None:
        return None
    tried = counted(recording.framing_tried, "face is", "faces are")
    return f"{_percent(recording.framing_kept)} of the labels stay when {tried} framed a little otherwise"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _beside(value: float, known: Sequence[float]) -> str:
    if not known:
        return ""
    usual = median(known)
    ratio = max(value / usual, usual / value) if value > 0 and usual > 0 else float("inf")
    return f" (baseline {_rounded(usual)}{'' if ratio <= ALIKE else ', differs'})"


def _readable(recording: RecordingRow, reading: Reading) -> str:
    whole = f" of {_length(recording.duration_s)}" if recording.duration_s else ""
    text = f"The face could be read in {usable_percent(reading.usable_share)}{whole}"
    shares = unusable_percents(reading.usable_share, reading.reasons)
    reasons = [f"{words.STATUSES[status].split(':')[0]} {share}" for status, share in shares.items()]
    if reasons:
        text += f" (otherwise: {', '.join(reasons[:3])})"
    if reading.longest_gap_s is not None and reading.longest_gap_s >= 5:
        text += f"; the longest time without it was {_length(reading.longest_gap_s)}"
    if reading.light is Light.INSUFFICIENT:
        text += ". That is not enough for a comparison"
    return f"{text}."


def _labels(reading: Reading) -> str:
    ordered = sorted(range(len(reading.shares)), key=lambda column: -reading.shares[column])
    named = [column for column in ordered if reading.shares[column] >= NAMED][:3] or ordered[:1]
    parts = [f"{words.TREND_NAMES[column]} {_with_interval(reading, column)}" for column in named]
    return f"In the readable time the model labelled: {', '.join(parts)}."


def _against_usual(point: TrendPoint | None, trend: Trend) -> str:
    if point is None or point.shares is None or point.excluded is not None:
        reason = f" ({point.excluded})" if point is not None and point.excluded else ""
        return f"It is not compared with this patient's other recordings{reason}."
    line = [one for one in trend.points if one.segment == point.segment and one.excluded is None]
    if point.in_baseline and len(line) < BASELINE_MIN:
        return f"This patient's usual range is not known yet ({len(line)} of {BASELINE_MIN} recordings that count)."
    if point.in_baseline:
        return f"It is one of the {BASELINE_MIN} recordings that this patient's usual range is made of."
    if point.usual_low is None or point.usual_high is None or not point.beyond:
        return "All shares are within this patient's usual range."
    parts = [
        f"{words.TREND_NAMES[column]} ({_percent(point.shares[column])}, usually"
        f" {_percent(point.usual_low[column])} to {_percent(point.usual_high[column])})"
        for column in point.beyond
    ]
    again = _again(point)
    return f"Outside this patient's usual range: {', '.join(parts)}; all others are within it.{again}"


def _again(point: TrendPoint) -> str:
    """Say which labels lay on that side in the recording before too."""
    if not point.outside:
        return " A single one may be chance."
    if len(point.outside) == len(point.beyond):
        return " So it was in the recording before it that can be compared."
    marked = ", ".join(words.TREND_NAMES[column] for column in point.outside)
    return f" In the recording before it that can be compared, only {marked} lay there too: the rest may be chance."


def _camera(recording: RecordingRow, point: TrendPoint | None, trend: Trend) -> list[str]:
    """Return that a recording begins a new line of the trend, where it does."""
    if point is None:
        return []
    line = [one for one in trend.points if one.segment == point.segment]
    if point.segment == 0 or line[0].recording_id != recording.id:
        return []
    what = trend.changes[point.segment - 1].what
    return [f"It was made in a different way from those before it ({what}), so it is not compared with them."]


def _windows(series: Series) -> tuple[list[float], Floats]:
    """Return the beginnings of the readable windows in seconds, and the shares of their labels, (W, 8)."""
    if not len(series.time_s) or series.every_s is None:
        return [], np.zeros((0, len(Emotion) + 1))
    cell = np.floor(series.time_s / WINDOW_S).astype(np.int64)
    samples = np.bincount(cell)
    votes = np.zeros((len(samples), len(Emotion) + 1))
    np.add.at(votes, cell[series.usable], series.votes)
    usable = votes.sum(axis=1)
    full = samples >= 0.8 * samples.max()
    good = np.flatnonzero(full & (usable >= GOOD_WINDOW * np.maximum(1, samples)))
    return (good * WINDOW_S).tolist(), votes[good] / usable[good][:, None]


def _stretch(begin_s: float, shares: Floats, middle: Floats, distance: float, known: bool, quiet: bool) -> Stretch:
    column = int(shares.argmax()) if quiet else int((shares - middle).argmax())
    usual = "usually" if known else "in the whole recording"
    name = words.TREND_NAMES[column]
    reason = f"{name} {_percent(float(shares[column]))} of the time, {usual} {_percent(float(middle[column]))}"
    return Stretch(
        begin_s, begin_s + WINDOW_S, f"Most like the usual: {reason}" if quiet else reason.capitalize(), float(distance)
    )


def _with_interval(reading: Reading, column: int) -> str:
    share = _percent(reading.shares[column])
    if not reading.interval_known:
        return share
    return f"{share} (95 % interval {_percent(reading.low[column])} to {_percent(reading.high[column])})"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _length(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
