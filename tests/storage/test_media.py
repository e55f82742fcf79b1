"""The store: sealed, on any file system, with a key that lies elsewhere."""

import errno
import os
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from backup.attached import Stores, Wanted, bring_back, present
from clinic.recordings import uploads
from db.models import new_id
from fer_core.errors import FerError
from storage import keys
from storage.keys import MasterKeyError
from storage.media import MediaStore, open_store
from storage.sealed import sealing
from storage.wrapping import Key, SealError


@pytest.fixture(scope="session")
def object_store():
    """Run a server that speaks S3 on this machine, and let its address be known."""
    for package in ("moto.server", "s3fs"):
        pytest.importorskip(
            package, reason=f"{package} is not installed, so that there is no object store to test with"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "of-the-tests")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "of-the-tests")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        try:
            wait_for(port, process)
            yield "s3://clinic"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the object store ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the object store did not start")


@pytest.fixture
def bucket(object_store, settings):
    """The settings of a store in an object store, and its bucket, empty."""
    fs, root = url_to_fs(object_store)
    if not fs.exists(root):
        fs.mkdir(root)
    here = replace(settings, media_url=f"{object_store}/{new_id()}")
    yield here
    fs.invalidate_cache()
    for place in fs.find(url_to_fs(here.media_url)[1]):
        fs.rm_file(place)


@pytest.fixture(params=["folder", "memory", "object store"])
def anywhere(request, settings):
    """The settings of a store in a folder, in an object store, and behind another file system."""
    if request.param == "object store":
        return request.getfixturevalue("bucket")
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


def test_a_lost_key_is_reported_and_not_replaced(settings):
    put(settings)
    keys.key_path(settings).unlink()
    with pytest.raises(MasterKeyError) as refusal:
        open_store(settings)
    assert refusal.value.code == "master_key_missing"
    assert not keys.key_path(settings).exists()


def test_while_a_key_is_changed_nothing_is_opened_or_sealed(settings):
    keys.make_at(keys.next_path(settings))
    with pytest.raises(MasterKeyError) as refusal:
        open_store(settings)
    assert refusal.value.code == "rotation_unfinished"
    assert "rotate-key" in refusal.value.message


def test_a_file_is_wrapped_for_another_key_and_its_content_stays(anywhere):
    media_id, old = put(anywhere), keys.require(anywhere)
    media = MediaStore.at(anywhere, Key.of(bytes(range(32))))
    assert media.rewrap(media_id, old, anywhere.data_dir)
    assert not media.rewrap(media_id, old, anywhere.data_dir), "a second time there is nothing to do"
    with media.open(media_id) as file:
        assert file.read().endswith(b"content")
    with pytest.raises(SealError) as refusal:
        open_store(anywhere).open(media_id)
    assert refusal.value.code == "wrong_key"
    with pytest.raises(SealError):
        MediaStore.at(anywhere, Key.of(bytes(range(1, 33)))).rewrap(media_id, old, anywhere.data_dir)


@pytest.mark.parametrize(("content", "code"), [("no key", "master_key_damaged"), ("ab" * 31, "master_key_damaged")])
def test_a_damaged_key_is_reported(settings, content, code):
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
    given = replace(settings, master_key=bytes(range(32)), key_dir=settings.data_dir / "no-keys")
    media_id = put(given)
    assert not given.key_dir.exists()
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


def test_on_an_object_store_a_file_is_sent_once_and_is_there_whole_or_not_at_all(bucket, monkeypatch):
    fs, root = url_to_fs(bucket.media_url)
    sent = []
    put_file = fs.put_file
    monkeypatch.setattr(fs, "mv", lambda *arguments, **named: pytest.fail("a rename would be another copy"))
    monkeypatch.setattr(fs, "put_file", lambda *places: (sent.append(places), put_file(*places)))
    media_id = put(bucket, os.urandom(3 << 20))
    assert [target for _source, target in sent] == [f"{root}/{media_id}"]
    assert [found.rsplit("/", 1)[-1] for found in fs.find(root)] == [media_id]


def test_a_transfer_that_breaks_leaves_no_file_under_its_name(bucket, monkeypatch):
    fs, _root = url_to_fs(bucket.media_url)

    def broken(*arguments, **named):
        raise ConnectionResetError

    media, media_id = open_store(bucket), put(bucket)
    monkeypatch.setattr(fs, "put_file", broken)
    with pytest.raises(ConnectionResetError):
        put(bucket)
    assert [file.id for file in media.files()] == [media_id]


def test_parts_of_a_large_file_are_read_from_an_object_store(bucket):
    content = os.urandom(20 << 20)
    media_id = put(bucket, content)
    with open_store(bucket).open(media_id) as file:
        file.seek(17 << 20)
        assert file.read(100_000) == content[17 << 20 :][:100_000]
        file.seek(-10, os.SEEK_END)
        assert file.read() == content[-10:]


def test_a_backup_of_an_object_store_is_brought_back(bucket, tmp_path):
    media_id = put(bucket, b"a face")
    stores = Stores(bucket.media_url, tmp_path / "work")
    asked = Wanted(frozenset({media_id}), frozenset())
    ((name, file, size),) = ((name, file.read(), size) for name, file, size in present(stores, asked))
    open_store(bucket).delete(media_id)
    (tmp_path / "unpacked").write_bytes(file)
    bring_back(stores, name, tmp_path / "unpacked")
    assert size == len(file)
    with open_store(bucket).open(media_id) as again:
        assert again.read() == b"a face"


class Unreachable(LocalFileSystem):
    """A remote file system without an answer; its own `exists` takes any error for no, as fsspec's does."""

    def ls(self, *_arguments, **_options):
        raise RuntimeError("no credentials")


def test_a_store_that_does_not_answer_is_not_taken_for_an_empty_one(settings, monkeypatch, tmp_path):
    for module in ("storage.media", "backup.attached"):
        monkeypatch.setattr(f"{module}.file_system", lambda url: (Unreachable(skip_instance_cache=True), url))
    with pytest.raises(FerError) as refusal:
        list(MediaStore.at(settings, Key(b"", b"")).files())
    assert refusal.value.code == "media_unreachable"
    with pytest.raises(FerError, match="FER_MEDIA_URL"):
        list(present(Stores(settings.media_url, tmp_path), Wanted(frozenset({"0" * 32}), frozenset())))


def test_a_folder_that_gives_an_error_is_not_taken_for_an_empty_one(settings, monkeypatch):
    """As a share whose server is gone: neither is the folder of backups blamed for it, nor ends the worker."""

    def stale(self, path, **_options):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)

    monkeypatch.setattr(LocalFileSystem, "ls", stale)
    with pytest.raises(FerError, match=r"Stale file handle.*disk or share") as refusal:
        list(MediaStore.at(settings, Key(b"", b"")).files())
    assert refusal.value.code == "media_unreachable"


def test_an_address_of_no_use_is_said(settings):
    with pytest.raises(FerError) as refusal:
        MediaStore.at(replace(settings, media_url="no-such-protocol://bucket"), Key(b"", b""))
    assert refusal.value.code == "bad_setting"
