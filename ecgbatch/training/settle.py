"""Weights that were averaged need statistics of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from ecgbatch.training.loop import BEST, Task

_SEED = 1_000_000  # far from the steps of a training


def settled(task: Task, folder: Path, *, batches: int = 24) -> nn.Module:
    """Return a trained network, in evaluation mode, its statistics measured anew.

    Batch normalisation keeps running statistics of a few batches, taken while the weights still
    moved. Those of many batches under the final weights are what it needs (Wu and Johnson 2021).

    Args:
        task: What was trained.
        folder: Of its training.
        batches: How many to measure on.
    """
    network = task.network()
    network.load_state_dict(load_file(folder / BEST))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # the mean over all that follows
    network.train()
    with torch.no_grad():
        for number in range(batches):
            batch = task.batch(np.random.default_rng((_SEED, number)))
            task.loss(network, {name: torch.from_numpy(part) for name, part in batch.items()})
    return network.eval()
