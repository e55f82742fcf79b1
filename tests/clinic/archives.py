"""Archives of patients for tests: made, changed, and sent up."""

import io
import json
import zipfile

from sqlalchemy import select

from clinic.access import CONSOLE
from clinic.exchange import exports
from clinic.recordings import incoming
from clinic.recordings.pieces import Piece
from db.models import Patient


def demo_id(db, number):
    """The id of an invented patient, by the order of their names."""
    with db.read() as session:
        return session.scalars(select(Patient.id).order_by(Patient.name)).all()[number]


def archive_of(db, settings, patient_id):
    """The archive of a patient, as who sits at the console gets it."""
    written = io.BytesIO()
    exports.export_patient(db, settings, CONSOLE, patient_id, written)
    return written


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
