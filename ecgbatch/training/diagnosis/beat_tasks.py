"""What the members that see measured beats are trained on; see ``loop.Task``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ecgbatch.models.beats import FactsNet, ShapesNet
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.facts import FACTS
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS
from ecgbatch.training.diagnosis.tasks import MemberTask, target_loss
from ecgbatch.training.diagnosis.views import WHOLE
from ecgbatch.training.loop import Batch, Tensors
from ecgbatch.types import FloatArray

_HEIGHTS = sum(name.startswith("V6.") for name in FACTS)  # of each lead


class FactsTask(MemberTask):
    """Trains ``FactsNet``, with facts and whole leads left out at random."""

    def network(self) -> nn.Module:
        """Return a network that knows nothing but the usual size of facts."""
        network = FactsNet(FACTS, len(targets()))
        network.scale.fit(torch.from_numpy(self.views.facts[self.chosen_views(LEARNT_FOLDS)]))
        return network

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw views and leave some facts out."""
        views = rng.choice(self.chosen, self.size, replace=False)
        facts = self.views.facts[views].copy()
        rows = self.of_view[views]
        return {
            "seen": self.hidden(facts, rng),
            "holds": self.truth.holds[rows].astype(np.float32),
            "known": self.truth.known[rows].astype(np.float32),
        }

    @staticmethod
    def hidden(facts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Leave out some of ``(view, FACTS)``, and whole leads, in place."""
        count = len(facts)
        facts[rng.random(facts.shape) < rng.choice([0.0, 0.05, 0.15], (count, 1))] = np.nan
        lost = rng.random((count, 12)) < rng.choice([0, 0, 0.1, 0.4], (count, 1))
        facts[:, -lost.shape[1] * _HEIGHTS :][np.repeat(lost, _HEIGHTS, axis=1)] = np.nan
        return facts

    @cached_property
    def chosen(self) -> npt.NDArray[np.intp]:
        """Views that are learnt from."""
        return self.chosen_views(LEARNT_FOLDS)

    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """Return the cross entropy, of each of the small networks by itself."""
        nets = network.each(batch["seen"])  # type: ignore[operator]
        losses = [target_loss(logits, batch["holds"], batch["known"]) for logits in nets]
        return torch.stack(losses).mean(), {}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return macro AUROCs of the views of fold 8."""
        return self._validated(network, self.views.facts, device)

    def _validated(
        self, network: nn.Module, seen: npt.NDArray[Any], device: torch.device
    ) -> dict[str, float]:
        network.eval()
        figures: dict[str, float] = {}
        for name in (WHOLE, "3x4+1R"):
            views = self.chosen_views(frozenset({CHOSEN_FOLD}))
            views = views[self.views.layout[views] == name]
            with torch.inference_mode():
                tensor = torch.from_numpy(seen[views].astype(np.float32)).to(device)
                logits = network(tensor).cpu().numpy()
            found = self.score(logits, self.of_view[views])
            figures |= {f"{key}_{name}": value for key, value in found.items()}
        figures["score"] = (figures[f"score_{WHOLE}"] + figures["score_3x4+1R"]) / 2
        return figures


class ShapesTask(FactsTask):
    """Trains ``ShapesNet``, with leads left out, and moved and scaled a little."""

    def network(self) -> nn.Module:
        """Return a network that knows nothing."""
        return ShapesNet(len(targets()))

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw views and change them a little."""
        views = rng.choice(self.chosen, self.size, replace=False)
        rows = self.of_view[views]
        shapes = self.views.shapes[views].astype(np.float32)
        count = len(views)
        shapes *= np.exp(rng.normal(0, 0.05, (count, 1, 1)) + rng.normal(0, 0.03, (count, 12, 1)))
        shapes += rng.normal(0, 0.01, (count, 12, 1))
        lost = rng.random((count, 12)) < rng.choice([0, 0.1, 0.3], (count, 1))
        shapes[lost] = np.nan
        moved = rng.integers(-2, 3, count)
        shapes = np.stack([np.roll(s, m, axis=1) for s, m in zip(shapes, moved, strict=True)])
        return {
            "seen": shapes.astype(np.float32),
            "holds": self.truth.holds[rows].astype(np.float32),
            "known": self.truth.known[rows].astype(np.float32),
        }

    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """Return the cross entropy."""
        return target_loss(network(batch["seen"]), batch["holds"], batch["known"]), {}

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return macro AUROCs of the views of fold 8."""
        return self._validated(network, self.views.shapes, device)
