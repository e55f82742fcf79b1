"""The live view in Chromium, whose camera plays a clip: analysed pictures a second, and how old each is when drawn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.months import browsers, cpu_s, fill, serving
from fer_core.media import video
from fer_core.types import RGB

WIDTH_PX, HEIGHT_PX, RATE = 640, 360, 30
# Of the video that is analysed beside: more than are analysed while the viewers watch.
AGAIN = 1000
BEGUN_CPU_S = 10.0
"""After so much processor time the networks are loaded and frames are looked at."""
LIVE = "[data-part=live]"
CLICK = """() => [...document.querySelectorAll('*')]
  .map((one) => one.shadowRoot?.querySelector('[data-part=faces] button')).find(Boolean)?.click()"""
FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@dataclass(frozen=True, slots=True)
class Watched:
    """What one viewer had: pictures a second, milliseconds from the camera to the screen and of the server's work.

    `server_cpu`: cores that the web process used, its readers not counted. `beside_cpu`: those of the analysis beside,
    0 without one.
    """

    viewers: int
    rate: float
    lag_ms: float
    lag_p95_ms: float
    took_ms: float
    server_cpu: float
    beside_cpu: float


def write_camera(clip: Path, target: Path) -> None:
    """Write a clip forward and backward as uncompressed video (YUV4MPEG2), which Chromium's fake camera plays again."""
    frames = [frame.rgb for frame in video.frames(clip, 0, WIDTH_PX)]
    with target.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH_PX} H{HEIGHT_PX} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for rgb in frames + frames[::-1]:
            file.write(b"FRAME\n" + _planes(rgb))


def _planes(rgb: RGB) -> bytes:
    picture = Image.fromarray(rgb).resize((WIDTH_PX, HEIGHT_PX)).convert("YCbCr")
    light, blue, red = picture.split()
    half = (WIDTH_PX // 2, HEIGHT_PX // 2)
    return b"".join(np.asarray(plane).tobytes() for plane in (light, blue.resize(half), red.resize(half)))


def measure(clip: Path, viewers: list[int], seconds: float, beside: Path | None = None) -> Iterator[Watched]:
    """Yield what each of so many viewers at once had, for each number of them, while the video `beside` is analysed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera = folder / "camera.y4m"
        write_camera(clip, camera)
        patient_id = fill(folder, 0, 1, 1)
        flags = (*FLAGS, f"--use-file-for-fake-video-capture={camera}")
        with serving(folder) as (address, process):
            for count in viewers:
                with ExitStack() as opened:
                    # A window of its own for each: a browser draws the tabs behind its first one twice a second.
                    pages = opened.enter_context(browsers(address, count, flags))
                    for page in pages:
                        _begin(page, f"{address}/live?patient={patient_id}")
                    other = opened.enter_context(analysing(beside)) if beside else None
                    yield from _watch(pages, seconds, process, other)


@contextmanager
def analysing(video_file: Path) -> Iterator[Any]:
    """Analyse a video at every frame in another process, again and again, as a worker would; once it is under way."""
    import psutil

    command = [sys.executable, "-m", "fer_core", *[str(video_file)] * AGAIN, "--every", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        measured = psutil.Process(process.pid)
        while process.poll() is None and cpu_s(measured) < BEGUN_CPU_S:
            time.sleep(0.2)
        yield measured
        assert process.poll() is None, "the analysis beside the live view ended too early"
    finally:
        process.kill()
        process.wait()


def _begin(page: Any, address: str) -> None:
    page.set_default_timeout(60_000)
    page.goto(address)
    page.get_by_role("button", name="Start the camera").click()
    face, chosen = page.locator("[data-part=faces] button").first, page.locator(f"{LIVE}[data-chosen=yes]")
    while not chosen.count():
        # A busy computer may lose it once more.
        face.or_(chosen).first.wait_for()
        if face.is_visible():
            page.evaluate(CLICK)
        page.wait_for_timeout(2000)


def _watch(pages: list[Any], seconds: float, process: Any, beside: Any | None) -> Iterator[Watched]:
    before = [_figures(page)["answers"] for page in pages]
    both = [process, beside] if beside is not None else [process]
    cpu = [cpu_s(one) for one in both]
    pages[0].wait_for_timeout(seconds * 1000)
    spent = [(cpu_s(one) - earlier) / seconds for one, earlier in zip(both, cpu, strict=True)]
    server_cpu, beside_cpu = spent[0], spent[1] if beside is not None else 0.0
    for page, answered in zip(pages, before, strict=True):
        found = _figures(page)
        count = found["answers"] - answered
        assert count > 1, "a viewer got no pictures: the computer is too busy for a figure"
        lags, took = found["lags_ms"][-count:], found["took_ms"][-count:]
        p95 = statistics.quantiles(lags, n=20)[-1]
        lag, work = statistics.median(lags), statistics.median(took)
        yield Watched(len(pages), count / seconds, lag, p95, work, server_cpu, beside_cpu)


def _figures(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.locator(LIVE).evaluate("element => element.figures()")
    return found


def table(watched: Iterator[Watched]) -> Iterator[str]:
    """Yield the figures for people."""
    names = {"pictures/s": 11, "lag ms": 8, "lag p95": 9, "server ms": 11, "server CPU": 12, "beside CPU": 12}
    yield f"{'viewers':<9}" + "".join(f"{name:>{width}}" for name, width in names.items())
    for one in watched:
        yield (
            f"{one.viewers:<9}{one.rate:>11.1f}{one.lag_ms:>8.0f}{one.lag_p95_ms:>9.0f}{one.took_ms:>11.1f}"
            f"{one.server_cpu:>12.2f}{one.beside_cpu:>12.2f}"
        )
