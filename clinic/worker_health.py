"""A worker's health report in ``data_dir/worker.json``: whether it is alive and whether its self-test passed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from clinic import clock
from clinic.settings import Settings

ALIVE_S = 30.0
"""A worker without a report for so long counts as gone; it reports every few seconds."""


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """The worker's last report.

    `sound` is the self-test's verdict and `sentence` says it for people; both None until it is done. `device` is
    where the model runs, for people. `at`: when this was said. `store_away`: the media store is not there.
    """

    pid: int
    at: datetime
    sound: bool | None = None
    sentence: str | None = None
    device: str | None = None
    model_sha256: str | None = None
    store_away: bool = False

    @property
    def alive(self) -> bool:
        """Whether the worker reported recently."""
        return abs(clock.now() - self.at) < timedelta(seconds=ALIVE_S)


def health_path(settings: Settings, number: int = 1) -> Path:
    """Return the path of the `number`-th worker's report."""
    return settings.data_dir / ("worker.json" if number == 1 else f"worker-{number}.json")


def write_health(settings: Settings, health: WorkerHealth, number: int = 1) -> None:
    """Replace the report of the `number`-th worker in one step."""
    path = health_path(settings, number)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps({**asdict(health), "at": health.at.isoformat()}))
    os.replace(beside, path)


def read_health(settings: Settings, number: int = 1) -> WorkerHealth | None:
    """Return the last report of the `number`-th worker, or None if there is none or it can't be read."""
    try:
        content = json.loads(health_path(settings, number).read_text())
        return WorkerHealth(**{**content, "at": datetime.fromisoformat(content["at"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def all_health(settings: Settings) -> dict[int, WorkerHealth]:
    """Return the last report of all workers of the data folder by their numbers."""
    words = settings.data_dir.glob("worker*.json")
    numbers = [int(path.stem.removeprefix("worker-")) if "-" in path.stem else 1 for path in words]
    found = {number: read_health(settings, number) for number in sorted(numbers)}
    return {number: health for number, health in found.items() if health is not None}


def alive(settings: Settings) -> list[WorkerHealth]:
    """Return the last reports of the data folder's workers that reported recently."""
    return [health for health in all_health(settings).values() if health.alive]
