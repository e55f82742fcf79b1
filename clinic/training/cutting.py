"""How far the cutting of own people's faces is before a training on them begins: a small file beside its curves."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from clinic.settings import Settings
from clinic.training_queue import places


@dataclass(frozen=True, slots=True)
class Cutting:
    """So many recordings of `of` are `done`, in `seconds` of work."""

    done: int
    of: int
    seconds: float

    @property
    def left_s(self) -> float | None:
        """How many seconds are left if the others are like those that are done; None before the first one."""
        return (self.of - self.done) * self.seconds / self.done if self.done else None


def write(settings: Settings, run_id: str, found: Cutting) -> None:
    """Replace what is known of a run in one step."""
    path = places.cutting(settings, run_id)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(found)), "utf-8")
    os.replace(part, path)


def read(settings: Settings, run_id: str) -> Cutting | None:
    """Return how far a run is, None where nothing is being cut."""
    try:
        return Cutting(**json.loads(places.cutting(settings, run_id).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
