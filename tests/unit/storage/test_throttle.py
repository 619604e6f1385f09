"""Limits on the archive, with a clock of the tests' own."""

import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError
from ecgbatch.storage import Store, share_among, throttle
from ecgbatch.storage.throttle import BURST_S, Throttle, requests_at_once


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(throttle, "time", clock)
    yield clock
    share_among(1)


def seconds_of(limited, clock, requests, size_bytes):
    """Return how long so many requests take that cost no time of their own."""
    started_s = clock.now_s
    for _ in range(requests):
        limited.before_request()
        limited.after_bytes(size_bytes)
    return clock.now_s - started_s


def test_requests_keep_to_their_rate_after_a_short_burst(clock):
    limited = Throttle(requests_per_s=10, bytes_per_s=None)
    assert seconds_of(limited, clock, 101, 10**9) == pytest.approx(10 - BURST_S, abs=0.11)
    assert seconds_of(limited, clock, 100, 10**9) == pytest.approx(10, abs=0.11)


def test_bytes_keep_to_their_rate(clock):
    limited = Throttle(requests_per_s=None, bytes_per_s=1e6)
    assert seconds_of(limited, clock, 101, 100_000) == pytest.approx(10 - BURST_S, abs=0.11)


def test_a_pause_does_not_save_up_requests(clock):
    limited = Throttle(requests_per_s=10, bytes_per_s=1e6)
    seconds_of(limited, clock, 50, 1000)
    clock.sleep(3600)
    assert seconds_of(limited, clock, 101, 1000) >= 10 - BURST_S - 0.11


def test_workers_share_one_limit_and_the_output_has_none(tmp_path, clock):
    for number in range(12):
        (tmp_path / f"{number}").write_bytes(b"x" * 1000)
    settings = StorageSettings(archive_requests_per_s=10)
    store = Store(str(tmp_path), settings)
    wanted = [(found.uri, None) for found in store.list()]
    share_among(4)
    started_s = clock.now_s
    list(store.read_many(wanted))
    assert clock.now_s - started_s == pytest.approx(12 / 2.5 - BURST_S, abs=0.5)

    from ecgbatch.flow.output import Output

    unlimited = Output.at(str(tmp_path), settings).store()
    started_s = clock.now_s
    list(unlimited.read_many(wanted))
    assert clock.now_s == started_s


def test_a_listing_is_paced_by_its_answers(tmp_path, clock, monkeypatch):
    from ecgbatch.storage import store as store_module

    monkeypatch.setattr(store_module, "LISTED_AT_ONCE", 2)
    for number in range(20):
        (tmp_path / f"{number}").touch()
    store = Store(str(tmp_path), StorageSettings(archive_requests_per_s=1))
    started_s = clock.now_s
    assert len(list(store.list())) == 20
    assert clock.now_s - started_s == pytest.approx(9, abs=1)


def test_requests_in_flight_are_divided_or_refused_with_what_to_write(clock):
    settings = StorageSettings(archive_requests_at_once=8)
    share_among(4)
    assert requests_at_once(settings) == 2
    assert requests_at_once(StorageSettings()) == 16
    share_among(9)
    with pytest.raises(ConfigError, match=r"pools\.cpu_workers_max to 8 or less"):
        requests_at_once(settings)
