"""A server under load and kills: ``python -m benchmarks load`` opens windows, sends files up, and kills meanwhile.

Windows are websockets that draw the caseload again and again; files come by the API over slow lines. All files show the
same, so that the results of all have to be equal. Linux alone (/proc).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from benchmarks.clinics import Clinic, clinic, until
from benchmarks.served import PEOPLE, Person, ServedClinic, runs
from benchmarks.upload import memory_mb
from clinic.worker import selftest
from clinic.worker.drawn_face import draw_face
from db.models import Job, JobState, Recording
from web.headers import COOKIE
from web.paths import API

PIECE, PAUSE_S = 1 << 20, 2.0
DRAWN_EVERY_S, ASKED_EVERY_S = 3.0, 0.1
UP_S = 8.0
"""So long the server works before it is killed the next time, and a random part of that more."""
VICTIMS = {"web": signal.SIGKILL, "end": signal.SIGTERM, "worker": signal.SIGKILL}


@dataclass(slots=True)
class Found:
    """What was measured. `small`: seconds of each answer; `ends`: of each end; `worker_after`: until it was gone too.

    `cut`: small requests that got no answer, because the server was away; `again`: files that had to be sent again.
    """

    small: list[float] = field(default_factory=list)
    cut: int = 0
    drawn: int = 0
    again: int = 0
    memory_mb: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    worker_after: list[float] = field(default_factory=list)
    handed_in: dict[str, str] = field(default_factory=dict)
    stored: int = 0
    ended_well: int = 0
    equal: int = 0
    kills: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether each file that was handed in is stored once, with its own content and with equal results."""
        return len(self.handed_in) == self.stored == self.ended_well == self.equal


def measure(windows: int, uploads: int, kills: int, mb: int, fsync_s: float, seed: int) -> Found:
    """Put the load on, kill each of `VICTIMS` so often, take the load off, and compare what is stored."""
    found, going, chance = Found(), threading.Event(), random.Random(seed)  # noqa: S311 moments, no secrets
    going.set()
    with tempfile.TemporaryDirectory() as name, clinic(Path(name)) as place:
        served, clip = ServedClinic(place, Path(name), fsync_s), _clip(Path(name) / "clip.mp4")
        served.start()
        work = [partial(_ask, served, going, found), partial(_weigh, served, going, found)]
        work += [partial(_draw, served, served.people[n % PEOPLE], going, found) for n in range(windows)]
        work += [
            partial(_send, served, served.people[n % PEOPLE], going, found, clip, n, mb << 20) for n in range(uploads)
        ]
        threads = [threading.Thread(target=one, daemon=True) for one in work]
        for thread in threads:
            thread.start()
        _kill_all(served, kills, chance, found)
        going.clear()
        for thread in threads:
            thread.join()
        _compare(place, found)
        found.ends.append(_end(served, signal.SIGTERM, found))
    return found


def _kill_all(served: ServedClinic, kills: int, chance: random.Random, found: Found) -> None:
    order = [victim for victim in VICTIMS for _ in range(kills)]
    chance.shuffle(order)
    for victim in order:
        time.sleep(UP_S + chance.uniform(0, UP_S))
        worker = until(served.worker)
        assert worker is not None
        found.kills[victim] = found.kills.get(victim, 0) + 1
        if victim == "worker":
            os.kill(worker, VICTIMS[victim])
            continue
        took_s = _end(served, VICTIMS[victim], found)
        if victim == "end":
            found.ends.append(took_s)
        served.start()
    time.sleep(UP_S)


def _end(served: ServedClinic, by: signal.Signals, found: Found) -> float:
    """End the server, note how long its worker was there then, and return how long the server was, seconds."""
    worker, begun = served.worker(), time.monotonic()
    assert served.process is not None
    served.process.send_signal(by)
    served.process.wait()
    took_s = time.monotonic() - begun
    until(lambda: worker is None or not runs(worker))
    found.worker_after.append(time.monotonic() - begun)
    return took_s


def _ask(served: ServedClinic, going: threading.Event, found: Found) -> None:
    """Ask for a small page again and again."""
    while going.is_set():
        begun = time.perf_counter()
        try:
            status, _ = served.ask("GET", "/your-account", {"Cookie": f"{COOKIE}={served.people[0].cookie}"})
            assert status == 200, status
            found.small.append(time.perf_counter() - begun)
        except (OSError, http.client.HTTPException):
            found.cut += 1
        time.sleep(ASKED_EVERY_S)


def _weigh(served: ServedClinic, going: threading.Event, found: Found) -> None:
    while going.is_set():
        with suppress(OSError):
            now_mb = memory_mb(served.process.pid if served.process else 0, "VmRSS")
            # One that has ended has no figure.
            found.memory_mb += [now_mb] if now_mb == now_mb else []
        time.sleep(0.5)


def _draw(served: ServedClinic, person: Person, going: threading.Event, found: Found) -> None:
    """Be a window: have the caseload drawn, and again after a while; open the line again when it broke."""
    address = f"127.0.0.1:{served.port}"
    rerun = BackMsg(rerun_script=ClientState()).SerializeToString()
    while going.is_set():
        with suppress(OSError, WebSocketException):
            headers = {"Cookie": f"{COOKIE}={person.cookie}"}
            with connect(
                f"ws://{address}/_stcore/stream",
                additional_headers=headers,
                origin=Origin(f"http://{address}"),
                max_size=None,
            ) as line:
                while going.is_set():
                    line.send(rerun)
                    while ForwardMsg.FromString(_bytes(line.recv(60))).WhichOneof("type") != "script_finished":
                        continue
                    found.drawn += 1
                    time.sleep(DRAWN_EVERY_S)
        time.sleep(1)


def _bytes(message: str | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.encode()


def _clip(path: Path) -> bytes:
    selftest.write_clip(path, (draw_face(smile=n / 20, shift_px=0) for n in range(20)))
    return path.read_bytes()


def _send(
    served: ServedClinic, person: Person, going: threading.Event, found: Found, clip: bytes, number: int, size: int
) -> None:
    """Send file after file up, each another one though all show the same, and hand them in."""
    chance = random.Random(number)  # noqa: S311 filling
    while going.is_set():
        # A box that players skip makes the file as large as it has to be.
        content = clip + size.to_bytes(4, "big") + b"free" + chance.randbytes(size - 8)
        recording_id = None
        while recording_id is None:
            recording_id = _delivered(served, person, content)
            found.again += recording_id is None
        found.handed_in[recording_id] = hashlib.sha256(content).hexdigest()


def _delivered(served: ServedClinic, person: Person, content: bytes) -> str | None:
    """Send one file and hand it in; None where it has to be sent again."""

    def api(method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"} | headers
        while True:
            with suppress(OSError, http.client.HTTPException):
                status, said = served.ask(method, API + path, sent, body)
                # 500: a server that ends cut the request off.
                if status not in (423, 429, 500, 503):
                    return status, json.loads(said)
            time.sleep(0.5)

    _, begun = api(
        "POST", "/uploads", json.dumps({"length": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    )
    path = f"/uploads/{begun['id']}"
    while True:
        status, state = api("GET", path)
        if status == 404:
            return None
        if state["whole"]:
            break
        offset = state["offset"]
        piece = content[offset : offset + PIECE]
        api("PATCH", path, piece, **{"Content-Type": "application/octet-stream", "Upload-Offset": str(offset)})
        time.sleep(PAUSE_S)
    new = {"upload_id": begun["id"], "patient_id": person.patient_id, "recorded_on": "2026-02-01", "name": "visit.mp4"}
    status, made = api("POST", "/recordings", json.dumps(new))
    return str(made["recording_id"]) if status == 202 else None


def _compare(place: Clinic, found: Found) -> None:
    """Wait until all is analysed; look whether each file that was handed in is there once, and all results equal."""
    ids = list(found.handed_in)
    until(lambda: all(_over(place, one) for one in ids), 1200)
    with place.db.read() as session:
        found.stored = session.scalar(select(func.count()).select_from(Recording)) or 0
        hashes = {one.id: one.source_sha256 for one in session.scalars(select(Recording))}
    found.ended_well = sum(hashes.get(one) == sha256 for one, sha256 in found.handed_in.items())
    rows = [place.rows(one) for one in ids]
    found.equal = sum(one == rows[0] and len(one) > 0 for one in rows)


def _over(place: Clinic, recording_id: str) -> bool:
    with place.db.read() as session:
        job = session.scalars(select(Job).where(Job.recording_id == recording_id)).one()
    return job.state not in (JobState.QUEUED, JobState.RUNNING)


def table(found: Found) -> Iterator[str]:
    """Yield the figures for people."""
    small = sorted(found.small)
    yield f"small requests           {len(small)}, {found.cut} without an answer while the server was away"
    yield (
        f"their answers            median {statistics.median(small) * 1000:.0f} ms,"
        f" p95 {small[int(len(small) * 0.95)] * 1000:.0f} ms, longest {small[-1]:.2f} s"
    )
    yield f"pages drawn              {found.drawn}"
    yield f"memory of the server     {found.memory_mb[0]:.0f} MB at first, {max(found.memory_mb):.0f} MB at most"
    yield "killed                   " + ", ".join(f"{victim} {count}" for victim, count in sorted(found.kills.items()))
    yield "end when asked (SIGTERM) " + ", ".join(f"{one:.1f} s" for one in found.ends)
    yield f"its worker gone          after {max(found.worker_after, default=0):.1f} s at most"
    yield f"files handed in          {len(found.handed_in)}, {found.again} had to be sent again"
    yield (
        f"recordings stored        {found.stored}, {found.ended_well} of their own file,"
        f" {found.equal} with the same results"
    )
    yield "nothing lost, nothing doubled" if found.sound else "NOT SOUND"
