"""Invented people with a short video each whose moments somebody labelled, as a training on own people finds them."""

from datetime import date

import numpy as np

from clinic.patients.summaries import summarise_recording
from db.models import Job, Patient, Recording, RecordingMark, Sample, new_id
from fer_core.emotions import EMOTION_LABELS
from tests import consents, doors
from tests.media import write_clip

RATE = 5
DAY = date(2026, 1, 1)
BOX = {"left": 24.0, "top": 16.0, "right": 72.0, "bottom": 80.0}
"""The face in each frame: about its middle a square of 60 px is cut out."""


def frames(seed, moments):
    """Frames of 96 px, each with a grating of its class, so noisy that no two are the same photograph."""
    rng = np.random.default_rng(seed)
    found = []
    for moment in range(moments):
        picture = rng.integers(0, 140, (96, 96)).astype(np.uint8)
        period = (2, 4, 6, 8, 12, 16, 24)[moment % 7]
        picture[:, np.arange(96) % period < period // 2] += 110
        found.append(np.repeat(picture[:, :, None], 3, axis=2))
    return found


def add(db, number, moments=20, upload_id=None):
    """Add a patient who agreed to everything, with a video of so many labelled moments; return the patient's id."""
    upload_id = upload_id or new_id()
    with db.session() as session:
        patient = Patient(name=f"Person {number}", created_at=doors.now())
        session.add(patient)
        session.flush()
        recording = Recording(patient_id=patient.id, kind="video", recorded_on=DAY, created_at=doors.now())
        recording.settings, recording.summary, recording.patient_track = {"every_s": 1 / RATE}, {}, 0
        session.add(recording)
        session.flush()
        job = Job(recording_id=recording.id, state="done", created_at=doors.now())
        job.sources = [{"id": upload_id, "kind": "video", "name": "visit", "sha256": "0" * 64, "size": 1}]
        session.add(job)
        session.flush()
        for moment in range(moments):
            at_s, label = moment / RATE, EMOTION_LABELS[moment % 7]
            session.add(
                Sample(recording_id=recording.id, frame_index=moment, track=0, time_s=at_s, status="ok", confidence=1.0)
            )
            mark = RecordingMark(recording_id=recording.id, begin_s=at_s, end_s=at_s + 0.1, verdict="impression")
            mark.label, mark.recorded_at, mark.number = label, doors.now(), number * 1000 + moment
            session.add(mark)
        session.flush()
        session.execute(Sample.__table__.update().where(Sample.recording_id == recording.id).values(**BOX))
        recording.summary = summarise_recording(session, recording)
        patient_id = patient.id
    consents.agree(db, patient_id)
    return patient_id


def store(seal, tmp_path, number, moments=20):
    """Put the video of a person into the store, and return its id."""
    upload_id = new_id()
    seal(upload_id, write_clip(tmp_path / f"{upload_id}.mp4", frames(number, moments), rate=RATE).read_bytes())
    return upload_id
