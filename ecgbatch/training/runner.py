"""The same training in this process, or by Ray Train on one machine or several.

::

    run(task, plan, folder, local=True)               # this process
    run(task, plan, folder, workers=4, use_gpu=True)  # Ray; starts a private one where none is

With Ray, ``folder`` must be one that every worker can reach: on one machine any folder, on several
a shared file system. What a worker that was killed has not written down is done once more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ecgbatch.training.loop import Place, Plan, Task, train

_RESTARTS = 3


def run(
    task: Task,
    plan: Plan,
    folder: Path,
    *,
    local: bool = False,
    workers: int = 1,
    use_gpu: bool = False,
    cpus_per_worker: float = 1.0,
    address: str | None = None,
) -> None:
    """Train, or go on with a training that was stopped.

    Args:
        task: What is trained.
        plan: How.
        folder: Of everything that is written; a training in it is gone on with.
        local: In this process and without Ray.
        workers: Processes that share each step; each takes a batch of its own.
        use_gpu: Whether each has a GPU.
        cpus_per_worker: Logical CPUs that Ray keeps for each.
        address: Of a Ray cluster; without one, and without ``RAY_ADDRESS``, a private Ray of this
            machine that ends with this process.
    """
    folder = folder.resolve()
    if local:
        train(task, plan, folder, place=Place(device=_device(use_gpu=use_gpu)), report=_say)
        return
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    began = not ray.is_initialized()
    if began and (address or os.environ.get("RAY_ADDRESS")):
        ray.init(address=address, logging_level="warning")
    elif began:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # private, and bound to this machine
        ray.init(
            address="local",
            num_cpus=max(os.cpu_count() or 1, int(workers * cpus_per_worker) + 1),
            include_dashboard=False,
            logging_level="warning",
        )
    try:
        TorchTrainer(
            _work,
            train_loop_config={"task": task, "plan": plan, "folder": str(folder)},
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=use_gpu,
                resources_per_worker={"CPU": cpus_per_worker, **({"GPU": 1} if use_gpu else {})},
            ),
            run_config=RunConfig(
                name="ray",
                storage_path=str(folder),
                failure_config=FailureConfig(max_failures=_RESTARTS),
            ),
        ).fit()
    finally:
        if began:
            ray.shutdown()


def _work(config: dict[str, Any]) -> None:
    """Train as one worker of Ray."""
    import ray.train
    from ray.train.torch import get_device, prepare_model

    place = Place(
        rank=ray.train.get_context().get_world_rank(),
        device=get_device(),
        wrap=lambda network: prepare_model(network, move_to_device=False),
    )
    train(config["task"], config["plan"], Path(config["folder"]), place=place, report=_say)


def _device(*, use_gpu: bool) -> torch.device:
    return torch.device("cuda" if use_gpu else "cpu")


def _say(figures: Mapping[str, float]) -> None:
    print(  # noqa: T201  # a training is watched by a person
        "  ".join(f"{name} {value:.5g}" for name, value in figures.items()), flush=True
    )
