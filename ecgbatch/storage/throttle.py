"""How much a run asks of an archive that others work with: so many requests and bytes a second.

The limits are those of the whole run. Each process keeps to its share of them, which it is told by
``share_among``: no process waits for another, and the sum stays below the limit however many of
the workers are at work. Every request takes its place in a line of fixed distance (the virtual
scheduling form of the generic cell rate algorithm [1]); bytes are known when they have come, so
they move the place of the next request.

References:
    [1] ITU-T Recommendation I.371 (2004), annex A.
"""

from __future__ import annotations

import functools
import os
import threading
import time

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError

BURST_S = 0.5  # so much may be asked for at once after a pause, such as that of a slow page

_share = 1


def share_among(processes: int) -> None:
    """Say how many processes read the archive; this one keeps to its part of the limits."""
    global _share  # noqa: PLW0603 - a limit of the process, like its connections
    _share = processes
    _throttle.cache_clear()


class Throttle:
    """Makes callers wait until they may ask; several threads may share one.

    Args:
        requests_per_s: Requests a second; None for no limit.
        bytes_per_s: Bytes a second; None for no limit.
    """

    def __init__(self, *, requests_per_s: float | None, bytes_per_s: float | None) -> None:
        self._between_s = 0.0 if requests_per_s is None else 1.0 / requests_per_s
        self._per_byte_s = 0.0 if bytes_per_s is None else 1.0 / bytes_per_s
        self._lock = threading.Lock()
        self._request_at_s = -float("inf")  # when the next request is due, by its own limit
        self._bytes_at_s = -float("inf")

    def before_request(self) -> None:
        """Wait for a request's turn."""
        with self._lock:
            now_s = time.monotonic()
            self._request_at_s = max(self._request_at_s, now_s - BURST_S) + self._between_s
            wait_s = max(self._request_at_s - self._between_s, self._bytes_at_s) - now_s
        if wait_s > 0:
            time.sleep(wait_s)

    def after_bytes(self, count: int) -> None:
        """Note what has come; later requests wait for it."""
        with self._lock:
            now_s = time.monotonic()
            self._bytes_at_s = max(self._bytes_at_s, now_s - BURST_S) + count * self._per_byte_s


def throttle_of(settings: StorageSettings) -> Throttle | None:
    """Return this process's throttle for an archive; None without a limit."""
    limits = settings.archive_requests_per_s, settings.archive_bytes_per_s
    return None if limits == (None, None) else _throttle(os.getpid(), *limits)


def requests_at_once(settings: StorageSettings) -> int:
    """Return how many requests this process may have in flight.

    Raises:
        ConfigError: There are more processes than requests.
    """
    limit = settings.archive_requests_at_once
    if limit is None:
        return settings.requests_at_once
    if limit < _share:
        raise ConfigError(
            f"storage.archive_requests_at_once = {limit} is less than one request for each of "
            f"{_share} workers: set pools.cpu_workers_max to {limit} or less"
        )
    return min(settings.requests_at_once, limit // _share)


@functools.lru_cache(maxsize=8)
def _throttle(_pid: int, requests_per_s: float | None, bytes_per_s: float | None) -> Throttle:
    return Throttle(
        requests_per_s=None if requests_per_s is None else requests_per_s / _share,
        bytes_per_s=None if bytes_per_s is None else bytes_per_s / _share,
    )
