"""Many files written at once: storage answers late, and one file need not wait for another."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from ecgbatch.storage.address import join
from ecgbatch.storage.store import Store


class SideBySide:
    """Writes files side by side, as many at once as the settings allow, and counts them.

    The ``with`` block ends when all of them stand.

    Args:
        target: Where they are written.
    """

    def __init__(self, target: Store) -> None:
        self._target = target
        self._at_once = target.settings.requests_at_once
        self._threads = ThreadPoolExecutor(self._at_once)
        self._under_way: deque[Future[str]] = deque()
        self.files = 0
        self.size_bytes = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """Wait for what is under way, or give it up after an error."""
        self._threads.shutdown(cancel_futures=kind is not None)
        if kind is None:
            self._wait(0)

    def write(self, path: str, data: bytes) -> None:
        """Begin to write a file; returns when few enough are under way.

        Args:
            path: Below the target's root.
            data: All of it.

        Raises:
            StorageError: This file, or one before it, cannot be written.
        """
        self._wait(2 * self._at_once)
        address = join(self._target.root_uri, path)
        self._under_way.append(self._threads.submit(self._target.write, address, data))
        self.files += 1
        self.size_bytes += len(data)

    def _wait(self, most: int) -> None:
        while len(self._under_way) > most:
            self._under_way.popleft().result()
