"""The store: sealed, on any file system, with a key that lies elsewhere."""

import stat
from dataclasses import replace

import pytest

from clinic import keys, uploads
from clinic.keys import MasterKeyError
from clinic.media import open_store
from db.models import new_id
from db.sealed import SealError, sealing
from fer_core.errors import FerError


@pytest.fixture(params=["folder", "memory"])
def anywhere(request, settings):
    """The settings of a store in a folder, and of one behind another file system."""
    return settings if request.param == "folder" else replace(settings, media_url=f"memory://{new_id()}")


def put(settings, content=b"some content"):
    media, media_id = open_store(settings), new_id()
    part = uploads.part_path(settings, media_id)
    with part.open("wb") as file, sealing(file, media.key, media_id.encode()) as sealed:
        sealed.write(content)
    media.adopt(part, media_id)
    assert not part.exists()
    return media_id


def test_a_file_is_stored_read_listed_and_deleted(anywhere):
    media = open_store(anywhere)
    media_id = put(anywhere)
    assert media.exists(media_id)
    with media.open(media_id) as file:
        file.seek(5)
        assert file.read() == b"content"
    assert [(file.id, file.whole) for file in media.files()] == [(media_id, True)]
    media.delete(media_id)
    media.delete(media_id)
    assert list(media.files()) == []
    with pytest.raises(FerError) as refusal:
        media.open(media_id)
    assert refusal.value.code == "upload_gone"


def test_a_file_that_takes_another_s_place_is_noticed(settings, tmp_path):
    first, second = put(settings), put(settings)
    (tmp_path / "media" / first).replace(tmp_path / "media" / second)
    with pytest.raises(SealError) as refusal:
        open_store(settings).open(second)
    assert refusal.value.code == "file_damaged"


def test_the_key_is_made_once_outside_the_data_folder_for_this_user_alone(settings):
    key = open_store(settings).key
    assert open_store(settings).key == key
    path = keys.key_path(settings)
    assert settings.data_dir not in path.parents
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.make(settings) == key, "a process that starts at once takes the key that is there"
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


def test_a_lost_key_is_told_and_not_replaced(settings):
    put(settings)
    keys.key_path(settings).unlink()
    with pytest.raises(MasterKeyError) as refusal:
        open_store(settings)
    assert refusal.value.code == "master_key_missing"
    assert not keys.key_path(settings).exists()


@pytest.mark.parametrize(("content", "code"), [("no key", "master_key_damaged"), ("ab" * 31, "master_key_damaged")])
def test_a_damaged_key_is_told(settings, content, code):
    open_store(settings)
    keys.key_path(settings).write_text(content)
    with pytest.raises(MasterKeyError) as refusal:
        open_store(settings)
    assert refusal.value.code == code


def test_a_key_that_others_may_read_is_refused(settings):
    open_store(settings)
    keys.key_path(settings).chmod(0o640)
    with pytest.raises(MasterKeyError) as refusal:
        open_store(settings)
    assert refusal.value.code == "master_key_open"


def test_a_key_from_the_environment_is_written_nowhere(settings):
    given = replace(settings, master_key=bytes(range(32)))
    media_id = put(given)
    assert not settings.key_dir.exists()
    assert "master_key=" not in repr(given)
    with pytest.raises(SealError) as refusal:
        open_store(replace(settings, master_key=bytes(range(1, 33)))).open(media_id)
    assert refusal.value.code == "wrong_key"


@pytest.mark.parametrize("smuggled", ["../clinic.db", "", "A" * 32, "0" * 31])
def test_only_an_id_names_a_file(settings, smuggled):
    media = open_store(settings)
    for use in (media.open, media.exists, media.delete):
        with pytest.raises(ValueError, match="id"):
            use(smuggled)
