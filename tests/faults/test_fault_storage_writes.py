"""Faults of storage while writing. The numbers in the names of tests are stable ids."""

import errno
import os
import threading

import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import StorageError
from ecgbatch.storage import Store, join, open_store
from tests.faulty_store import (
    LOST,
    RESET,
    UNCONDITIONAL,
    Answer,
)

pytestmark = pytest.mark.s3


@pytest.fixture
def store(s3_bucket):
    return open_store(join(s3_bucket, "in"))


def at(store: Store, name: str) -> str:
    return join(store.root_uri, name)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(507, "XMinioStorageFull"), id="fault_81_full"),
        pytest.param(Answer(403, "QuotaExceeded"), id="fault_81_quota"),
    ],
)
def test_a_full_store_stops_the_run(answer, store, misbehave):
    server = misbehave(lambda asked: answer if asked.method == "PUT" else None)
    with pytest.raises(StorageError, match="free space"):
        store.write(at(store, "MUSTERMANN"), b"x")
    assert server.count("PUT") == 1
    assert list(store.list()) == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(errno.ENOSPC, "free space", id="fault_81_disk_full"),
        pytest.param(errno.EDQUOT, "free space", id="fault_81_disk_quota"),
        pytest.param(errno.EROFS, "read-only", id="fault_81_read_only"),
    ],
)
def test_a_full_disk_stops_the_run_and_leaves_nothing(code, message, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(code, os.strerror(code), "/MUSTERMANN")

    local = open_store(str(tmp_path))
    monkeypatch.setattr(os, "fsync", fail)
    for write in (local.write, local.create):
        with pytest.raises(StorageError, match=message) as caught:
            write(at(local, "MUSTERMANN"), b"x" * 100_000)
        assert "MUSTERMANN" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_fault_82_of_many_who_create_one_wins(store):
    uri = at(store, "receipt")
    outcomes = []
    start = threading.Barrier(8)

    def create(number):
        start.wait()
        outcomes.append((store.create(uri, b"%d" % number), number))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [b"%d" % number for won, number in outcomes if won]
    assert winners == [store.read(uri)]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(412, "PreconditionFailed"), id="fault_82_412"),
        pytest.param(Answer(304), id="fault_82_old_store_304"),
    ],
)
def test_a_precondition_that_failed_means_that_somebody_else_was_first(answer, store, misbehave):
    server = misbehave(lambda asked: answer if asked.method == "PUT" else None)
    assert store.create(at(store, "receipt"), b"x") is False
    assert server.count("PUT") == 1


def test_fault_82_a_conflict_is_tried_again(store, misbehave, quick):
    conflict = Answer(409, "ConditionalRequestConflict")
    misbehave(lambda asked: conflict if asked.method == "PUT" and asked.turn <= 2 else None)
    assert store.create(at(store, "receipt"), b"ours") is True
    assert store.read(at(store, "receipt")) == b"ours"


def lose_the_first_put(asked):
    return LOST if asked.method == "PUT" and asked.turn == 1 else None


def test_fault_83_a_put_that_landed_although_its_answer_was_lost_is_not_repeated(
    store, misbehave, quick
):
    server = misbehave(lose_the_first_put)
    assert store.create(at(store, "receipt"), b"ours") is True
    store.write(at(store, "part"), b"rows")
    assert [asked.key.rpartition("/")[2] for asked in server.asked if asked.method == "PUT"] == [
        "receipt",
        "part",
    ]
    assert server.count("DELETE") == 0
    assert store.read(at(store, "part")) == b"rows"


def test_fault_83_a_put_that_did_not_land_is_repeated(store, misbehave, quick):
    server = misbehave(lambda asked: RESET if asked.method == "PUT" and asked.turn == 1 else None)
    assert store.create(at(store, "receipt"), b"ours") is True
    assert server.count("PUT") == 2
    assert store.read(at(store, "receipt")) == b"ours"


def test_fault_83_another_who_came_first_while_the_answer_was_lost_has_won(store, misbehave, quick):
    uri = at(store, "receipt")
    direct = Store(store.root_uri, StorageSettings(requests_at_once=3))

    def rule(asked):
        if asked.method == "PUT" and asked.turn == 1:
            rival.start()
            rival.join()
            return RESET
        return None

    rival = threading.Thread(target=lambda: won.append(direct.create(uri, b"rival")))
    won = []
    server = misbehave(lambda asked: None if won else rule(asked))
    assert server.asked == []
    assert store.create(uri, b"ours") is False
    assert won == [True]
    assert store.read(uri) == b"rival"


def test_fault_83_equal_bytes_of_another_are_not_taken_for_ours(store, misbehave, quick):
    uri = at(store, "receipt")
    store.write(uri, b"same")
    misbehave(lose_the_first_put)
    assert store.create(uri, b"same") is False


def test_fault_83_where_it_cannot_be_known_who_came_first_the_run_stops(store, misbehave):
    taken = Answer(412, "PreconditionFailed")
    misbehave(lambda asked: {"PUT": taken, "HEAD": Answer(403)}.get(asked.method))
    with pytest.raises(StorageError, match="s3:GetObject"):
        store.create(at(store, "receipt"), b"x")


def test_fault_84_a_store_without_conditional_puts_is_refused_at_the_start(store, misbehave):
    misbehave(lambda _: UNCONDITIONAL)
    with pytest.raises(StorageError, match=r"storage\.single_writer = true"):
        store.probe()
    assert list(store.list()) == []


def test_fault_84_a_store_that_rejects_conditions_is_refused_at_the_start(store, misbehave):
    refuse = Answer(501, "NotImplemented")
    misbehave(lambda asked: refuse if "If-None-Match" in asked.headers else None)
    with pytest.raises(StorageError, match=r"storage\.single_writer = true"):
        store.probe()
    alone = Store(store.root_uri, StorageSettings(single_writer=True))
    alone.probe()
    assert alone.create(at(store, "receipt"), b"1") is True
    assert alone.create(at(store, "receipt"), b"2") is False


def test_fault_84_a_store_with_conditional_puts_passes_and_keeps_nothing(store):
    store.probe()
    assert list(store.list()) == []
