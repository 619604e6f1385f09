"""What each member of the diagnosis is trained on; see ``loop.Task``.

All of them learn the same targets from folds 1 to 7 of labelled records, from whole records and
from what layouts show of them, and are validated on fold 8.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecgbatch.evaluation.discrimination import macro_auroc
from ecgbatch.models.beats import FactScale, FactsNet, ShapesNet
from ecgbatch.models.patches import PatchNet
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import FRAME_HZ, centred
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.training.diagnosis.printings import REPORTED_LAYOUTS, read_back, shown
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS, Labelled, read_labelled
from ecgbatch.training.diagnosis.targets import Targets, targets_of
from ecgbatch.training.diagnosis.views import WHOLE, Views, read_views
from ecgbatch.training.loop import Batch, Tensors
from ecgbatch.types import FloatArray

_FEWEST_VALID = 5  # positives of fold 8 from which a target counts in the score
_FACTS_WEIGHT = 0.3
_WITHOUT_HEIGHTS = 0.125  # of a batch: records that only tell rhythms
_LATEST = 60  # samples that a record may begin later


@dataclass(frozen=True)
class _Task(ABC):
    """What all members share.

    Attributes:
        records: Folder of labelled records.
        kept: Folder of what was worked out of them.
        size: Records in a batch.
    """

    records: Path
    kept: Path
    size: int = 64
    _arrays: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what every process reads for itself."""
        return {"records": self.records, "kept": self.kept, "size": self.size, "_arrays": {}}

    @cached_property
    def labelled(self) -> Labelled:
        return read_labelled(self.records, kept=self.kept / "records.npz")

    @cached_property
    def truth(self) -> Targets:
        return targets_of(self.labelled)

    @cached_property
    def views(self) -> Views:
        return read_views(self.kept / "views")

    @cached_property
    def number(self) -> dict[int, int]:
        """Place of a record by its id."""
        return {int(each): place for place, each in enumerate(self.labelled.record_id)}

    @cached_property
    def of_view(self) -> npt.NDArray[np.intp]:
        """Place of each view's record."""
        return np.array([self.number[int(each)] for each in self.views.record_id])

    @abstractmethod
    def network(self) -> nn.Module:
        """See ``loop.Task``."""

    @abstractmethod
    def batch(self, rng: np.random.Generator) -> Batch:
        """See ``loop.Task``."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """See ``loop.Task``."""

    @abstractmethod
    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """See ``loop.Task``."""

    def chosen_views(self, folds: frozenset[int]) -> npt.NDArray[np.intp]:
        """Return the views of some folds."""
        return np.flatnonzero(np.isin(self.labelled.fold[self.of_view], list(folds)))

    def score(self, logits: FloatArray, rows: npt.NDArray[np.intp]) -> dict[str, float]:
        """Return macro AUROCs of logits of records."""
        holds, known = self.truth.holds[rows], self.truth.known[rows]
        figures = {}
        for group, word in (("super", "super:"), ("sub", "sub:"), ("rhythm", "rhythm:")):
            chosen = np.array([name.startswith(word) for name in targets()])
            figures[group] = macro_auroc(
                logits[:, chosen].astype(np.float64),
                holds[:, chosen],
                known[:, chosen],
                fewest=_FEWEST_VALID,
            )[0]
        # Without positives enough there is no figure, and all weights are as good as any.
        score = (2 * figures["super"] + figures["sub"]) / 3
        return {**figures, "score": score if np.isfinite(score) else 0.0}


def target_loss(logits: Tensor, holds: Tensor, known: Tensor) -> Tensor:
    """Return the mean cross entropy over what is labelled; the five classes count double."""
    weight = torch.tensor(
        [2.0 if name.startswith("super") else 1.0 for name in targets()], device=logits.device
    )
    each = functional.binary_cross_entropy_with_logits(logits, holds, reduction="none")
    weights = known * weight
    return (each * weights).sum() / weights.sum().clamp(min=1)


class SignalTask(_Task):
    """Trains ``PatchNet``; it also learns to measure, because few records are labelled."""

    def network(self) -> nn.Module:
        """Return a network that knows nothing, with the layer that measures."""
        return _Measuring(PatchNet(len(targets())), columns=FactScale(FACTS).columns)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw records, each printed in some layout and read back."""
        learnt = self.labelled.of_folds(LEARNT_FOLDS)
        whole = self.labelled.has_amplitude[learnt]
        few = round(_WITHOUT_HEIGHTS * self.size)
        rows = np.concatenate(
            [
                rng.choice(learnt[chosen], count, replace=count > chosen.sum())
                for chosen, count in ((whole, self.size - few), (~whole, few))
                if chosen.any()
            ]
        )
        signals = [self._drawn(int(row), rng) for row in rows]
        facts, measured = self._facts
        return {
            "signal_mv": np.stack(signals),
            "facts": facts[rows],
            "measured": measured[rows],
            "holds": self.truth.holds[rows].astype(np.float32),
            "known": self.truth.known[rows].astype(np.float32),
        }

    @cached_property
    def _facts(self) -> tuple[FloatArray, FloatArray]:
        """Facts of each whole record as ``FactScale`` gives them, and 1 where they are known."""
        facts = np.full((len(self.labelled), len(FACTS)), np.nan, np.float32)
        whole = self.views.layout == WHOLE
        facts[self.of_view[whole]] = self.views.facts[whole]
        scale = FactScale(FACTS)
        scale.fit(torch.from_numpy(facts[self.labelled.of_folds(LEARNT_FOLDS)]))
        values, known = scale(torch.from_numpy(facts))
        return values.numpy(), known.numpy().astype(np.float32)

    def _drawn(self, row: int, rng: np.random.Generator) -> FloatArray:
        signal = self.labelled.signal_mv[row].astype(np.float32)
        if not self.labelled.has_amplitude[row]:
            signal *= np.exp(rng.normal(0, 0.4, (len(signal), 1))).astype(np.float32)
        signal = read_back(signal, rng, fs_hz=FRAME_HZ, strength=float(rng.uniform(0, 1.5)))
        mask = drawn_mask(rng, signal.shape[1])
        # Where in a beat a page begins is chance.
        first = int(rng.integers(_LATEST))
        signal[:, : signal.shape[1] - first] = signal[:, first:]
        mask[:, signal.shape[1] - first :] = False
        return centred(np.where(mask, signal, np.float32(np.nan)))

    def loss(self, network: nn.Module, batch: Tensors) -> tuple[Tensor, Mapping[str, float]]:
        """Return the cross entropy, and how far off the facts are."""
        device = batch["signal_mv"].device.type
        with torch.autocast(device, torch.bfloat16):
            logits, facts = network(batch["signal_mv"])
        loss = target_loss(logits.float(), batch["holds"], batch["known"])
        off = functional.smooth_l1_loss(facts.float(), batch["facts"], reduction="none")
        measured = (off * batch["measured"]).sum() / batch["measured"].sum().clamp(min=1)
        return loss + _FACTS_WEIGHT * measured, {
            "target_loss": float(loss.detach()),
            "facts_loss": float(measured.detach()),
        }

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return macro AUROCs of fold 8: whole records, and as most carts print them."""
        network.eval()
        rows = self.labelled.of_folds({CHOSEN_FOLD})
        figures: dict[str, float] = {}
        for name in (WHOLE, "3x4+1R"):
            logits = signal_logits(network.net, self.labelled, rows, name, device=device)  # type: ignore[arg-type]
            found = self.score(logits, rows)
            figures |= {f"{key}_{name}": value for key, value in found.items()}
        figures["score"] = (figures[f"score_{WHOLE}"] + figures["score_3x4+1R"]) / 2
        return figures


class _Measuring(nn.Module):
    """A network of patches with a layer that tells facts from the same features."""

    def __init__(self, net: PatchNet, *, columns: int) -> None:
        super().__init__()
        self.net = net
        self.facts = nn.Linear(net.feature_count, columns)

    def forward(self, signal_mv: Tensor) -> tuple[Tensor, Tensor]:
        seen = torch.nan_to_num(self.net.features(signal_mv))
        return self.net.answer(seen), self.facts(seen)


def drawn_mask(rng: np.random.Generator, samples: int) -> npt.NDArray[np.bool_]:
    """Draw what a page might show of ``(12, sample)``: half of them layouts that carts print."""
    kind = rng.random()
    if kind < 0.15:
        mask = np.ones((12, samples), np.bool_)
    elif kind < 0.75:
        mask = _usual_masks(samples)[int(rng.integers(len(REPORTED_LAYOUTS) - 1))].copy()
    elif kind < 0.85:
        name = str(rng.choice(layout_names()))
        mask = shown(layout(name), fs_hz=FRAME_HZ, samples=samples)
    else:
        mask = np.zeros((12, samples), np.bool_)
        for lead in mask:
            length = int(rng.uniform(0.2, 1.0) * samples)
            first = int(rng.integers(samples - length + 1))
            lead[first : first + length] = rng.random() < 0.7
    for _ in range(int(rng.integers(0, 4))):  # stains, creases, text on a trace
        first = int(rng.integers(samples))
        mask[int(rng.integers(12)), first : first + int(rng.integers(5, 80))] = False
    if not mask.any():
        mask[int(rng.integers(12))] = True
    return mask


def _usual_masks(samples: int) -> npt.NDArray[np.bool_]:
    if samples not in _USUAL:
        _USUAL[samples] = np.stack(
            [shown(layout(n), fs_hz=FRAME_HZ, samples=samples) for n in REPORTED_LAYOUTS[:-1]]
        )
    return _USUAL[samples]


_USUAL: dict[int, npt.NDArray[np.bool_]] = {}


@torch.inference_mode()
def signal_logits(
    net: PatchNet,
    labelled: Labelled,
    rows: npt.NDArray[np.intp],
    layout_name: str,
    *,
    device: torch.device,
) -> FloatArray:
    """Return ``(row, target)`` logits of records as a layout shows them."""
    mask = shown(layout(layout_name), fs_hz=FRAME_HZ, samples=labelled.signal_mv.shape[2])
    found = []
    for first in range(0, len(rows), 64):
        signals = labelled.signal_mv[rows[first : first + 64]].astype(np.float32)
        frames = [centred(np.where(mask, each, np.float32(np.nan))) for each in signals]
        found.append(net(torch.from_numpy(np.stack(frames)).to(device)).cpu().numpy())
    return np.concatenate(found)


class FactsTask(_Task):
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
        facts[rng.random(facts.shape) < rng.choice([0.0, 0.05, 0.15], (len(views), 1))] = np.nan
        lost = rng.random((len(views), 12)) < rng.choice([0, 0, 0.1, 0.4], (len(views), 1))
        facts[:, -lost.shape[1] * _HEIGHTS :][np.repeat(lost, _HEIGHTS, axis=1)] = np.nan
        return {
            "seen": facts,
            "holds": self.truth.holds[rows].astype(np.float32),
            "known": self.truth.known[rows].astype(np.float32),
        }

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


_HEIGHTS = sum(name.startswith("V6.") for name in FACTS)


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
