"""A recording is one point, and a patient is compared with this patient alone."""

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from clinic.patients import talk
from clinic.patients.summaries import OLD_SIZE_S, UNCERTAIN, Summary, summarise, within
from clinic.patients.trends import BASELINE_MIN, UNDER_CONDITION, trend, usable_called
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
    assert found.excluded is None
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
    assert summarise(table(statuses, [Emotion.HAPPY] * len(statuses)), kind).excluded == reason


def recording(number, happy, model="m", every_s=0.2, usable=0.9, partial=False):
    """A stored recording, a week after the one before, with a share of happy and the rest neutral."""
    shares = dict.fromkeys([*EMOTION_LABELS, "uncertain"], 0.0) | {"happy": happy, "neutral": 1 - happy}
    sizes = dict.fromkeys(shares, 200.0)
    summary = Summary("video", 1000, 900, usable, 180.0, 3.0, {"no_face": 1 - usable}, shares, shares, shares, sizes)
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
    assert usual.mean == pytest.approx(np.mean(EVEN[:8]))
    assert usual.low < min(EVEN)
    assert usual.high > max(EVEN)
    assert 0.02 < usual.rise < 0.5
    assert set(enough.baseline) == {*Emotion, UNCERTAIN}


def test_a_point_carries_the_range_that_judged_it():
    found = trend([recording(n, happy) for n, happy in enumerate([*EVEN, 0.60, 0.60, 0.31])])
    assert [point.outside for point in found.points[:10]] == [()] * 10
    assert [point.in_baseline for point in found.points] == [True] * 8 + [False] * 4
    assert set(found.points[9].beyond) == set(found.points[10].outside) == {Emotion.HAPPY, Emotion.NEUTRAL}
    assert found.points[10].usual_high[Emotion.HAPPY] < 0.60
    assert found.points[11].usual_low[Emotion.HAPPY] < 0.31 < found.points[11].usual_high[Emotion.HAPPY]
    early = trend([recording(n, happy) for n, happy in enumerate([0.3, 0.31, 0.9, 0.9])])
    assert all(point.outside == () and point.usual_low is None for point in early.points)


def test_the_baseline_stays_as_it_is():
    found = trend([recording(n, happy) for n, happy in enumerate([*EVEN[:8], *[0.6] * 12])])
    assert all(Emotion.HAPPY in point.outside for point in found.points[9:])
    assert len({point.usual_high for point in found.points[8:]}) == 1


def test_a_recording_under_a_condition_has_no_labels_and_counts_for_no_other():
    recordings = [recording(n, happy) for n, happy in enumerate([*EVEN[:2], 0.9, *EVEN[2:8], 0.6, 0.6, 0.9])]
    for each in recordings:
        each.summary["moving_s"] = 0.0
        part = {key: each.summary[key] for key in ("shares", "low", "high", "sizes")}
        each.summary["still"] = {"seconds": 180.0, **part}
    found = trend(recordings, {"r2", "r10", "r11"})
    masked = [found.points[number] for number in (2, 10, 11)]
    assert {point.excluded for point in masked} == {UNDER_CONDITION}
    assert {(point.shares, point.low, point.high, point.usual_low, point.outside) for point in masked} == {
        (None, None, None, None, ())
    }
    assert found.baseline == trend(recordings[:2] + recordings[3:10]).baseline
    assert found.points[9].beyond, "alone outside: the one after it is masked"
    assert not any(point.outside for point in found.points)
    assert found.points[9].still


def test_uncertain_is_judged_like_a_label():
    recordings = [recording(n, 0.3) for n in range(10)]
    for each in recordings:
        each.summary["shares"] |= {"uncertain": 0.1, "neutral": 0.6}
    for each in recordings[8:]:
        each.summary["shares"] |= {"uncertain": 0.5, "neutral": 0.2}
    assert set(trend(recordings).points[-1].outside) == {UNCERTAIN, Emotion.NEUTRAL}


def test_a_hollow_recording_between_two_is_passed_over():
    shares = [*EVEN[:8], 0.6]
    recordings = [*(recording(n, h) for n, h in enumerate(shares)), recording(9, 0.3, usable=0.2), recording(10, 0.6)]
    assert Emotion.HAPPY in trend(recordings).points[-1].outside


@pytest.mark.parametrize(("share", "outside"), [(0.01, ()), (0.06, (Emotion.HAPPY, Emotion.NEUTRAL))])
def test_a_trace_of_what_the_baseline_never_showed_is_not_unusual(share, outside):
    found = trend([recording(n, happy) for n, happy in enumerate([0.0] * 8 + [share] * 2)])
    assert found.points[-1].outside == outside


def test_a_summary_of_an_older_version_is_read_with_a_wider_interval():
    old = asdict(Summary.from_dict(recording(0, 0.3).summary))
    del old["sizes"], old["halves"]
    summary = Summary.from_dict(old)
    assert summary.sizes["happy"] == 180 / OLD_SIZE_S
    assert summary.low["happy"] < 0.1 < 0.5 < summary.high["happy"]
    pictures = Summary.from_dict(old | {"kind": "pictures", "usable_s": None, "usable_samples": 40})
    assert pictures.sizes["happy"] == 40
    assert Summary.from_dict(old | {"of_a_later_version": 1}) == summary


def test_the_noise_of_a_recording_is_distinguished_from_its_halves():
    recordings = [recording(n, happy) for n, happy in enumerate(EVEN)]
    assert trend(recordings).noise is None
    for each in recordings:
        shares = each.summary["shares"]
        each.summary["halves"] = [shares | {"happy": 0.2}, shares | {"happy": 0.4}]
    noise = trend(recordings).noise
    assert noise[Emotion.HAPPY] == pytest.approx(0.1)
    assert noise[Emotion.SAD] == 0


def test_hollow_points_are_no_part_of_the_baseline():
    excluded = [recording(n, happy, usable=0.2) for n, happy in enumerate(EVEN)]
    assert trend(excluded).building == f"baseline being built (0 of {BASELINE_MIN})"
    [point] = trend([recording(0, 0.3, partial=True)]).points
    assert point.excluded == "only a part of the file could be read"


def test_another_model_sampling_or_kind_starts_a_new_line():
    recordings = [recording(n, happy) for n, happy in enumerate(EVEN)]
    found = trend([*recordings, recording(9, 0.9, model="new")])
    assert [point.segment for point in found.points] == [0] * 9 + [1]
    assert found.points[-1].outside == ()
    assert [(change.what, change.day) for change in found.changes] == [("model", date(2026, 3, 9))]
    assert found.building == f"baseline of its line being built (1 of {BASELINE_MIN})"
    other = trend([recording(0, 0.3), recording(1, 0.3, every_s=1.0)])
    assert ([point.segment for point in other.points], other.changes[0].what) == ([0, 1], "sampling")
    pictures = recording(1, 0.3)
    pictures.kind, pictures.settings = "pictures", {}
    assert [change.what for change in trend([recording(0, 0.3), pictures]).changes] == ["kind"]


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [("face_px", 26.0, "face size"), ("sharpness", 300.0, "sharpness"), ("brightness", 40.0, "light")],
)
def test_another_camera_starts_a_new_line(field, value, what):
    usual = {"face_px": 60.0, "sharpness": 1500.0, "brightness": 120.0}
    recordings = [recording(n, 0.3) for n in range(3)]
    for each in recordings[1:]:
        each.summary |= usual
    recordings[2].summary |= {field: value}
    found = trend(recordings)
    assert [change.what for change in found.changes] == [what]
    assert [point.segment for point in found.points] == [0, 0, 1]


def test_the_camera_figures_are_those_of_the_usable_faces():
    samples = replace(
        table(["ok", "ok", "uncertain", "blurred", "no_face"], [Emotion.HAPPY] * 5),
        boxes=np.array([[0, 0, width, 9] for width in (30, 40, 50, 900, np.nan)]),
        sharpness=np.array([900, 1000, np.nan, 5, np.nan]),
    )
    found = summarise(samples, "video")
    assert (found.face_px, found.sharpness, found.brightness) == (40, 950, None)


def test_the_share_of_labels_that_stay_is_over_the_faces_that_were_tried():
    samples = table(["ok", "ok", "uncertain"], [Emotion.HAPPY] * 3)
    kept = summarise(replace(samples, framing_kept=np.array([1.0, np.nan, 0.5])), "video")
    assert (kept.framing_kept, kept.framing_tried) == (0.75, 2)
    none = summarise(replace(samples, framing_kept=np.full(3, np.nan)), "video")
    assert (none.framing_kept, none.framing_tried) == (None, 0)
    assert summarise(samples, "video").framing_kept is None


def test_recordings_of_before_compression_was_known_stay_in_one_line():
    recordings = [recording(n, 0.3) for n in range(5)]
    for each, known in zip(recordings, (None, None, 0.15, 0.16, 0.07), strict=True):
        each.bits_per_pixel = known
    assert [(change.what, change.day) for change in trend(recordings).changes] == [
        ("compression", recordings[4].recorded_on)
    ]


def test_the_order_is_that_of_the_dates_and_unfinished_ones_are_left_out():
    unfinished = recording(5, 0.3)
    unfinished.summary = None
    found = trend([recording(3, 0.3), unfinished, recording(1, 0.2)])
    assert [point.recording_id for point in found.points] == ["r1", "r3"]


def test_a_recording_without_a_time_is_taken_for_the_last_of_a_day_with_others():
    alone, first, second = recording(1, 0.3), recording(2, 0.3), recording(3, 0.3)
    second.recorded_on, first.recorded_time = first.recorded_on, time(23, 59)
    found = {point.recording_id: point.taken_for_last for point in trend([alone, first, second]).points}
    assert found == {"r1": False, "r2": False, "r3": True}


def with_mouth(each, still_happy, size=60.0, moving_s=100.0):
    """Tell of a recording how long the mouth moves, and what the rest of it shows."""
    shares = each.summary["shares"] | {"happy": still_happy}
    sizes = dict.fromkeys(shares, size)
    part = {"seconds": 200.0, "shares": shares, "low": shares, "high": shares, "sizes": sizes, "halves": None}
    each.summary |= {"moving_s": moving_s, "still": part}
    return each


def test_a_line_compares_the_still_part_where_it_is_long_enough():
    recordings = [with_mouth(recording(n, happy), 0.2) for n, happy in enumerate(EVEN)]
    recordings.append(with_mouth(recording(20, 0.3), 0.9, size=5.0))
    points = trend(recordings).points
    assert {point.shares[Emotion.HAPPY] for point in points[:-1]} == {0.2}
    assert all(point.still for point in points[:-1])
    assert (points[-1].still, points[-1].excluded) == (False, "the mouth moves nearly all the time")
    assert [point.basis for point in points[-2:]] == ["usable time in which the mouth is still", "usable time"]


def test_a_line_compares_the_whole_where_the_mouth_is_not_known_or_hardly_ever_still():
    known = [with_mouth(recording(n, happy), 0.2) for n, happy in enumerate(EVEN)]
    talkers = [with_mouth(recording(n, happy), 0.2, size=5.0) for n, happy in enumerate(EVEN)]
    for recordings in ([recording(0, EVEN[0]), *known[1:]], talkers):
        points = trend(recordings).points
        assert not any(point.still or point.excluded for point in points)
        assert [point.shares[Emotion.HAPPY] for point in points[: len(EVEN)]] == pytest.approx(EVEN)


def test_later_recordings_do_not_change_what_a_line_compares_and_was_judged_by():
    known = [with_mouth(recording(n, happy), happy) for n, happy in enumerate(EVEN)]
    before = trend(known).points
    talks = [with_mouth(recording(20 + n, 0.9), 0.9, size=5.0) for n in range(12)]
    after = trend([*known, *talks, recording(40, 0.3)]).points
    assert after[: len(EVEN)] == before
    assert {point.excluded for point in after[len(EVEN) : -1]} == {"the mouth moves nearly all the time"}
    assert after[-1].excluded == "it is not known when the mouth moves"


def test_a_line_of_talk_leaves_out_a_recording_with_little_of_it():
    talkers = [with_mouth(recording(n, 0.3), 0.2, size=5.0, moving_s=1800.0) for n in range(8)]
    silent = with_mouth(recording(8, 0.9), 0.9, moving_s=20.0)
    found = trend([*talkers, silent, with_mouth(recording(9, 0.3), 0.2, size=5.0, moving_s=1500.0)]).points
    assert [point.excluded for point in found[8:]] == [talk.TALKS_OTHERWISE, None]
    assert trend([*talkers[1:], silent]).points[-1].excluded is None, "no usual range yet"


def test_a_recording_made_in_another_way_does_not_cost_the_usual_range():
    usual = [recording(n, EVEN[n % len(EVEN)]) for n in range(10)]
    dark, other = recording(10, 0.3), recording(11, 0.3, model="b" * 64)
    back = [recording(12 + n, 0.3) for n in range(3)]
    for each in (*usual, dark, *back):
        each.summary |= {"brightness": 50.0 if each is dark else 90.0 if each is back[0] else 120.0}
    found = trend([*usual, dark, other, *back])
    assert [point.segment for point in found.points] == [0] * 10 + [1, 2] + [0] * 3
    assert [point.usual_low is not None for point in found.points] == [False] * 8 + [True] * 2 + [False] * 2 + [
        True
    ] * 3
    assert [change.what for change in found.changes] == ["light", "model"]
    assert (found.line, found.building) == (0, None)


def test_two_rooms_in_turn_have_a_usual_range_each():
    recordings = [recording(n, 0.3) for n in range(18)]
    for each in recordings[1::2]:
        each.codec = "vp9"
    for each in recordings[::2]:
        each.codec = "h264"
    found = trend(recordings)
    assert [point.segment for point in found.points] == [0, 1] * 9
    assert found.baseline is not None
    assert all(point.usual_low is not None for point in found.points[16:])


def test_the_summary_tells_the_still_part_and_comes_back_from_json():
    count = 1000
    samples = table(["ok"] * count, [Emotion.HAPPY, Emotion.NEUTRAL] * (count // 2))
    moves = np.arange(count) % 200 < 100
    reported = summarise(replace(samples, mouth_change=np.where(moves, 0.5, 0.0)), "video")
    assert reported.moving_s + reported.still.seconds == pytest.approx(reported.usable_s)
    assert reported.still.shares["happy"] == pytest.approx(0.5, abs=0.05)
    assert Summary.from_dict(json.loads(json.dumps(asdict(reported)))) == reported
    assert not summarise(samples, "video").mouth_known


def test_pictures_have_no_time():
    def points(*kinds):
        return [replace(trend([recording(0, 0.3)]).points[0], kind=kind) for kind in kinds]

    assert [point.basis for point in points("video", "pictures")] == ["usable time", "usable pictures"]
    assert usable_called(points("video", "video")) == "usable face time"
    assert usable_called(points("pictures")) == "share of usable pictures"
    assert usable_called(points("pictures", "video")) == "usable share of time or pictures"


@pytest.mark.parametrize(
    ("seconds", "duration_s", "every_s", "expected"),
    [
        (None, 15.0, 0.2, None),
        (15.04, 15.0, 0.2, 15.0),
        (108.00000000000001, None, 0.2, 108.0),
        (14.8, 15.0, None, 14.8),
        (60.0, 15.0, 1.0, 60.0),
    ],
)
def test_a_time_of_a_video_is_no_longer_than_the_video_unless_its_header_is_wrong(
    seconds, duration_s, every_s, expected
):
    assert within(seconds, duration_s, every_s) == expected
