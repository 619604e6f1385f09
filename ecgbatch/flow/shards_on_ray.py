"""The shards of a data set on a cluster: tasks, as many at once as there are workers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

import ecgbatch
from ecgbatch.config import PoolSettings
from ecgbatch.errors import CapacityError, ClusterError, ConfigError
from ecgbatch.flow.capacity import BESIDE_POOLS_CPUS
from ecgbatch.flow.connect import connected, own_error, resources
from ecgbatch.flow.shards import ShardReceipt, ShardWork
from ecgbatch.imaging.cores import use_one_core

_LOOK_EVERY_S = 1.0
_RETRIES = 3  # of a task whose worker died; its shard is made again from its number


def make_on_ray(
    work: ShardWork,
    todo: Sequence[int],
    *,
    pools: PoolSettings,
    told: Callable[[int, int], None],
) -> None:
    """Make shards on a cluster.

    Args:
        work: What makes one.
        todo: Their numbers.
        pools: Workers and where they are.
        told: Called with zeros when the cluster is there, then with units and pages of each shard
            that is whole.

    Raises:
        CapacityError: More workers were asked for than the cluster has CPUs.
        ClusterError: Nothing moves.
        RunError: As making a shard raises it.
    """
    with connected(pools):
        workers = _workers(pools, resources()["cpus"])
        task = ray.remote(num_cpus=1, max_retries=_RETRIES, scheduling_strategy="SPREAD")(_make)
        shared = ray.put(work)
        told(0, 0)
        waiting = deque(todo)
        under_way: list[Any] = []
        moved_at = time.monotonic()
        try:
            while waiting or under_way:
                while waiting and len(under_way) < workers:
                    shard = waiting.popleft()
                    under_way.append(task.remote(shared, shard, ecgbatch.__version__))
                ended, under_way = ray.wait(under_way, timeout=_LOOK_EVERY_S)
                moved_at = time.monotonic() if ended else moved_at
                if time.monotonic() - moved_at > pools.no_progress_seconds:
                    raise ClusterError(
                        f"no shard ended in {pools.no_progress_seconds:.0f} s: Ray's dashboard "
                        "shows what the cluster waits for; run the same command again when that "
                        "is mended, or a data set with smaller shards"
                    )
                for receipt in ray.get(ended):
                    told(len(work.recipe.indices(receipt.shard)), receipt.pages)
        except RayError as error:
            raise own_error(error) from None
        finally:
            for pending in under_way:
                ray.cancel(pending, force=True)


def _workers(pools: PoolSettings, cpus: float) -> int:
    fit = max(1, int(cpus - BESIDE_POOLS_CPUS))
    if pools.cpu_workers_max is None:
        return fit
    if pools.cpu_workers_max > cpus:
        raise CapacityError(
            f"{pools.cpu_workers_max} workers x 1 CPU were asked for, but the cluster has "
            f"{cpus:g} CPU: ask for {fit} or less"
        )
    return pools.cpu_workers_max


def _make(work: ShardWork, shard: int, software_version: str) -> ShardReceipt:
    """Make one shard; runs on a worker."""
    if software_version != ecgbatch.__version__:
        raise ConfigError(
            f"this worker has ecgbatch {ecgbatch.__version__} and the driver has "
            f"{software_version}: install one version on all machines"
        )
    use_one_core()
    return work.make(shard)
