"""How hard a process leans on an object store: fewer requests at once when it asks for less.

The window of requests in flight shrinks by a factor when the store says *slow down* and grows by
one per window of successes (additive increase, multiplicative decrease [1]); a request that
failed waits a random time first, "full jitter" [2], so that many workers do not come back at the
same moment.

References:
    [1] Chiu and Jain, Computer Networks and ISDN Systems 17 (1989) 1-14.
    [2] Brooker, Exponential backoff and jitter, AWS Architecture Blog (2015).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from types import TracebackType

DECREASE = 0.7  # of TCP CUBIC (RFC 9438, 4.6) and of the adaptive mode of the AWS SDKs
SHORTEST_CUT_S = 0.5  # one burst of refusals is one message
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 20.0


class Pace:
    """A window of requests in flight, used as ``async with pace:`` on one event loop.

    Args:
        most: Requests at once when the store does not complain.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._window = float(most)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last_cut_s = -SHORTEST_CUT_S

    @property
    def window(self) -> float:
        """Requests that may be in flight now."""
        return self._window

    async def __aenter__(self) -> None:
        """Wait for a place in the window."""
        while self._in_flight >= int(self._window):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # the turn may have been ours already
                raise
        self._in_flight += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the place back."""
        self._in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        free = int(self._window) - self._in_flight
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def answered(self) -> None:
        """Note a request that went well."""
        self._window = min(self._most, self._window + 1.0 / self._window)

    def refused(self) -> None:
        """Note that the store asked for fewer requests."""
        now_s = time.monotonic()
        if now_s - self._last_cut_s >= SHORTEST_CUT_S:
            self._last_cut_s = now_s
            self._window = max(1.0, DECREASE * self._window)


def delay_s(attempt: int) -> float:
    """Return how long to wait after the ``attempt``-th failure in a row, counted from 1."""
    longest = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0**attempt)
    return random.uniform(0.0, longest)  # noqa: S311 - spreads load, protects nothing
