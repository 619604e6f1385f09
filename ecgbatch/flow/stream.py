"""The Ray Data stream of a run, and the actor that conducts it.

::

    plan files -> rows -> blocks of scans_per_block -> pools of workers -> CommitSink

Blocks are cut right after the plan: a block is what is lost and done again when a worker dies. One
pool holds all consecutive stages of one kind, so pixels do not leave a worker on the way. Every
failure is a row: Ray's ``max_errored_blocks``, which drops a block for one bad page, stays 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import ray.data
from ray.data.block import Block, BlockAccessor

from ecgbatch import schema
from ecgbatch.config import PoolSettings
from ecgbatch.flow.capacity import READ_CPUS, WRITE_CPUS, Pool
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.ledger import Ledger
from ecgbatch.flow.meter import Meter
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.todo import PlanFile
from ecgbatch.flow.worker import Worker, as_schema, read_plan

_PLAN_FILES = pa.schema([("path", pa.string()), ("rows", pa.int64()), ("left", pa.binary())])


class Conductor(Ledger):
    """The actor of a run: runs the stream in one thread, and answers its workers in others."""

    def __init__(self) -> None:
        super().__init__()
        self._meter = Meter()
        self._scans = 0

    def counted(self) -> Tally:
        """Return the counts of all workers, and export them; the driver asks every second."""
        tally = super().counted()
        left = max(0, self._scans - tally.scans)
        self._meter.tell(tally, scans_left=left, in_hand=self.in_hand())
        return tally

    def stream(
        self,
        todo: Sequence[PlanFile],
        sized: Sequence[Pool],
        *,
        committer: Committer,
        pools: PoolSettings,
    ) -> None:
        """Build the stream and run it to its end.

        Args:
            todo: What is left to do.
            sized: The pools of workers, in the order of their stages.
            committer: Publishes parts.
            pools: Sizes of blocks and parts.
        """
        context = ray.data.DataContext.get_current()
        context.execution_no_progress_timeout_s = -1  # it counts blocks; ``cluster`` counts pages
        files = [pa.Table.from_pylist([asdict(file)], _PLAN_FILES) for file in todo]
        rows = (
            ray.data.from_arrow(files)
            .map_batches(
                read_plan,
                fn_kwargs={"output": committer.output},
                batch_format="pyarrow",
                num_cpus=READ_CPUS,
            )
            .repartition(target_num_rows_per_block=pools.scans_per_block)
        )
        self._scans = sum(file.rows for file in todo)
        blocks = -(-self._scans // pools.scans_per_block)
        conductor = ray.get_runtime_context().current_actor
        for place, pool in enumerate(sized):
            most = max(pool.least, min(pool.most, blocks))
            rows = rows.map_batches(
                Worker,
                fn_constructor_args=(pool,),
                fn_constructor_kwargs={
                    "place": place,
                    "last": place == len(sized) - 1,
                    "ledger": conductor,
                    "max_attempts": pools.max_attempts,
                    "software_version": committer.run.software_version,
                    "key_id": committer.run.key_id,
                },
                batch_format="pyarrow",
                batch_size=pool.rows_per_batch,
                compute=ray.data.ActorPoolStrategy(
                    min_size=pool.least, max_size=most, initial_size=most
                ),
                **({"num_gpus": pool.gpus} if pool.gpus else {"num_cpus": pool.cpus}),
            )
        sink = CommitSink(committer, conductor, pages_per_part=pools.scans_per_part)
        rows.write_datasink(sink, ray_remote_args={"num_cpus": WRITE_CPUS})


class CommitSink(ray.data.Datasink[None]):  # type: ignore[misc]  # Ray is untyped here
    """Commits what one write task is given as one part.

    Args:
        committer: Publishes parts.
        ledger: Handle of the ``Ledger`` actor.
        pages_per_part: How many to gather for one.
    """

    def __init__(self, committer: Committer, ledger: Any, *, pages_per_part: int) -> None:
        self._committer = committer
        self._ledger = ledger
        self._pages_per_part = pages_per_part

    @property
    def min_rows_per_write(self) -> int:
        """How many pages Ray gathers before it starts a write task."""
        return self._pages_per_part

    def write(self, blocks: Iterable[Block], ctx: Any) -> None:
        """Commit; a task that is tried again gives the same part the same name."""
        tables = [
            as_schema(BlockAccessor.for_block(block).to_arrow(), schema.READ) for block in blocks
        ]
        rows = pa.concat_tables([schema.READ.empty_table(), *tables])
        if rows.num_rows:
            name = f"{ctx.kwargs['write_uuid'][:12]}-{ctx.task_idx:06d}"
            receipt = self._committer.commit(rows, part=f"{self._committer.run.run_id}-{name}")
            ray.get(self._ledger.commit.remote(receipt.size_bytes))
