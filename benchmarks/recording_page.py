"""The page of an hour's recording in a browser: until it shows something, until it answers, and what it costs then."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.months import LAST_DAY, browsing, cpu_s, fill, serving
from clinic import clock
from clinic.patients.summaries import summarise
from db.engine import open_database
from db.models import Job, JobState, Recording, RecordingKind, Sample, new_id
from db.records import SampleTable
from fer_core.emotions import EMOTION_LABELS, Emotion
from fer_core.types import Status

EVERY_S, UNCERTAIN_BELOW = 0.2, 0.5
READY = "[data-part=player][data-ready=yes]"
FIRST_TEXT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
INTERACTIVE = "performance.getEntriesByName('recording-ready').at(-1).startTime"
STEPS = """
(count) => {
  const player = [...document.querySelectorAll('*')].map((one) => one.shadowRoot?.querySelector('[data-part=player]'))
    .find(Boolean);
  const press = (key) => player.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  const begun = performance.now();
  for (let number = 0; number < count; number++) press('ArrowRight');
  const step = (performance.now() - begun) / count;
  return new Promise((resolve) => {
    const zoomed = performance.now();
    press('+');
    requestAnimationFrame(() => setTimeout(() => resolve([step, performance.now() - zoomed])));
  });
}
"""
"""Resolves to the milliseconds of one step of the cursor, with all that it says, and of a zoom up to the next frame."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What one opening took: seconds to the first picture and until it answers, CPU-seconds of the server.

    `step_ms`, `zoom_ms`: one step of the cursor, and a zoom. `heap_mb`: what the tab's scripts hold.
    """

    first_s: float
    interactive_s: float
    server_cpu_s: float
    step_ms: float
    zoom_ms: float
    heap_mb: float


def add_recording(folder: Path, patient_id: str, minutes: float) -> str:
    """Add an analysed recording of so many minutes, five samples a second; return its id."""
    count = round(minutes * 60 / EVERY_S)
    rng = np.random.default_rng(1)
    logits = np.cumsum(rng.normal(0, 0.3, (count, len(Emotion))), axis=0)
    outputs = np.exp(logits - logits.max(axis=1, keepdims=True))
    outputs /= outputs.sum(axis=1, keepdims=True)
    status = np.where(outputs.max(axis=1) >= UNCERTAIN_BELOW, Status.OK.value, Status.UNCERTAIN.value).astype("<U16")
    times = np.arange(count, dtype=np.float64) * EVERY_S
    boxes = np.tile([520.0, 180.0, 760.0, 500.0], (count, 1))
    table = SampleTable(np.arange(count) * 6, times, np.zeros(count, np.int64), status, outputs, boxes, np.ones(count))
    settings: dict[str, Any] = {"every_s": EVERY_S, "uncertain_below": UNCERTAIN_BELOW}
    kind = RecordingKind.VIDEO
    recording = Recording(
        id=new_id(), patient_id=patient_id, kind=kind, recorded_on=LAST_DAY, duration_s=minutes * 60, width_px=1280,
        height_px=720, model_sha256="invented", settings=settings, summary=asdict(summarise(table, kind, settings)),
        created_at=clock.now(), analysed_at=clock.now(),
    )  # fmt: skip
    db = open_database(f"sqlite:///{folder / 'clinic.db'}")
    with db.session() as session:
        session.add(recording)
        session.flush()
        session.add(Job(recording_id=recording.id, state=JobState.DONE, created_at=clock.now()))
        session.execute(insert(Sample), list(_rows(recording.id, table)))
        recording_id = recording.id
    db.close()
    return recording_id


def _rows(recording_id: str, table: SampleTable) -> Iterator[dict[str, Any]]:
    for place, (time_s, status, row) in enumerate(
        zip(table.time_s.tolist(), table.status.tolist(), table.probabilities.tolist(), strict=True)
    ):
        yield {
            "recording_id": recording_id, "frame_index": place * 6, "track": 0, "time_s": time_s, "status": status,
            "left": 520.0, "top": 180.0, "right": 760.0, "bottom": 500.0, "confidence": 0.99,
            **dict(zip(EMOTION_LABELS, row, strict=True)),
        }  # fmt: skip


def measure(minutes: float, rounds: int) -> Iterator[Opening]:
    """Yield what each of `rounds` openings of the page by its address took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording_id = add_recording(folder, fill(folder, 0, 1, 1), minutes)
        with serving(folder) as (address, process), browsing(address) as page:
            for _ in range(rounds):
                cpu = cpu_s(process)
                page.goto(f"{address}/recording?id={recording_id}")
                page.locator(READY).wait_for()
                first, interactive = page.evaluate(FIRST_TEXT), page.evaluate(INTERACTIVE)
                spent = cpu_s(process) - cpu
                step_ms, zoom_ms = page.evaluate(STEPS, 200)
                heap = page.evaluate("performance.memory.usedJSHeapSize")
                yield Opening(first / 1000, interactive / 1000, spent, step_ms, zoom_ms, heap / 1e6)


def table(openings: Iterator[Opening]) -> Iterator[str]:
    """Yield the figures for people."""
    yield "first picture s  interactive s  server CPU-s  step ms  zoom ms  heap MB"
    for one in openings:
        yield (
            f"{one.first_s:>15.2f}{one.interactive_s:>15.2f}{one.server_cpu_s:>14.2f}{one.step_ms:>9.2f}"
            f"{one.zoom_ms:>9.0f}{one.heap_mb:>9.0f}"
        )
