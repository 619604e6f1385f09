"""The same stages and the same parts on Ray Data.

::

    plan files -> rows -> blocks of scans_per_block -> pools of workers -> CommitSink

Blocks are cut right after the plan: a block is what is lost and done again when a worker dies. One
pool holds all consecutive stages of one kind, so pixels never leave a worker on the way. Every
failure is a row; ``max_errored_blocks`` of Ray, which would drop a block for one bad page, stays 0.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError

from ecgbatch.config import PoolSettings
from ecgbatch.errors import CapacityError, RunError
from ecgbatch.flow.capacity import READ_CPUS, WRITE_CPUS, Pool, plan_pools
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.connect import connected
from ecgbatch.flow.ledger import Ledger
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.todo import PlanFile
from ecgbatch.flow.watch import Watch
from ecgbatch.flow.worker import CommitSink, Worker, read_plan
from ecgbatch.stages.base import Stage

_LOOK_EVERY_S = 0.5
_PLAN_FILES = pa.schema([("path", pa.string()), ("rows", pa.int64()), ("left", pa.binary())])


def convert_on_ray(
    todo: Sequence[PlanFile],
    *,
    stages: Sequence[Stage],
    committer: Committer,
    pools: PoolSettings,
    watch: Watch,
) -> None:
    """Run ``stages`` over what is left of a plan and commit its parts, on a cluster.

    Args:
        todo: What is left to do.
        stages: In their order.
        committer: Publishes parts.
        pools: Workers and sizes.
        watch: Told about once a second what has been counted.

    Raises:
        CapacityError: The workers do not fit into the cluster, or nothing moves any more.
        RunError: As the stages and the committer raise it.
    """
    with connected(pools):
        sized = plan_pools(stages, pools, **_resources())
        ledger = ray.remote(num_cpus=0, max_restarts=-1)(Ledger).remote()
        try:
            rows = _stream(todo, sized, ledger=ledger, committer=committer, pools=pools)
            sink = CommitSink(committer, scans_per_part=pools.scans_per_part)
            _drive(rows, sink, ledger=ledger, watch=watch, patience_s=pools.no_progress_seconds)
        finally:
            ray.kill(ledger)  # workers that are still at it, as after Ctrl-C, stop without it


def _stream(
    todo: Sequence[PlanFile],
    sized: Sequence[Pool],
    *,
    ledger: Any,
    committer: Committer,
    pools: PoolSettings,
) -> Dataset:
    context = DataContext.get_current()
    context.execution_no_progress_timeout_s = -1  # Ray counts blocks; we count pages, see _drive
    context.wait_for_min_actors_s = int(pools.no_progress_seconds)
    blocks = -(-sum(file.rows for file in todo) // pools.scans_per_block)
    rows = ray.data.from_arrow([pa.Table.from_pylist([asdict(file)], _PLAN_FILES) for file in todo])
    rows = rows.map_batches(
        read_plan,
        fn_kwargs={"output": committer.output},
        batch_format="pyarrow",
        num_cpus=READ_CPUS,
    ).repartition(target_num_rows_per_block=pools.scans_per_block)
    for number, pool in enumerate(sized):
        most = max(pool.least, min(pool.most, blocks))
        rows = rows.map_batches(
            Worker,
            fn_constructor_args=(pool,),
            fn_constructor_kwargs={
                "last": number == len(sized) - 1,
                "ledger": ledger,
                "max_attempts": pools.max_attempts,
                "software_version": committer.run.software_version,
            },
            batch_format="pyarrow",
            batch_size=None,
            compute=ActorPoolStrategy(min_size=pool.least, max_size=most, initial_size=most),
            **({"num_gpus": pool.gpus} if pool.gpus else {"num_cpus": pool.cpus}),
        )
    return rows


def _drive(
    rows: Dataset, sink: CommitSink, *, ledger: Any, watch: Watch, patience_s: float
) -> None:
    """Run the stream in a thread, and look after it from here, where signals arrive."""
    failures: list[BaseException] = []

    def write() -> None:
        try:
            rows.write_datasink(sink, ray_remote_args={"num_cpus": WRITE_CPUS})
        except BaseException as error:  # noqa: BLE001  # a thread cannot raise to its parent
            failures.append(error)

    thread = threading.Thread(target=write, name="ecgbatch-stream", daemon=True)
    thread.start()
    moved_at, moved = time.monotonic(), (0, 0)
    while thread.is_alive():
        thread.join(_LOOK_EVERY_S)
        tally = _counted(ledger, watch)
        if (tally.all_pages, len(tally.pages)) != moved:
            moved_at, moved = time.monotonic(), (tally.all_pages, len(tally.pages))
        elif time.monotonic() - moved_at > patience_s and thread.is_alive():
            raise CapacityError(
                f"no page ended in {patience_s:.0f} s: see Ray's dashboard for what the cluster "
                "waits for, then run the same command again"
            )
    if failures:
        raise _ours(failures[0]) or failures[0]
    watch.counted(_counted(ledger, watch), now=True)


def _counted(ledger: Any, watch: Watch) -> Tally:
    try:
        tally: Tally = ray.get(ledger.counted.remote(), timeout=10 * _LOOK_EVERY_S)
    except RayError:
        return watch.tally  # a busy head; the next look may be answered
    watch.counted(tally)
    return tally


def _resources() -> dict[str, float]:
    """Return the CPUs and GPUs that the cluster has, or may grow to where it says so."""
    now = ray.cluster_resources()
    later = ray._private.state.state.get_max_resources_from_cluster_config() or {}  # noqa: SLF001  # no public way
    return {
        "cpus": max(now.get("CPU", 0.0), later.get("CPU", 0.0)),
        "gpus": max(now.get("GPU", 0.0), later.get("GPU", 0.0)),
    }


def _ours(error: BaseException | None) -> RunError | None:
    """Find the error of ours inside what Ray wrapped around it."""
    while error is not None:
        if isinstance(error, RunError):
            return error
        error = getattr(error, "cause", None) or error.__cause__
    return None
