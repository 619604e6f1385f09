"""Whether a cluster can hold the workers of a run: arithmetic before anything starts.

Worker pools keep their CPUs for good. If they take all of them, the tasks that feed and empty the
pools never start, and Ray waits without a word (ray#44687). So a run that does not fit is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ecgbatch.config import PoolSettings
from ecgbatch.errors import CapacityError
from ecgbatch.stages.base import Stage

READ_CPUS = 0.25  # reading the plan waits for storage most of its time
WRITE_CPUS = 0.25  # so does committing
BESIDE_POOLS_CPUS = READ_CPUS + WRITE_CPUS + 1.0  # and Ray cuts blocks in tasks of one CPU


@dataclass(frozen=True, slots=True)
class Pool:
    """Workers that hold the same stages.

    Attributes:
        stages: In their order; all of one kind.
        cpus: Logical CPUs of one worker; 0 on a GPU.
        gpus: Share of a GPU of one worker; 0 on a CPU.
        least: Workers to start with, and to keep.
        most: Workers at most.
        rows_per_batch: Rows that Ray hands to a worker at once; None is a block. A GPU worker
            gathers the pages of several blocks.
    """

    stages: tuple[Stage, ...]
    cpus: float
    gpus: float
    least: int
    most: int
    rows_per_batch: int | None = None


def groups_of(stages: Sequence[Stage]) -> list[tuple[Stage, ...]]:
    """Put consecutive stages that want the same kind of worker together."""
    groups: list[list[Stage]] = []
    for stage in stages:
        if groups and groups[-1][-1].needs.kind == stage.needs.kind:
            groups[-1].append(stage)
        else:
            groups.append([stage])
    return [tuple(group) for group in groups]


def plan_pools(
    stages: Sequence[Stage], pools: PoolSettings, *, cpus: float, gpus: float
) -> list[Pool]:
    """Size the pools of a run for a cluster.

    Args:
        stages: In their order.
        pools: What was asked for.
        cpus: Logical CPUs of the cluster, as large as it may grow.
        gpus: GPUs of the cluster.

    Raises:
        CapacityError: They do not fit; the message shows the sum and what to write instead.
    """
    groups = groups_of(stages)
    cpu_groups = [group for group in groups if group[0].needs.kind == "cpu"]
    shares = iter(_cpu_pools(cpu_groups, pools, cpus=cpus) if cpu_groups else [])
    return [
        next(shares)
        if group[0].needs.kind == "cpu"
        else _gpu_pool(group, pools, gpus=gpus, of=len(groups) - len(cpu_groups))
        for group in groups
    ]


def _cpu_pools(
    groups: Sequence[tuple[Stage, ...]], pools: PoolSettings, *, cpus: float
) -> list[Pool]:
    each = max(stage.needs.cpus for group in groups for stage in group)
    fit = math.floor((cpus - BESIDE_POOLS_CPUS) / each)
    wanted = pools.cpu_workers_max if pools.cpu_workers_max is not None else max(fit, 1)
    wanted = max(wanted, pools.cpu_workers_min, len(groups))
    if wanted > fit:
        total = wanted * each + BESIDE_POOLS_CPUS
        advice = f"set pools.cpu_workers_max to {fit} or less, or " if fit >= len(groups) else ""
        raise CapacityError(
            f"{wanted} workers x {each:g} CPU + {BESIDE_POOLS_CPUS:g} CPU for reading and writing "
            f"= {total:g}, but the cluster has {cpus:g} CPU: {advice}give it more CPUs"
        )
    made = []
    for number, group in enumerate(groups):
        share = (wanted + len(groups) - 1 - number) // len(groups)  # what is left over goes first
        least = min(share, max(1, pools.cpu_workers_min // len(groups)))
        made.append(Pool(stages=group, cpus=each, gpus=0.0, least=least, most=share))
    return made


def _gpu_pool(group: tuple[Stage, ...], pools: PoolSettings, *, gpus: float, of: int) -> Pool:
    workers = max(1, pools.gpu_workers // of)
    total = workers * of * pools.gpus_per_worker
    if pools.gpu_workers < of or total > gpus:
        raise CapacityError(
            f"{max(of, pools.gpu_workers)} workers x {pools.gpus_per_worker:g} GPU are needed, but "
            f"pools.gpu_workers is {pools.gpu_workers} and the cluster has {gpus:g} GPU"
        )
    return Pool(
        stages=group,
        cpus=0.0,
        gpus=pools.gpus_per_worker,
        least=workers,
        most=workers,
        rows_per_batch=max(stage.needs.rows_per_batch for stage in group),
    )
