"""A media store says whose it is: the empty folder of a disk that is not mounted is not taken for it."""

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from clinic import access
from clinic.admin import key_folder, lost_files
from clinic.exchange import exports, video_copies
from clinic.jobs import faces, jobs, leases, reanalysis
from clinic.recordings import playback, store_mark, stored_files, uploads
from clinic.worker import analysis
from db.models import new_id
from fer_core.errors import FerError
from storage.media import MARK
from tests.clinic.fakes import FakeAnalyzer


@pytest.fixture
def settings(settings):
    return replace(settings, keep_files=True)


@pytest.fixture
def db(db, settings):
    """The database of a clinic that was started once."""
    key_folder.mark(db, settings)
    return db


@pytest.fixture
def recording(db, settings, who, patient, an_upload):
    """A recording whose video is kept."""
    upload = replace(an_upload("video"), media_type="video/mp4")
    asked = jobs.enqueue(db, settings, who, patient, [upload], date(2026, 5, 4), model_sha256="fake-model")
    claimed = leases.claim(db)
    assert analysis.run(db, settings, claimed, lambda: FakeAnalyzer([[(0,)]]), analysis.Reporter(db, claimed))
    return asked.recording_id


def arrives(db, settings):
    """Ask for room for a file, as each way does on which one arrives."""
    uploads.check_quota(db, settings, 1)


def refuses(work, *arguments):
    with pytest.raises(FerError) as refusal:
        work(*arguments)
    return refusal.value.code == stored_files.CODE_AWAY


def test_no_file_goes_into_a_folder_that_is_not_mounted_also_where_none_waits(db, settings, unmount):
    away, back = unmount
    arrives(db, settings)
    away()
    assert refuses(arrives, db, settings)
    assert list(Path(settings.media_url).iterdir()) == []
    back()
    arrives(db, settings)


def test_a_new_store_of_another_address_is_the_clinic_s_with_its_first_file(db, settings, unmount):
    arrives(db, settings)
    unmount[0]()
    elsewhere = replace(settings, media_url=str(settings.data_dir / "new"))
    arrives(db, elsewhere)
    assert (settings.data_dir / "new" / MARK).exists()
    assert settings.media_url not in store_mark.note_path(settings).read_text(), "a password may stand in it"


def test_another_clinic_s_store_takes_no_file_and_is_not_swept(db, settings, an_upload):
    theirs = an_upload("video")
    (Path(settings.media_url) / MARK).write_text(new_id())
    assert refuses(arrives, db, settings)
    assert refuses(uploads.sweep, settings, db, 0.0)
    assert refuses(lost_files.find, db, settings, True)
    assert theirs.path.exists()


def test_a_lost_mark_beside_the_clinic_s_files_is_put_again(db, settings, recording):
    arrives(db, settings)
    mark = Path(settings.media_url) / MARK
    mark.unlink()
    arrives(db, settings)
    assert mark.exists()


def test_a_clinic_of_before_is_marked_where_its_files_are(db, settings, recording, unmount):
    away, back = unmount
    away()
    arrives(db, settings)
    assert not (Path(settings.media_url) / MARK).exists(), "it lacks what should be in it"
    back()
    assert uploads.sweep(settings, db) == 0
    away()
    assert refuses(arrives, db, settings)


def test_nothing_calls_a_file_deleted_while_the_store_is_not_there(db, settings, who, patient, recording, unmount):
    away, back = unmount
    arrives(db, settings)
    away()
    assert refuses(playback.kept, db, settings, who, recording)
    assert refuses(playback.open_part, db, settings, who, recording)
    assert refuses(video_copies.ask, db, settings, who, recording)
    assert refuses(reanalysis.start, db, settings, access.CONSOLE, None, "other")
    assert refuses(exports.export_patient, db, settings, who, patient, io.BytesIO())
    assert faces.stays(db, settings, who, recording).startswith(stored_files.AWAY)
    back()
    assert playback.kept(db, settings, who, recording) is not None
    assert faces.stays(db, settings, who, recording) is None


def test_a_store_that_is_lost_for_good_is_accepted(db, settings, who, recording, unmount):
    arrives(db, settings)
    unmount[0]()
    assert lost_files.find(db, settings).other is not None
    assert lost_files.find(db, settings, accept=True).count == 1
    arrives(db, settings)
    assert playback.kept(db, settings, who, recording) is None
    assert lost_files.find(db, settings) == lost_files.LostFiles({}, 0)
