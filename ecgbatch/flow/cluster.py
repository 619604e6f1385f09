"""A run on Ray: sized, started, looked after, stopped.

The stream itself runs in an actor beside this process, so that this one only waits: it hears Ctrl-C
at once, and whatever Ray has to say goes to Ray's own logs and dashboard.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ecgbatch.config import PoolSettings
from ecgbatch.errors import CapacityError
from ecgbatch.flow.capacity import plan_pools
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
        CapacityError: The workers do not fit into the cluster, or nothing moves any more.
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
            _look_after(running, conductor, watch, patience_s=pools.no_progress_seconds)
        finally:
            ray.kill(conductor)  # its workers go with it


def _look_after(running: Any, conductor: Any, watch: Watch, *, patience_s: float) -> None:
    moved_at, moved = time.monotonic(), -1
    while not ray.wait([running], timeout=_LOOK_EVERY_S)[0]:
        tally = _counted(conductor, watch, patience_s=_ANSWER_S)
        watch.counted(tally)
        done = tally.pages.total()
        if done != moved:
            moved_at, moved = time.monotonic(), done
        elif time.monotonic() - moved_at > patience_s:
            raise CapacityError(
                f"no page ended in {patience_s:.0f} s: Ray's dashboard shows what the cluster "
                "waits for; run the same command again when that is mended"
            )
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
