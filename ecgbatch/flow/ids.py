"""Ids of one key and of another: what joins tables that were made before a key was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecgbatch.config import RunConfig
from ecgbatch.errors import ChecksumError, ConfigError
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.output import Output
from ecgbatch.flow.todo import planned_rows
from ecgbatch.storage import Store, scan_id, secret
from ecgbatch.storage.keys import OLD

_Ids = npt.NDArray[np.bytes_]
_ID = np.dtype("S32")


@dataclass(frozen=True, slots=True, eq=False)
class PresentIds:
    """What the ids of a release are under the present key; 64 bytes a scan.

    Attributes:
        old: ``(scan,)`` as they stand, in their order.
        new: ``(scan,)`` the same under the present key.
    """

    old: _Ids
    new: _Ids

    @classmethod
    def of(cls, store: Store, output: Output, book: Book) -> Self:
        """Derive the ids of all that was planned in a release anew, from the addresses."""
        old, new = [np.array([], _ID)], [np.array([], _ID)]
        for run in book.runs:
            for rows in planned_rows(store, output, run.run_id):
                old.append(rows["scan_id"].to_numpy().astype(_ID))
                uris = rows["uri"].to_pylist()
                new.append(np.array([scan_id(uri) for uri in uris], _ID))
        every, first = np.unique(np.concatenate(old), return_index=True)
        return cls(every, np.concatenate(new)[first])

    def known(self, scan_ids: pa.Array) -> pa.Array:
        """Return the ids under the present key.

        Raises:
            ChecksumError: One of them is in no plan.
        """
        asked = scan_ids.to_numpy(zero_copy_only=False).astype(_ID)
        place = np.minimum(np.searchsorted(self.old, asked), max(self.old.size - 1, 0))
        if asked.size and (not self.old.size or np.any(self.old[place] != asked)):
            raise ChecksumError("a scan of the tables is in no plan, so that its id cannot follow")
        return pa.array(self.new[place].astype(str) if asked.size else [], pa.string())


def translated(out: str, *, config: RunConfig) -> Iterator[tuple[str, str]]:
    """Yield the id by the old key and by the present one, of every scan that was ever planned.

    Args:
        out: Address or path of the output, whose plans hold the names that ids are derived from.
        config: How to reach it.

    Raises:
        ConfigError: There is no present key, or no run has written to ``out``.
    """
    if not secret():
        raise ConfigError(f"there is no key to translate to: set ECGBATCH_ID_KEY, and {OLD}")
    output = Output.at(out, config.storage)
    store = output.store()
    seen: set[str] = set()
    releases = sorted(read_book(store, output, release="").releases)
    if not releases:
        raise ConfigError("no run has written to this output")
    for release in releases:
        for run in read_book(store, output, release=release).runs:
            for rows in planned_rows(store, output, run.run_id):
                for uri in rows["uri"].to_pylist():
                    old = scan_id(uri, key=secret(OLD))
                    if old not in seen:
                        seen.add(old)
                        yield old, scan_id(uri)
