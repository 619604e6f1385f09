"""All receipts of a release at once, packed: a driver has a hundred thousand of them in its hands.

As objects they are some 15 kB each, mostly Python's. Here the scans of all of them are the rows of
one table, and the rest of each is compressed until somebody asks for it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.flow.receipts import SCANS, Receipt

_ROWS_PER_CHUNK = 65_536
_RECEIPTS_PER_CHUNK = 1024


class _Packed(NamedTuple):
    """One receipt: its rows in the table of all scans, and the compressed rest."""

    run_id: str
    first: int
    rows: int
    rest: bytes


class Receipts(Mapping[str, Receipt]):
    """Receipts by the names of their parts, unpacked one by one while they are looked at.

    Made by ``pack``.
    """

    def __init__(self, packed: Mapping[str, _Packed], scans: pa.Table) -> None:
        self._packed = packed
        self._scans = scans

    @classmethod
    def pack(cls, receipts: Iterable[Receipt]) -> Self:
        """Take receipts up, in this order; they are read once, in little memory."""
        packed: dict[str, _Packed] = {}
        chunks: list[pa.Table] = [SCANS.empty_table()]
        waiting: list[pa.Table] = []
        first = begun = 0
        for receipt in receipts:
            rest = zlib.compress(json.dumps(receipt.without_scans()).encode(), level=1)
            rows = receipt.scans.num_rows
            packed[receipt.part] = _Packed(receipt.run_id, first, rows, rest)
            waiting.append(receipt.scans)
            first += rows
            if first - begun >= _ROWS_PER_CHUNK or len(waiting) == _RECEIPTS_PER_CHUNK:
                chunks.append(pa.concat_tables(waiting).combine_chunks())
                waiting, begun = [], first
        return cls(packed, pa.concat_tables([*chunks, *waiting]))

    def __getitem__(self, part: str) -> Receipt:
        """Unpack the receipt of a part."""
        packed = self._packed[part]
        scans = self._scans.slice(packed.first, packed.rows)
        return Receipt.from_json(json.loads(zlib.decompress(packed.rest)), scans=scans)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the parts."""
        return iter(self._packed)

    def __len__(self) -> int:
        """Return how many parts there are."""
        return len(self._packed)

    def of_run(self, run_id: str) -> Self:
        """Return those of one run, in the order of their names."""
        mine = sorted(part for part, packed in self._packed.items() if packed.run_id == run_id)
        return self._chosen(mine)

    def holding(self, scan_ids: pa.Array) -> Self:
        """Return those that hold one of ``scan_ids``."""
        found = pc.is_in(self._scans["scan_id"], value_set=scan_ids).to_numpy()
        before = np.concatenate([[0], np.cumsum(found, dtype=np.int64)])
        return self._chosen(
            part
            for part, packed in self._packed.items()
            if before[packed.first + packed.rows] > before[packed.first]
        )

    def scans(self) -> pa.Table:
        """Return the scans of all these parts, as rows of ``receipts.SCANS``."""
        stretches: list[tuple[int, int]] = []
        for packed in sorted(self._packed.values(), key=lambda packed: packed.first):
            if stretches and stretches[-1][1] == packed.first:
                stretches[-1] = (stretches[-1][0], packed.first + packed.rows)
            else:
                stretches.append((packed.first, packed.first + packed.rows))
        slices = [self._scans.slice(first, end - first) for first, end in stretches]
        return pa.concat_tables([SCANS.empty_table(), *slices])

    def _chosen(self, parts: Iterable[str]) -> Self:
        """Return some of them; what they hold is shared and not copied."""
        return type(self)({part: self._packed[part] for part in parts}, self._scans)
