"""Archives of patients for tests: made, changed, and sent up."""

import io
import json
import zipfile

from sqlalchemy import insert, select

from clinic.access import CONSOLE
from clinic.exchange import exports
from clinic.recordings import incoming
from clinic.recordings.pieces import Piece
from db.models import Job, JobState, Patient, Recording, Sample
from tests import doors

SHOWN_AGAIN, FAILED_AGAIN = "00ab" * 8, "f" * 32
"""The ids of later versions: one is sorted before those of earlier ones, and no program takes it for a number."""


def demo_id(db, number):
    """The id of an invented patient, by the order of their names."""
    with db.read() as session:
        return session.scalars(select(Patient.id).order_by(Patient.name)).all()[number]


def archive_of(db, settings, patient_id):
    """The archive of a patient, as who sits at the console gets it."""
    written = io.BytesIO()
    exports.export_patient(db, settings, CONSOLE, patient_id, written)
    return written


def analysed_again(db, recording_id):
    """Analyse a recording twice more, one of which fails: the ids of the result that is shown now, and of the other."""
    with db.session() as session:
        first = session.get_one(Recording, recording_id)
        values = {column.name: getattr(first, column.name) for column in Recording.__table__.columns}
        del values["number"]
        values |= {"id": SHOWN_AGAIN, "version_of": recording_id, "current": False}
        first.current = False
        session.flush()
        without = {"id": FAILED_AGAIN, "summary": None, "analysed_at": None}
        session.add_all([Recording(**values | {"current": True}), Recording(**values | without)])
        session.flush()
        session.add(Job(recording_id=FAILED_AGAIN, state=JobState.FAILED.value, created_at=doors.now(), sources=[]))
        samples = session.execute(select(Sample.__table__).where(Sample.recording_id == recording_id)).mappings()
        session.execute(insert(Sample), [{**row, "recording_id": SHOWN_AGAIN} for row in samples])
    return SHOWN_AGAIN, FAILED_AGAIN


def changed(archive, change, name="patient.json"):
    """The archive with another text in one of its files."""
    written = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            content = old.read(entry)
            new.writestr(entry, change(content) if entry == name else content)
    return written


def with_json(archive, change):
    """The archive with another JSON."""

    def edit(content):
        reported = json.loads(content)
        change(reported)
        return json.dumps(reported).encode()

    return changed(archive, edit)


def sent(db, settings, who, archive):
    """The id of an upload that is wholly there."""
    content = archive.getvalue()
    upload = incoming.begin(db, settings, who, len(content))
    piece = Piece(settings, upload.id, 0, {}, who.account_id)
    piece.write(content)
    return piece.close().id
