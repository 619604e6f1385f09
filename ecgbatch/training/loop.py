"""One process of a training: steps, averages, checkpoints, a learning curve. Knows nothing of Ray.

Every batch follows from the seed, the number of the step and the number of the process alone, and
a checkpoint holds all that a step changes. So a training that was killed goes on as if it had not
been.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ecgbatch.errors import ConfigError
from ecgbatch.training.whole import written_whole

Batch: TypeAlias = dict[str, npt.NDArray[Any]]
Tensors: TypeAlias = dict[str, Tensor]

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
CURVE = "curve.jsonl"


class Task(Protocol):
    """What is trained on what. It is pickled to every worker before anything is loaded."""

    def network(self) -> nn.Module:
        """Return the network, not yet trained."""
        ...

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw what one step of one process learns from; ``rng`` is all that it may depend on."""
        ...

    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """Return the loss of a batch, and figures for the learning curve."""
        ...

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Measure the network on what it never learns from; ``score`` decides, more is better."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How a task is trained.

    Attributes:
        steps: How many in all.
        learning_rate: The highest, after the warm-up; it then falls to nothing along a cosine.
        warmup_steps: In which it rises from nothing.
        weight_decay: Of AdamW.
        largest_gradient: Longer gradients are shortened to this norm.
        average: Share that the averaged weights keep at each step; they are validated and shipped.
        validate_every: Steps between two validations; the last step is always validated.
        checkpoint_every: Steps between two checkpoints.
        log_every: Steps between two lines of the learning curve.
        loaders: Processes that prepare batches beside the one that learns; 0 is none.
        short: Compute in bfloat16 what bears it; on a CPU that knows it a step takes half the time.
        seed: Of the weights and of every batch.
        start: Weights to begin with, as ``BEST`` holds them; None begins with random ones.
    """

    steps: int
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    largest_gradient: float = 5.0
    average: float = 0.998
    validate_every: int = 500
    checkpoint_every: int = 100
    log_every: int = 20
    loaders: int = 0
    short: bool = False
    seed: int = 0
    start: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a plan that would never end a step or never write one down.

        Raises:
            ConfigError: The message names the number.
        """
        for name in ("steps", "validate_every", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)} is below 1")
        if not 0 <= self.average < 1:
            raise ConfigError(f"average: {self.average} is not between 0 and 1")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process of a training stands.

    Attributes:
        rank: Its number.
        device: What it computes on.
        wrap: Makes gradients common to all processes; nothing to do for a single one.
    """

    rank: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    wrap: Callable[[nn.Module], nn.Module] = lambda network: network


def train(
    task: Task,
    plan: Plan,
    folder: Path,
    *,
    place: Place | None = None,
    report: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> None:
    """Take the steps of a plan that a folder does not hold yet.

    Args:
        task: What is trained.
        plan: How.
        folder: Of the checkpoint, the best weights and the learning curve; all processes see the
            same one, and the first of them writes.
        place: Where this process stands.
        report: Called with each line of the learning curve.
    """
    place = place or Place()
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    network = task.network().to(place.device)
    if plan.start is not None:
        network.load_state_dict(load_file(plan.start))
    average = deepcopy(network).eval().requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
    )
    state = _State(network, average, optimizer)
    first = state.load(folder / CHECKPOINT) if (folder / CHECKPOINT).exists() else 0
    curve = _Curve(folder / CURVE, before=first, writes=place.rank == 0, report=report)
    wrapped = place.wrap(network)
    wrapped.train()
    for step, batch in _batches(task, plan, first=first, rank=place.rank):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate(step)
        there = {name: part.to(place.device) for name, part in batch.items()}
        with torch.autocast(place.device.type, dtype=torch.bfloat16, enabled=plan.short):
            loss, figures = task.loss(wrapped, there)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(network.parameters(), plan.largest_gradient)
        if torch.isfinite(norm):  # a step into nowhere is not taken; the next batch is another one
            optimizer.step()
        _follow(average, network, share=plan.average, step=step)
        curve.count({"loss": float(loss.detach()), **figures})
        done = step + 1
        if place.rank != 0:
            continue
        if done % plan.log_every == 0 or done == plan.steps:
            curve.write(done, {"learning_rate": plan.rate(step)})
        if done % plan.validate_every == 0 or done == plan.steps:
            figures = task.validate(average, place.device)
            curve.write(done, {f"valid_{name}": value for name, value in figures.items()})
            if figures["score"] > state.best:
                state.best = figures["score"]
                _save(dict(average.state_dict()), folder / BEST)
        if done % plan.checkpoint_every == 0 or done == plan.steps:
            state.save(folder / CHECKPOINT, step=done)


class _Batches(Dataset[Tensors]):
    """The batch of every step, by its number."""

    def __init__(self, task: Task, *, seed: int, rank: int) -> None:
        self._task, self._seed, self._rank = task, seed, rank

    def __getitem__(self, step: int) -> Tensors:
        rng = np.random.default_rng((self._seed, self._rank, step))
        return {name: torch.from_numpy(part) for name, part in self._task.batch(rng).items()}


def _batches(task: Task, plan: Plan, *, first: int, rank: int) -> Iterator[tuple[int, Tensors]]:
    steps = range(first, plan.steps)
    loader = DataLoader(
        _Batches(task, seed=plan.seed, rank=rank),
        batch_size=None,
        sampler=steps,
        num_workers=plan.loaders,
        persistent_workers=plan.loaders > 0,
    )
    yield from zip(steps, loader, strict=True)


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, *, share: float, step: int) -> None:
    """Move averaged weights towards the present ones; early ones count less."""
    share = min(share, (1 + step) / (10 + step))
    for kept, new in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(new, 1 - share)
    for held, present in zip(average.buffers(), network.buffers(), strict=True):
        held.copy_(present)


class _State:
    """All that a step changes, to and from one file of named tensors."""

    def __init__(
        self, network: nn.Module, average: nn.Module, optimizer: torch.optim.AdamW
    ) -> None:
        self._network, self._average, self._optimizer = network, average, optimizer
        self.best = -math.inf

    def save(self, path: Path, *, step: int) -> None:
        tensors = {f"network.{name}": value for name, value in self._network.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self._average.state_dict().items()}
        for name, parameter in self._network.named_parameters():
            for key, value in self._optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{name}"] = value
        tensors["step"] = torch.tensor(step)
        tensors["best"] = torch.tensor(self.best, dtype=torch.float64)
        _save(tensors, path)

    def load(self, path: Path) -> int:
        """Return the number of steps that were taken."""
        tensors = load_file(path)
        self._network.load_state_dict(_below("network.", tensors))
        self._average.load_state_dict(_below("average.", tensors))
        device = next(self._network.parameters()).device
        for name, parameter in self._network.named_parameters():
            self._optimizer.state[parameter] = {
                key: tensors[f"optimizer.{key}.{name}"].to("cpu" if key == "step" else device)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"optimizer.{key}.{name}" in tensors
            }
        self.best = float(tensors["best"])
        return int(tensors["step"])


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _save(tensors: Tensors, path: Path) -> None:
    with written_whole(path) as unfinished:
        save_file({name: value.contiguous() for name, value in tensors.items()}, unfinished)


class _Curve:
    """Lines of JSON; those after the checkpoint that a training goes on from are dropped."""

    def __init__(
        self,
        path: Path,
        *,
        before: int,
        writes: bool,
        report: Callable[[Mapping[str, float]], None],
    ) -> None:
        self._path, self._report = path, report
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.monotonic()
        if writes:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            kept = [line for line in lines if json.loads(line)["step"] <= before]
            path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def count(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        means = {name: total / self._count for name, total in self._sums.items()}
        line = {"step": step, **means, **figures, "seconds": time.monotonic() - self._since}
        line = {name: value if name == "step" else round(value, 6) for name, value in line.items()}
        self._sums, self._count, self._since = {}, 0, time.monotonic()
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
        self._report(line)
