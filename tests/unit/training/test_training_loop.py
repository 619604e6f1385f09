"""A training that is killed goes on as if it had not been."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ecgbatch.errors import ConfigError
from ecgbatch.training.loop import BEST, CHECKPOINT, CURVE, Plan, train
from ecgbatch.training.runner import run


class KilledError(Exception):
    """What a kill looks like from inside."""


@dataclass(frozen=True)
class Line:
    """Learns y = 2 x - 1 with a normalised layer, so that buffers have to survive, too."""

    def network(self):
        return nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

    def batch(self, rng):
        x = rng.uniform(-1, 1, (16, 1)).astype(np.float32)
        return {"x": x, "y": 2 * x - 1}

    def loss(self, network, batch):
        loss = (network(batch["x"]) - batch["y"]).square().mean()
        return loss, {"double": float(2 * loss.detach())}

    def validate(self, network, device):
        x = torch.linspace(-1, 1, 50, device=device)[:, None]
        with torch.no_grad():
            error = float((network(x) - (2 * x - 1)).square().mean())
        return {"score": -error, "error": error}


@dataclass(frozen=True)
class DiesAt(Line):
    """Is killed while it validates after so many steps."""

    dies_at: int = 0
    validated: list[int] = field(default_factory=list)

    def validate(self, network, device):
        self.validated.append(20)
        if sum(self.validated) >= self.dies_at:
            raise KilledError
        return super().validate(network, device)


PLAN = Plan(
    steps=60,
    learning_rate=0.02,
    warmup_steps=5,
    average=0.9,
    validate_every=20,
    checkpoint_every=10,
    log_every=5,
)


def curve(folder):
    lines = [json.loads(line) for line in (folder / CURVE).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_it_learns_and_writes_curve_checkpoint_and_best_weights(tmp_path):
    run(Line(), PLAN, tmp_path, local=True)
    lines = curve(tmp_path)
    errors = [line["valid_error"] for line in lines if "valid_error" in line]
    assert len(errors) == 3
    assert errors[-1] < errors[0] / 2
    assert lines[-2]["double"] == pytest.approx(2 * lines[-2]["loss"], abs=1e-5)
    network = Line().network()
    network.load_state_dict(load_file(tmp_path / BEST))
    best = Line().validate(network.eval(), torch.device("cpu"))["error"]
    assert best == pytest.approx(min(errors), abs=1e-6)


def test_killed_and_resumed_equals_undisturbed(tmp_path):
    train(Line(), PLAN, tmp_path / "whole")
    with pytest.raises(
        KilledError
    ):  # at step 40, and the checkpoint that is left is that of step 30
        train(DiesAt(40), PLAN, tmp_path / "killed")
    assert int(load_file(tmp_path / "killed" / CHECKPOINT)["step"]) == 30
    assert curve(tmp_path / "killed")[-1]["step"] > 30
    train(Line(), PLAN, tmp_path / "killed")
    whole, resumed = (load_file(tmp_path / each / CHECKPOINT) for each in ("whole", "killed"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    at_step = {line["step"]: line for line in curve(tmp_path / "whole") if "loss" in line}
    for line in curve(tmp_path / "killed"):
        if "loss" in line:
            assert line == at_step[line["step"]]


def test_a_finished_training_is_not_taken_up_again(tmp_path):
    train(Line(), PLAN, tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    train(Line(), PLAN, tmp_path)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_a_step_into_nowhere_is_not_taken(tmp_path):
    class Infinite(Line):
        def loss(self, network, batch):
            loss, figures = Line.loss(self, network, batch)
            return loss * torch.inf, figures

    train(Infinite(), Plan(steps=2, checkpoint_every=1), tmp_path)
    tensors = load_file(tmp_path / CHECKPOINT)
    assert all(torch.isfinite(tensors[name]).all() for name in tensors if name != "best")


def test_the_rate_rises_and_falls_to_nothing():
    plan = Plan(steps=100, learning_rate=1.0, warmup_steps=10)
    rates = [plan.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"log_every": 0}, {"average": 1.0}])
def test_a_plan_that_would_never_end_or_average_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Plan(**({"steps": 10} | wrong))


@pytest.mark.ray
def test_two_workers_of_ray_train_learn_the_same_line(tmp_path):
    run(Line(), PLAN, tmp_path, workers=2, cpus_per_worker=1)
    errors = [line["valid_error"] for line in curve(tmp_path) if "valid_error" in line]
    assert errors[-1] < 0.05
    assert int(load_file(tmp_path / CHECKPOINT)["step"]) == PLAN.steps
