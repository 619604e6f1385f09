"""A run on Ray: sized, started, looked after, stopped.

The stream itself runs in an actor beside this process, so that this one only waits: it hears Ctrl-C
at once, and whatever Ray has to say goes to Ray's own logs and dashboard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ecgbatch.config import PoolSettings
from ecgbatch.errors import ClusterError
from ecgbatch.flow.capacity import BESIDE_POOLS_CPUS, Pool, plan_pools
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.connect import connected, own_error, resources
from ecgbatch.flow.stream import Conductor
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.todo import PlanFile
from ecgbatch.flow.watch import Watch
from ecgbatch.stages.base import Stage

_LOOK_EVERY_S = 1.0
_CALLS_AT_ONCE = 8  # one is the stream, for the whole run; the others answer in microseconds
_ANSWER_S = 5.0  # a busy head may take longer; then the next look is answered
_LAST_ANSWER_S = 60.0


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
        CapacityError: The workers do not fit into the cluster.
        ClusterError: Nothing moves any more; the message says whether machines were lost.
        RunError: As the stages and the committer raise it.
    """
    with connected(pools):
        sized = plan_pools(stages, pools, **resources())
        # On this machine: it ends with the run anyway, and other machines may be taken away. Never
        # started again: another stream would name its parts anew, and write pages twice.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        conductor = ray.remote(
            num_cpus=0,
            max_restarts=0,
            max_concurrency=_CALLS_AT_ONCE,
            scheduling_strategy=here,
        )(Conductor).remote()
        running = conductor.stream.remote(todo, sized, committer=committer, pools=pools)
        try:
            standstill = Standstill(sized, pools)
            _look_after(running, conductor, watch, standstill)
        finally:
            ray.kill(conductor)  # its workers go with it


class Standstill:
    """Notices that a run will not move any more, and says why as far as it is known.

    Of machines that are lost, their workers come back on those that are left, and may take every
    CPU there, so that tasks which feed them and write wait for ever; Ray says nothing. A cluster
    that was planned with machines whose loss nobody had noticed yet ends there as well.

    Args:
        sized: The pools of workers.
        pools: Say how long no page may end.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        sized: Sequence[Pool],
        pools: PoolSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._needed = sum(pool.most * pool.cpus for pool in sized) + BESIDE_POOLS_CPUS
        self._patience_s = pools.no_progress_seconds
        self._lost_after_s = pools.lost_machines_seconds
        self._clock = clock
        self._moved_at = clock()
        self._pages = -1

    def look(self, pages: int, *, cpus: Callable[[], float]) -> None:
        """Take a look.

        Args:
            pages: How many pages have ended in any stage.
            cpus: Asks for the CPUs that the cluster has, or may grow to.

        Raises:
            ClusterError: There is nothing left to wait for.
        """
        if pages != self._pages:
            self._moved_at, self._pages = self._clock(), pages
            return
        still_s = self._clock() - self._moved_at
        if still_s > self._lost_after_s and (left := cpus()) < self._needed:
            raise ClusterError(
                f"the cluster has lost machines: {left:g} CPU are left, the run was planned with "
                f"{self._needed:g}, and no page ended in {still_s:.0f} s. Run the same command "
                "again: it goes on with what is there"
            )
        if still_s > self._patience_s:
            raise ClusterError(
                f"no page ended in {self._patience_s:.0f} s: Ray's dashboard shows what the "
                "cluster waits for; run the same command again when that is mended"
            )


def _look_after(running: Any, conductor: Any, watch: Watch, standstill: Standstill) -> None:
    while not ray.wait([running], timeout=_LOOK_EVERY_S)[0]:
        tally = _counted(conductor, watch, patience_s=_ANSWER_S)
        watch.counted(tally)
        standstill.look(tally.pages.total(), cpus=lambda: resources()["cpus"])
    try:
        ray.get(running)
    except RayError as error:
        raise own_error(error) from None
    watch.counted(_counted(conductor, watch, patience_s=_LAST_ANSWER_S), now=True)


def _counted(conductor: Any, watch: Watch, *, patience_s: float) -> Tally:
    try:
        tally: Tally = ray.get(conductor.counted.remote(), timeout=patience_s)
    except RayError:
        return watch.tally
    return tally
