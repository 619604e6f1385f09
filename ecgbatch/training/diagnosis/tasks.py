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
from ecgbatch.models.beats import FactScale
from ecgbatch.models.patches import PatchNet
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import FRAME_HZ, centred
from ecgbatch.synth.layouts import layout
from ecgbatch.training.diagnosis.printings import drawn_mask, read_back, shown
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
class MemberTask(ABC):
    """What all members share.

    Attributes:
        records: Folder of labelled records.
        kept: Folder of what was worked out of them.
        size: Records in a batch.
        drawn: What was drawn in this process already, by what it is.
    """

    records: Path
    kept: Path
    size: int = 64
    drawn: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what every process reads for itself."""
        return {"records": self.records, "kept": self.kept, "size": self.size, "drawn": {}}

    @cached_property
    def labelled(self) -> Labelled:
        """All records."""
        return read_labelled(self.records, kept=self.kept / "records.npz")

    @cached_property
    def truth(self) -> Targets:
        """What is true of them."""
        return targets_of(self.labelled)

    @cached_property
    def views(self) -> Views:
        """What their printings measured."""
        return read_views(self.kept / "views")

    @cached_property
    def number(self) -> dict[int, int]:
        """Place of a record by its id."""
        return {int(each): place for place, each in enumerate(self.labelled.record_id)}

    @cached_property
    def of_view(self) -> npt.NDArray[np.intp]:
        """Place of each view's record."""
        return np.array([self.number[int(each)] for each in self.views.record_id])

    @cached_property
    def whole_facts(self) -> tuple[FloatArray, FloatArray]:
        """Facts of each whole record as ``FactScale`` gives them, and 1 where they are known."""
        facts = np.full((len(self.labelled), len(FACTS)), np.nan, np.float32)
        whole = self.views.layout == WHOLE
        facts[self.of_view[whole]] = self.views.facts[whole]
        scale = FactScale(FACTS)
        scale.fit(torch.from_numpy(facts[self.labelled.of_folds(LEARNT_FOLDS)]))
        values, known = scale(torch.from_numpy(facts))
        return values.numpy(), known.numpy().astype(np.float32)

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


def both_losses(
    logits: Tensor, facts: Tensor, batch: Tensors
) -> tuple[Tensor, Mapping[str, float]]:
    """Return the loss of a network that also learns to measure, and its parts.

    Args:
        logits: ``(row, target)``.
        facts: ``(row, fact)``, scaled.
        batch: Has ``holds`` and ``known`` like logits, ``facts`` and ``measured`` like facts.
    """
    loss = target_loss(logits.float(), batch["holds"], batch["known"])
    off = functional.smooth_l1_loss(facts.float(), batch["facts"], reduction="none")
    measured = (off * batch["measured"]).sum() / batch["measured"].sum().clamp(min=1)
    return loss + _FACTS_WEIGHT * measured, {
        "target_loss": float(loss.detach()),
        "facts_loss": float(measured.detach()),
    }


class SignalTask(MemberTask):
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
        facts, measured = self.whole_facts
        return {
            "signal_mv": np.stack(signals),
            "facts": facts[rows],
            "measured": measured[rows],
            "holds": self.truth.holds[rows].astype(np.float32),
            "known": self.truth.known[rows].astype(np.float32),
        }

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
        return both_losses(logits, facts, batch)

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
