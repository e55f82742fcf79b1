"""What bringing in a large patient costs: ``python -m benchmarks.imports --samples 300000``.

A patient of that many samples is exported and imported again by a worker, while another writer writes all the time:
the longest wait of that writer is how long the import held the write lock. Linux alone (/proc).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from benchmarks.upload import memory_mb
from clinic.access import CONSOLE
from clinic.admin import demo
from clinic.exchange import exports, imports
from clinic.settings import Settings
from db.engine import Database, migrate, open_database
from db.models import Installation, Patient, Recording
from storage import keys


def clinic(folder: Path) -> tuple[Database, Settings]:
    """Return an empty clinic."""
    settings = replace(Settings.at(folder), min_free_bytes=0)
    settings.data_dir.mkdir()
    keys.make(settings)
    migrate(settings.database_url)
    return open_database(settings.database_url), settings


def large_archive(folder: Path, samples: int, recordings: int) -> Path:
    """Write the archive of an invented patient of so many samples, and as many recordings of one more."""
    db, settings = clinic(folder / "origin")
    demo.fill(db)
    with db.read() as session:
        patient_id = session.scalars(select(Patient.id).order_by(Patient.name)).all()[3]
    written = io.BytesIO()
    exports.export_patient(db, settings, CONSOLE, patient_id, written)
    with db.session() as session:
        one = session.scalars(select(Recording).where(Recording.patient_id == patient_id)).all()[0]
        values = {column.name: getattr(one, column.name) for column in Recording.__table__.columns}
        for number in range(recordings):
            fresh = {"id": f"{number:032x}", "visit_number": 1000 + number, "number": 1000 + number}
            session.add(Recording(**values | fresh))
    exports.export_patient(db, settings, CONSOLE, patient_id, written := io.BytesIO())
    db.close()
    path = folder / "patient.zip"
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != exports.SAMPLES_CSV:
                new.writestr(name, old.read(name))
                continue
            header, *lines = old.read(name).decode("utf-8-sig").splitlines(keepends=True)
            with new.open(name, "w") as file:
                file.write(header.encode("utf-8-sig"))
                for number in range(samples):
                    recording_id, _, rest = lines[number % len(lines)].split(",", 2)
                    file.write(f"{recording_id},{1_000_000 + number},{rest}".encode())
    return path


def watch(db: Database, waits: list[float], ended: threading.Event) -> None:
    """Write again and again, and note how long each time took, seconds."""
    while not ended.wait(0.01):
        begun = time.perf_counter()
        with db.session() as session:
            session.get_one(Installation, Installation.ONLY).zone_confirmed ^= True
        waits.append(time.perf_counter() - begun)


def main() -> None:
    """Make the archive, bring it in, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=300_000)
    parser.add_argument("--recordings", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = large_archive(Path(folder), options.samples, options.recordings)
        db, settings = clinic(Path(folder) / "target")
        with db.session() as session:
            if session.get(Installation, Installation.ONLY) is None:
                session.add(Installation())
        before, waits, ended = memory_mb(os.getpid(), "VmRSS"), list[float](), threading.Event()
        writer = threading.Thread(target=watch, args=(db, waits, ended))
        writer.start()
        begun, cpu = time.perf_counter(), time.process_time()
        with path.open("rb") as file:
            imports.import_patient(db, settings, CONSOLE, file)
        took, cpu = time.perf_counter() - begun, time.process_time() - cpu
        ended.set()
        writer.join()
        peak = memory_mb(os.getpid(), "VmHWM")
        sys.stdout.write(
            f"{options.samples} samples, {options.recordings} more recordings: {took:.1f} s ({cpu:.1f} s CPU)\n"
            f"another writer: {len(waits)} times, longest {max(waits) * 1000:.0f} ms\n"
            f"memory: {before:.0f} MB before, {peak:.0f} MB at the peak\n"
        )
        db.close()


if __name__ == "__main__":
    main()
