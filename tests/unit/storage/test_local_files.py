import errno
import os
import pickle
import threading

import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError, PageError, Reason, StorageError
from ecgbatch.storage import join, open_store


@pytest.fixture
def store(tmp_path):
    (tmp_path / "root").mkdir()
    return open_store(str(tmp_path / "root"))


def reason(call, *args, **options):
    with pytest.raises(PageError) as caught:
        call(*args, **options)
    return caught.value.reason


def test_what_was_written_is_listed_and_read_with_its_version(store):
    uri = join(store.root_uri, "a/b/c.bin")
    version = store.write(uri, b"page")
    (found,) = store.list()
    assert (found.uri, found.version, found.size_bytes) == (uri, version, 4)
    assert store.head(uri) == found
    assert store.read(uri, version=version) == b"page"


def test_an_overwritten_file_is_another_version(store):
    uri = join(store.root_uri, "x")
    version = store.write(uri, b"old")
    os.utime(uri.removeprefix("file://"), ns=(0, 0))
    assert store.head(uri).version != version
    assert reason(store.read, uri, version=version) is Reason.SOURCE_CHANGED


def test_a_long_file_is_refused_before_it_is_read(store):
    uri = join(store.root_uri, "x")
    store.write(uri, b"0123456789")
    with pytest.raises(PageError) as caught:
        store.read(uri, max_bytes=9)
    assert caught.value.reason is Reason.TOO_LARGE
    assert caught.value.facts == {"size_bytes": 10.0, "max_bytes": 9.0}


def test_an_empty_file_is_read_as_no_bytes(store):
    uri = join(store.root_uri, "x")
    store.write(uri, b"")
    assert store.read(uri) == b""


def test_of_many_who_create_one_wins_and_its_content_stands(store):
    uri = join(store.root_uri, "receipt")
    winners = []
    start = threading.Barrier(16)

    def create(number):
        start.wait()
        if store.create(uri, bytes([number]) * 1000):
            winners.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert store.read(uri) == bytes(winners) * 1000


def test_nothing_but_the_files_themselves_is_left_after_writing(store, tmp_path):
    uri = join(store.root_uri, "x.parquet")
    store.write(uri, b"1")
    store.create(uri, b"2")
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["x.parquet"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(store, tmp_path, monkeypatch):
    uri = join(store.root_uri, "x.parquet")
    store.write(uri, b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="free space"):
        store.write(uri, b"new")
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["x.parquet"]
    assert store.read(uri) == b"old"


def test_a_file_system_without_links_needs_to_be_told_that_there_is_one_writer(
    store, tmp_path, monkeypatch
):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageError, match="single_writer"):
        store.probe()
    alone = open_store(store.root_uri, StorageSettings(single_writer=True))
    alone.probe()
    uri = join(store.root_uri, "x")
    assert [alone.create(uri, b"1"), alone.create(uri, b"2")] == [True, False]
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["x"]


def test_a_link_out_of_the_root_is_listed_and_not_read(store, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    (tmp_path / "root" / "link").symlink_to(secret)
    (tmp_path / "root" / "folder").symlink_to(tmp_path)
    found = sorted(store.list(), key=lambda listed: listed.uri)
    assert [listed.uri.rpartition("/")[2] for listed in found] == ["folder", "link"]
    for listed in found:
        assert reason(store.read, listed.uri) is Reason.URI_NOT_ALLOWED
    assert reason(store.read, join(store.root_uri, "folder/secret")) is Reason.URI_NOT_ALLOWED


def test_links_inside_the_root_are_no_second_copy_of_a_folder(store, tmp_path):
    (tmp_path / "root" / "a").mkdir()
    (tmp_path / "root" / "a" / "x").write_text("x")
    (tmp_path / "root" / "b").symlink_to("a")
    (tmp_path / "root" / "loop").symlink_to(".")
    assert [listed.uri for listed in store.list()] == [join(store.root_uri, "a/x")]


def test_a_dead_link_is_listed_and_gone(store, tmp_path):
    (tmp_path / "root" / "x").symlink_to("nowhere")
    (found,) = store.list()
    assert reason(store.read, found.uri) is Reason.SOURCE_GONE


def test_a_pipe_blocks_nobody(store, tmp_path):
    os.mkfifo(tmp_path / "root" / "pipe")
    (found,) = store.list()
    assert reason(store.read, found.uri) is Reason.URI_NOT_ALLOWED


def test_a_name_that_is_not_utf_8_is_listed_as_text_and_read(store, tmp_path):
    (tmp_path / "root" / os.fsdecode(b"M\xfcller.jpg")).write_bytes(b"page")
    (found,) = store.list()
    found.uri.encode()
    assert store.read(found.uri, version=found.version) == b"page"


def test_an_archive_whose_disk_went_away_stops_the_run(store, tmp_path):
    (tmp_path / "root").rmdir()
    with pytest.raises(StorageError, match="mounted"):
        store.read(join(store.root_uri, "x"))


def test_a_bad_sector_is_the_trouble_of_one_file(store, monkeypatch):
    uri = join(store.root_uri, "x")
    store.write(uri, b"page")

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    assert reason(store.read, uri) is Reason.SOURCE_UNREADABLE


def test_nothing_is_written_or_listed_outside_the_root(store, tmp_path):
    outside = f"file://{tmp_path}/x"
    for call in (
        lambda: store.write(outside, b""),
        lambda: store.create(outside, b""),
        lambda: store.delete(outside),
        lambda: store.list(outside),
    ):
        with pytest.raises(StorageError):
            call()
    assert not (tmp_path / "x").exists()


def test_deleting_what_is_not_there_is_fine(store):
    store.delete(join(store.root_uri, "none"))
    store.delete(join(store.root_uri, "none/none"))
    assert store.head(join(store.root_uri, "none")) is None


def test_many_are_read_in_their_order_and_errors_stand_in_their_places(store):
    uris = [join(store.root_uri, f"{number}") for number in range(40)]
    for number, uri in enumerate(uris):
        if number != 7:
            store.write(uri, bytes([number]))
    outcomes = list(store.read_many((uri, None) for uri in [*uris, "http://x"]))
    assert [outcome for outcome in outcomes if isinstance(outcome, bytes)] == [
        bytes([number]) for number in range(40) if number != 7
    ]
    assert [outcome.reason for outcome in (outcomes[7], outcomes[-1])] == [
        Reason.SOURCE_GONE,
        Reason.URI_NOT_ALLOWED,
    ]


def test_a_large_file_is_read_in_pieces_from_anywhere(store):
    uri = join(store.root_uri, "x")
    data = bytes(range(256)) * 100
    store.write(uri, data)
    with store.open(uri) as file:
        assert file.read(3) == data[:3]
        file.seek(-5, os.SEEK_END)
        assert file.read() == data[-5:]
        file.seek(1000)
        assert file.read(10) == data[1000:1010]


def test_a_single_file_is_an_archive_of_one(store):
    uri = join(store.root_uri, "x")
    store.write(uri, b"page")
    (found,) = open_store(uri).list()
    assert open_store(uri).read(found.uri) == b"page"


def test_a_store_travels_to_a_worker(store):
    uri = join(store.root_uri, "x")
    store.write(uri, b"page")
    assert pickle.loads(pickle.dumps(store)).read(uri) == b"page"


def test_no_error_names_a_file(store):
    uri = join(store.root_uri, "MUSTERMANN")
    with pytest.raises(PageError) as caught:
        store.read(uri)
    assert "MUSTERMANN" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_folder_that_does_not_exist_is_no_empty_archive(store, tmp_path):
    assert list(store.list(join(store.root_uri, "runs"))) == []
    with pytest.raises(ConfigError, match="no such folder"):
        list(open_store(str(tmp_path / "typo")).list())
