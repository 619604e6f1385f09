"""What runs on the machines of a cluster: one actor class for all stages, and the plan reader."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import ray

import ecgbatch
from ecgbatch.errors import ConfigError, PageError, Reason
from ecgbatch.flow.capacity import Pool
from ecgbatch.flow.connect import died_of_memory
from ecgbatch.flow.output import Output
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.todo import PlanFile
from ecgbatch.imaging.cores import keep_memory, use_one_core
from ecgbatch.stages.base import batches, chain
from ecgbatch.stages.rows import Row, Values, error_value, map_rows
from ecgbatch.storage import key_id, secret, share_among

STAGE = "worker"
"""Named in quarantine when a page takes its worker down: no stage lived to say which it was."""

_REPORT_EVERY_S = 1.0
_ROWS_OUT = 256  # pages without pixels, a few tens of kB each, are joined before they travel


class Worker:
    """Holds opened stages for the life of a Ray actor.

    Args:
        pool: The stages.
        place: Which of the pools it is, from 0.
        last: Whether the list of stages ends with them.
        ledger: Handle of the ``Ledger`` actor.
        max_attempts: Deaths of workers over one row before it is set aside.
        software_version: Of the driver; a worker of another one would mix rows of two versions.
        key_id: Of the driver's secret; a worker without it would derive ids that anybody can.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        place: int,
        last: bool,
        ledger: Any,
        max_attempts: int,
        software_version: str,
        key_id: str,
    ) -> None:
        self._drivers_version = software_version
        self._drivers_key = key_id
        share_among(pool.most)
        use_one_core()
        keep_memory()
        self._work = chain(pool.stages)
        self._names = {stage.name for stage in pool.stages}
        self._reads = pool.stages[0].reads
        self._writes = pool.stages[-1].writes
        self._place = place
        self._last = last
        self._ledger = ledger
        self._own_id = ray.get_runtime_context().get_worker_id()
        self._alone_at_most = max(1, max_attempts - 1)  # the first death was in company
        self._tally = Tally()
        self._tally.note_gpu(pool.gpus)
        self._reported_at = 0.0

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        """Run the stages over rows; every row comes out."""
        _require_version(self._drivers_version)
        _require_key(self._drivers_key)
        rows = as_schema(batch, self._reads)
        keys = _keys(rows, place=self._place)
        careful = ray.get(self._ledger.begin.remote(keys))
        if self._place == 0:
            self._tally.take_up(rows)
        pages = self._one_by_one(rows, keys) if careful else self._work(rows)
        for table in batches(self._counted(pages), rows=_ROWS_OUT if self._last else 1):
            yield table.combine_chunks()  # Ray serialises chunk by chunk, in Python: 5 ms a page
        ray.get(self._ledger.end.remote(keys))

    def _one_by_one(self, rows: pa.Table, keys: list[str]) -> Iterator[pa.Table]:
        for index, key in enumerate(keys):
            row = rows.slice(index, 1)
            died = ray.get(self._ledger.begin_alone.remote(key, self._own_id))
            deadly = len(died) >= self._alone_at_most
            yield from self._set_aside(row, died) if deadly else self._work(row)
            ray.get(self._ledger.end_alone.remote(key))

    def _set_aside(self, row: pa.Table, died: Sequence[str]) -> Iterator[pa.Table]:
        memory = all(died_of_memory(worker_id) for worker_id in died)
        reason = Reason.MEMORY_LIMIT if memory else Reason.WORKER_CRASH

        def fail(_: Row) -> Iterator[Values]:
            yield {"error": error_value(PageError(reason), stage=STAGE, attempts=len(died) + 1)}

        yield from map_rows(row, fail, stage=STAGE, reads=self._reads, writes=self._writes)

    def _counted(self, pages: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for page in pages:
            self._tally.add(page, stages=self._names, last=self._last)
            if time.monotonic() - self._reported_at > _REPORT_EVERY_S:
                self._report()
            yield page
        self._report()

    def _report(self) -> None:
        self._ledger.add.remote(self._tally)
        self._tally = Tally()
        self._reported_at = time.monotonic()


def _require_version(drivers: str) -> None:
    """Refuse to work for a driver of another version.

    At the first batch rather than in the constructor: of an actor that could not be built, Ray
    passes on no error that a driver could tell from a lost machine.
    """
    if drivers != ecgbatch.__version__:
        raise ConfigError(
            f"this worker has ecgbatch {ecgbatch.__version__} and the driver has {drivers}: "
            "install one version on all machines"
        )


def _require_key(drivers: str) -> None:
    own = key_id(secret())
    if drivers != own:
        raise ConfigError(
            f"this worker derives ids with the key {own or '(none)'} and the driver with "
            f"{drivers or '(none)'}: give ECGBATCH_ID_KEY or ECGBATCH_ID_KEY_FILE to all machines"
        )


def read_plan(batch: pa.Table, *, output: Output) -> Iterator[pa.Table]:
    """Yield the rows that are left of each plan file: a long plan never passes the driver."""
    store = output.store()
    for file in batch.to_pylist():
        yield PlanFile(**file).read(store, output)


def as_schema(table: pa.Table, columns: pa.Schema) -> pa.Table:
    """Give a table back its schema: on its way Ray forgets which columns may not be null."""
    if table.schema.equals(columns):
        return table
    return table.select(columns.names).cast(columns)


def _keys(rows: pa.Table, *, place: int) -> list[str]:
    """Name each row for the ledger, in this pool; a row of the plan has no page yet."""
    ids = rows["scan_id"].to_pylist()
    pages = rows["page_no"].to_pylist() if "page_no" in rows.schema.names else [0] * len(ids)
    return [f"{place}/{scan}/{page}" for scan, page in zip(ids, pages, strict=True)]
