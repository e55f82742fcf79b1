"""The first sentences say what the figures say, and the moments worth a look are readable, unlike, and not alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from clinic.patients.trends import Change, Trend, TrendPoint
from clinic.recordings import findings
from clinic.recordings.findings import FRAMING, basis, sentences, stretches, transitions, trust
from fer_core.emotions import Emotion
from fer_core.reading.reading import Series, read
from fer_core.types import Status
from tests.forbidden_claims import claims_in

SHARES = (0.0, 0.0, 0.0, 0.5, 0.2, 0.0, 0.3, 0.0)


def series(labels, every_s=1.0):
    """Samples at this distance: a label each, None for no face."""
    outputs = np.full((len(labels), 7), np.nan)
    for row, label in enumerate(labels):
        if label is not None:
            outputs[row] = np.where(np.arange(7) == label, 0.94, 0.01)
    statuses = tuple(Status.NO_FACE if label is None else Status.OK for label in labels)
    return Series(np.arange(len(labels)) * every_s, statuses, outputs, every_s, 0.5)


class Row:
    """As much of a recording as the sentences need."""

    id = "r"
    duration_s = 600.0
    face_px = brightness = sharpness = bits_per_pixel = framing_kept = None
    framing_tried = 0


def point(recording_id="r", **values):
    known = {
        "recording_id": recording_id, "recorded_on": date(2026, 1, 1), "usable_share": 1.0, "shares": SHARES,
        "low": SHARES, "high": SHARES, "sizes": (50.0,) * 8, "excluded": None, "segment": 0, "model_sha256": "m",
    }  # fmt: skip
    return TrendPoint(**known | values)


def trend(*points, baseline=None, changes=()):
    return Trend(tuple(points), tuple(changes), baseline, None if baseline else "baseline being built")


def test_what_could_be_read_comes_first_with_its_reasons():
    reading = read(series([Emotion.SAD] * 300 + [None] * 300))
    first = sentences(Row(), reading, trend(point()))[0]
    assert first.startswith("The face could be read in 50 % of 10 min (otherwise: no face found 50 %)")
    assert "longest time without it was 5 min" in first


def test_a_limited_basis_says_what_limits_it():
    lively = [[Emotion.SAD, Emotion.HAPPY][number // 5 % 2] for number in range(600)]
    assert basis(read(series(lively))) == "Good basis"
    assert basis(read(series([*lively[:300], *[None] * 31, *lively[331:]]))) == "Limited basis: a gap of 31 s"
    holes = [None if number % 4 == 0 else label for number, label in enumerate(lively)]
    assert basis(read(series(holes))) == "Limited basis: only 75 % could be read"
    assert "independent moment" in basis(read(series([Emotion.SAD] * 600)))
    assert basis(read(series([Emotion.SAD] * 100 + [None] * 500))).startswith("No basis")


def test_without_a_face_nothing_is_said_of_labels():
    found = sentences(Row(), read(series([None] * 600)), trend(point(shares=None, excluded="no usable face")))
    assert len(found) == 1
    assert "not enough for a comparison" in found[0]


def test_a_share_comes_with_its_interval():
    reading = read(series(([Emotion.SAD] * 5 + [Emotion.NEUTRAL] * 5) * 60))
    assert "sad-like 50 % (95 % interval" in sentences(Row(), reading, trend(point()))[1]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"in_baseline": True}, "usual range is not known yet (1 of 8 recordings that count)"),
        ({"excluded": "less than 60 s of usable face"}, "not compared with this patient's other recordings (less than"),
        ({"usual_low": (0.0,) * 8, "usual_high": (1.0,) * 8}, "All shares are within this patient's usual range"),
        (
            {"usual_low": (0.0,) * 8, "usual_high": (0.4,) * 8, "beyond": (3,)},
            "Outside this patient's usual range: happy-like (50 %, usually 0 % to 40 %); all others are within it."
            " A single one may be chance.",
        ),
        (
            {"usual_low": (0.0,) * 8, "usual_high": (0.4,) * 8, "beyond": (3,), "outside": (3,)},
            "So it was in the recording before it that can be compared.",
        ),
    ],
)
def test_it_is_compared_with_the_patient_s_own_usual_range_or_not_at_all(values, says):
    reading = read(series([Emotion.HAPPY, Emotion.SAD] * 300))
    assert says in " ".join(sentences(Row(), reading, trend(point(**values))))


def test_a_new_line_is_said_with_its_reason():
    changed = trend(point("before"), point(segment=1), changes=[Change(date(2026, 1, 1), "light")])
    reading = read(series([Emotion.HAPPY, Emotion.SAD] * 300))
    assert "made in a different way from those before it (light)" in sentences(Row(), reading, changed)[-1]


def test_figures_are_given_beside_the_baseline_s():
    def row(**values):
        return type("R", (Row,), values)()

    reading = read(series([Emotion.HAPPY, Emotion.SAD] * 300))
    now = row(bits_per_pixel=0.047, sharpness=1000.0, framing_kept=0.853, framing_tried=60)
    found = dict(trust(now, reading, [row(bits_per_pixel=0.1, sharpness=1100.0)]))
    assert found["Compression"] == "0.047 bits a pixel (baseline 0.1, differs)"
    assert found["Sharpness"] == "1000 (baseline 1100)"
    assert found[FRAMING] == "85 % of the labels stay when 60 faces are framed a little otherwise"
    assert dict(trust(row(framing_kept=1.0, framing_tried=1), reading, []))[FRAMING].endswith(
        "when 1 face is framed a little otherwise"
    )
    assert FRAMING not in dict(trust(Row(), reading, []))


@pytest.mark.parametrize("labels", [[Emotion.SAD] * 600, [None] * 600, [Emotion.HAPPY, None] * 300])
def test_there_are_at_most_five_sentences_and_no_forbidden_word(labels):

    found = sentences(Row(), read(series(labels)), trend(point()))
    assert 1 <= len(found) <= 5
    assert not claims_in(" ".join(found))


def test_the_least_usual_stretches_are_found_with_quiet_ones_beside_them():
    labels = [Emotion.NEUTRAL] * 600
    labels[100:110] = [Emotion.HAPPY] * 10
    labels[300:310] = [Emotion.SAD] * 10
    usual = tuple(float(place == Emotion.NEUTRAL) for place in range(8))
    far, near = stretches(series(labels), usual)
    assert {100.0, 300.0} <= {one.begin_s for one in far}
    assert "Happy-like 100 % of the time, usually 0 %" in [one.reason for one in far]
    assert (len(far), len(near)) == (5, 3)
    assert not {one.begin_s for one in far} & {one.begin_s for one in near}
    assert all(one.distance == 0 for one in near)


def test_a_stretch_that_can_hardly_be_read_is_never_proposed():
    labels = [Emotion.NEUTRAL] * 100
    labels[50:60] = [Emotion.HAPPY] * 7 + [None] * 3
    far, near = stretches(series(labels), None)
    assert 50.0 not in {one.begin_s for one in [*far, *near]}


def test_pictures_and_nothing_have_no_stretches():
    assert stretches(replace(series([Emotion.SAD] * 30), every_s=None), None) == ([], [])
    assert stretches(series([]), None) == ([], [])


def test_transitions_are_counted_between_neighbours_alone():
    found = series([Emotion.SAD, Emotion.HAPPY, None, Emotion.NEUTRAL, Emotion.NEUTRAL, Emotion.SAD])
    counts = transitions(found)
    assert counts.sum() == 2
    assert counts[Emotion.SAD, Emotion.HAPPY] == counts[Emotion.NEUTRAL, Emotion.SAD] == 1
    hole = replace(found, time_s=np.array([0.0, 50, 51, 52, 53, 54]))
    assert transitions(hole)[Emotion.SAD, Emotion.HAPPY] == 0


def of_line(segment, happy, **values):
    shares = tuple(happy if column == Emotion.HAPPY else (1 - happy) / 7 for column in range(8))
    return [point(f"{segment}-{n}", segment=segment, shares=shares, in_baseline=n < 8, **values) for n in range(9)]


def test_the_usual_shares_are_those_of_the_recording_s_own_line():
    """Those of the newest line were given, which another model or camera made."""
    known = trend(*of_line(0, 0.86), *of_line(1, 0.11))
    assert findings.usual_shares(known, "0-8")[Emotion.HAPPY] == pytest.approx(0.86)
    assert findings.usual_shares(known, "1-8")[Emotion.HAPPY] == pytest.approx(0.11)
    assert {one.recording_id for one in findings.baseline_points(known, "0-8")} == {f"0-{n}" for n in range(8)}


def test_without_a_whole_baseline_and_of_still_time_alone_there_are_none():
    assert findings.usual_shares(trend(point()), "r") is None
    assert findings.usual_shares(trend(*of_line(0, 0.5)[:7]), "0-0") is None
    assert findings.usual_shares(trend(*of_line(0, 0.5, still=True)), "0-8") is None
    assert findings.usual_shares(trend(*of_line(0, 0.5)), "unknown") is None
