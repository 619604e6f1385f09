"""Faults of storage and network, reading and at the start. Numbers in names are stable ids."""

import errno
import os
import random
import threading
import time

import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import PageError, Reason, StorageError
from ecgbatch.storage import Store, connection, join, open_store
from tests.faulty_store import (
    CUT,
    LOST,
    RESET,
    SLOW_DOWN,
    UNCONDITIONAL,
    Answer,
)

pytestmark = pytest.mark.s3

DENIED = Answer(403, "AccessDenied")
IMPATIENT = StorageSettings(retries=1)


@pytest.fixture
def store(s3_bucket):
    return open_store(join(s3_bucket, "in"))


def at(store: Store, name: str) -> str:
    return join(store.root_uri, name)


def reason(call, *args, **options):
    with pytest.raises(PageError) as caught:
        call(*args, **options)
    assert "MUSTERMANN" not in str(caught.value)
    return caught.value.reason


def test_fault_73_an_object_deleted_after_the_listing(store):
    uri = at(store, "MUSTERMANN.jpg")
    store.write(uri, b"page")
    (found,) = store.list()
    store.delete(uri)
    assert reason(store.read, uri, version=found.version) is Reason.SOURCE_GONE


def test_fault_73_a_deleted_bucket_is_no_page_error(store, s3_client):
    s3_client.delete_bucket(Bucket=store.root_uri.split("/")[2])
    with pytest.raises(StorageError, match="bucket"):
        store.read(at(store, "a.jpg"))


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda _: None, id="fault_74_if_match"),
        pytest.param(lambda _: UNCONDITIONAL, id="fault_74_store_without_if_match"),
    ],
)
def test_an_object_overwritten_after_the_listing_is_not_read(rule, store, misbehave):
    uri = at(store, "MUSTERMANN.jpg")
    store.write(uri, b"old page")
    (found,) = store.list()
    store.write(uri, b"new page")
    misbehave(rule)
    assert reason(store.read, uri, version=found.version) is Reason.SOURCE_CHANGED
    assert store.read(uri, version=store.head(uri).version) == b"new page"


def test_fault_74_an_object_overwritten_while_it_is_read_in_pieces(store):
    uri = at(store, "list.csv")
    store.write(uri, b"a" * 9_000_000)
    with store.open(uri) as file:
        file.read(10)
        store.write(uri, b"b" * 9_000_000)
        file.seek(8_500_000)
        assert reason(file.read, 10) is Reason.SOURCE_CHANGED


def test_fault_76_three_in_ten_requests_are_asked_to_slow_down(store, misbehave, quick):
    draw = random.Random(76)
    lock = threading.Lock()

    def rule(_):
        with lock:
            return SLOW_DOWN if draw.random() < 0.3 else None

    uris = [at(store, f"{number}.jpg") for number in range(120)]
    for number, uri in enumerate(uris):
        store.write(uri, bytes([number]))
    server = misbehave(rule)
    outcomes = list(store.read_many((uri, None) for uri in uris))
    assert outcomes == [bytes([number]) for number in range(120)]
    assert server.count("GET") < 1.7 * len(uris)  # 1 / 0.7 = 1.43 on average


def test_fault_76_the_window_narrows_under_refusals_and_opens_again(store, misbehave, quick):
    refusing = True
    store = Store(store.root_uri, StorageSettings(requests_at_once=17))  # a pace of its own
    misbehave(lambda _: SLOW_DOWN if refusing else None)
    pace = connection.connect(store.settings).pace
    threads = [threading.Thread(target=store.head, args=(at(store, "a"),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while pace.window > 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    narrowed = pace.window
    refusing = False
    for thread in threads:
        thread.join()
    for _ in range(200):
        pace.answered()
    assert narrowed <= 12
    assert pace.window == store.settings.requests_at_once


def test_fault_76_a_store_that_only_refuses_stops_the_run_in_the_end(store, misbehave, quick):
    server = misbehave(lambda _: SLOW_DOWN)
    with pytest.raises(StorageError, match="slow down"):
        Store(store.root_uri, IMPATIENT).read(at(store, "a"))
    assert server.count("GET") == 9  # eight times as patient as with broken answers


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(CUT, id="fault_77_reset_in_the_body"),
        pytest.param(RESET, id="fault_77_reset"),
        pytest.param(LOST, id="fault_77_no_answer"),
        pytest.param(Answer(500, "InternalError"), id="fault_77_error_500"),
        pytest.param(Answer(502), id="fault_77_gateway"),
        pytest.param(Answer(400, "RequestTimeout"), id="fault_77_timeout"),
    ],
)
def test_a_broken_answer_is_asked_for_again(fault, store, misbehave, quick):
    uri = at(store, "a.jpg")
    data = bytes(range(256)) * 1000
    version = store.write(uri, data)
    server = misbehave(lambda asked: fault if asked.turn <= 3 else None)
    assert store.read(uri, version=version) == data
    assert server.count("GET") == 4


def test_fault_77_a_store_that_says_nothing_is_asked_again(store, misbehave, quick, monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_S", 0.3)
    store.write(at(store, "a.jpg"), b"page")

    def rule(asked):
        if asked.turn == 1:
            time.sleep(1.0)

    misbehave(rule)
    assert store.read(at(store, "a.jpg")) == b"page"


def test_fault_77_an_object_that_never_comes_whole_is_set_aside_alone(store, misbehave, quick):
    store.write(at(store, "bad.jpg"), b"0123456789")
    store.write(at(store, "good.jpg"), b"page")
    misbehave(lambda asked: CUT if asked.key.endswith("bad.jpg") else None)
    patient = Store(store.root_uri, StorageSettings(retries=2))
    outcomes = list(
        patient.read_many([(at(store, "bad.jpg"), None), (at(store, "good.jpg"), None)])
    )
    assert outcomes[0].reason is Reason.SOURCE_UNREADABLE
    assert outcomes[1] == b"page"


def test_fault_77_a_store_that_is_down_stops_the_run(store, misbehave, quick):
    misbehave(lambda _: RESET)
    with pytest.raises(StorageError, match="check the endpoint"):
        Store(store.root_uri, IMPATIENT).read(at(store, "a.jpg"))


def test_fault_78_one_object_that_is_denied_is_one_page(store, misbehave):
    store.write(at(store, "MUSTERMANN.jpg"), b"page")
    store.write(at(store, "good.jpg"), b"page")
    misbehave(lambda asked: DENIED if "MUSTERMANN" in asked.key else None)
    assert reason(store.read, at(store, "MUSTERMANN.jpg")) is Reason.ACCESS_DENIED
    assert store.read(at(store, "good.jpg")) == b"page"


def test_fault_78_a_denied_output_is_found_before_the_work(store, misbehave):
    server = misbehave(lambda asked: DENIED if asked.method == "PUT" else None)
    with pytest.raises(StorageError, match="s3:PutObject"):
        store.probe()
    assert server.count("PUT") == 1


def test_fault_78_a_denied_listing_is_found_before_the_work(store, misbehave):
    misbehave(lambda asked: DENIED if "list-type" in asked.path else None)
    with pytest.raises(StorageError, match="s3:ListBucket"):
        list(store.list())


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied")])
def test_fault_78_a_denied_file_is_one_page(error, tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(b"page")

    def deny(*_):
        raise error

    monkeypatch.setattr(os, "open", deny)  # the superuser of a test machine is denied nothing
    local = open_store(str(tmp_path))
    assert reason(local.read, at(local, "a.jpg")) is Reason.ACCESS_DENIED


def test_fault_79_renewed_credentials_are_picked_up(store, misbehave, tmp_path, monkeypatch):
    def write_credentials(name):
        text = f"[default]\naws_access_key_id = {name}\naws_secret_access_key = x\n"
        (tmp_path / "credentials").write_text(text)

    def rule(asked):
        if "OLDKEY" in asked.headers["Authorization"]:
            write_credentials("NEWKEY")
            return Answer(400, "ExpiredToken")
        return None

    store.write(at(store, "a.jpg"), b"page")
    write_credentials("OLDKEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    server = misbehave(rule)
    assert store.read(at(store, "a.jpg")) == b"page"
    assert server.count("GET") == 2


def test_fault_79_expired_credentials_stop_the_run_with_what_to_do(store, misbehave):
    server = misbehave(lambda _: Answer(400, "ExpiredToken"))
    with pytest.raises(StorageError, match="renew them and run the same command again"):
        store.read(at(store, "a.jpg"))
    assert server.count("GET") == 2


def test_fault_80_a_clock_that_is_wrong_is_named(store, misbehave):
    misbehave(lambda _: Answer(403, "RequestTimeTooSkewed"))
    with pytest.raises(StorageError, match="clock"):
        store.read(at(store, "a.jpg"))
    with pytest.raises(StorageError, match="clock"):
        store.probe()


def test_a_read_is_one_request(store, misbehave):
    store.write(at(store, "a.jpg"), b"page")
    server = misbehave(lambda _: None)
    store.read(at(store, "a.jpg"))
    assert [asked.method for asked in server.asked] == ["GET"]


def test_an_object_that_is_too_long_is_not_fetched(store):
    store.write(at(store, "a.jpg"), b"x" * 1000)
    assert reason(store.read, at(store, "a.jpg"), max_bytes=999) is Reason.TOO_LARGE
    assert len(store.read(at(store, "a.jpg"), max_bytes=1000)) == 1000
