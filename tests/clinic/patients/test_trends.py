"""A recording is one point, and a patient is compared with this patient alone."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from clinic.patients.trends import BASELINE_MIN, Summary, summarise, trend
from db.models import Recording
from db.records import NO_TRACK, SampleTable
from fer_core.emotions import EMOTION_LABELS, Emotion


def table(statuses, emotions, every_s=0.2):
    """Samples with these statuses; where one is usable, its emotion has 0.9."""
    count = len(statuses)
    probabilities = np.full((count, 7), np.nan)
    for row, (status, emotion) in enumerate(zip(statuses, emotions, strict=True)):
        if status in ("ok", "uncertain"):
            probabilities[row] = 0.1 / 6
            probabilities[row, emotion] = 0.9
    seen = np.array(statuses) != "no_face"
    return SampleTable(
        np.arange(count),
        np.arange(count) * every_s,
        np.where(seen, 0, NO_TRACK),
        np.array(statuses),
        probabilities,
        np.full((count, 4), np.nan),
        np.full(count, np.nan),
    )


def test_shares_are_of_the_usable_samples_and_reasons_of_all():
    statuses = ["ok"] * 600 + ["uncertain"] * 200 + ["no_face"] * 150 + ["dark"] * 50
    emotions = [Emotion.HAPPY] * 450 + [Emotion.SAD] * 150 + [Emotion.NEUTRAL] * 400
    found = summarise(table(statuses, emotions), "video")
    assert found.usable_share == 0.8
    assert found.usable_s == pytest.approx(160)
    assert found.longest_gap_s == pytest.approx(40)
    assert found.reasons == {"no_face": 0.15, "dark": 0.05}
    assert found.shares["happy"] == pytest.approx(450 / 800)
    assert found.shares["uncertain"] == pytest.approx(0.25)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.low["happy"] < found.shares["happy"] < found.high["happy"]
    assert found.hollow is None
    assert Summary.from_dict(asdict(found)) == found


@pytest.mark.parametrize(
    ("statuses", "kind", "reason"),
    [
        (["no_face"] * 400, "video", "no usable face"),
        (["ok"] * 400 + ["no_face"] * 500, "video", "usable face in less than 50 % of the time"),
        (["ok"] * 100, "video", "less than 60 s of usable face"),
        (["ok"] * 400, "video", None),
        (["ok"] * 4 + ["no_face"] * 9, "pictures", "fewer than 5 usable pictures"),
        (["ok"] * 5, "pictures", None),
        ([], "video", "no usable face"),
    ],
)
def test_too_little_face_is_a_hollow_point_with_its_reason(statuses, kind, reason):
    assert summarise(table(statuses, [Emotion.HAPPY] * len(statuses)), kind).hollow == reason


def recording(number, happy, model="m", every_s=0.2, usable=0.9, partial=False):
    """A stored recording, a week after the one before, with a share of happy and the rest neutral."""
    shares = dict.fromkeys([*EMOTION_LABELS, "uncertain"], 0.0) | {"happy": happy, "neutral": 1 - happy}
    summary = Summary("video", 1000, 900, usable, 180.0, 3.0, {"no_face": 1 - usable}, shares, shares, shares)
    return Recording(
        id=f"r{number}",
        kind="video",
        recorded_on=date(2026, 1, 5) + timedelta(weeks=number),
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        model_sha256=model,
        settings={"every_s": every_s},
        partial=partial,
        summary=asdict(summary),
    )


EVEN = [0.30, 0.32, 0.29, 0.31, 0.33, 0.30, 0.28, 0.31, 0.30]


def test_the_usual_range_needs_eight_recordings():
    few = trend([recording(n, happy) for n, happy in enumerate(EVEN[:5])])
    assert few.baseline is None
    assert few.building == f"baseline being built (5 of {BASELINE_MIN})"
    enough = trend([recording(n, happy) for n, happy in enumerate(EVEN[:8])])
    assert enough.building is None
    usual = enough.baseline[Emotion.HAPPY]
    moving = np.abs(np.diff(EVEN[:8])).mean()
    assert usual.mean == pytest.approx(np.mean(EVEN[:8]))
    assert usual.high == pytest.approx(usual.mean + 2.66 * moving)


def test_a_point_is_judged_by_those_before_it():
    found = trend([recording(n, happy) for n, happy in enumerate([*EVEN, 0.60, 0.31])])
    assert [point.outside for point in found.points[:9]] == [()] * 9
    assert set(found.points[9].outside) == {Emotion.HAPPY, Emotion.NEUTRAL}
    early = trend([recording(n, happy) for n, happy in enumerate([0.3, 0.31, 0.9, 0.3])])
    assert all(point.outside == () for point in early.points)


@pytest.mark.parametrize(("share", "outside"), [(0.01, ()), (0.06, (Emotion.HAPPY, Emotion.NEUTRAL))])
def test_a_trace_of_what_the_baseline_never_showed_is_not_unusual(share, outside):
    found = trend([recording(n, happy) for n, happy in enumerate([0.0] * 8 + [share])])
    assert found.points[-1].outside == outside


def test_hollow_points_are_no_part_of_the_baseline():
    hollow = [recording(n, happy, usable=0.2) for n, happy in enumerate(EVEN)]
    assert trend(hollow).building == f"baseline being built (0 of {BASELINE_MIN})"
    [point] = trend([recording(0, 0.3, partial=True)]).points
    assert point.hollow == "only a part of the file could be read"


def test_a_new_model_starts_a_new_baseline_and_other_sampling_is_marked():
    recordings = [recording(n, happy) for n, happy in enumerate(EVEN)]
    found = trend([*recordings, recording(9, 0.9, model="new")])
    assert [point.segment for point in found.points] == [0] * 9 + [1]
    assert found.points[-1].outside == ()
    assert [(change.what, change.day) for change in found.changes] == [("model", date(2026, 3, 9))]
    assert found.building == f"baseline being built (1 of {BASELINE_MIN})"
    assert [c.what for c in trend([recording(0, 0.3), recording(1, 0.3, every_s=1.0)]).changes] == ["sampling"]


def test_the_order_is_that_of_the_dates_and_unfinished_ones_are_left_out():
    unfinished = recording(5, 0.3)
    unfinished.summary = None
    found = trend([recording(3, 0.3), unfinished, recording(1, 0.2)])
    assert [point.recording_id for point in found.points] == ["r1", "r3"]
