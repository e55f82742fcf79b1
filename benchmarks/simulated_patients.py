"""Patients whose truth is known: labels over time as a chain, and sessions around the patient's own shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.cameras import USUAL, Camera
from clinic.patients.summaries import summarise
from db.models import Recording, RecordingKind
from db.records import SampleTable
from fer_core.emotions import Emotion
from fer_core.types import Status

Floats = NDArray[np.float64]

MIX = np.array([0.02, 0.005, 0.015, 0.12, 0.10, 0.04, 0.50, 0.20])
"""The patient's true shares: labels in `Emotion` order, then uncertain."""
TALK_MIX = np.array([0.04, 0.01, 0.03, 0.05, 0.02, 0.13, 0.27, 0.45])
"""The shares while the mouth moves: about those that the model found in public clips of people who talk."""
TALK_EVEN = 5.0
"""How alike sessions are in how much is talked: 5 gives, about a mean of 40 %, from 10 to 70 % in 8 of 10 sessions."""
TURN_S = 10.0
"""So long the patient talks, or listens, at a time."""
PHASE_WEIGHT = 20.0
"""How alike the phases of a recording are: each has shares drawn around the recording's own (Dirichlet)."""


@dataclass(frozen=True, slots=True)
class Design:
    """How a recording is made. `seconds` long, sampled every `step_s`; a label lasts `dwell_s` before the next draw.

    `phase_s`: after so long the shares themselves are others, 0 for never. `uneven`: share of the samples that a file
    holds back, one by one. `lost`: share of the time without a usable face, in gaps of about 20 s. `pictures`: so many
    single pictures in place of a video. `talk`: share of the time in which the patient talks, None where it isn't
    known when the mouth moves. `camera`: what the recording is made with. `heavy`: how long labels last has a long tail
    (lognormal, sigma 1.5). `burst`: so many pictures are of one moment.
    """

    seconds: float = 300.0
    dwell_s: float = 3.0
    step_s: float = 0.2
    phase_s: float = 0.0
    uneven: float = 0.0
    lost: float = 0.0
    pictures: int = 0
    talk: float | None = None
    camera: Camera = USUAL
    heavy: bool = False
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Sessions:
    """How a patient's sessions differ: by `spread` (standard deviation of the logarithm of each share's odds).

    `alike`: correlation of a session's deviation with that of the one before (AR(1)). `change`: so much more of
    `changed` (less where it is negative) from the ninth on, taken from neutral and uncertain.
    `talk`: the patient talks for another share of each
    session, about this mean, and `later_talk` from the ninth on. `mouth`: it is known when. `unsteady`: how much face
    width, sharpness, light and bits per pixel differ by session (standard deviation of their logarithms).
    `camera_known`: the figures of the camera are known.
    """

    spread: float = 0.2
    alike: float = 0.0
    change: float = 0.0
    changed: Emotion = Emotion.SAD
    talk: float | None = None
    later_talk: float | None = None
    mouth: bool = True
    unsteady: float = 0.0
    camera_known: bool = True


def recorded(rng: np.random.Generator, mix: Floats, design: Design) -> tuple[SampleTable, Floats]:
    """Return the samples of one recording, and the true shares of the time that it is a sample of, (8,)."""
    count = design.pictures or round(design.seconds / design.step_s)
    phases = _phases(rng, mix, design, count)
    talks = _talks(rng, design, count)
    phases = np.where(talks[:, None], TALK_MIX, phases)
    fresh = _renewed(rng, design, count)
    fresh[1:] |= talks[1:] != talks[:-1]
    drawn = (phases.cumsum(axis=1) > rng.random(count)[:, None] * phases.sum(axis=1)[:, None]).argmax(axis=1)
    held = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    labels = design.camera.labels(rng, drawn)[held]
    time_s = np.arange(count, dtype=np.float64) * (1.0 if design.pictures else design.step_s)
    kept = rng.random(count) >= design.uneven
    kept[:2] = True
    lost = _lost(rng, design, count)
    change = np.where(talks, 0.4, 0.1) + rng.normal(0, 0.05, count) if design.talk is not None else None
    table = _table(time_s[kept], labels[kept], lost[kept], None if change is None else change[kept])
    return _filmed(table, design.camera), phases.mean(axis=0)


def _renewed(rng: np.random.Generator, design: Design, count: int) -> NDArray[np.bool_]:
    """Return at which samples a label is drawn again, the first one among them."""
    if design.pictures:
        return np.asarray(np.arange(count) % design.burst == 0)
    if not design.heavy:
        fresh = np.asarray(rng.random(count) < 1 - np.exp(-design.step_s / design.dwell_s))
        fresh[0] = True
        return fresh
    seconds = count * design.step_s
    # It has gone on for long before the recording begins, which therefore tends to begin within a long label.
    before = 100 * design.dwell_s
    lasts = rng.lognormal(
        np.log(design.dwell_s) - 1.5**2 / 2, 1.5, round(4 * (before + seconds) / design.dwell_s) + 100
    )
    number = np.searchsorted(lasts.cumsum(), before + np.arange(count) * design.step_s)
    return np.diff(number, prepend=-1) > 0


def patient(rng: np.random.Generator, designs: Sequence[Design], sessions: Sessions) -> list[Recording]:
    """Return a patient's recordings, a week apart, as the clinic's rows with the summaries that it makes."""
    deviation = np.zeros(len(MIX))
    found = []
    for number, design in enumerate(designs):
        fresh = rng.normal(size=len(MIX))
        alike = sessions.alike if number else 0.0
        deviation = alike * deviation + np.sqrt(1 - alike**2) * fresh
        mix = MIX * np.exp(sessions.spread * deviation)
        mix = mix / mix.sum()
        if number >= 8:
            mix = _changed(mix, sessions)
        talk = sessions.later_talk if number >= 8 and sessions.later_talk is not None else sessions.talk
        if talk is not None:
            design = replace(design, talk=float(rng.beta(TALK_EVEN * talk, TALK_EVEN * (1 - talk))))
        if sessions.unsteady:
            design = replace(design, camera=design.camera.unsteady(rng.normal(0, sessions.unsteady, 4)))
        samples, _ = recorded(rng, mix, design)
        found.append(_row(number, _as_known(samples, sessions), design, sessions.camera_known))
    return found


def _as_known(samples: SampleTable, sessions: Sessions) -> SampleTable:
    """Return the samples without what isn't known of them."""
    if not sessions.mouth:
        samples = replace(samples, mouth_change=None)
    if not sessions.camera_known:
        samples = replace(samples, boxes=np.full_like(samples.boxes, np.nan), sharpness=None, brightness=None)
    return samples


def _filmed(samples: SampleTable, camera: Camera) -> SampleTable:
    """Return the samples with the figures by which a camera is known."""
    count = len(samples)
    boxes = np.tile([0.0, 0.0, camera.face_px, camera.face_px], (count, 1))
    return replace(
        samples,
        boxes=boxes,
        sharpness=np.full(count, camera.sharpness),
        brightness=np.full(count, camera.brightness),
    )


def _phases(rng: np.random.Generator, mix: Floats, design: Design, count: int) -> Floats:
    """Return the shares that each sample's label is drawn from, (count, 8)."""
    if not design.phase_s:
        return np.tile(mix, (count, 1))
    length = round(design.phase_s / design.step_s)
    each = rng.dirichlet(mix * PHASE_WEIGHT, -(-count // length))
    return np.repeat(each, length, axis=0)[:count]


def _talks(rng: np.random.Generator, design: Design, count: int) -> NDArray[np.bool_]:
    """Return at which samples the patient talks, in turns of `TURN_S`."""
    if not design.talk:
        return np.zeros(count, np.bool_)
    length = max(1, round(TURN_S / design.step_s))
    turns = rng.random(-(-count // length)) < design.talk
    return np.repeat(turns, length)[:count]


def _lost(rng: np.random.Generator, design: Design, count: int) -> NDArray[np.bool_]:
    """Return which samples have no usable face."""
    length = max(1, round(20 / design.step_s))
    pieces = rng.random(-(-count // length)) < design.lost
    return np.repeat(pieces, length)[:count]


def _changed(mix: Floats, sessions: Sessions) -> Floats:
    """Return the shares with the change, never less than nothing."""
    others = mix[Emotion.NEUTRAL] + mix[len(Emotion)]
    change = max(-mix[sessions.changed], min(sessions.change, 0.95 * others))
    after = mix.copy()
    after[sessions.changed] += change
    for column in (Emotion.NEUTRAL, len(Emotion)):
        after[column] -= change * mix[column] / others
    return after


def _table(
    time_s: Floats, labels: NDArray[np.int64], lost: NDArray[np.bool_], change: Floats | None = None
) -> SampleTable:
    count = len(labels)
    sure = labels < len(Emotion)
    outputs = np.full((count, len(Emotion)), 1 / len(Emotion))
    outputs[sure] = 0.1 / 6
    outputs[np.flatnonzero(sure), labels[sure]] = 0.9
    outputs[lost] = np.nan
    status = np.where(lost, Status.NO_FACE.value, np.where(sure, Status.OK.value, Status.UNCERTAIN.value))
    nothing = np.full(count, np.nan)
    return SampleTable(
        np.arange(count),
        time_s,
        np.zeros(count, np.int64),
        status,
        outputs,
        np.full((count, 4), np.nan),
        nothing,
        mouth_change=change,
    )


def _row(number: int, samples: SampleTable, design: Design, camera_known: bool) -> Recording:
    kind = RecordingKind.PICTURES if design.pictures else RecordingKind.VIDEO
    settings = {} if design.pictures else {"every_s": design.step_s, "uncertain_below": 0.5}
    return Recording(
        id=str(number),
        kind=kind,
        recorded_on=date(2026, 1, 5) + timedelta(weeks=number),
        number=number,
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        model_sha256="simulated",
        settings=settings,
        codec=design.camera.codec if camera_known and not design.pictures else None,
        bits_per_pixel=design.camera.bits_per_pixel if camera_known else None,
        partial=False,
        summary=asdict(summarise(samples, kind, settings)),
    )


def lasting(design: Design, minutes: Sequence[float]) -> list[Design]:
    """Return the design in other lengths."""
    return [replace(design, seconds=60 * each) for each in minutes]
