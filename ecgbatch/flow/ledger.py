"""Who keeps killing workers, and how far a run is: one book for all workers of a run.

Ray starts a killed worker again without limit and hands it the same rows, so a file that takes its
worker down would do so for ever (ray: "infinite retries remaining"). The ledger notes rows before
they are touched. Rows that come back were in a dying worker's hands; they are then tried one by
one, and the one that dies alone as often as allowed is set aside.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy

from ecgbatch.flow.tally import Tally


class Ledger:
    """Attempts and counts of one run; several threads may ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._alone: defaultdict[str, list[str]] = defaultdict(list)
        self._tally = Tally()

    def begin(self, keys: Sequence[str]) -> bool:
        """Note that a worker takes rows up; True if one died over some of them before."""
        with self._lock:
            self._tally.begin()
            careful = not self._under_way.isdisjoint(keys)
            self._under_way.update(keys)
            return careful

    def end(self, keys: Sequence[str]) -> None:
        """Note that a worker is done with rows."""
        with self._lock:
            self._under_way.difference_update(keys)

    def begin_alone(self, key: str, worker_id: str) -> list[str]:
        """Note that a worker tries a row by itself; return the workers that died over it so."""
        with self._lock:
            died = list(self._alone[key])
            self._alone[key].append(worker_id)
            return died

    def end_alone(self, key: str) -> None:
        """Note that a row did no harm."""
        with self._lock:
            del self._alone[key]

    def add(self, tally: Tally) -> None:
        """Add what a worker counted."""
        with self._lock:
            self._tally.merge(tally)

    def commit(self, size_bytes: int) -> None:
        """Note a part that stands in the tables."""
        with self._lock:
            self._tally.commit(size_bytes=size_bytes)

    def in_hand(self) -> int:
        """Return how many rows workers have taken up and not finished."""
        with self._lock:
            return len(self._under_way)

    def counted(self) -> Tally:
        """Return the counts of all workers."""
        with self._lock:
            return deepcopy(self._tally)
